import { expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { TokenBucket } from './token-bucket.ts';

interface Begun {
  readonly atMs: number;
  readonly tokens: number;
}

/** When each of `asks` may begin. */
function begun(perSecond: number, asks: readonly Begun[]): Begun[] {
  const bucket = new TokenBucket(perSecond, 0);
  return asks.map(({ atMs, tokens }) => ({ atMs: atMs + bucket.take(tokens, atMs), tokens }));
}

const at = (atMs: number, tokens: number): Begun => ({ atMs, tokens });
const sum = (all: readonly Begun[]): number => all.reduce((total, { tokens }) => total + tokens, 0);

test('what is kept may begin at once, what is over it waits', () => {
  const asks = [at(0, 10), at(0, 1), at(0, 4), at(2_000, 10), at(2_000, 1)];
  expect(begun(10, asks).map(({ atMs }) => atMs)).toEqual([0, 100, 500, 2_000, 2_100]);
});

test('what is larger than what is kept begins when the bucket is full, and is paid for before the next begins', () => {
  expect(begun(10, [at(0, 30), at(0, 1), at(0, 30)]).map(({ atMs }) => atMs)).toEqual([0, 2_100, 3_100]);
});

test('in any time at most the rate of it and one second more begins, in the order of asking', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chance = seededChance(seed);
    const perSecond = 1 + Math.floor(chance() * 50);
    let atMs = 0;
    const asks = Array.from({ length: 80 }, () => {
      atMs += Math.floor(chance() * chance() * 200);
      return at(atMs, 1 + Math.floor(chance() * perSecond));
    });
    const all = begun(perSecond, asks);
    for (const [i, first] of all.entries()) {
      expect(first.atMs).toBeGreaterThanOrEqual(Math.max(asks[i]?.atMs ?? 0, all[i - 1]?.atMs ?? 0));
      for (const [j, last] of all.entries()) {
        if (j < i) continue;
        // Begins are whole milliseconds.
        const most = (perSecond * (last.atMs - first.atMs + 1)) / 1_000 + perSecond;
        expect(sum(all.slice(i, j + 1)), `seed ${seed}, ${i} to ${j}`).toBeLessThanOrEqual(most);
      }
    }
  }
});

test('while enough waits, the rate is reached', () => {
  const all = begun(
    100,
    Array.from({ length: 1_000 }, () => at(0, 1)),
  );
  expect(all.at(-1)?.atMs).toBe(9_000);
});
