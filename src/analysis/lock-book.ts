import { LIMITS } from '../base/limits.ts';
import { type LockClaim, type LockOwner, LockTable } from './lock-table.ts';

/** Something that happened to a lock, as a log record tells it. */
export interface LockEvent {
  readonly kind: 'wait' | 'acquired' | 'released' | 'abandoned';
  readonly timeNs: bigint;
  readonly owner: string;
  readonly resource: string;
  /** Tells the claims apart that an owner has on one resource at once, as a request that comes back into a pool. */
  readonly claim: string;
  readonly mode: string;
  readonly amount: number;
  readonly capacity: number;
  readonly priority: number;
  readonly service: string;
  readonly traceId: string;
}

/** Where an owner was seen. */
export interface SeenOwner extends LockOwner {
  readonly service: string;
  readonly traceId: string;
  /** What it is at: a statement, a frame of a stack. */
  readonly doing?: string;
}

/** What a source knows of its locks at one moment. */
export interface LockSnapshot {
  readonly timeNs: bigint;
  readonly holds: readonly LockClaim[];
  readonly waits: readonly LockClaim[];
  readonly capacities: ReadonlyMap<string, number>;
  readonly owners: ReadonlyMap<string, SeenOwner>;
}

interface Entry {
  hold: LockClaim | null;
  wait: LockClaim | null;
  /** The last events that said something of each: what comes later but happened before them says nothing new. */
  holdSaid: Said;
  waitSaid: Said;
}

interface Said {
  readonly timeNs: bigint;
  readonly rank: number;
}

/** Events of one moment take effect in this order. */
const RANK = { wait: 0, acquired: 1, abandoned: 2, released: 3 } as const;
const NOTHING: Said = { timeNs: -1n, rank: 0 };

const isAfter = (one: Said, other: Said): boolean =>
  one.timeNs > other.timeNs || (one.timeNs === other.timeNs && one.rank > other.rank);

/** Keeps who holds and waits for what while events and snapshots arrive: late, twice, or never. */
export class LockBook {
  readonly #entries = new Map<string, Entry>();
  readonly #owners = new Map<string, SeenOwner>();
  readonly #capacities = new Map<string, { readonly units: number; readonly timeNs: bigint }>();
  readonly #snapshots = new Map<string, LockSnapshot>();

  /** Takes an event in. The order in which events arrive does not matter, and neither does one that comes twice. */
  take(event: LockEvent): void {
    const { owner, resource, mode, amount, timeNs, capacity } = event;
    const key = `${owner}\0${resource}\0${event.claim}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= LIMITS.lockClaimsMax) return;
      entry = { hold: null, wait: null, holdSaid: NOTHING, waitSaid: NOTHING };
      this.#entries.set(key, entry);
    }
    const said = { timeNs, rank: RANK[event.kind] };
    const claim = { owner, resource, mode, amount, sinceNs: timeNs };
    // A release says nothing of what is waited for, a wait nothing of what is held.
    if (event.kind !== 'released' && isAfter(said, entry.waitSaid)) {
      entry.waitSaid = said;
      entry.wait = event.kind === 'wait' ? claim : null;
    }
    if ((event.kind === 'acquired' || event.kind === 'released') && isAfter(said, entry.holdSaid)) {
      entry.holdSaid = said;
      entry.hold = event.kind === 'acquired' ? claim : null;
    }
    const known = this.#capacities.get(resource);
    if (known === undefined || timeNs >= known.timeNs) this.#capacities.set(resource, { units: capacity, timeNs });
    this.#see(event);
  }

  #see({ owner, timeNs, service, traceId, priority }: LockEvent): void {
    const known = this.#owners.get(owner)?.startNs;
    const startNs = known !== undefined && known < timeNs ? known : timeNs;
    this.#owners.set(owner, { service, traceId, startNs, ...(priority === 0 ? {} : { priority }) });
  }

  /** Replaces what the source told before. */
  takeSnapshot(source: string, snapshot: LockSnapshot): void {
    this.#snapshots.set(source, snapshot);
  }

  /** Forgets what is too old to be true. */
  forget(nowNs: bigint): void {
    const oldest = nowNs - BigInt(LIMITS.lockAgeMsMax) * 1_000_000n;
    const idle = nowNs - BigInt(LIMITS.lockHistoryMs) * 1_000_000n;
    const alive = new Set<string>();
    const resources = new Set<string>();
    for (const [key, { hold, wait, holdSaid, waitSaid }] of this.#entries) {
      const lastNs = isAfter(holdSaid, waitSaid) ? holdSaid.timeNs : waitSaid.timeNs;
      const isOver = hold === null && wait === null && lastNs < idle;
      if (isOver || lastNs < oldest) {
        this.#entries.delete(key);
        continue;
      }
      const [owner, resource] = key.split('\0');
      alive.add(owner);
      resources.add(resource);
    }
    for (const owner of this.#owners.keys()) if (!alive.has(owner)) this.#owners.delete(owner);
    for (const resource of this.#capacities.keys()) if (!resources.has(resource)) this.#capacities.delete(resource);
    const silent = nowNs - BigInt(LIMITS.lockSnapshotMs) * 1_000_000n;
    for (const [source, { timeNs }] of this.#snapshots) if (timeNs < silent) this.#snapshots.delete(source);
  }

  /** What events and snapshots together say of an owner: a database may know its statement, and a service its trace. */
  seen(owner: string): SeenOwner {
    let seen: SeenOwner = this.#owners.get(owner) ?? { service: '', traceId: '' };
    for (const { owners } of this.#snapshots.values()) {
      const more = owners.get(owner);
      if (more !== undefined) seen = joined(seen, more);
    }
    return seen;
  }

  table(): LockTable {
    const entries = [...this.#entries.values()];
    const holds = entries.flatMap(({ hold }) => hold ?? []);
    const waits = entries.flatMap(({ wait }) => wait ?? []);
    const capacities = new Map([...this.#capacities].map(([resource, { units }]) => [resource, units]));
    const owners = new Map<string, LockOwner>(this.#owners);
    for (const snapshot of this.#snapshots.values()) {
      holds.push(...snapshot.holds);
      waits.push(...snapshot.waits);
      for (const [resource, capacity] of snapshot.capacities) capacities.set(resource, capacity);
      for (const owner of snapshot.owners.keys()) owners.set(owner, this.seen(owner));
    }
    return new LockTable(holds, waits, capacities, owners);
  }
}

/** What is told first counts; what it leaves open is taken from the other. */
function joined(first: SeenOwner, second: SeenOwner): SeenOwner {
  return {
    ...second,
    ...first,
    service: first.service || second.service,
    traceId: first.traceId || second.traceId,
    doing: first.doing || second.doing || '',
  };
}
