import type { PeerReport } from './fleet.ts';
import type { Signal } from './signal.ts';

/** A Clew that forwards to this one, as one receiver sees it. */
export interface SourceVitals {
  /** Its data directory's identity. */
  readonly instance: string;
  readonly batches: number;
  /** When its last batch was taken in, Unix milliseconds. */
  readonly lastMs: number;
}

/** Counters of one receiver since its start, sent to the supervisor once a second and passed on to the store process. */
export interface ReceiverVitals {
  readonly receiver: number;
  readonly pid: number;
  readonly startedAtMs: number;
  /** Items acknowledged, by signal. */
  readonly accepted: Readonly<Record<Signal, number>>;
  /** Items refused inside a request that was otherwise accepted (partial success), by signal. */
  readonly rejected: Readonly<Record<Signal, number>>;
  readonly requests: number;
  readonly requestBytes: number;
  /** Requests that were not accepted, by reason (an Outcome kind). */
  readonly refused: Readonly<Record<string, number>>;
  /** Batches of other Clews that came again and were acknowledged without being stored again. */
  readonly repeated: number;
  /** The Clews whose batches came here since the process started, latest first, at most LIMITS.sourcesShownMax. */
  readonly sources: readonly SourceVitals[];
  readonly connections: number;
  readonly inflightBytes: number;
  /** Durable acknowledgement latency of the last minute, milliseconds. */
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly journalBytes: number;
  readonly journalQuotaBytes: number;
  readonly sealedSegments: number;
  /** Journal records that failed their checksum, with their place. Newest last, at most 20. */
  readonly damaged: readonly string[];
  readonly memoryBytes: number;
  readonly cpuMs: number;
}

/** What processes tell one another; everything passes through the supervisor. */
export type Message =
  | { readonly type: 'ready'; readonly role: 'receiver' | 'store' | 'sender'; readonly addresses: readonly string[] }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'sealed'; readonly receiver: number; readonly segment: string }
  | { readonly type: 'forgotten'; readonly receiver: number; readonly segment: string }
  /** The store found a file of a sealed segment damaged: its receiver builds it again from the journal and says `sealed` once more. */
  | { readonly type: 'rebuild'; readonly receiver: number; readonly segment: string }
  | { readonly type: 'vitals'; readonly vitals: ReceiverVitals }
  /** A Clew that forwards to this one told of itself. */
  | { readonly type: 'peer'; readonly report: PeerReport }
  | { readonly type: 'shutdown' };
