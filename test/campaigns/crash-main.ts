/** npm run campaign:crash -- [--kills 100] [--seed 1] [--receivers 2] [--rate 10000] */
import { parseArgs } from 'node:util';
import { runCrashCampaign } from './crash.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    receivers: { type: 'string', default: '2' },
    rate: { type: 'string', default: '10000' },
  },
});
const report = await runCrashCampaign({
  kills: Number(values.kills),
  seed: Number(values.seed),
  receivers: Number(values.receivers),
  rate: Number(values.rate),
  pauseMsMax: 2_000,
  log: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify({ ...report, kills: report.kills.length }, null, 2)}\n`);
process.exit(report.lostSpans === 0 && report.doubledSpans === 0 ? 0 : 1);
