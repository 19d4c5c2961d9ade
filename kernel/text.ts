/* Scalars as text, as src/transcode/text.ts writes them. Each writer answers the place behind what it wrote. */

const ZERO = 0x30;
const MINUS = 0x2d;
const PADDING = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function writeUint64(to: usize, value: u64): usize {
  let digits: usize = 1;
  for (let rest = value; rest >= 10; rest /= 10) digits++;
  let rest = value;
  for (let at = to + digits; at > to; rest /= 10) store<u8>(--at, ZERO + <u32>(rest % 10));
  return to + digits;
}

/** The two decimal digits of a number below 100, as they are stored: the upper one first. */
export function twoDigits(value: u32): u32 {
  const tens = (value * 103) >> 10;
  return 0x3030 + tens + ((value - tens * 10) << 8);
}

/** Below 2^32: divisions of words take half the time. */
function writeUint32(to: usize, value: u32): usize {
  let digits: usize = 1;
  for (let bound: u64 = 10; <u64>value >= bound; bound *= 10) digits++;
  let rest = value;
  for (let at = to + digits; at > to; rest /= 10) store<u8>(--at, ZERO + (rest % 10));
  return to + digits;
}

export function writeInt64(to: usize, value: i64): usize {
  if (value >= 0) return value <= <i64>u32.MAX_VALUE ? writeUint32(to, <u32>value) : writeUint64(to, value);
  store<u8>(to, MINUS);
  return writeUint64(to + 1, -value);
}

/** Standard base64 with padding (RFC 4648 section 4). */
export function writeBase64(to: usize, start: usize, end: usize): usize {
  for (let at = start; at < end; at += 3) {
    const left = end - at;
    const second: u32 = left > 1 ? load<u8>(at + 1) : 0;
    const third: u32 = left > 2 ? load<u8>(at + 2) : 0;
    const word = ((<u32>load<u8>(at)) << 16) | (second << 8) | third;
    store<u8>(to, base64(word >> 18));
    store<u8>(to + 1, base64((word >> 12) & 63));
    store<u8>(to + 2, left > 1 ? base64((word >> 6) & 63) : PADDING);
    store<u8>(to + 3, left > 2 ? base64(word & 63) : PADDING);
    to += 4;
  }
  return to;
}

function base64(sextet: u32): u32 {
  if (sextet < 26) return sextet + 65;
  if (sextet < 52) return sextet + 71;
  if (sextet < 62) return sextet - 4;
  return sextet === 62 ? 43 : 47;
}

/** A JSON string: at most six bytes for one, and two quotes. */
export function writeJsonString(to: usize, start: usize, end: usize): usize {
  store<u8>(to++, QUOTE);
  for (let at = start; at < end; at++) {
    const byte: u32 = load<u8>(at);
    if (byte < 0x20) {
      // \u00 and two digits
      store<u32>(to, 0x3030755c);
      store<u8>(to + 4, ZERO + (byte >> 4));
      store<u8>(to + 5, (byte & 15) < 10 ? ZERO + (byte & 15) : 87 + (byte & 15));
      to += 6;
      continue;
    }
    if (byte === QUOTE || byte === BACKSLASH) store<u8>(to++, BACKSLASH);
    store<u8>(to++, byte);
  }
  store<u8>(to++, QUOTE);
  return to;
}

/** `true`, `false`. */
export function writeBool(to: usize, value: bool): usize {
  store<u32>(to, value ? 0x65757274 : 0x736c6166);
  if (value) return to + 4;
  store<u8>(to + 4, 0x65);
  return to + 5;
}

/** `null`. */
export function writeNull(to: usize): usize {
  store<u32>(to, 0x6c6c756e);
  return to + 4;
}
