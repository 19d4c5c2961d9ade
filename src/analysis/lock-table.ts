import { conflict, type LockMode } from './lock-modes.ts';

/** A part of a resource that an owner has or asks for. */
export interface LockClaim {
  readonly owner: string;
  readonly resource: string;
  readonly mode: LockMode;
  /** Units, in mode `unit`. */
  readonly amount: number;
  /** Unix nanoseconds: since when it is held or waited for. Queues are in this order. */
  readonly sinceNs: bigint;
}

/** What is known of an owner beyond its locks. */
export interface LockOwner {
  /** Higher is worth more. */
  readonly priority?: number;
  /** Unix nanoseconds when its work began; of one that was restarted the first time, so that it is not chosen for ever. */
  readonly startNs?: bigint;
  readonly restarts?: number;
  /** How many of its waits suffice; all when absent. */
  readonly needs?: number;
}

/** `waiter` cannot go on before `blocker` gives something up; soft: it is only ahead in the queue. */
export interface WaitEdge {
  readonly waiter: string;
  readonly blocker: string;
  readonly resource: string;
  readonly isSoft: boolean;
}

const NONE: readonly LockClaim[] = [];

/** Who holds and who waits for what at one moment. */
export class LockTable {
  readonly #capacities: ReadonlyMap<string, number>;
  readonly #owners: ReadonlyMap<string, LockOwner>;
  readonly #holdsOf = new Map<string, LockClaim[]>();
  readonly #waitsOf = new Map<string, LockClaim[]>();
  readonly #holders = new Map<string, LockClaim[]>();
  readonly #waiters = new Map<string, LockClaim[]>();

  constructor(
    holds: readonly LockClaim[],
    waits: readonly LockClaim[],
    capacities: ReadonlyMap<string, number> = new Map(),
    owners: ReadonlyMap<string, LockOwner> = new Map(),
  ) {
    this.#capacities = capacities;
    this.#owners = owners;
    for (const hold of holds) {
      push(this.#holdsOf, hold.owner, hold);
      push(this.#holders, hold.resource, hold);
    }
    const queued = [...waits].sort((a, b) => (a.sinceNs < b.sinceNs ? -1 : a.sinceNs > b.sinceNs ? 1 : 0));
    for (const wait of queued) {
      push(this.#waitsOf, wait.owner, wait);
      push(this.#waiters, wait.resource, wait);
    }
  }

  owners(): string[] {
    return [...new Set([...this.#holdsOf.keys(), ...this.#waitsOf.keys()])].sort();
  }

  holdsOf = (owner: string): readonly LockClaim[] => this.#holdsOf.get(owner) ?? NONE;
  waitsOf = (owner: string): readonly LockClaim[] => this.#waitsOf.get(owner) ?? NONE;
  holders = (resource: string): readonly LockClaim[] => this.#holders.get(resource) ?? NONE;
  waiters = (resource: string): readonly LockClaim[] => this.#waiters.get(resource) ?? NONE;
  capacity = (resource: string): number => this.#capacities.get(resource) ?? 1;
  ownerOf = (owner: string): LockOwner => this.#owners.get(owner) ?? {};
  needed = (owner: string): number => this.ownerOf(owner).needs ?? this.waitsOf(owner).length;
}

function push(map: Map<string, LockClaim[]>, key: string, claim: LockClaim): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [claim]);
  else list.push(claim);
}

/** Who stands in the way of a wait among `alive`; nobody: it can be granted. One that can never be granted names its own owner. */
function blockersOf(table: LockTable, wait: LockClaim, alive: ReadonlySet<string>, queues: boolean): WaitEdge[] {
  const { owner: waiter, resource, mode, amount } = wait;
  const edges: WaitEdge[] = [];
  const unitHolders: string[] = [];
  let taken = 0;
  for (const hold of table.holders(resource)) {
    if (!alive.has(hold.owner)) continue;
    if (hold.mode === 'unit' && mode === 'unit') {
      taken += hold.amount;
      unitHolders.push(hold.owner);
    } else if (hold.owner !== waiter && conflict(hold.mode, mode)) {
      edges.push({ waiter, blocker: hold.owner, resource, isSoft: false });
    }
  }
  if (mode === 'unit' && taken + amount > table.capacity(resource)) {
    const others = [...new Set(unitHolders)].filter((holder) => holder !== waiter);
    const blockers = others.length === 0 ? [waiter] : others;
    for (const blocker of blockers) edges.push({ waiter, blocker, resource, isSoft: false });
  }
  if (queues) addQueue(table, wait, alive, { edges, taken, unitHolders });
  return edges;
}

/**
 * Adds those ahead in the queue: whose mode conflicts or, of units, who leave too few when they have got theirs; then the units that are held
 * are in the way as well.
 */
function addQueue(
  table: LockTable,
  wait: LockClaim,
  alive: ReadonlySet<string>,
  { edges, taken, unitHolders }: { edges: WaitEdge[]; taken: number; unitHolders: readonly string[] },
): void {
  const { owner: waiter, resource, mode, amount } = wait;
  const aheadOfUnits: string[] = [];
  let asked = 0;
  for (const ahead of table.waiters(resource)) {
    // Of waits that began at one moment, as in a snapshot without times, none is known to be ahead.
    if (ahead.sinceNs >= wait.sinceNs) break;
    if (ahead.owner === waiter || !alive.has(ahead.owner)) continue;
    if (ahead.mode === 'unit' && mode === 'unit') {
      asked += ahead.amount;
      aheadOfUnits.push(ahead.owner);
    } else if (conflict(ahead.mode, mode)) edges.push({ waiter, blocker: ahead.owner, resource, isSoft: true });
  }
  if (asked === 0 || taken + asked + amount <= table.capacity(resource)) return;
  const isFull = taken + amount > table.capacity(resource);
  const blockers = isFull ? aheadOfUnits : [...aheadOfUnits, ...unitHolders.filter((holder) => holder !== waiter)];
  for (const blocker of new Set(blockers)) edges.push({ waiter, blocker, resource, isSoft: true });
}

/** All wait edges among these owners. */
export function waitEdges(table: LockTable, owners: ReadonlySet<string>, queues: boolean): WaitEdge[] {
  return [...owners].flatMap((owner) =>
    table.waitsOf(owner).flatMap((wait) => blockersOf(table, wait, owners, queues)),
  );
}

export interface Reduction {
  /** In an order in which they can. */
  readonly finished: readonly string[];
  readonly stuck: ReadonlySet<string>;
}

/**
 * Lets everybody finish who gets what it waits for, which gives up what it has, until nobody can. With `queues` nobody passes a conflicting
 * waiter ahead. `only` and `without` say whose holds and waits count.
 */
export function reduce(
  table: LockTable,
  { queues, only, without }: { queues: boolean; only?: ReadonlySet<string>; without?: ReadonlySet<string> },
): Reduction {
  const alive = new Set(
    (only === undefined ? table.owners() : [...only]).filter((owner) => without?.has(owner) !== true),
  );
  const finished: string[] = [];
  // Who has to be looked at again: at first everybody, then those that wait for what was given up.
  let candidates: Set<string> = new Set(alive);
  while (candidates.size > 0) {
    const next = new Set<string>();
    for (const owner of candidates) {
      if (!alive.has(owner) || !canFinish(table, owner, alive, queues)) continue;
      alive.delete(owner);
      finished.push(owner);
      for (const { resource } of [...table.holdsOf(owner), ...table.waitsOf(owner)]) {
        for (const wait of table.waiters(resource)) if (alive.has(wait.owner)) next.add(wait.owner);
      }
    }
    candidates = next;
  }
  return { finished, stuck: alive };
}

function canFinish(table: LockTable, owner: string, alive: ReadonlySet<string>, queues: boolean): boolean {
  const needed = table.needed(owner);
  let granted = 0;
  for (const wait of table.waitsOf(owner)) {
    if (granted >= needed) break;
    if (blockersOf(table, wait, alive, queues).length === 0) granted++;
  }
  return granted >= needed;
}
