import { crc32cText } from '../base/crc32c.ts';
import { HOP_HEADERS } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import { unpack } from '../wire/compression.ts';
import { jsonToProtobuf } from '../wire/json.ts';
import type { Outcome } from '../wire/outcome.ts';
import { TooLargeError, type Unpacker } from '../wire/unpacking.ts';
import { WireError } from '../wire/wire-error.ts';
import type { Arrival, Arrivals } from './arrivals.ts';
import { BodyPool } from './body-pool.ts';
import { type DoorContext, overloadOf, Reservation } from './door.ts';
import { batchOf } from './marks.ts';
import type { Client } from './shares.ts';
import type { HopBatch } from './sink.ts';
import type { Waiting } from './turns.ts';

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
 * Unpacks, converts and hands on one request; `answered` is told, once, what the door answers, and must not throw. Takes the reservation over: it
 * grows with what the body unpacks to, and is released when the sink is done, whether or not the client still waits.
 */
export function exportRequest(
  context: DoorContext,
  request: WireRequest,
  reservation: Reservation,
  answered: (outcome: Outcome) => void,
): void {
  const whole = new WholeRequest(context, request, reservation, answered);
  if (request.unpacker === undefined) context.turns.take(whole);
  else void whole.unpack(request.unpacker);
}

/** From its last byte to its answer. A small request costs as much as its spans here, so it makes few promises and closures. */
class WholeRequest implements Waiting {
  readonly #context: DoorContext;
  readonly #request: WireRequest;
  readonly #reservation: Reservation;
  readonly #answered: (outcome: Outcome) => void;
  #unpacked: Uint8Array;

  constructor(
    context: DoorContext,
    request: WireRequest,
    reservation: Reservation,
    answered: (outcome: Outcome) => void,
  ) {
    this.#context = context;
    this.#request = request;
    this.#reservation = reservation;
    this.#answered = answered;
    this.#unpacked = request.body;
  }

  get sizeBytes(): number {
    return this.#unpacked.length;
  }

  async unpack(unpacker: Unpacker): Promise<void> {
    try {
      const unpacked = await unpackedOf(this.#context, this.#request, unpacker, this.#reservation);
      if (unpacked === undefined) {
        this.#settle(overloadOf(this.#context));
        return;
      }
      this.#unpacked = unpacked;
      this.#context.turns.take(this);
    } catch (error) {
      this.#fail(error);
    }
  }

  begin(waitedMs: number): void {
    try {
      const outcome = this.#takeIn(waitedMs);
      outcome.then(
        (settled) => this.#settle(settled),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Converts it and hands it on. */
  #takeIn(waitedMs: number): Promise<Outcome> {
    const context = this.#context;
    const { signal, baggage, hop } = this.#request;
    if (hop !== undefined && hop.checksum !== '' && hop.checksum !== crc32cText(this.#unpacked)) {
      const message = `the body of batch ${hop.batch.mark} of ${hop.batch.stream} fails its checksum`;
      context.onReport(message);
      return Promise.resolve({ kind: 'overloaded', message, retryAfterMs: context.limits.retryAfterMs });
    }
    const body = protobufOf(context, this.#request, this.#unpacked, this.#reservation);
    if (body === undefined) return Promise.resolve(overloadOf(context));
    if (hop === undefined) return context.sink.export({ signal, body, baggage, waitedMs });
    return context.sink.export({ signal, body, baggage, waitedMs, batch: hop.batch });
  }

  #settle(outcome: Outcome): void {
    this.#reservation.release();
    this.#answered(outcome);
  }

  #fail(error: unknown): void {
    this.#settle(failureOf(this.#context, error));
  }
}

/** What a request is answered that could not be processed. */
function failureOf(context: DoorContext, error: unknown): Outcome {
  if (error instanceof TooLargeError) return { kind: 'tooLarge', message: error.message };
  if (error instanceof WireError) return { kind: 'invalid', message: error.message };
  context.onReport(`request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return { kind: 'internal', message: 'the request could not be processed; the log has the cause' };
}

/** The body without its packing; undefined when there is no memory for it. */
async function unpackedOf(
  context: DoorContext,
  { body, encoding }: WireRequest,
  unpacker: Unpacker,
  reservation: Reservation,
): Promise<Uint8Array | undefined> {
  if (body.length === 0) return body;
  const reserve = (bytes: number): boolean => reservation.growTo(body.length + bytes);
  const unpacked = await unpack(encoding, unpacker, body, context.limits.requestBytesMax, reserve);
  if (unpacked !== undefined) reservation.shrinkTo(body.length + unpacked.length);
  return unpacked;
}

/** The unpacked body in protobuf; undefined when there is no memory for it. */
function protobufOf(
  context: DoorContext,
  request: WireRequest,
  unpacked: Uint8Array,
  reservation: Reservation,
): Uint8Array | undefined {
  if (!request.json || request.body.length === 0) return unpacked;
  // Protobuf is smaller than JSON but for long lists of small numbers.
  if (!reservation.growTo(request.body.length + 2 * unpacked.length)) return undefined;
  return jsonToProtobuf(request.signal, unpacked, context.limits.requestBytesMax);
}

/** What the headers of a forwarding Clew say. */
export function hopOf(headers: Readonly<Record<string, unknown>>): Hop | undefined {
  const batch = batchOf(headers[HOP_HEADERS.stream], headers[HOP_HEADERS.batch]);
  return batch && { batch, checksum: String(headers[HOP_HEADERS.checksum] ?? '') };
}

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
  readonly #arrivals: Arrivals;
  readonly #arrival: Arrival;
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  #expectedBytes = 0;
  #pooled: Buffer | undefined;
  sizeBytes = 0;

  /** @param refuseSlow answers the request and drops this, when it has been arriving for long and others need its memory */
  constructor(context: DoorContext, bytesMax: number, client: Client, refuseSlow: () => void) {
    this.#arrivals = context.arrivals;
    this.#arrival = this.#arrivals.begin(refuseSlow);
    this.reservation = new Reservation(context.sink, client);
    this.#bytesMax = bytesMax;
  }

  /** Reserves for a body of `bytes` that begins to arrive; false when there is no room. */
  expect(bytes: number): boolean {
    this.#expectedBytes = bytes;
    return this.#growTo(Math.min(bytes, this.sizeBytes + AHEAD_BYTES));
  }

  /** Takes the next piece; says why it cannot be taken. */
  add(chunk: Buffer): 'ok' | 'tooLarge' | 'noRoom' {
    const total = this.sizeBytes + chunk.length;
    if (total > this.#bytesMax) return 'tooLarge';
    if (!this.#growTo(total)) return 'noRoom';
    const memory = this.#memoryFor(total);
    if (memory === undefined) this.#chunks.push(chunk);
    else memory.set(chunk, this.sizeBytes);
    this.sizeBytes = total;
    return 'ok';
  }

  /**
   * Where pieces are put together as they come. Kept until the last had come, they would take as much memory again, which the sum of bytes
   * in flight does not count; a body in one piece is not copied, and of a large one nobody knows whether it comes.
   */
  #memoryFor(total: number): Buffer | undefined {
    const isSplit = total < this.#expectedBytes && this.#expectedBytes <= AHEAD_BYTES;
    if (this.#pooled === undefined && isSplit) {
      this.#pooled = POOL.take(this.#expectedBytes);
      this.#gather(this.#pooled);
    }
    if (this.#pooled === undefined || total <= this.#pooled.length) return this.#pooled;
    // More than was announced: pieces again.
    this.#chunks.push(this.#pooled.subarray(0, this.sizeBytes));
    this.#pooled = undefined;
    this.#expectedBytes = 0;
    return undefined;
  }

  #growTo(total: number): boolean {
    while (!this.reservation.growTo(total)) if (!this.#arrivals.refuseSlow(this.#arrival)) return false;
    return true;
  }

  /** Bytes `[0, count)` of what has arrived, when there are as many. */
  head(count: number): Buffer | undefined {
    if (this.sizeBytes < count) return undefined;
    const first = this.#pooled ?? this.#chunks[0];
    return first.length >= count ? first.subarray(0, count) : this.whole().subarray(0, count);
  }

  /** Everything, once: the pieces are let go. */
  whole(): Buffer {
    this.#arrivals.end(this.#arrival);
    if (this.#pooled !== undefined) return this.#pooled.subarray(0, this.sizeBytes);
    if (this.#chunks.length === 1) return this.#chunks[0];
    const memory = POOL.take(this.sizeBytes);
    this.#gather(memory);
    this.#pooled = memory;
    return memory.subarray(0, this.sizeBytes);
  }

  #gather(memory: Buffer): void {
    let at = 0;
    for (const chunk of this.#chunks) {
      memory.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks.length = 0;
  }

  /** The memory of the body may be used again. Only after a success: then the journal has written it, and nothing else keeps it. */
  recycle(outcome: Outcome): void {
    this.#chunks.length = 0;
    if (outcome.kind === 'success' && this.#pooled !== undefined) POOL.giveBack(this.#pooled);
    this.#pooled = undefined;
  }

  /** Forgets everything, before anybody else has seen it. */
  drop(): void {
    this.#arrivals.end(this.#arrival);
    this.#chunks.length = 0;
    if (this.#pooled !== undefined) POOL.giveBack(this.#pooled);
    this.#pooled = undefined;
    this.reservation.release();
  }
}
