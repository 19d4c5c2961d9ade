import { SIGNALS, type Signal } from '../base/signal.ts';
import { decodePlaces, encodePlaces, type Place } from './position.ts';

/*
 * The payload of a journal record of kind `request`; little-endian (docs/journal.md):
 * version u8 = 1 · signal u8 · zero u16 · baggage length u32 · received, Unix nanoseconds u64 · baggage, UTF-8 · body
 * version u8 = 2 · signal u8 · token length u16 · baggage length u32 · received u64 · items u32 · rejected u32 · baggage · token · body
 */

const PLAIN = 1;
const COUNTED = 2;
const HEADER_BYTES = 16;
const COUNTED_HEADER_BYTES = 24;

/** All that the transcoder needs to make the same rows again. */
export interface RequestRecord {
  readonly signal: Signal;
  readonly receivedUnixNano: bigint;
  readonly baggage: string;
  readonly body: Uint8Array;
  /** Which batch of which sending Clew it is; absent for all other clients. */
  readonly token?: StreamToken;
  /** Valid and invalid items, where they are counted: in what is forwarded. */
  readonly items?: number;
  readonly rejected?: number;
}

/** A batch of a sending Clew: its stream, and the position of its last record, which grows from batch to batch. */
export interface StreamToken {
  readonly stream: string;
  readonly mark: string;
  /**
   * Where the batches of the stream stand that other receivers of this Clew took in, the last one in each directory: they are forwarded before this one. In
   * the first record after the stream came to this receiver; the others follow it in their journal.
   */
  readonly after?: readonly Place[];
}

/** The payload in two parts; the second is the body itself, not a copy. */
export function encodeRecord(record: RequestRecord): [Buffer, Uint8Array] {
  const baggageBytes = record.baggage === '' ? 0 : Buffer.byteLength(record.baggage);
  const isCounted = record.token !== undefined || record.items !== undefined;
  const headerBytes = isCounted ? COUNTED_HEADER_BYTES : HEADER_BYTES;
  const token = record.token === undefined ? '' : tokenText(record.token);
  // Every byte of it is written.
  const head = Buffer.allocUnsafe(headerBytes + baggageBytes + token.length);
  head.writeUInt8(isCounted ? COUNTED : PLAIN, 0);
  head.writeUInt8(SIGNALS.indexOf(record.signal), 1);
  head.writeUInt16LE(token.length, 2);
  head.writeUInt32LE(baggageBytes, 4);
  head.writeBigUInt64LE(record.receivedUnixNano, 8);
  if (baggageBytes > 0) head.write(record.baggage, headerBytes);
  if (token !== '') head.write(token, headerBytes + baggageBytes, 'latin1');
  if (isCounted) writeCounts(head, record.items ?? 0, record.rejected ?? 0);
  return [head, record.body];
}

const tokenText = ({ stream, mark, after = [] }: StreamToken): string =>
  after.length === 0 ? `${stream} ${mark}` : `${stream} ${mark} ${encodePlaces(after)}`;

function tokenIn(text: string): StreamToken | undefined {
  const [stream, mark, after] = text.split(' ');
  if (stream === undefined || mark === undefined) return undefined;
  return after === undefined ? { stream, mark } : { stream, mark, after: decodePlaces(after) };
}

/** Writes the counts into a payload that was encoded before they were known. */
export function writeCounts(head: Buffer, items: number, rejected: number): void {
  head.writeUInt32LE(items, 16);
  head.writeUInt32LE(rejected, 20);
}

/** The record in a payload, or undefined when it is none of these versions. The body is a view of `payload`. */
export function decodeRecord(payload: Buffer): RequestRecord | undefined {
  if (payload.length < HEADER_BYTES) return undefined;
  const version = payload.readUInt8(0);
  if (version !== PLAIN && version !== COUNTED) return undefined;
  const headerBytes = version === COUNTED ? COUNTED_HEADER_BYTES : HEADER_BYTES;
  const signal = SIGNALS.at(payload.readUInt8(1));
  const tokenBegin = headerBytes + payload.readUInt32LE(4);
  const bodyBegin = tokenBegin + (version === COUNTED ? payload.readUInt16LE(2) : 0);
  if (signal === undefined || bodyBegin > payload.length) return undefined;
  const record = {
    signal,
    receivedUnixNano: payload.readBigUInt64LE(8),
    baggage: payload.toString('utf8', headerBytes, tokenBegin),
    body: payload.subarray(bodyBegin),
  };
  if (version === PLAIN) return record;
  const token = tokenIn(payload.toString('latin1', tokenBegin, bodyBegin));
  return {
    ...record,
    ...(token === undefined ? {} : { token }),
    items: payload.readUInt32LE(16),
    rejected: payload.readUInt32LE(20),
  };
}
