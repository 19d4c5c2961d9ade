import { describe, expect, it } from 'vitest';
import { runCrashCampaign } from './campaigns/crash.ts';

/** The campaign of a hundred kills in small: `npm run campaign:crash` is the same code. */
describe('kill −9 under load', () => {
  it('loses nothing that was acknowledged and doubles nothing, whichever process dies', async () => {
    const lines: string[] = [];
    const report = await runCrashCampaign({
      kills: 3,
      seed: 7,
      receivers: 2,
      rate: 5_000,
      pauseMsMax: 500,
      log: (line) => lines.push(line),
    });
    expect(report.kills.map((kill) => kill.target)).toEqual(['receiver', 'store', 'supervisor']);
    expect(report.acknowledgedSpans).toBeGreaterThan(0);
    expect({ lost: report.lostSpans, doubled: report.doubledSpans }, lines.join('\n')).toEqual({ lost: 0, doubled: 0 });
  }, 120_000);
});
