import type { Signal } from '../base/signal.ts';
import type { FrozenTable } from '../journal/seal.ts';

/** What became of one request's items. */
export type TranscodeResult =
  | { readonly kind: 'ok'; readonly accepted: number; readonly rejected: number; readonly message: string }
  /** Cannot be decoded; the rows are as they were before. */
  | { readonly kind: 'invalid'; readonly message: string };

/** The growing rows of one segment, over all tables. The same requests in the same order make the same rows. */
export interface SegmentBuilder {
  /** Items taken in since the last reset. */
  readonly items: number;
  /** Memory that its rows take. */
  readonly sizeBytes: number;
  /** Of these, what they share: their resources and scopes. */
  readonly sharedBytes: number;
  /** Bytes that its rows will repeat of what they share when they are written. */
  readonly repeatedBytes: number;
  /** Adds the rows of one request, all or none. */
  transcode(signal: Signal, body: Uint8Array, baggage: string, receivedUnixNano: bigint): TranscodeResult;
  /**
   * The rows as Native files in pieces of about `groupBytes`, to be read before `reset`; `undefined` in between is a moment to see to others.
   * Without `groupBytes` in as few pieces as is sensible.
   */
  freeze(groupBytes?: number): Iterable<FrozenTable | undefined>;
  reset(): void;
  /** Items by signal, of a builder that makes no rows because its segments are forwarded as they are. */
  counts?(): Readonly<Record<Signal, number>>;
}
