import type { ByteBuffer } from '../base/bytes.ts';

/** Scalars of OTLP as the text that stands in attribute maps (src/columns/attributes.md). */

const DOUBLE = new Float64Array(1);
const DOUBLE_HALVES = new Uint32Array(DOUBLE.buffer);

/** A signed 64-bit integer, given as two halves, in decimal. */
export function writeInt64(out: ByteBuffer, low: number, high: number): void {
  if (high === 0) writeUint32(out, low >>> 0);
  else if (high === -1 && low < 0) {
    out.byte(MINUS);
    writeUint32(out, -low);
  } else out.ascii(int64(low, high).toString());
}

const int64 = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

function writeUint32(out: ByteBuffer, value: number): void {
  out.reserve(10);
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  let rest = value;
  for (let at = out.length + digits - 1; at >= out.length; at--) {
    const next = Math.floor(rest / 10);
    out.bytes[at] = ZERO + rest - next * 10;
    rest = next;
  }
  out.length += digits;
}

/** Rounds a signed 64-bit integer to the nearest double and answers its halves in `target` (for Value columns, beside the exact IntValue). */
export function int64AsDouble(low: number, high: number, target: { low: number; high: number }): void {
  DOUBLE[0] = Number(int64(low, high));
  target.low = DOUBLE_HALVES[0];
  target.high = DOUBLE_HALVES[1];
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Standard base64 with padding (RFC 4648 section 4). */
export function writeBase64(out: ByteBuffer, bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at += 3) {
    const left = end - at;
    const word = (bytes[at] << 16) | ((left > 1 ? bytes[at + 1] : 0) << 8) | (left > 2 ? bytes[at + 2] : 0);
    out.byte(BASE64.charCodeAt(word >> 18));
    out.byte(BASE64.charCodeAt((word >> 12) & 63));
    out.byte(left > 1 ? BASE64.charCodeAt((word >> 6) & 63) : PADDING);
    out.byte(left > 2 ? BASE64.charCodeAt(word & 63) : PADDING);
  }
}

/** A JSON string. Bytes above 127 stay as they are: text that was not valid UTF-8 is not made valid here. */
export function writeJsonString(out: ByteBuffer, bytes: Uint8Array, start: number, end: number): void {
  out.byte(QUOTE);
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE || byte === BACKSLASH) {
      out.byte(BACKSLASH);
      out.byte(byte);
    } else if (byte < 0x20) out.ascii(`\\u${byte.toString(16).padStart(4, '0')}`);
    else out.byte(byte);
  }
  out.byte(QUOTE);
}

const ZERO = 0x30;
const MINUS = 0x2d;
const PADDING = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
