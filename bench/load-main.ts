/** One load in a process of its own: options as one JSON argument, the result as one JSON line. Exists so that the load's CPU is not the bench's. */
import { type LoadOptions, runLoad } from './load.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as Partial<LoadOptions>;
process.stdout.write(`${JSON.stringify(await runLoad(options))}\n`, () => process.exit(0));
