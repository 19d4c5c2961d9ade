import type { LockSnapshot, SeenOwner } from './lock-book.ts';
import type { LockClaim } from './lock-table.ts';

/** Whether a text is a thread dump of a Java virtual machine, as `jstack -l` and `jcmd Thread.print -l` print it. */
export const isThreadDump = (text: string): boolean => text.includes(DUMP_START);

const DUMP_START = '\nFull thread dump ';

/** When the last dump of a text was made, as it stands there: `2026-01-02 12:00:00` without a zone. */
export function threadDumpTime(text: string): string | undefined {
  const [, time] = /(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*$/.exec(text.slice(0, text.lastIndexOf(DUMP_START))) ?? [];
  return time;
}

/**
 * Who holds and who waits for which monitor or lock in the last thread dump of a text. Threads are named as in the dump, with their number
 * where two have one name, and after `machine` when that is not empty: thread names and addresses say nothing outside of their own machine.
 */
export function readThreadDump(text: string, timeNs: bigint, machine = ''): LockSnapshot {
  const threads = threadsOf(text);
  const counts = new Map<string, number>();
  for (const { name } of threads) counts.set(name, (counts.get(name) ?? 0) + 1);
  const within = (name: string): string => (machine === '' ? name : `${machine}: ${name}`);
  const holds: LockClaim[] = [];
  const waits: LockClaim[] = [];
  const owners = new Map<string, SeenOwner>();
  for (const thread of threads) {
    if (thread.held.size === 0 && thread.wanted.size === 0) continue;
    const owner = within((counts.get(thread.name) ?? 0) > 1 ? `${thread.name} #${thread.number}` : thread.name);
    const claim = (resource: string): LockClaim => {
      return { owner, resource: within(resource), mode: 'exclusive', amount: 1, sinceNs: timeNs };
    };
    // What a thread waits on in Object.wait it has given up, though its frames still say that it locked it.
    const held = [...thread.held].filter(([address]) => !thread.givenUp.has(address));
    holds.push(...held.map(([, resource]) => claim(resource)));
    waits.push(...[...thread.wanted.values()].map(claim));
    const startNs = timeNs - BigInt(Math.round(thread.ageMs)) * 1_000_000n;
    owners.set(owner, { service: machine, traceId: '', doing: thread.doing, startNs });
  }
  return { timeNs, holds, waits, capacities: new Map(), owners };
}

interface Thread {
  readonly name: string;
  readonly number: string;
  readonly ageMs: number;
  /** The innermost frame that is not the library's. */
  doing: string;
  /** Names of monitors and locks by address. */
  readonly held: Map<string, string>;
  readonly wanted: Map<string, string>;
  readonly givenUp: Set<string>;
}

/** A thread's first line. Names may hold quotes: the last that fits ends it. */
const HEADER = /^"(.*)" #(\d+) (.*)$/;
const LOCK = /^\s+- (.*?)\s*<(0x[0-9a-f]+)> \(a (\S+)\)/;
const FRAME = /^\s+at (\S.*)$/;
const LIBRARY = /^(java|javax|jdk|sun|com\.sun)\./;

function threadsOf(text: string): Thread[] {
  const lines = text.slice(text.lastIndexOf(DUMP_START) + 1).split('\n');
  const threads: Thread[] = [];
  for (const line of lines) {
    // What follows repeats the threads of the deadlocks that the machine found by itself.
    if (/^Found .* deadlock/.test(line)) break;
    const header = HEADER.exec(line);
    if (header !== null) {
      const [, name, number, about] = header;
      const ageMs = Number(/ elapsed=([\d.]+)s/.exec(about)?.[1] ?? 0) * 1_000;
      const sets = { held: new Map(), wanted: new Map(), givenUp: new Set<string>() };
      threads.push({ name, number, ageMs, doing: '', ...sets });
      continue;
    }
    const thread = threads.at(-1);
    if (thread !== undefined) readLine(thread, line);
  }
  return threads;
}

function readLine(thread: Thread, line: string): void {
  const [, frame] = FRAME.exec(line) ?? [];
  if (frame !== undefined) {
    if (thread.doing === '' && !LIBRARY.test(frame)) thread.doing = frame;
    return;
  }
  const [, what, address, type] = LOCK.exec(line) ?? [];
  if (address === undefined) return;
  const resource = `${type.split('.').at(-1)}@${address.replace(/^0x0*/, '')}`;
  // A lock that the thread owns stands without a word, below "Locked ownable synchronizers".
  if (what === 'locked' || what === '') thread.held.set(address, resource);
  else if (what === 'waiting on') thread.givenUp.add(address);
  else if (what === 'waiting to lock' || what === 'parking to wait for') thread.wanted.set(address, resource);
  else if (what === 'waiting to re-lock in wait()') {
    thread.givenUp.add(address);
    thread.wanted.set(address, resource);
  }
}
