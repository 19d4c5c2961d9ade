/**
 * npm run simulate -- --seed 7                    one schedule: what happens in it, and what it comes to
 * npm run simulate -- --schedules 100000 --workers 2   so many, from --from on; the first that breaks a promise is made small and printed
 * npm run simulate -- --bugs [--schedules 10000]  in how many schedules each of the bugs of bugs.ts is found, and by which promise; with
 *                                                 --only TEXT those whose name has it; with --page FILE the table is written there
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { drawn, scheduleOf } from './schedule.ts';
import { type Finding, findBugs, searchInWorkers } from './search.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    schedules: { type: 'string' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    bugs: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    page: { type: 'string' },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function one(seed: number): Promise<boolean> {
  const schedule = scheduleOf(seed);
  for (const line of drawn(schedule)) say(line);
  say('');
  const outcome = await simulate(schedule, say);
  const { acknowledged, stored, steps, drainedMs, violation } = outcome;
  say(`\n${acknowledged} items acknowledged, ${stored} stored, ${steps} steps, drained at ${drainedMs / 1000} s`);
  if (violation !== undefined) await explain({ seed, violation });
  return violation === undefined;
}

/** A schedule that breaks a promise, as small as it can be made, and what happens in it. */
async function explain({ seed, violation }: Finding): Promise<void> {
  say(`\n✗ ${violation.invariant}: ${violation.what}`);
  say(`  again: npm run simulate -- --seed ${seed}`);
  const small = await shrink(scheduleOf(seed));
  if (small === undefined) return;
  say(`\nThe least that breaks it (of ${small.tried} schedules tried):`);
  for (const line of drawn(small.schedule)) say(`  ${line}`);
  say('');
  await simulate(small.schedule, (line) => say(`  ${line}`));
  say(`\n✗ ${small.violation.invariant}: ${small.violation.what}`);
}

async function many(schedules: number): Promise<boolean> {
  const range = { from: Number(values.from), schedules, workers: Number(values.workers) };
  const { ran, cpuMs, finding } = await searchInWorkers(range, (text) => process.stderr.write(`${text}\r`));
  say(`${ran} schedules, ${(cpuMs / ran).toFixed(2)} ms of CPU each, ${finding === undefined ? 0 : 1} violations`);
  if (finding !== undefined) await explain(finding);
  return finding === undefined;
}

async function bugs(schedules: number): Promise<boolean> {
  const lines = ['| bug | in | found in schedule | by the promise |', '|---|---|---|---|'];
  for (const line of lines) say(line);
  let found = 0;
  for await (const { bug, ran, finding } of findBugs(schedules, Number(values.workers), values.only)) {
    if (finding !== undefined) found++;
    const where = finding === undefined ? `not in ${ran}` : ran;
    const line = `| ${bug.name} | \`${bug.file}.ts\` | ${where} | ${finding?.violation.invariant ?? ''} |`;
    lines.push(line);
    say(line);
  }
  const all = lines.length - 2;
  const sum = `${found} of ${all} bugs are found within ${schedules.toLocaleString('en')} schedules each.`;
  say(`\n${sum}`);
  if (values.page !== undefined) fs.writeFileSync(values.page, `${PAGE_HEAD}\n${sum}\n\n${lines.join('\n')}\n`);
  return found === all;
}

const PAGE_HEAD = `# Bugs that the simulation finds

Written by \`npm run simulate -- --bugs --page docs/simulation-bugs.md\`. Each of these bugs, a line of \`test/simulation/bugs.ts\`, was put into a copy of the
program; then schedules 1, 2, 3 … were played until a promise of [simulation.md](simulation.md) was broken.
`;

const DEFAULT_SCHEDULES = 1_000;
const DEFAULT_BUG_SCHEDULES = 10_000;
let isWell: boolean;
if (values.seed !== undefined) isWell = await one(Number(values.seed));
else if (values.bugs) isWell = await bugs(Number(values.schedules ?? DEFAULT_BUG_SCHEDULES));
else isWell = await many(Number(values.schedules ?? DEFAULT_SCHEDULES));
process.exitCode = isWell ? 0 : 1;
