import type { ByteBuffer } from '../base/bytes.ts';

/** Scalars of OTLP as the text that stands in attribute maps (src/columns/attributes.md). */

const DOUBLE = new Float64Array(1);
const DOUBLE_HALVES = new Uint32Array(DOUBLE.buffer);

/** A signed 64-bit integer, given as two halves, in decimal. */
export function writeInt64(out: ByteBuffer, low: number, high: number): void {
  if (high >= 0) writeUint64(out, low >>> 0, high);
  else {
    out.byte(MINUS);
    writeUint64(out, -low >>> 0, (low === 0 ? -high : ~high) >>> 0);
  }
}

const int64 = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;
const TWO_TO_32 = 4_294_967_296;

/** An unsigned 64-bit integer, given as two halves, in decimal. */
export function writeUint64(out: ByteBuffer, low: number, high: number): void {
  if (high === 0) {
    writeDigits(out, low, 1);
    return;
  }
  // The quotient as a double is off by one at most, and 32 bits of the rest say which way.
  let billions = Math.floor((high * TWO_TO_32 + low) / BILLION);
  let rest = (low - Math.imul(billions % TWO_TO_32, BILLION)) | 0;
  if (rest < 0) {
    billions--;
    rest += BILLION;
  } else if (rest >= BILLION) {
    billions++;
    rest -= BILLION;
  }
  writeDigits(out, billions, 1);
  writeDigits(out, rest, BILLION_DIGITS);
}

/** A whole number below 2^53 with leading zeros up to `least` digits. */
function writeDigits(out: ByteBuffer, value: number, least: number): void {
  let digits = least;
  for (let bound = least === 1 ? 10 : BILLION; value >= bound; bound *= 10) digits++;
  out.reserve(digits);
  const { bytes, length } = out;
  let at = length + digits - 1;
  let rest = value;
  // Dividing integers takes a fraction of what rounding doubles does.
  for (; rest > INT32_MAX; at--) {
    const next = Math.floor(rest / 10);
    bytes[at] = ZERO + rest - next * 10;
    rest = next;
  }
  for (let small = rest | 0; at >= length; at--) {
    const next = (small / 10) | 0;
    bytes[at] = ZERO + small - next * 10;
    small = next;
  }
  out.length = length + digits;
}

const INT32_MAX = 0x7fffffff;

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
  out.reserve(end - start + 2);
  out.byte(QUOTE);
  let [to, place] = [out.bytes, out.length];
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH) {
      to[place++] = byte;
      continue;
    }
    out.length = place;
    out.ascii(byte >= SPACE ? `\\${String.fromCharCode(byte)}` : `\\u${byte.toString(16).padStart(4, '0')}`);
    out.reserve(end - i);
    [to, place] = [out.bytes, out.length];
  }
  out.length = place;
  out.byte(QUOTE);
}

const SPACE = 0x20;
const ZERO = 0x30;
const MINUS = 0x2d;
const PADDING = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
