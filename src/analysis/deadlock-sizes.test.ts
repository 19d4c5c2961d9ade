import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { type DeadlockReport, findDeadlocks } from './deadlock.ts';
import { DeadlockWatch } from './deadlock-watch.ts';
import { LockBook, type LockEvent } from './lock-book.ts';
import { type LockClaim, LockTable } from './lock-table.ts';

/** The suites of deadlocks at every size, told as the log records of services tell them, in any order. */

type Told = Partial<LockEvent> & Pick<LockEvent, 'kind' | 'owner' | 'resource'>;

class Telling {
  readonly #random: () => number;
  readonly #events: LockEvent[] = [];
  readonly book = new LockBook();
  #time = 1_000n;

  constructor(seed: number) {
    this.#random = seededChance(seed);
  }

  tell(told: Told): void {
    const plain = { claim: '', mode: 'exclusive', amount: 1, capacity: 1, priority: 0, service: '', traceId: '' };
    this.#events.push({ ...plain, timeNs: this.#time++, ...told });
  }

  /** Brings what was told since the last time to the book, shuffled, and looks. */
  look(): DeadlockReport {
    for (let i = this.#events.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1));
      [this.#events[i], this.#events[j]] = [this.#events[j], this.#events[i]];
    }
    for (const event of this.#events.splice(0)) this.book.take(event);
    return findDeadlocks(this.book.table());
  }
}

/** Names that sort as their numbers do. */
const name = (kind: string, i: number): string => `${kind}${String(i).padStart(3, '0')}`;

const SIZES = Array.from({ length: 99 }, (_, i) => i + 2);
const SECOND = 1_000_000_000n;

describe('dining philosophers', () => {
  /** Each takes the fork at one hand, then asks for the other. `leftHanded` takes the other one first. */
  function dine(n: number, leftHanded = -1): Telling {
    const telling = new Telling(n);
    const order = Array.from({ length: n }, (_, i) => (i * 7) % n).filter((i, at, all) => all.indexOf(i) === at);
    const seats = order.length === n ? order : Array.from({ length: n }, (_, i) => i);
    const taken = new Set<number>();
    const first = (i: number): number => (i === leftHanded ? (i + 1) % n : i);
    const second = (i: number): number => (i === leftHanded ? i : (i + 1) % n);
    const ask = (i: number, fork: number): boolean => {
      const [owner, resource] = [name('p', i), name('fork', fork)];
      telling.tell({ kind: taken.has(fork) ? 'wait' : 'acquired', owner, resource });
      if (taken.has(fork)) return false;
      taken.add(fork);
      return true;
    };
    // The left-handed one comes last: its neighbour has its first fork.
    const seated = [...seats.filter((i) => i !== leftHanded), ...(leftHanded < 0 ? [] : [leftHanded])];
    const eating = seated.filter((i) => ask(i, first(i)));
    for (const i of eating) ask(i, second(i));
    return telling;
  }

  test.each(SIZES)('%i: one deadlock, once, around the table, and the end of one frees all', (n) => {
    const telling = dine(n);
    telling.tell({ kind: 'wait', owner: 'waiter', resource: name('fork', 0) });
    const report = telling.look();
    expect(report.deadlocks).toHaveLength(1);
    const [{ kind, members, cycle, victims, sinceNs }] = report.deadlocks;
    expect([kind, members.length]).toEqual(['cycle', n]);
    expect(cycle).toEqual(
      Array.from({ length: n }, (_, i) => ({
        waiter: name('p', i),
        blocker: name('p', (i + 1) % n),
        resource: name('fork', (i + 1) % n),
        isSoft: false,
      })),
    );
    expect([...report.bystanders]).toEqual([['waiter', [0]]]);
    expect(sinceNs).toBe(1_000n + 2n * BigInt(n) - 1n);
    expect(victims.victims).toHaveLength(1);
    expect(victims.frees).toEqual([...members, 'waiter'].filter((member) => member !== victims.victims[0]));

    const watch = new DeadlockWatch();
    const confirmed = [1n, 4n, 7n, 10n].map((second) => watch.look(telling.look(), second * SECOND).length);
    expect(confirmed).toEqual([0, 1, 0, 0]);
    const [victim] = victims.victims;
    const seat = members.indexOf(victim);
    telling.tell({ kind: 'abandoned', owner: victim, resource: name('fork', (seat + 1) % n) });
    telling.tell({ kind: 'released', owner: victim, resource: name('fork', seat) });
    const after = telling.look();
    expect([after.deadlocks, [...after.bystanders]]).toEqual([[], []]);
    watch.look(after, 13n * SECOND);
    expect(watch.all().map(({ state, deadlock }) => [state, deadlock.members.length])).toEqual([['over', n]]);
  });

  test.each(SIZES)('%i of whom one is left-handed: none', (n) => {
    for (const leftHanded of new Set([0, Math.floor(n / 2), n - 1])) {
      const { deadlocks, bystanders, edges } = dine(n, leftHanded).look();
      expect([deadlocks, [...bystanders]]).toEqual([[], []]);
      expect(edges.length).toBeGreaterThan(0);
    }
  });
});

test.each(SIZES)('%i sharers that all want the lock for themselves: all but one have to end', (n) => {
  const telling = new Telling(n);
  for (let i = 0; i < n; i++) {
    telling.tell({ kind: 'acquired', owner: name('o', i), resource: 'x', mode: 'shared' });
  }
  for (let i = 0; i < n; i++) telling.tell({ kind: 'wait', owner: name('o', i), resource: 'x' });
  const { deadlocks } = telling.look();
  expect(deadlocks.map(({ kind, members, victims }) => [kind, members.length, victims.victims.length])).toEqual([
    ['cycle', n, n - 1],
  ]);
  expect(deadlocks[0].victims.frees).toHaveLength(1);
});

test.each(SIZES)('%i queues that wait for one another in a circle are resolved by an order, without a victim', (n) => {
  // o(i) has y(i) and asks to share x(i), behind one that wants x(i) for itself and y(i + 1), while somebody shares x(i).
  const claims = { holds: [] as LockClaim[], waits: [] as LockClaim[] };
  let time = 0n;
  const add = (list: LockClaim[], owner: string, resource: string, mode = 'exclusive'): void => {
    list.push({ owner, resource, mode, amount: 1, sinceNs: time++ });
  };
  for (let i = 0; i < n; i++) {
    add(claims.holds, name('sharer', i), name('x', i), 'shared');
    add(claims.holds, name('o', i), name('y', i));
    add(claims.waits, name('all', i), name('x', i));
    add(claims.waits, name('all', i), name('y', (i + 1) % n));
    add(claims.waits, name('o', i), name('x', i), 'shared');
  }
  const { deadlocks, bystanders } = findDeadlocks(new LockTable(claims.holds, claims.waits));
  expect(deadlocks.map(({ kind, members, victims }) => [kind, members.length, victims.victims])).toEqual([
    ['queue', 2 * n, []],
  ]);
  expect([...bystanders]).toEqual([]);
  // In that order each gets what it waits for when those before it have given up what they had.
  const done = new Set(Array.from({ length: n }, (_, i) => name('sharer', i)));
  for (const owner of deadlocks[0].order) {
    for (const { resource, mode } of claims.waits.filter((wait) => wait.owner === owner)) {
      const inTheWay = claims.holds.filter(
        (hold) => hold.resource === resource && !done.has(hold.owner) && !(hold.mode === 'shared' && mode === 'shared'),
      );
      expect(inTheWay).toEqual([]);
    }
    done.add(owner);
  }
  expect(deadlocks[0].order).toHaveLength(2 * n);
});

test.each(SIZES)('%i that each wait for any of the others are a knot; one way out, and they are none', (n) => {
  const holds = Array.from({ length: n + 1 }, (_, i): LockClaim => {
    return { owner: name('o', i), resource: name('r', i), mode: 'exclusive', amount: 1, sinceNs: BigInt(i) };
  });
  const wait = (i: number, j: number): LockClaim => {
    return { ...holds[i], resource: name('r', j), sinceNs: BigInt(1_000 + i) };
  };
  // Each waits for any of the next two; o(n) is outside of the circle.
  const waits = Array.from({ length: n }, (_, i) => [wait(i, (i + 1) % n), wait(i, (i + 2) % n)])
    .flat()
    .filter(({ owner, resource }) => owner.slice(1) !== resource.slice(1));
  const any = new Map(holds.map(({ owner }) => [owner, { needs: 1 }] as const));
  any.delete(name('o', n));
  const { deadlocks } = findDeadlocks(new LockTable(holds, waits, new Map(), any));
  const kind = n === 2 ? 'cycle' : 'knot';
  expect(deadlocks.map((deadlock) => [deadlock.kind, deadlock.members.length])).toEqual([[kind, n]]);
  const withWayOut = findDeadlocks(new LockTable(holds, [...waits, wait(0, n)], new Map(), any));
  expect(withWayOut.deadlocks).toEqual([]);
});

test.each(SIZES)('%i requests that come back into %i workers are stuck, into one more they are not', (n) => {
  const telling = new Telling(n);
  const enter = (capacity: number, kind: LockEvent['kind'], i: number, span: string): void =>
    telling.tell({ kind, owner: name('t', i), resource: 'workers', claim: span, mode: 'unit', capacity });
  for (let i = 0; i < n; i++) enter(n + 1, 'acquired', i, 'outer');
  for (let i = 0; i < n; i++) enter(n + 1, 'wait', i, 'inner');
  expect(telling.look().deadlocks).toEqual([]);
  for (let i = 0; i < n; i++) enter(n, 'wait', i, 'inner');
  expect(telling.look().deadlocks.map(({ kind, members }) => [kind, members.length])).toEqual([['units', n]]);
  // One goes in deeper: it holds two, and is the last that can.
  enter(n + 1, 'acquired', 0, 'inner');
  for (let i = 1; i < n; i++) enter(n + 1, 'wait', i, 'inner');
  expect(telling.look().deadlocks).toEqual([]);
  enter(n + 1, 'wait', 0, 'innermost');
  const [{ kind, members, victims }] = telling.look().deadlocks;
  expect([kind, members.length, victims.victims.length]).toEqual(['units', n, 1]);
});
