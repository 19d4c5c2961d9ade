import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findDeadlocks } from './deadlock.ts';
import { LockBook } from './lock-book.ts';
import { isThreadDump, readThreadDump, threadDumpTime } from './thread-dump.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
/** What jstack -l of Java 17 and jcmd Thread.print -l of Java 25 printed of fixtures/Deadlocks.java. */
const dumps = fs.readdirSync(FIXTURES).filter((name) => /^j(stack|cmd)-\d+\.txt$/.test(name));
const textOf = (name: string): string => fs.readFileSync(path.join(FIXTURES, name), 'utf8');

const bookOf = (text: string, machine = ''): LockBook => {
  const book = new LockBook();
  book.takeSnapshot('jvm', readThreadDump(text, 10_000_000_000n, machine));
  return book;
};

/** The deadlocks that the machine found by itself, each as its threads. */
function ownFindings(text: string): string[][] {
  return text
    .split(/^Found one Java-level deadlock:$/m)
    .slice(1)
    .map((part) => part.split('Java stack information')[0])
    .map((part) => [...part.matchAll(/^"(.*)":$/gm)].map(([, name]) => name).sort());
}

describe('thread dumps of Java', () => {
  test.each(dumps)('%s: the deadlocks are those that the machine found by itself', (name) => {
    const text = textOf(name);
    const report = findDeadlocks(bookOf(text).table());
    const own = ownFindings(text);
    expect(own).toHaveLength(3);
    expect(report.deadlocks.map(({ members }) => [...members]).sort()).toEqual(own.sort());
    expect(report.deadlocks.map(({ kind }) => kind)).toEqual(['cycle', 'cycle', 'cycle']);
  });

  test.each(dumps)('%s: who waits for a member, to be notified, or for a permit, is no member', (name) => {
    const book = bookOf(textOf(name));
    const { bystanders, edges } = findDeadlocks(book.table());
    expect([...bystanders.keys()]).toEqual(['bystander']);
    const blockerOf = (thread: string) => edges.filter(({ waiter }) => waiter === thread).map(({ blocker }) => blocker);
    expect(blockerOf('was-notified')).toEqual(['notifier']);
    for (const thread of ['waits-for-notify', 'waits-for-permit', 'waits-for-condition', 'pool-worker']) {
      expect(blockerOf(thread), thread).toEqual([]);
    }
    expect(book.seen('reserve').doing).toMatch(/^Deadlocks\.locks\(Deadlocks\.java:\d+\)$/);
  });

  test('a thread in Object.wait has given up its monitor, though its frames still say that it locked it', () => {
    const thread = (name: string, ...locks: string[]) =>
      `"${name}" #1 prio=5\n\tat shop.Cart.add(Cart.java:7)\n${locks.map((lock) => `\t- ${lock} <0x1> (a X)\n`).join('')}\n`;
    const dump = ['waits waiting-on', 'wants waiting-to-lock', 'has locked'];
    const text = `2026-01-02 12:00:00\nFull thread dump X:\n\n${dump
      .map((line) => line.split(' '))
      .map(([name, lock]) => thread(name, lock.replaceAll('-', ' '), ...(name === 'waits' ? ['locked'] : [])))
      .join('')}`;
    const { edges } = findDeadlocks(bookOf(text).table());
    expect(edges.map(({ waiter, blocker }) => [waiter, blocker])).toEqual([['wants', 'has']]);
  });

  test('two machines have nothing in common, though their threads and addresses have the same names', () => {
    const text = textOf(dumps[0]);
    const book = bookOf(text, 'one');
    book.takeSnapshot('other', readThreadDump(text, 10_000_000_000n, 'two'));
    const { deadlocks } = findDeadlocks(book.table());
    expect(deadlocks).toHaveLength(6);
    for (const { members } of deadlocks) expect(new Set(members.map((member) => member.split(':')[0])).size).toBe(1);
  });

  test('the last of several dumps counts, and threads of one name are told apart by their numbers', () => {
    const dump = (lines: string) => `2026-01-02 12:00:00\nFull thread dump X:\n\n${lines}\n`;
    const thread = (number: number, wanted: string, held: string) =>
      `"worker" #${number} prio=5 elapsed=2.00s tid=0x1 nid=0x2 waiting for monitor entry\n\tat shop.Cart.add(Cart.java:7)\n` +
      `\t- waiting to lock <0x${wanted}> (a shop.Cart)\n\t- locked <0x${held}> (a shop.Cart)\n`;
    const stuck = dump(`${thread(7, 'aa', 'bb')}\n${thread(8, 'bb', 'aa')}`);
    const solved = dump(thread(7, 'aa', 'bb')).replace('12:00:00', '12:00:05');
    expect(findDeadlocks(bookOf(stuck).table()).deadlocks.map(({ members }) => members)).toEqual([
      ['worker #7', 'worker #8'],
    ]);
    expect(bookOf(stuck).seen('worker #7').startNs).toBe(8_000_000_000n);
    expect(findDeadlocks(bookOf(stuck + solved).table()).deadlocks).toEqual([]);
    expect(threadDumpTime(stuck + solved)).toBe('2026-01-02 12:00:05');
    expect(isThreadDump(stuck)).toBe(true);
    expect(isThreadDump('{"resourceLogs": []}')).toBe(false);
  });
});
