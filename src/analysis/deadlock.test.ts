import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { findDeadlocks } from './deadlock.ts';
import { type LockClaim, type LockOwner, LockTable, reduce } from './lock-table.ts';

/** `A has x`, `A has x shared`, `A wants x`, `A has 2 of p`, `A wants 1 of p`; each line is a nanosecond later than the one before. */
function drawn(
  lines: readonly string[],
  capacities: Readonly<Record<string, number>> = {},
  owners: Readonly<Record<string, LockOwner>> = {},
): LockTable {
  const claims = lines.map((line, i) => {
    const [, owner, verb, amount, resource, mode] =
      /^(\S+) (has|wants) (?:(\d+) of )?(\S+)(?: (\S+))?$/.exec(line) ?? [];
    const claim: LockClaim = {
      owner,
      resource,
      mode: amount === undefined ? (mode ?? 'exclusive') : 'unit',
      amount: Number(amount ?? 1),
      sinceNs: BigInt(i),
    };
    return { verb, claim };
  });
  const of = (wanted: string) => claims.filter(({ verb }) => verb === wanted).map(({ claim }) => claim);
  return new LockTable(of('has'), of('wants'), new Map(Object.entries(capacities)), new Map(Object.entries(owners)));
}

/** Kind, circle, and victims with what they free. */
function found(table: LockTable): string[] {
  return findDeadlocks(table).deadlocks.map(({ kind, members, cycle, victims, order }) => {
    const circle = cycle.length === 0 ? members.join('+') : cycle.map(({ waiter }) => waiter).join('>');
    const plan = kind === 'queue' ? `order ${order}` : `abort ${victims.victims} frees ${victims.frees}`;
    return `${kind} ${circle}: ${plan}`;
  });
}

describe('deadlocks', () => {
  test('finds two sharers that both want the lock for themselves', () => {
    const table = drawn(['A has x shared', 'B has x shared', 'A wants x', 'B wants x']);
    expect(found(table)).toEqual(['cycle A>B: abort B frees A']);
  });

  test('resolves a circle through a queue by another order, without a victim', () => {
    // B waits behind A's exclusive wish for x, though it could share x with C; A waits for what B holds.
    const table = drawn(['C has x shared', 'B has y', 'A wants x', 'A wants y', 'B wants x shared', 'D has z']);
    expect(reduce(table, { queues: false }).stuck.size).toBe(0);
    expect(found(table)).toEqual(['queue A>B: order B,A']);
  });

  test('knows a circle with a way out from a knot', () => {
    const any = { A: { needs: 1 }, B: { needs: 1 } };
    const lines = ['A has x', 'B has y', 'C has z', 'A wants y', 'A wants z', 'B wants x', 'B wants z'];
    expect(found(drawn(lines, {}, any))).toEqual([]);
    expect(found(drawn([...lines, 'C wants x'], {}, any))).toEqual(['knot A>B: abort C frees A,B']);
  });

  test('finishes two of three waits where two suffice', () => {
    const lines = ['A has w', 'B has x', 'C has y', 'D has z', 'A wants x', 'A wants y', 'A wants z', 'B wants w'];
    expect(found(drawn(lines, {}, { A: { needs: 2 } }))).toEqual([]);
    expect(found(drawn(lines, {}, { A: { needs: 3 } }))).toEqual(['cycle A>B: abort B frees A']);
  });

  test('tells a circle in a pool of several units from a deadlock', () => {
    const lines = ['A has 1 of p', 'B has 1 of p', 'C has 1 of p', 'B has r', 'A wants r', 'B wants 1 of p'];
    expect(found(drawn(lines, { p: 3 }))).toEqual([]);
    expect(found(drawn([...lines, 'C wants r'], { p: 3 }))).toEqual(['units A>B: abort C frees A,B']);
  });

  test('finds an owner that waits for itself', () => {
    expect(found(drawn(['A has 2 of p', 'A wants 2 of p'], { p: 3 }))).toEqual(['self A: abort A frees ']);
  });

  test('keeps those that only wait on a deadlock out of it', () => {
    const report = findDeadlocks(
      drawn([
        'A has x',
        'B has y',
        'C has z',
        'A wants y',
        'B wants x',
        'C wants x',
        'D wants z',
        'E has q',
        'F wants q',
      ]),
    );
    expect(report.deadlocks.map(({ members }) => members)).toEqual([['A', 'B']]);
    expect([...report.bystanders]).toEqual([
      ['C', [0]],
      ['D', [0]],
    ]);
    expect(report.deadlocks[0].victims.frees).toEqual(['A', 'C', 'D']);
    expect(report.deadlocks[0].sinceNs).toBe(4n);
  });

  test('reports two circles apart, each beginning with its first name', () => {
    const table = drawn([
      'D has x',
      'C has y',
      'D wants y',
      'C wants x',
      'B has z',
      'A has q',
      'B wants q',
      'A wants z',
    ]);
    expect(found(table).map((text) => text.split(':')[0])).toEqual(['cycle A>B', 'cycle C>D']);
  });

  test('spares what has priority, was restarted or is old', () => {
    const lines = ['A has x', 'B has y', 'A wants y', 'B wants x'];
    expect(found(drawn(lines, {}, { B: { priority: 1 } }))).toEqual(['cycle A>B: abort A frees B']);
    expect(found(drawn(lines, {}, { B: { restarts: 1 } }))).toEqual(['cycle A>B: abort A frees B']);
    expect(found(drawn(lines, {}, { A: { startNs: 5n }, B: { startNs: 4n } }))).toEqual(['cycle A>B: abort A frees B']);
  });

  test('obeys the lock modes of PostgreSQL', () => {
    const lines = (mode: string) => ['A has t RowExclusiveLock', `B has t ${mode}`, 'B has r', 'A wants r'];
    expect(found(drawn([...lines('RowShareLock'), 'B wants t RowExclusiveLock']))).toEqual([]);
    expect(found(drawn([...lines('RowShareLock'), 'B wants t ShareLock']))).toEqual(['cycle A>B: abort B frees A']);
  });
});

const CASES = Number(process.env['CLEW_HISTORIES'] ?? 10_000);

function randomTable(random: () => number): LockTable {
  const below = (limit: number): number => Math.floor(random() * limit);
  const lines: string[] = [];
  const capacities = { p: 1 + below(4), q: 2 };
  const free: Record<string, number> = { ...capacities };
  const names = ['A', 'B', 'C', 'D', 'E', 'F'].slice(0, 2 + below(5));
  for (let i = 0; i < 8; i++) {
    const owner = names[below(names.length)];
    const pool = ['p', 'q'][below(2)];
    const amount = 1 + below(2);
    if (random() < 0.5 && free[pool] >= amount) {
      free[pool] -= amount;
      lines.push(`${owner} has ${amount} of ${pool}`);
    } else if (!lines.some((line) => line.includes(` has r${i % 4}`))) {
      lines.push(`${owner} has r${i % 4}`);
    }
  }
  for (const owner of names) {
    const wishes = new Set(
      Array.from({ length: below(3) }, () => ['1 of p', '2 of q', 'r0', 'r1', 'r2', 'r3'][below(6)]),
    );
    for (const wish of wishes) if (!lines.includes(`${owner} has ${wish}`)) lines.push(`${owner} wants ${wish}`);
  }
  const owners = Object.fromEntries(names.map((name) => [name, random() < 0.3 ? { needs: 1 } : {}]));
  for (const name of names) if (!lines.some((line) => line.startsWith(`${name} wants`))) owners[name] = {};
  return drawn(lines, capacities, owners);
}

/** The most owners that can finish, over every order in which they can: tries them all. */
function mostFinished(table: LockTable, done: ReadonlySet<string> = new Set(), seen = new Set<string>()): number {
  const key = [...done].sort().join();
  if (seen.has(key)) return 0;
  seen.add(key);
  let most = done.size;
  for (const owner of table.owners()) {
    if (done.has(owner)) continue;
    const isGranted = ({ resource, mode, amount }: LockClaim): boolean => {
      const holds = table.holders(resource).filter((hold) => !done.has(hold.owner));
      if (mode !== 'unit') return holds.every((hold) => hold.owner === owner);
      return holds.reduce((sum, hold) => sum + hold.amount, 0) + amount <= table.capacity(resource);
    };
    if (table.waitsOf(owner).filter(isGranted).length < table.needed(owner)) continue;
    most = Math.max(most, mostFinished(table, new Set([...done, owner]), seen));
  }
  return most;
}

describe('on random tables', () => {
  test('reduction finishes as many as any order can, and cores are what is stuck by itself', () => {
    const random = seededChance(5);
    let deadlocks = 0;
    for (let round = 0; round < CASES; round++) {
      const table = randomTable(random);
      const { finished, stuck } = reduce(table, { queues: false });
      expect(finished.length).toBe(mostFinished(table));
      const hard = findDeadlocks(table).deadlocks.filter(({ kind }) => kind !== 'queue');
      expect(hard.length > 0).toBe(stuck.size > 0);
      deadlocks += hard.length;
      for (const { members, victims } of hard) {
        const only = new Set(members);
        expect(reduce(table, { queues: false, only }).stuck).toEqual(only);
        const without = new Set(victims.victims);
        expect(reduce(table, { queues: false, only, without }).stuck.size).toBe(0);
        for (const victim of without) {
          const fewer = new Set([...without].filter((other) => other !== victim));
          expect(reduce(table, { queues: false, only, without: fewer }).stuck.size).toBeGreaterThan(0);
        }
      }
      const all = new Set(hard.flatMap(({ victims }) => victims.victims));
      expect(reduce(table, { queues: false, without: all }).stuck.size).toBe(0);
    }
    expect(deadlocks).toBeGreaterThan(CASES / 20);
  });
});
