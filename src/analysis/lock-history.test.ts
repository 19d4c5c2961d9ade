import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { findDeadlocks } from './deadlock.ts';
import { DeadlockWatch } from './deadlock-watch.ts';
import { LockBook, type LockEvent } from './lock-book.ts';

/** A claim on a lock of a world: units of a pool are not shared. */
interface Claim {
  readonly owner: number;
  readonly shared: boolean;
}

/**
 * A lock manager that runs: locks with sharers, and pools, with fair queues: nobody passes a waiter whose wish conflicts. It is the truth that
 * the telemetry is compared with.
 */
class World {
  readonly capacities: readonly number[];
  readonly held: Claim[][];
  readonly queues: Claim[][];
  readonly waiting: number[];
  readonly events: LockEvent[] = [];
  #time = 1n;

  constructor(owners: number, capacities: readonly number[]) {
    this.capacities = capacities;
    this.held = capacities.map(() => []);
    this.queues = capacities.map(() => []);
    this.waiting = Array.from({ length: owners }, () => -1);
  }

  /** One that already shares a lock may ask for all of it. */
  ask(owner: number, resource: number, shared = false): void {
    const claim = { owner, shared: shared && this.capacities[resource] === 1 };
    this.#tell('wait', claim, resource);
    this.queues[resource].push(claim);
    this.waiting[owner] = resource;
    this.#grant(resource, true);
  }

  release(owner: number, resource: number, isFair = true): void {
    const [claim] = this.held[resource].splice(this.#heldBy(owner, resource), 1);
    this.#tell('released', claim, resource);
    this.#grant(resource, isFair);
  }

  holds(owner: number, resource: number): boolean {
    return this.#heldBy(owner, resource) >= 0;
  }

  #heldBy(owner: number, resource: number): number {
    return this.held[resource].findIndex((claim) => claim.owner === owner);
  }

  #grant(resource: number, isFair: boolean): void {
    const queue = this.queues[resource];
    for (let at = 0; at < queue.length; ) {
      const claim = queue[at];
      const isBehind = isFair && queue.slice(0, at).some((ahead) => this.#conflict(ahead, claim, resource));
      if (isBehind || !this.#fits(claim, resource)) {
        at++;
        continue;
      }
      queue.splice(at, 1);
      const mine = this.#heldBy(claim.owner, resource);
      if (mine >= 0) this.held[resource].splice(mine, 1);
      this.held[resource].push(claim);
      this.waiting[claim.owner] = -1;
      this.#tell('acquired', claim, resource);
    }
  }

  #conflict(a: Claim, b: Claim, resource: number): boolean {
    return this.capacities[resource] > 1 || !(a.shared && b.shared);
  }

  #fits(claim: Claim, resource: number): boolean {
    const others = this.held[resource].filter(({ owner }) => owner !== claim.owner);
    if (this.capacities[resource] > 1) return others.length < this.capacities[resource];
    return others.every((other) => other.shared && claim.shared);
  }

  #tell(kind: LockEvent['kind'], { owner, shared }: Claim, resource: number): void {
    const capacity = this.capacities[resource];
    this.events.push({
      kind,
      timeNs: this.#time++,
      owner: `o${owner}`,
      resource: `r${resource}`,
      claim: '',
      mode: capacity > 1 ? 'unit' : shared ? 'shared' : 'exclusive',
      amount: 1,
      capacity,
      priority: 0,
      service: '',
      traceId: '',
    });
  }

  /** Ends an owner: it gives up its wish and all that it has. */
  abort(owner: number): void {
    const wanted = this.waiting[owner];
    if (wanted >= 0) {
      this.queues[wanted] = this.queues[wanted].filter((claim) => claim.owner !== owner);
      this.waiting[owner] = -1;
    }
  }

  /**
   * Lets everybody who does not wait give up all it has, until nothing moves; returns who still waits. Unless it is fair, whoever can go ahead
   * of its queue does. Ends the world.
   */
  runOut(isFair: boolean): string[] {
    for (const resource of this.queues.keys()) this.#grant(resource, isFair);
    for (let moved = true; moved; ) {
      moved = false;
      for (const [resource, holders] of this.held.entries()) {
        for (const { owner } of [...holders]) {
          if (this.waiting[owner] >= 0) continue;
          this.release(owner, resource, isFair);
          moved = true;
        }
      }
    }
    return this.waiting.flatMap((resource, owner) => (resource >= 0 ? [`o${owner}`] : []));
  }

  copy(): World {
    const other = new World(this.waiting.length, this.capacities);
    for (const resource of this.held.keys()) {
      other.held[resource].push(...this.held[resource]);
      other.queues[resource].push(...this.queues[resource]);
    }
    other.waiting.splice(0, this.waiting.length, ...this.waiting);
    return other;
  }
}

function randomWorld(random: () => number): World {
  const below = (limit: number): number => Math.floor(random() * limit);
  const owners = 2 + below(5);
  const world = new World(
    owners,
    Array.from({ length: 2 + below(4) }, () => (random() < 0.7 ? 1 : 2)),
  );
  for (let step = below(30); step > 0; step--) {
    const owner = below(owners);
    const resource = below(world.capacities.length);
    if (world.waiting[owner] >= 0) continue;
    const isSharer = world.held[resource].some((claim) => claim.owner === owner && claim.shared);
    if (isSharer && random() < 0.5) world.ask(owner, resource);
    else if (world.holds(owner, resource)) world.release(owner, resource);
    else world.ask(owner, resource, random() < 0.4);
  }
  return world;
}

const HISTORIES = Number(process.env['CLEW_HISTORIES'] ?? 10_000);

/** What a book knows after the events, some of which come twice, in any order. */
function bookOf(events: readonly LockEvent[], random: () => number): LockBook {
  const book = new LockBook();
  const arrivals = [...events, ...events.slice(-3)];
  while (arrivals.length > 0) {
    for (const event of arrivals.splice(Math.floor(random() * arrivals.length), 1)) book.take(event);
  }
  return book;
}

describe('lock histories that really ran', () => {
  test('are called deadlocked exactly when running them on gets stuck, and the stuck are all named', () => {
    const random = seededChance(17);
    const seen = { stuck: 0, hard: 0, queue: 0 };
    for (let round = 0; round < HISTORIES; round++) {
      const world = randomWorld(random);
      const { deadlocks, bystanders } = findDeadlocks(bookOf(world.events, random).table());
      const members = deadlocks.flatMap((deadlock) => deadlock.members);
      const stuck = world.copy().runOut(true);
      expect([...new Set([...members, ...bystanders.keys()])].sort()).toEqual(stuck);
      expect(new Set(members).size, 'nobody is in two deadlocks').toBe(members.length);

      // Where waiters may pass, the deadlocks of queues are none, and all others still are.
      const hard = deadlocks.filter(({ kind }) => kind !== 'queue');
      const hardStuck = world.copy().runOut(false);
      expect(hard.length > 0).toBe(hardStuck.length > 0);
      for (const member of hard.flatMap((deadlock) => deadlock.members)) expect(hardStuck).toContain(member);

      // The victims resolve it all; without any one of them somebody stays stuck.
      const victims = hard.flatMap((deadlock) => deadlock.victims.victims);
      const resolved = (aborted: readonly string[]): string[] => {
        const rest = world.copy();
        for (const victim of aborted) rest.abort(Number(victim.slice(1)));
        return rest.runOut(false);
      };
      expect(resolved(victims)).toEqual([]);
      for (const victim of victims) expect(resolved(victims.filter((other) => other !== victim))).not.toEqual([]);
      if (stuck.length > 0) seen.stuck++;
      if (hard.length > 0) seen.hard++;
      if (hard.length < deadlocks.length) seen.queue++;
    }
    expect(seen.stuck).toBeGreaterThan(HISTORIES / 50);
    expect(seen.stuck).toBeLessThan(HISTORIES / 2);
    expect(seen.hard).toBeGreaterThan(HISTORIES / 50);
    expect(seen.queue).toBeGreaterThan(HISTORIES / 500);
  });

  test('a release says nothing of what its owner waits for, and a wait nothing of what it holds', () => {
    const world = new World(3, [2]);
    world.ask(0, 0);
    world.ask(1, 0);
    const [, first] = world.events;
    const told = (kind: LockEvent['kind'], timeNs: bigint): LockEvent => ({ ...first, kind, timeNs });
    const arrivals = [...world.events, told('wait', 10n), told('released', 11n)];
    for (const events of [arrivals, [...arrivals].reverse()]) {
      const book = new LockBook();
      for (const event of events) book.take(event);
      const table = book.table();
      expect([table.holdsOf('o0').length, table.waitsOf('o0').map(({ sinceNs }) => sinceNs)]).toEqual([0, [10n]]);
      book.take(told('acquired', 12n));
      expect(book.table().holdsOf('o0')).toHaveLength(1);
    }
  });

  test('a circle that never was at one moment is suspected at most, and never confirmed', () => {
    const world = new World(2, [1, 1]);
    world.ask(0, 0);
    world.ask(1, 1);
    world.ask(0, 1);
    world.release(1, 1);
    world.release(0, 1);
    world.ask(1, 0);
    const late = world.events.filter(({ kind, resource }) => resource === 'r1' && kind !== 'wait').slice(1);
    const book = new LockBook();
    const watch = new DeadlockWatch();
    for (const event of world.events) if (!late.includes(event)) book.take(event);
    const second = 1_000_000_000n;
    watch.look(findDeadlocks(book.table()), second);
    expect(watch.all().map(({ state }) => state)).toEqual(['suspected']);
    for (const event of late) book.take(event);
    expect(watch.look(findDeadlocks(book.table()), 60n * second)).toEqual([]);
    expect(watch.all()).toEqual([]);
  });
});
