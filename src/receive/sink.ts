import { recordStream } from '../base/history.ts';
import type { Signal } from '../base/signal.ts';
import type { Place } from '../journal/position.ts';
import type { Outcome } from '../wire/outcome.ts';
import type { Holder } from './shares.ts';

/** One export request as a door hands it on: decompressed protobuf, whatever the client sent. */
export interface ExportRequest {
  readonly signal: Signal;
  /** Export…ServiceRequest in protobuf. The callee may keep it until the promise settles; the caller must not change it. */
  readonly body: Uint8Array;
  /** The request's W3C `baggage` header, '' when absent. */
  readonly baggage: string;
  /** How long it waited, whole, for its turn; for the time that its answer took. */
  readonly waitedMs?: number;
  /** Of a batch that another Clew forwards. */
  readonly batch?: HopBatch;
}

/** Which part of which stream a forwarded batch is. Positions sort as text, and grow within a stream. */
export interface HopBatch {
  readonly stream: string;
  /** Position of its first record, and of its last. */
  readonly from: string;
  readonly mark: string;
  /** What other receivers of this Clew took in of the stream before; absent when it was this one. */
  readonly after?: readonly Place[];
}

/** Records that a stream's batch is the nth record of a segment now: from here on its steps are those of that record. */
export function recordBatch(batch: HopBatch, nth: number, segment: string): void {
  recordStream('Deliver', batch.stream, nth, `${batch.from}-${batch.mark}`, segment);
}

/**
 * Where the doors hand requests: the intake of a receiver, or a stand-in in a test.
 * `reserve` is asked before a body is read or unpacked, so that memory is bounded before it is spent.
 */
export interface ExportSink {
  /**
   * Reserves `bytes` more for a request than it holds. False: the limit of bytes in flight, of the journal or of the disk is reached, or what of it
   * is left is for others; answer `overloaded`.
   */
  reserve(bytes: number, holder: Holder): boolean;
  /** Gives `bytes` of what a request holds back. */
  release(bytes: number, holder: Holder): void;
  /** Whether a request of `bytes` should wait a little before it is handed on: asked again and again, it turns false soon, one way or the other. */
  isHeldUp(bytes: number): boolean;
  /** Settles when the request is durable (fsynced) or refused. Never rejects. */
  export(request: ExportRequest): Promise<Outcome>;
  /** Why `reserve` said no, and how long to wait. */
  overload(): Outcome;
}
