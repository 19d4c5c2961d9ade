import type { Nanos } from '../../src/query/api.ts';

/** Nanosecond times do not fit a JavaScript number; their difference to a near time does. All functions here stay exact. */

const DIGITS_BELOW_SECOND = 9;

/** `time - origin` in nanoseconds: exact while the two are less than 104 days apart. Malformed or empty text counts as 0. */
export function nanosSince(time: Nanos, origin: Nanos): number {
  return (
    (wholeSeconds(time) - wholeSeconds(origin)) * 1e9 +
    Number(time.slice(-DIGITS_BELOW_SECOND)) -
    Number(origin.slice(-DIGITS_BELOW_SECOND))
  );
}

function wholeSeconds(time: Nanos): number {
  return Number(time.slice(0, -DIGITS_BELOW_SECOND));
}

/** Unix milliseconds of a time, with its fraction as far as a number holds it. */
export function nanosToMs(time: Nanos): number {
  return wholeSeconds(time) * 1e3 + Number(time.slice(-DIGITS_BELOW_SECOND)) / 1e6;
}

/** Earlier first. Times of equal length compare as text. */
export function compareNanos(a: Nanos, b: Nanos): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
