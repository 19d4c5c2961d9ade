/** node search-main.js FROM SCHEDULES STRIDE: one process of a search; its last line is what it found, in JSON. */
import { scheduleOf } from './schedule.ts';
import type { Finding, Search } from './search.ts';
import { simulate } from './simulation.ts';

const [from = 1, schedules = 1, stride = 1] = process.argv.slice(2).map(Number);
const REPORT_EVERY = 500;

let finding: Finding | undefined;
let ran = 0;
while (ran < schedules && finding === undefined) {
  const seed = from + ran * stride;
  const { violation } = await simulate(scheduleOf(seed));
  if (violation !== undefined) finding = { seed, violation };
  ran++;
  if (ran % REPORT_EVERY === 0) process.stdout.write(`ran ${ran}\n`);
}
const { user, system } = process.cpuUsage();
const search: Search = { ran, cpuMs: (user + system) / 1000, finding };
process.stdout.write(`${JSON.stringify(search)}\n`);
process.exit(0);
