/** npm run campaign:overload -- [--seconds 60] [--inflight 256] */
import { parseArgs } from 'node:util';
import { runOverload } from './overload.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, inflight: { type: 'string', default: '256' } },
});
const report = await runOverload({ seconds: Number(values.seconds), inflight: Number(values.inflight) });
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
const RECEIVER_MIB_MAX = 200;
const STORE_MIB_MAX = 2_048;
const good =
  report.unanswered === 0 &&
  report.wrongCodes.length === 0 &&
  report.storedSpans >= report.acknowledgedSpans &&
  report.receiverPeakMiB <= RECEIVER_MIB_MAX &&
  report.storePeakMiB <= STORE_MIB_MAX;
process.exit(good ? 0 : 1);
