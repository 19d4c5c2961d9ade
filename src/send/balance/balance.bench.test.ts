import { expect, test } from 'vitest';
import { benchBalancers } from './balance.bench.ts';

test('the bench picks the same targets each time, and prints what a decision takes', () => {
  const picks = Number(process.env['CLEW_BENCH_PICKS'] ?? 10_000);
  const [times, again] = [1, 2].map(() => benchBalancers(picks, () => performance.now()));
  for (const { name, targets, nanosPerPick, hash } of times) {
    console.log(
      `${name.padEnd(22)} ${String(targets).padStart(4)} targets ${nanosPerPick.toFixed(0).padStart(5)} ns  ${hash}`,
    );
  }
  expect(again.map(({ name, targets, hash }) => [name, targets, hash])).toEqual(
    times.map(({ name, targets, hash }) => [name, targets, hash]),
  );
});
