import type { ByteBuffer } from '../base/bytes.ts';

/*
 * The shortest decimal text that reads back to the same double, as ECMAScript's Number::toString defines it, written as bytes. `String(value)`
 * allocates a string that is then copied letter by letter: 0.4 µs, a tenth of what a span with one double costs a receiver. Here only
 * what cannot be decided in double arithmetic goes that way.
 *
 * A value below 10^15 is scaled by a power of ten that is exact (10^0 … 10^22), and the product is known exactly as a sum of two doubles (Dekker 1971).
 * With 15 and 16 digits the nearest decimal is a whole number below 2^53: divided by the power of ten it reads back to the value, or no
 * decimal of so many digits does, because the distance to the neighbours is the same on both sides (not so at powers of two: left to String).
 */

const DOUBLE = new Float64Array(1);
const HALVES = new Uint32Array(DOUBLE.buffer);

const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const SPLITTER = 134217729;
const EXACT_MAX = 9007199254740992;
const HALF_DIGITS = 1e8;

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;

/** Appends the text of the double with these halves. -0 keeps its sign; NaN and the infinities are `NaN`, `Infinity`, `-Infinity`. */
export function writeDouble(out: ByteBuffer, low: number, high: number): void {
  HALVES[0] = low;
  HALVES[1] = high;
  const value = DOUBLE[0];
  const magnitude = Math.abs(value);
  const isPowerOfTwo = low === 0 && (high & 0xfffff) === 0;
  if (magnitude >= 1e-6 && magnitude < 1e15 && (!isPowerOfTwo || magnitude === Math.floor(magnitude))) {
    out.reserve(DIGITS_MAX);
    const before = out.length;
    if (value < 0) out.bytes[out.length++] = MINUS;
    if (writeShortest(out, magnitude)) return;
    out.length = before;
  }
  out.ascii(low === 0 && high === MINUS_ZERO_HIGH ? '-0' : String(value));
}

const MINUS_ZERO_HIGH = 0x80000000 | 0;
/** Sign, 17 digits, point, and up to six zeros before the digits of 0.000001. */
const DIGITS_MAX = 32;

/** False when the shortest text is not found here. */
function writeShortest(out: ByteBuffer, value: number): boolean {
  const exponent = exponentOf(value);
  // 15 digits: the product is off by less than an eighth, so it rounds to the right whole number if there is one.
  const short = POWERS[14 - exponent];
  const fifteen = Math.round(value * short);
  if (fifteen / short === value) return writeDigits(out, fifteen, 0, exponent, 15);
  return writeLong(out, value, exponent);
}

/** 16 or 17 digits. */
function writeLong(out: ByteBuffer, value: number, exponent: number): boolean {
  const scale = POWERS[15 - exponent];
  const product = value * scale;
  const rest = productError(value, scale, product);
  if (product > EXACT_MAX) return writeWhole(out, product, rest, exponent, 16);
  let sixteen = Math.round(product);
  const off = product - sixteen + rest;
  if (off > 0.5) sixteen++;
  else if (off < -0.5) sixteen--;
  if (sixteen > EXACT_MAX || Math.abs(off) === 0.5) return false;
  if (sixteen / scale === value) return writeDigits(out, sixteen, 0, exponent, 16);
  return exponent >= -6 && writeSeventeen(out, value, exponent);
}

/** 17 digits always read back to the value; the nearest are the shortest text once 16 are not enough. */
function writeSeventeen(out: ByteBuffer, value: number, exponent: number): boolean {
  const scale = POWERS[16 - exponent];
  const product = value * scale;
  return writeWhole(out, product, productError(value, scale, product), exponent, 17);
}

/**
 * Writes the whole number nearest to product + rest, for a product above 2^53, which is whole. It reads back to the value: it is off by less than a half,
 * and half of the distance between two doubles is more than that here.
 */
function writeWhole(out: ByteBuffer, product: number, rest: number, exponent: number, count: number): boolean {
  const whole = Math.round(rest);
  if (Math.abs(rest - whole) === 0.5) return false;
  // The upper half is a multiple of 2^8, hence exact.
  let upper = Math.floor(product / HALF_DIGITS);
  let lower = product - upper * HALF_DIGITS + whole;
  if (lower < 0) {
    upper--;
    lower += HALF_DIGITS;
  } else if (lower >= HALF_DIGITS) {
    upper++;
    lower -= HALF_DIGITS;
  }
  return writeDigits(out, lower, upper, exponent, count);
}

/** a·b − product, exactly (Dekker's product; no overflow for the values that come here). */
function productError(a: number, b: number, product: number): number {
  const aScaled = a * SPLITTER;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = b * SPLITTER;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

/** e with 10^e <= value < 10^(e+1), for 10^-6 <= value < 10^15. */
function exponentOf(value: number): number {
  let exponent = 0;
  if (value >= 1) while (exponent < 15 && value >= POWERS[exponent + 1]) exponent++;
  else while (exponent > -6 && value * POWERS[-exponent] < 1) exponent--;
  return exponent;
}

const digits = new Uint8Array(24);

/** Writes `count` digits of upper·10^8 + lower (or of lower alone, up to 16 digits), without zeros at the end, the point behind the digit of 10^0. */
function writeDigits(out: ByteBuffer, lower: number, upper: number, exponent: number, count: number): boolean {
  const top = upper === 0 ? Math.floor(lower / HALF_DIGITS) : upper;
  const bottom = upper === 0 ? lower - top * HALF_DIGITS : lower;
  splitDigits(bottom | 0, count - 8, count);
  // The upper digits are at most nine: 999,999,999 fits 31 bits.
  splitDigits(top | 0, 0, count - 8);
  // A value just below a power of ten has rounded up to it, or its exponent was taken one too high: String knows better.
  if (digits[0] === 0 || (upper === 0 && lower >= POWERS[count])) return false;
  let used = count;
  while (used > 1 && digits[used - 1] === 0) used--;
  place(out, exponent, used);
  return true;
}

/** The decimal digits of a whole number below 2^31 into `digits[from, to)`. */
function splitDigits(value: number, from: number, to: number): void {
  let rest = value;
  for (let at = to - 1; at >= from; at--) {
    const next = (rest / 10) | 0;
    digits[at] = rest - next * 10;
    rest = next;
  }
}

function place(out: ByteBuffer, exponent: number, used: number): void {
  const { bytes } = out;
  let at = out.length;
  if (exponent < 0) {
    bytes[at++] = ZERO;
    bytes[at++] = POINT;
    for (let zeros = exponent + 1; zeros < 0; zeros++) bytes[at++] = ZERO;
    for (let i = 0; i < used; i++) bytes[at++] = ZERO + digits[i];
  } else {
    const before = exponent + 1;
    for (let i = 0; i < before; i++) bytes[at++] = i < used ? ZERO + digits[i] : ZERO;
    if (used > before) {
      bytes[at++] = POINT;
      for (let i = before; i < used; i++) bytes[at++] = ZERO + digits[i];
    }
  }
  out.length = at;
}
