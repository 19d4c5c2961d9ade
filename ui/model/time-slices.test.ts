import { expect, test } from 'vitest';
import { sliceAt, slicesOf } from './time-slices.ts';

const MINUTE = 60_000;
const AT = 1_767_355_200_000;

test('a stretch is cut into whole minutes, at most sixty and a bit, and covered to its end', () => {
  expect(slicesOf({ fromMs: AT, toMs: AT + 60 * MINUTE })).toEqual({ startMs: AT, stepMs: MINUTE, count: 60 });
  for (const [from, width] of [
    [AT + 17_123, 60 * MINUTE],
    [AT + 1, 5 * MINUTE],
    [AT, 1],
    [AT - 999, 7 * 24 * 60 * MINUTE],
  ]) {
    const { startMs, stepMs, count } = slicesOf({ fromMs: from, toMs: from + width });
    expect(startMs % MINUTE).toBe(0);
    expect(startMs).toBeLessThanOrEqual(from);
    expect(startMs + count * stepMs).toBeGreaterThanOrEqual(from + width);
    expect(count).toBeLessThanOrEqual(62);
  }
});

test('a time of the URL names its slice; one outside, or none, names none', () => {
  const slices = slicesOf({ fromMs: AT, toMs: AT + 60 * MINUTE });
  expect(sliceAt(slices, String(AT))).toBe(0);
  expect(sliceAt(slices, String(AT + 59.5 * MINUTE))).toBe(59);
  for (const text of [null, 'x', String(AT - 1), String(AT + 60 * MINUTE)]) expect(sliceAt(slices, text)).toBe(null);
});
