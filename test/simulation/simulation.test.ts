import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BUGS, withBug } from './bugs.ts';
import { drawn, type Schedule, scheduleOf } from './schedule.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulation.ts';

/** CLEW_SIMULATION_SCHEDULES sets how many; `npm run simulate` runs as many as one likes. */
const SCHEDULES = Number(process.env['CLEW_SIMULATION_SCHEDULES'] ?? 400);

/** Schedules that have found a bug of the program, made small. Its fix has a test of its own; these are kept beside. */
const FOUND = fs.readdirSync('test/simulation/found').map((file) => {
  return JSON.parse(fs.readFileSync(path.join('test/simulation/found', file), 'utf8')) as Found;
});

interface Found {
  /** Of bugs.ts: what the program did then. */
  readonly bug: string;
  readonly invariant: string;
  readonly schedule: Schedule;
}

const explained = (seed: number, said: unknown): string =>
  `${JSON.stringify(said)}\nagain: npm run simulate -- --seed ${seed}`;

test(`${SCHEDULES} schedules of edge, regional and central keep every promise`, { timeout: 300_000 }, async () => {
  let acknowledged = 0;
  let faults = 0;
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const schedule = scheduleOf(seed);
    const outcome = await simulate(schedule);
    expect(outcome.violation, explained(seed, outcome.violation)).toBeUndefined();
    acknowledged += outcome.acknowledged;
    faults += schedule.faults.length;
  }
  // Schedules in which nothing is sent, or nothing breaks, prove nothing.
  expect(acknowledged).toBeGreaterThan(SCHEDULES * 5);
  expect(faults).toBeGreaterThan(SCHEDULES);
});

test.each(FOUND)('a schedule that found a program that $bug is well now', async ({ bug, schedule }) => {
  expect((await simulate(schedule)).violation).toBeUndefined();
  expect(BUGS.map(({ name }) => name)).toContain(bug);
});

test('a seed is one run: every line of it is the same again', async () => {
  for (const seed of [3, 1072]) {
    const lines = async (): Promise<string[]> => {
      const heard: string[] = [];
      await simulate(scheduleOf(seed), (line) => heard.push(line));
      return heard;
    };
    const first = await lines();
    expect(first.length).toBeGreaterThan(10);
    expect(await lines()).toEqual(first);
  }
});

const COPY = path.resolve('.build/simulated-bug');
const FOLDERS = ['base', 'host', 'wire', 'columns', 'transcode', 'journal', 'receive', 'send', 'store', 'main'];
afterAll(() => fs.rmSync(COPY, { recursive: true, force: true }));

test('each bug of the list has its place in the sources', () => {
  for (const bug of BUGS) {
    const text = fs.readFileSync(path.join('src', `${bug.file}.ts`), 'utf8');
    expect(() => withBug(text, bug)).not.toThrow();
  }
  expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length);
});

test('a bug is found, and what finds it is made small and can be read', { timeout: 120_000 }, async () => {
  const bug = BUGS.find(({ name }) => name === 'answers without an fsync');
  if (bug === undefined) throw new Error('the bug is not in the list any more');
  for (const folder of FOLDERS)
    fs.cpSync(path.join('src', folder), path.join(COPY, 'src', folder), { recursive: true });
  fs.cpSync('test/simulation', path.join(COPY, 'test/simulation'), { recursive: true });
  const file = path.join(COPY, 'src', `${bug.file}.ts`);
  fs.writeFileSync(file, withBug(fs.readFileSync(file, 'utf8'), bug));
  const buggy = {
    ...((await import(path.join(COPY, 'test/simulation/simulation.ts'))) as typeof import('./simulation.ts')),
    ...((await import(path.join(COPY, 'test/simulation/shrink.ts'))) as typeof import('./shrink.ts')),
  };
  let seed = 1;
  while ((await buggy.simulate(scheduleOf(seed))).violation === undefined) seed++;
  const small = await buggy.shrink(scheduleOf(seed));
  expect(small?.violation.invariant).toMatch(/^(nothing is lost|accounts are exact)$/);
  const { faults, requests } = small?.schedule ?? scheduleOf(seed);
  expect(faults.length).toBeLessThanOrEqual(3);
  expect(requests.length).toBeLessThanOrEqual(3);
  expect(drawn(small?.schedule ?? scheduleOf(seed)).join('\n')).toMatch(/client sends .*: \d+ of trace/);
  // The same schedule without the bug is well.
  expect(await shrink(small?.schedule ?? scheduleOf(seed))).toBeUndefined();
});
