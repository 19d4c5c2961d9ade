import { SIGNALS, type Signal } from '../base/signal.ts';

/*
 * The payload of a journal record of kind `request`; little-endian (docs/journal.md):
 * version u8 · signal u8 · zero u16 · baggage length u32 · received, Unix nanoseconds u64 · baggage, UTF-8 · body
 */

const VERSION = 1;
const HEADER_BYTES = 16;

/** All that the transcoder needs to make the same rows again. */
export interface RequestRecord {
  readonly signal: Signal;
  readonly receivedUnixNano: bigint;
  readonly baggage: string;
  readonly body: Uint8Array;
}

/** The payload in two parts; the second is the body itself, not a copy. */
export function encodeRecord(record: RequestRecord): [Buffer, Uint8Array] {
  const baggageBytes = Buffer.byteLength(record.baggage);
  const head = Buffer.alloc(HEADER_BYTES + baggageBytes);
  head.writeUInt8(VERSION, 0);
  head.writeUInt8(SIGNALS.indexOf(record.signal), 1);
  head.writeUInt32LE(baggageBytes, 4);
  head.writeBigUInt64LE(record.receivedUnixNano, 8);
  head.write(record.baggage, HEADER_BYTES);
  return [head, record.body];
}

/** The record in a payload, or undefined when it is none of this version. The body is a view of `payload`. */
export function decodeRecord(payload: Buffer): RequestRecord | undefined {
  if (payload.length < HEADER_BYTES || payload.readUInt8(0) !== VERSION) return undefined;
  const signal = SIGNALS.at(payload.readUInt8(1));
  const bodyBegin = HEADER_BYTES + payload.readUInt32LE(4);
  if (signal === undefined || bodyBegin > payload.length) return undefined;
  return {
    signal,
    receivedUnixNano: payload.readBigUInt64LE(8),
    baggage: payload.toString('utf8', HEADER_BYTES, bodyBegin),
    body: payload.subarray(bodyBegin),
  };
}
