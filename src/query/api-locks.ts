import type { PoolRisk } from '../analysis/pools.ts';
import type { Nanos } from './api.ts';

/** GET /api/v1/deadlocks → who waits for whom, and who will for ever. */
export interface LocksAnswer {
  readonly timeUnixNano: Nanos;
  /** Those of now, then those of the past since this Clew started. */
  readonly deadlocks: readonly DeadlockAnswer[];
  /** Owners that hold or wait. */
  readonly owners: readonly LockOwnerAnswer[];
  readonly edges: readonly WaitEdgeAnswer[];
}
export interface DeadlockAnswer {
  /** The same while the deadlock lasts. */
  readonly id: string;
  readonly kind: 'cycle' | 'knot' | 'units' | 'self' | 'queue';
  /** suspected: the end of a wait may still be on its way; confirmed: unchanged some seconds later; over: a wait of it ended. */
  readonly state: 'suspected' | 'confirmed' | 'over';
  readonly members: readonly LockOwnerAnswer[];
  /** Each waits for the next, the last for the first. */
  readonly cycle: readonly WaitEdgeAnswer[];
  readonly bystanders: readonly string[];
  readonly sinceUnixNano: Nanos;
  readonly noticedUnixNano: Nanos;
  readonly confirmedUnixNano: Nanos | null;
  readonly overUnixNano: Nanos | null;
  /** Whom to abort, and who goes on then. Of a queue nobody has to be: `order` resolves it. */
  readonly victims: readonly string[];
  readonly frees: readonly string[];
  readonly order: readonly string[];
  /** Who ended it and told so in its log: PostgreSQL; then `victims` were aborted. '' else. */
  readonly resolvedBy: string;
}
export interface WaitEdgeAnswer {
  readonly waiter: string;
  readonly blocker: string;
  readonly resource: string;
  /** The blocker is only ahead in the queue. */
  readonly isSoft: boolean;
}
export interface LockOwnerAnswer {
  readonly owner: string;
  readonly service: string;
  readonly traceId: string;
  /** A statement, a frame of a stack; '' where it is not told. */
  readonly doing: string;
  readonly holds: readonly LockClaimAnswer[];
  readonly waits: readonly LockClaimAnswer[];
}
export interface LockClaimAnswer {
  readonly resource: string;
  readonly mode: string;
  readonly amount: number;
  readonly sinceUnixNano: Nanos;
}

/** GET /api/v1/pools → where requests come back into a pool that they occupy, the most dangerous first. */
export interface PoolsAnswer {
  /** That were looked at. */
  readonly traces: number;
  readonly spans: number;
  /** There are more traces. */
  readonly truncated: boolean;
  readonly risks: readonly PoolRisk[];
}

/** POST /api/v1/locks: everything that a source knows of its locks now, in place of what it told before. */
export interface LockSnapshotRequest {
  readonly source: string;
  readonly resources: readonly {
    readonly resource: string;
    /** Units of a pool or semaphore; 1 when absent. */
    readonly capacity?: number;
    readonly holders?: readonly LockClaimRequest[];
    readonly waiters?: readonly LockClaimRequest[];
  }[];
  readonly owners?: readonly {
    readonly owner: string;
    readonly service?: string;
    /** Default: the name of the owner, where that is the id of a trace. */
    readonly traceId?: string;
    /** What it is at: a statement, a frame of a stack. */
    readonly doing?: string;
    /** Higher is worth more. */
    readonly priority?: number;
    readonly startUnixNano?: Nanos;
    readonly restarts?: number;
    /** How many of its waits suffice; all when absent. */
    readonly needs?: number;
  }[];
}
export interface LockClaimRequest {
  readonly owner: string;
  /** exclusive (default), shared, unit, or a lock mode of PostgreSQL. */
  readonly mode?: string;
  readonly amount?: number;
  /** When it was got, or the wait began: the order of the queue. */
  readonly sinceUnixNano?: Nanos;
}
export interface LockSnapshotAnswer {
  readonly holds: number;
  readonly waits: number;
}
