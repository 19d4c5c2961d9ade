import { crc32c } from '../base/crc32c.ts';
import { HOP_HEADERS } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import { unpack } from '../wire/compression.ts';
import { jsonToProtobuf } from '../wire/json.ts';
import type { Outcome } from '../wire/outcome.ts';
import { TooLargeError, type Unpacker } from '../wire/unpacking.ts';
import { WireError } from '../wire/wire-error.ts';
import { BodyPool } from './body-pool.ts';
import { type DoorContext, overloadOf, Reservation } from './door.ts';
import { batchOf } from './marks.ts';
import type { Client } from './shares.ts';
import type { HopBatch } from './sink.ts';

/** One request as it came over the wire, whole. */
export interface WireRequest {
  readonly signal: Signal;
  readonly body: Uint8Array;
  /** Undefined when the body is not packed. */
  readonly unpacker: Unpacker | undefined;
  /** Name of the encoding, for messages. */
  readonly encoding: string;
  readonly json: boolean;
  readonly baggage: string;
  /** What a forwarding Clew says of it; undefined for other clients. */
  readonly hop: Hop | undefined;
}

/** A batch of another Clew, and the checksum that its unpacked body must have. */
export interface Hop {
  readonly batch: HopBatch;
  readonly checksum: string;
}

/**
 * Unpacks, converts and hands on one request; the outcome is what the door answers. Never rejects. Takes the reservation over: it grows
 * with what the body unpacks to, and is released when the sink is done, whether or not the client still waits.
 */
export async function exportRequest(
  context: DoorContext,
  request: WireRequest,
  reservation: Reservation,
): Promise<Outcome> {
  try {
    const isPlain = request.unpacker === undefined && !request.json;
    const body = isPlain ? request.body : await protobufOf(context, request, reservation);
    if (body === undefined) return overloadOf(context);
    const { signal, baggage, hop } = request;
    if (hop === undefined) return await context.sink.export({ signal, body, baggage });
    if (hop.checksum !== '' && hop.checksum !== checksumText(body)) {
      const message = `the body of batch ${hop.batch.mark} of ${hop.batch.stream} fails its checksum`;
      context.onReport(message);
      return { kind: 'overloaded', message, retryAfterMs: context.limits.retryAfterMs };
    }
    return await context.sink.export({ signal, body, baggage, batch: hop.batch });
  } catch (error) {
    if (error instanceof TooLargeError) return { kind: 'tooLarge', message: error.message };
    if (error instanceof WireError) return { kind: 'invalid', message: error.message };
    context.onReport(`request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return { kind: 'internal', message: 'the request could not be processed; the log has the cause' };
  } finally {
    reservation.release();
  }
}

async function protobufOf(
  context: DoorContext,
  request: WireRequest,
  reservation: Reservation,
): Promise<Uint8Array | undefined> {
  const bytesMax = context.limits.requestBytesMax;
  const arrived = request.body.length;
  let body = request.body;
  if (request.unpacker !== undefined && arrived > 0) {
    const reserve = (bytes: number): boolean => reservation.growTo(arrived + bytes);
    const unpacked = await unpack(request.encoding, request.unpacker, body, bytesMax, reserve);
    if (unpacked === undefined) return undefined;
    body = unpacked;
    reservation.shrinkTo(arrived + body.length);
  }
  if (!request.json || arrived === 0) return body;
  // Protobuf is smaller than JSON but for long lists of small numbers.
  if (!reservation.growTo(arrived + 2 * body.length)) return undefined;
  return jsonToProtobuf(request.signal, body, bytesMax);
}

/** What the headers of a forwarding Clew say. */
export function hopOf(headers: Readonly<Record<string, unknown>>): Hop | undefined {
  const batch = batchOf(headers[HOP_HEADERS.stream], headers[HOP_HEADERS.batch]);
  return batch && { batch, checksum: String(headers[HOP_HEADERS.checksum] ?? '') };
}

/** As HOP_HEADERS.checksum has it: 8 hexadecimal digits. */
const checksumText = (body: Uint8Array): string => crc32c(body).toString(16).padStart(8, '0');

/** The `baggage` header, cut at the last whole member within the limit. */
export function baggageOf(header: string | readonly string[] | undefined, bytesMax: number): string {
  if (header === undefined) return '';
  const text = typeof header === 'string' ? header : header.join(',');
  if (text.length <= bytesMax) return text;
  const cut = text.lastIndexOf(',', bytesMax);
  return cut < 0 ? '' : text.slice(0, cut);
}

/** One for a process: its doors share it. */
const POOL = new BodyPool();

/**
 * Memory is reserved so far ahead of what has arrived: a usual request is refused before it is sent, and a client that announces much and
 * sends nothing holds little.
 */
const AHEAD_BYTES = 256 * 1024;

/** Collects a body up to a limit, reserving memory as it arrives. */
export class BodyCollector {
  readonly reservation: Reservation;
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  #pooled: Buffer | undefined;
  sizeBytes = 0;

  constructor(context: DoorContext, bytesMax: number, client: Client) {
    this.reservation = new Reservation(context.sink, client);
    this.#bytesMax = bytesMax;
  }

  /** Reserves for a body of `bytes` that begins to arrive; false when there is no room. */
  expect(bytes: number): boolean {
    return this.reservation.growTo(Math.min(bytes, this.sizeBytes + AHEAD_BYTES));
  }

  /** Takes the next piece; says why it cannot be taken. */
  add(chunk: Buffer): 'ok' | 'tooLarge' | 'noRoom' {
    const total = this.sizeBytes + chunk.length;
    if (total > this.#bytesMax) return 'tooLarge';
    if (!this.reservation.growTo(total)) return 'noRoom';
    this.sizeBytes = total;
    this.#chunks.push(chunk);
    return 'ok';
  }

  /** Bytes `[0, count)` of what has arrived, when there are as many. */
  head(count: number): Buffer | undefined {
    if (this.sizeBytes < count) return undefined;
    const first = this.#chunks[0];
    return first.length >= count ? first.subarray(0, count) : this.whole().subarray(0, count);
  }

  /** Everything, once: the pieces are let go. */
  whole(): Buffer {
    if (this.#chunks.length === 1) return this.#chunks[0];
    const memory = POOL.take(this.sizeBytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      memory.set(chunk, at);
      at += chunk.length;
    }
    this.#pooled = memory;
    const joined = memory.subarray(0, this.sizeBytes);
    this.#chunks.length = 0;
    this.#chunks.push(joined);
    return joined;
  }

  /** The memory of the body may be used again. Only after a success: then the journal has written it, and nothing else keeps it. */
  recycle(outcome: Outcome): void {
    this.#chunks.length = 0;
    if (outcome.kind === 'success' && this.#pooled !== undefined) POOL.giveBack(this.#pooled);
    this.#pooled = undefined;
  }

  /** Forgets everything. */
  drop(): void {
    this.#chunks.length = 0;
    this.reservation.release();
  }
}
