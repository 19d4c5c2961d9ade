import type { FleetRole, FleetSeen, HopAccount, HopTarget } from '../base/fleet.ts';

/** GET /api/v1/fleet → this Clew's place in a fleet: what it received, what became of it, exactly, and who told it of themselves. */
export interface FleetNode {
  readonly role: FleetRole;
  readonly instance: string;
  /** What it is called in a fleet. */
  readonly name: string;
  readonly version: string;
  readonly startedAt: string;
  readonly receivers: readonly {
    readonly receiver: number;
    readonly up: boolean;
    readonly accepted: Readonly<Record<'traces' | 'metrics' | 'logs', number>>;
    readonly perSecond: Readonly<Record<'traces' | 'metrics' | 'logs', number>>;
    readonly repeated: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly ackP99Ms: number;
    readonly memoryBytes: number;
  }[];
  readonly journal: { readonly bytes: number; readonly quotaBytes: number };
  /** The Clews that forward to this one, latest first: since when its receivers run. */
  readonly sources: readonly { readonly instance: string; readonly batches: number; readonly lastMs: number }[];
  /** Rules on what is forwarded, and how many attributes each has changed, or how many traces it has kept, since the process started. */
  readonly rules: readonly { readonly rule: string; readonly applied: number }[];
  /** One for each place that everything is forwarded to; none where it is stored. */
  readonly destinations: readonly FleetDestination[];
  readonly disk: { readonly totalBytes: number; readonly freeBytes: number };
  /** Every Clew of the fleet that this one knows: itself first, then those that told it of themselves, directly or through others. */
  readonly nodes: readonly FleetSeen[];
}

export interface FleetDestination {
  readonly name: string;
  readonly url: string;
  readonly targets: readonly HopTarget[];
  /** Items since the data directory was made: received = forwarded + queued + dead + dropped + elsewhere + lost. */
  readonly accounts: readonly HopAccount[];
  readonly lanes: readonly {
    readonly key: string;
    readonly receiver: number;
    readonly signal: 'traces' | 'metrics' | 'logs';
    readonly failures: number;
    readonly lastFailure: string;
    readonly batches: number;
    readonly bytes: number;
    readonly receivedMs: number;
    readonly acknowledgedMs: number;
    /** When the oldest request was taken in that is being sent, Unix ms; 0 when none is. */
    readonly waitingSinceMs: number;
    /** Receivers whose lanes have to go first: they took in earlier batches of the same stream. */
    readonly waitsFor: readonly number[];
    readonly protocol: 'INIT' | 'CONNECTING' | 'CONNECTED' | 'ERROR' | 'CLOSED';
    readonly connections: Readonly<Record<'IDLE' | 'ACTIVE' | 'DRAINING' | 'CLOSED' | 'ERROR', number>>;
    /** Events that a state machine of the lane did not know in its state. */
    readonly refusedEvents: Readonly<Record<'protocol' | 'connection' | 'message' | 'batch', number>>;
  }[];
  readonly queuedSegments: number;
  readonly queuedBytes: number;
}
