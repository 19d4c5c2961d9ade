import { expect, test } from 'vitest';
import { isTiersWell, runTiersCampaign } from './campaigns/tiers.ts';

/** The campaign of two hundred kills in small: `npm run campaign:tiers` is the same code. */
test('edge → regional → central lose and double nothing that was acknowledged and keep its order, whatever is killed or cut', {
  timeout: 120_000,
}, async () => {
  const lines: string[] = [];
  const report = await runTiersCampaign({
    kills: 5,
    seed: 11,
    receivers: 2,
    rate: 3_000,
    pauseMsMax: 400,
    transport: 'http',
    compression: 'gzip',
    log: (line) => lines.push(line),
  });
  expect(report.acknowledgedSpans).toBeGreaterThan(0);
  expect(report.orderedRecords).toBeGreaterThan(0);
  expect(isTiersWell(report), `${JSON.stringify(report)}\n${lines.join('\n')}`).toBe(true);
});
