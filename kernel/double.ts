/*
 * The shortest text of a double, as src/transcode/double-text.ts finds it (the reasons stand there), with whole numbers of 64 bits where JavaScript
 * has halves. What is not decided in double arithmetic, the language's own conversion decides.
 */
import { doubleText } from './host.ts';
import { twoDigits } from './text.ts';

const POWERS: StaticArray<f64> = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
];
const SPLITTER: f64 = 134217729;
const EXACT_MAX: f64 = 9007199254740992;
const EIGHT_DIGITS: u64 = 100000000;
const MINUS = 0x2d;
const ZERO = 0x30;
const POINT = 0x2e;

/** Where digits are written before the point finds its place. */
const digits: usize = memory.data(64);

function power(exponent: i32): f64 {
  return unchecked(POWERS[exponent]);
}

export function writeDouble(to: usize, value: f64): usize {
  if (reinterpret<u64>(value) === 0) {
    store<u8>(to, ZERO);
    return to + 1;
  }
  const magnitude = abs<f64>(value);
  const isPowerOfTwo = (reinterpret<u64>(value) & 0xfffffffffffff) === 0;
  if (magnitude >= 1e-6 && magnitude < 1e15 && (!isPowerOfTwo || magnitude === floor<f64>(magnitude))) {
    let text = to;
    if (value < 0) store<u8>(text++, MINUS);
    const end = writeShortest(text, magnitude);
    if (end !== 0) return end;
  }
  return doubleText(to, value);
}

/** 0 when the shortest text is not found here. */
function writeShortest(to: usize, value: f64): usize {
  const exponent = exponentOf(value);
  const short = power(14 - exponent);
  const fifteen = Math.round(value * short);
  if (fifteen / short === value) return writeDigits(to, <u64>fifteen, exponent, 15);
  const scale = power(15 - exponent);
  const product = value * scale;
  const rest = productError(value, scale, product);
  if (product > EXACT_MAX) return writeWhole(to, product, rest, exponent, 16);
  let sixteen = Math.round(product);
  const off = product - sixteen + rest;
  if (off > 0.5) sixteen++;
  else if (off < -0.5) sixteen--;
  if (sixteen > EXACT_MAX || abs<f64>(off) === 0.5) return 0;
  if (sixteen / scale === value) return writeDigits(to, <u64>sixteen, exponent, 16);
  return exponent >= -6 ? writeSeventeen(to, value, exponent) : 0;
}

/**
 * Writes the whole number nearest to product + rest, for a product above 2^53, which is whole. It reads back to the value: it is off by less than a half,
 * and half of the distance between two doubles is more than that here.
 */
function writeWhole(to: usize, product: f64, rest: f64, exponent: i32, count: i32): usize {
  const whole = Math.round(rest);
  if (abs<f64>(rest - whole) === 0.5) return 0;
  return writeDigits(to, <u64>(<i64>product + <i64>whole), exponent, count);
}

/** 17 digits always read back to the value; the nearest are the shortest text once 16 are not enough. */
function writeSeventeen(to: usize, value: f64, exponent: i32): usize {
  const scale = power(16 - exponent);
  const product = value * scale;
  return writeWhole(to, product, productError(value, scale, product), exponent, 17);
}

/** a·b − product, exactly (Dekker's product). */
function productError(a: f64, b: f64, product: f64): f64 {
  const aScaled = a * SPLITTER;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = b * SPLITTER;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

/** e with 10^e <= value < 10^(e+1), for 10^-6 <= value < 10^15. */
function exponentOf(value: f64): i32 {
  let exponent: i32 = 0;
  if (value >= 1) while (exponent < 15 && value >= power(exponent + 1)) exponent++;
  else while (exponent > -6 && value * power(-exponent) < 1) exponent--;
  return exponent;
}

/** Writes a number of `count` digits without the zeros at its end, the point behind the digit of 10^0; 0 when it has more or fewer. */
function writeDigits(to: usize, value: u64, exponent: i32, count: i32): usize {
  const top = <u32>(value / EIGHT_DIGITS);
  const bottom = <u32>(value - <u64>top * EIGHT_DIGITS);
  splitDigits(bottom, digits + count - 8, 4);
  // The upper digits are seven to nine: an odd one comes last.
  const pairs = (count - 8) >> 1;
  const rest = splitDigits(top, digits + ((count - 8) & 1), pairs);
  if ((count & 1) === 0 ? rest !== 0 : rest > 9) return 0;
  if ((count & 1) === 1) store<u8>(digits, ZERO + rest);
  if (load<u8>(digits) === ZERO) return 0;
  let used = count;
  while (used > 1 && load<u8>(digits + used - 1) === ZERO) used--;
  return place(to, exponent, used);
}

/** The last 2 · `pairs` decimal digits of `value` to `to`; answers what is left above them. */
function splitDigits(value: u32, to: usize, pairs: i32): u32 {
  let rest = value;
  for (let at = to + pairs * 2; at > to; ) {
    const next = rest / 100;
    at -= 2;
    store<u16>(at, twoDigits(rest - next * 100));
    rest = next;
  }
  return rest;
}

function place(to: usize, exponent: i32, used: i32): usize {
  let at = to;
  if (exponent < 0) {
    store<u8>(at++, ZERO);
    store<u8>(at++, POINT);
    for (let zeros = exponent + 1; zeros < 0; zeros++) store<u8>(at++, ZERO);
    return putDigits(at, 0, used);
  }
  const before = exponent + 1;
  if (used > before) {
    at = putDigits(at, 0, before);
    store<u8>(at, POINT);
    return putDigits(at + 1, before, used);
  }
  at = putDigits(at, 0, used);
  for (let i = used; i < before; i++) store<u8>(at++, ZERO);
  return at;
}

/** At most 17 digits. Sixteen are written whatever their number: there is room behind every text. */
function putDigits(to: usize, from: i32, end: i32): usize {
  v128.store(to, v128.load(digits + from));
  if (end - from > 16) store<u8>(to + 16, load<u8>(digits + from + 16));
  return to + (end - from);
}
