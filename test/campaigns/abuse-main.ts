/** npm run campaign:abuse */
import { runAbuse } from './abuse.ts';

const RECEIVER_MIB_MAX = 200;
const STORE_MIB_MAX = 2_048;

const results = await runAbuse(
  { slowConnections: 2_000, slowSeconds: 40, giants: 60, giantBytes: 8_000_000, keys: 100_000, services: 1_000_000 },
  (line) => process.stdout.write(`${line}\n`),
);
const good = results.every(
  (result) =>
    result.storedSpans >= result.acknowledgedSpans &&
    result.receiverPeakMiB <= RECEIVER_MIB_MAX &&
    result.storePeakMiB <= STORE_MIB_MAX,
);
process.exit(good ? 0 : 1);
