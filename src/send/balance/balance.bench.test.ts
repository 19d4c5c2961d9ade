import { expect, test } from 'vitest';
import { benchBalancers } from './balance.bench.ts';

test('a decision between ten targets takes at most a microsecond', () => {
  const times = benchBalancers(Number(process.env['CLEW_BENCH_PICKS'] ?? 10_000), () => performance.now());
  for (const { name, targets, nanosPerPick, hash } of times) {
    console.log(
      `${name.padEnd(22)} ${String(targets).padStart(4)} targets ${nanosPerPick.toFixed(0).padStart(5)} ns  ${hash}`,
    );
  }
  for (const { name, nanosPerPick } of times.filter(({ targets }) => targets === 10)) {
    expect(nanosPerPick, name).toBeLessThanOrEqual(1000);
  }
});
