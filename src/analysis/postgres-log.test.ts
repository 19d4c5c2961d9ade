import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { deadlocksInLog, type LoggedDeadlock, traceOf } from './postgres-log.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const textOf = (name: string): string => fs.readFileSync(path.join(FIXTURES, name), 'utf8');

/** The details of a jsonlog, each after its time, as the command reads them. */
const jsonDetails = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { timestamp: string; detail?: string })
    .map(({ timestamp, detail }) => `${timestamp} ${detail ?? ''}`);

/** What PostgreSQL 15 wrote of one run, in its three formats: a circle of three row locks, and two that upgrade one table lock. */
const formats: readonly (readonly [string, string[]])[] = [
  ['stderr', [textOf('postgres-15.log')]],
  ['csvlog', [textOf('postgres-15.csv')]],
  ['jsonlog', jsonDetails(textOf('postgres-15.jsonl'))],
];

const FALLBACK = 7n;
const read = (texts: readonly string[]): LoggedDeadlock[] => texts.flatMap((text) => deadlocksInLog(text, FALLBACK));

describe('logs of PostgreSQL', () => {
  test.each(formats)('%s: tells both deadlocks, whom PostgreSQL aborted and when', (_, texts) => {
    const found = read(texts);
    expect(found.map(({ deadlock }) => deadlock.members.length)).toEqual([3, 2]);
    // "ERROR: deadlock detected" stands in the line of the process that was aborted.
    const aborted = [...textOf('postgres-15.log').matchAll(/\[(\d+)\] \S+ ERROR: {2}deadlock detected/g)];
    expect(found.map(({ deadlock }) => deadlock.victims.victims)).toEqual(aborted.map(([, pid]) => [`pid ${pid}`]));
    for (const { deadlock } of found) {
      const { members, cycle, victims } = deadlock;
      expect(cycle[0].waiter).toBe(members[0]);
      cycle.forEach(({ blocker }, i) => {
        expect(blocker).toBe(cycle[(i + 1) % cycle.length].waiter);
      });
      expect([...victims.frees, ...victims.victims].sort()).toEqual(members);
    }
    const times = [...textOf('postgres-15.log').matchAll(/^(\S+ \S+) UTC .*ERROR: {2}deadlock detected/gm)];
    expect(found.map(({ timeNs }) => timeNs)).toEqual(
      times.map(([, time]) => BigInt(Date.parse(`${time.replace(' ', 'T')}Z`)) * 1_000_000n),
    );
  });

  test.each(formats)(
    '%s: tells what each was running, on however many lines, and the trace that it names',
    (_, texts) => {
      const [{ deadlock, statements, modes }] = read(texts);
      const all = [...statements.values()].sort();
      expect(all).toHaveLength(3);
      expect(all.slice(1)).toEqual(['update account set v=2 where id=1;', 'update account set v=2 where id=3;']);
      expect(all[0].replaceAll(/\s+/g, ' ')).toMatch(/^update account set v=2 -- 'next' where id=2 \/\* traceparent=/);
      expect(traceOf(all[0])).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
      expect(deadlock.members.map((member) => modes.get(member))).toEqual(['ShareLock', 'ShareLock', 'ShareLock']);
    },
  );

  test('a body of a log record that holds the detail alone is enough; its own time counts then', () => {
    const body = textOf('postgres-15.log').match(/Process \d+ waits[\s\S]*?(?=\n2)/)?.[0] ?? '';
    const [found, ...others] = deadlocksInLog(body, FALLBACK);
    expect(others).toEqual([]);
    expect([found.deadlock.members.length, found.timeNs]).toEqual([3, FALLBACK]);
  });

  test('waits that do not close are no deadlock', () => {
    const wait = (waiter: number, blocker: number) =>
      `Process ${waiter} waits for ShareLock on transaction ${waiter}; blocked by process ${blocker}.`;
    expect(deadlocksInLog([wait(1, 2), wait(2, 3)].join('\n'), FALLBACK)).toEqual([]);
    expect(deadlocksInLog([wait(1, 2), 'LOG:  other', wait(2, 1)].join('\n'), FALLBACK)).toEqual([]);
    const [found] = deadlocksInLog([wait(1, 2), wait(8, 9), wait(9, 8)].join('\n'), FALLBACK);
    expect(found.deadlock.members).toEqual(['pid 8', 'pid 9']);
  });
});
