import { expect, test } from 'vitest';
import { LIMITS } from '../base/limits.ts';
import { BodyPool } from './body-pool.ts';

test('what is given back is used again for bodies of its size, and never handed out twice', () => {
  const pool = new BodyPool();
  const first = pool.take(100_000);
  expect(first.length).toBeGreaterThanOrEqual(100_000);
  pool.giveBack(first);
  const again = pool.take(90_000);
  expect(again).toBe(first);
  expect(pool.take(90_000)).not.toBe(first);
});

test('it keeps no more than its limit, and no small bodies', () => {
  const pool = new BodyPool();
  const taken = Array.from({ length: 3 }, () => pool.take(LIMITS.bodyPoolBytesMax / 2));
  for (const buffer of taken) pool.giveBack(buffer);
  const again = Array.from({ length: 3 }, () => pool.take(LIMITS.bodyPoolBytesMax / 2));
  expect(again.filter((buffer) => taken.includes(buffer))).toHaveLength(2);
  const small = pool.take(100);
  expect(small).toHaveLength(100);
  pool.giveBack(small);
  expect(pool.take(100)).not.toBe(small);
});
