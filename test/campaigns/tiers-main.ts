/** npm run campaign:tiers -- [--kills 200] [--seed 1] [--receivers 2] [--rate 4000] [--transport http|grpc] [--compression gzip] */
import { parseArgs } from 'node:util';
import { isTiersWell, runTiersCampaign, type TiersOptions } from './tiers.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    receivers: { type: 'string', default: '2' },
    rate: { type: 'string', default: '4000' },
    transport: { type: 'string', default: 'http' },
    compression: { type: 'string', default: 'gzip' },
  },
});
const options: TiersOptions = {
  kills: Number(values.kills),
  seed: Number(values.seed),
  receivers: Number(values.receivers),
  rate: Number(values.rate),
  pauseMsMax: 800,
  transport: values.transport === 'grpc' ? 'grpc' : 'http',
  compression: values.compression,
  log: (line) => process.stdout.write(`${line}\n`),
};
const report = await runTiersCampaign(options);
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exit(isTiersWell(report) ? 0 : 1);
