import type { Signal } from '../base/signal.ts';
import { TooLargeError, unpack } from '../wire/compression.ts';
import { jsonToProtobuf } from '../wire/json.ts';
import type { Outcome } from '../wire/outcome.ts';
import { WireError } from '../wire/wire-error.ts';
import type { DoorContext, Reservation } from './door.ts';

type Encodings = Parameters<typeof unpack>[0];

/** One request as it came over the wire, whole. */
export interface WireRequest {
  readonly signal: Signal;
  readonly body: Uint8Array;
  readonly encodings: Encodings;
  readonly encoding: string;
  readonly json: boolean;
  readonly baggage: string;
}

/**
 * Unpacks, converts and hands on one request; the outcome is what the door answers. Never rejects. The reservation grows with what the
 * body unpacks to.
 */
export async function exportRequest(
  context: DoorContext,
  request: WireRequest,
  reservation: Reservation,
): Promise<Outcome> {
  const { sink, limits } = context;
  try {
    const unpacked = unpack(request.encodings, request.encoding, request.body, limits.requestBytesMax);
    if (!reservation.growTo(request.body.length + (unpacked === request.body ? 0 : unpacked.length)))
      return sink.overload();
    const body = request.json ? jsonToProtobuf(request.signal, unpacked) : unpacked;
    return await sink.export({ signal: request.signal, body, baggage: request.baggage });
  } catch (error) {
    if (error instanceof TooLargeError) return { kind: 'tooLarge', message: error.message };
    if (error instanceof WireError) return { kind: 'invalid', message: error.message };
    context.onReport(`request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return { kind: 'internal', message: 'the request could not be processed; the log has the cause' };
  }
}

/** The `baggage` header, cut at the last whole member within the limit. */
export function baggageOf(header: string | readonly string[] | undefined, bytesMax: number): string {
  if (header === undefined) return '';
  const text = typeof header === 'string' ? header : header.join(',');
  if (text.length <= bytesMax) return text;
  const cut = text.lastIndexOf(',', bytesMax);
  return cut < 0 ? '' : text.slice(0, cut);
}

/** Collects a body whose size may be unknown, up to a limit, reserving memory as it grows. */
export class BodyCollector {
  readonly #reservation: Reservation;
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  sizeBytes = 0;

  constructor(reservation: Reservation, bytesMax: number) {
    this.#reservation = reservation;
    this.#bytesMax = bytesMax;
  }

  /** Takes the next piece; says why it cannot be taken. */
  add(chunk: Buffer): 'ok' | 'tooLarge' | 'noRoom' {
    const total = this.sizeBytes + chunk.length;
    if (total > this.#bytesMax) return 'tooLarge';
    if (!this.#reservation.growTo(total)) return 'noRoom';
    this.sizeBytes = total;
    this.#chunks.push(chunk);
    return 'ok';
  }

  whole(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks, this.sizeBytes);
  }
}
