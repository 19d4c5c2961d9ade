import { describe, expect, it } from 'vitest';
import { isTiersWell, runTiersCampaign } from './campaigns/tiers.ts';

/** The campaign of two hundred kills in small: `npm run campaign:tiers` is the same code. */
describe('edge → regional → central', () => {
  const run = async (receivers: number, kills: number): Promise<void> => {
    const lines: string[] = [];
    const report = await runTiersCampaign({
      kills,
      seed: 11,
      receivers,
      rate: 3_000,
      pauseMsMax: 400,
      transport: 'http',
      compression: 'gzip',
      log: (line) => lines.push(line),
    });
    expect(report.acknowledgedSpans).toBeGreaterThan(0);
    expect(report.orderedRecords).toBeGreaterThan(0);
    expect(isTiersWell(report, { receivers }), `${JSON.stringify(report)}\n${lines.join('\n')}`).toBe(true);
  };

  it('loses and doubles nothing that the edge acknowledged, whatever is killed or cut', () => run(2, 3), 120_000);

  it('keeps the order of each trace where each tier has one receiver', () => run(1, 2), 120_000);
});
