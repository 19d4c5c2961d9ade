import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { findDeadlocks } from './deadlock.ts';
import { DeadlockWatch } from './deadlock-watch.ts';
import { LockBook, type LockEvent } from './lock-book.ts';

/** A lock manager that runs: locks and pools with fair queues. It is the truth that the telemetry is compared with. */
class World {
  readonly capacities: readonly number[];
  readonly held: number[][];
  readonly queues: number[][];
  readonly waiting: number[];
  readonly events: LockEvent[] = [];
  #time = 1n;

  constructor(owners: number, capacities: readonly number[]) {
    this.capacities = capacities;
    this.held = capacities.map(() => []);
    this.queues = capacities.map(() => []);
    this.waiting = Array.from({ length: owners }, () => -1);
  }

  ask(owner: number, resource: number): void {
    this.#tell('wait', owner, resource);
    this.queues[resource].push(owner);
    this.waiting[owner] = resource;
    this.#grant(resource);
  }

  release(owner: number, resource: number): void {
    this.held[resource].splice(this.held[resource].indexOf(owner), 1);
    this.#tell('released', owner, resource);
    this.#grant(resource);
  }

  #grant(resource: number): void {
    while (this.queues[resource].length > 0 && this.held[resource].length < this.capacities[resource]) {
      const owner = this.queues[resource].shift() ?? 0;
      this.held[resource].push(owner);
      this.waiting[owner] = -1;
      this.#tell('acquired', owner, resource);
    }
  }

  #tell(kind: LockEvent['kind'], owner: number, resource: number): void {
    const capacity = this.capacities[resource];
    this.events.push({
      kind,
      timeNs: this.#time++,
      owner: `o${owner}`,
      resource: `r${resource}`,
      claim: '',
      mode: capacity > 1 ? 'unit' : 'exclusive',
      amount: 1,
      capacity,
      priority: 0,
      service: '',
      traceId: '',
    });
  }

  /** Lets everybody who does not wait give up all it has, until nothing moves; returns who still waits. Ends the world. */
  runOut(): string[] {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [resource, holders] of this.held.entries()) {
        for (const owner of [...holders]) {
          if (this.waiting[owner] >= 0) continue;
          this.release(owner, resource);
          moved = true;
        }
      }
    }
    return this.waiting.flatMap((resource, owner) => (resource >= 0 ? [`o${owner}`] : []));
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
    if (world.held[resource].includes(owner)) world.release(owner, resource);
    else world.ask(owner, resource);
  }
  return world;
}

const HISTORIES = Number(process.env['CLEW_HISTORIES'] ?? 2_000);

describe('lock histories that really ran', () => {
  test('are called deadlocked exactly when running them on gets stuck, and the stuck are all named', () => {
    const random = seededChance(17);
    let stuckCount = 0;
    for (let round = 0; round < HISTORIES; round++) {
      const world = randomWorld(random);
      const book = new LockBook();
      // Events come twice, and those of different locks in any order.
      const arrivals = [...world.events, ...world.events.slice(-3)];
      const lanes = new Map<string, LockEvent[]>();
      for (const event of arrivals) {
        const key = `${event.owner}${event.resource}`;
        lanes.set(key, [...(lanes.get(key) ?? []), event]);
      }
      for (let left = [...lanes.values()]; left.length > 0; left = left.filter(({ length }) => length > 0)) {
        const event = left[Math.floor(random() * left.length)].shift();
        if (event !== undefined) book.take(event);
      }
      const { deadlocks, bystanders } = findDeadlocks(book.table());
      const stuck = world.runOut();
      expect([...new Set(deadlocks.flatMap(({ members }) => members)), ...bystanders.keys()].sort()).toEqual(stuck);
      if (stuck.length > 0) stuckCount++;
    }
    expect(stuckCount).toBeGreaterThan(HISTORIES / 50);
    expect(stuckCount).toBeLessThan(HISTORIES / 2);
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
