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
  lastNs: bigint;
  lastRank: number;
}

/** Events of one moment take effect in this order. */
const RANK = { wait: 0, acquired: 1, abandoned: 2, released: 3 } as const;

/** Keeps who holds and waits for what while events and snapshots arrive: late, twice, or never. */
export class LockBook {
  readonly #entries = new Map<string, Entry>();
  readonly #owners = new Map<string, SeenOwner>();
  readonly #capacities = new Map<string, number>();
  readonly #snapshots = new Map<string, LockSnapshot>();

  /** Takes an event in; one that is older than the last of its owner, resource and claim has no effect. */
  take(event: LockEvent): void {
    const key = `${event.owner}\0${event.resource}\0${event.claim}`;
    const rank = RANK[event.kind];
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= LIMITS.lockClaimsMax) return;
      entry = { hold: null, wait: null, lastNs: -1n, lastRank: 0 };
      this.#entries.set(key, entry);
    }
    if (event.timeNs < entry.lastNs || (event.timeNs === entry.lastNs && rank <= entry.lastRank)) return;
    entry.lastNs = event.timeNs;
    entry.lastRank = rank;
    const { owner, resource, mode, amount, timeNs } = event;
    const claim = { owner, resource, mode, amount, sinceNs: timeNs };
    if (event.kind === 'wait') entry.wait = claim;
    else entry.wait = event.kind === 'released' ? entry.wait : null;
    if (event.kind === 'acquired') entry.hold = claim;
    else if (event.kind === 'released') entry.hold = null;
    this.#capacities.set(resource, event.capacity);
    const { service, traceId, priority } = event;
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
    for (const [key, { hold, wait, lastNs }] of this.#entries) {
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
    const capacities = new Map(this.#capacities);
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
