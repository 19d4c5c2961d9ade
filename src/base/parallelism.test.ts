import { expect, test } from 'vitest';
import { receiversFor, storeParallelism } from './parallelism.ts';

test('on small machines the store does what it does on two cores, on larger ones more, and never without end', () => {
  for (const cores of [1, 2, 4]) expect(storeParallelism(cores)).toEqual({ loads: 2, merges: 2, threads: 12 });
  expect(storeParallelism(16)).toEqual({ loads: 6, merges: 3, threads: 16 });
  expect(storeParallelism(256)).toEqual({ loads: 16, merges: 8, threads: 26 });
});

test('receivers, loads and merges fit into the cores', () => {
  expect([1, 2, 4, 8, 16].map((cores) => receiversFor(cores, true))).toEqual([1, 1, 2, 4, 7]);
  expect([1, 2, 4, 8, 16].map((cores) => receiversFor(cores, false))).toEqual([1, 1, 3, 7, 15]);
  for (let cores = 8; cores <= 40; cores++) {
    const { loads, merges } = storeParallelism(cores);
    expect(receiversFor(cores, true) + loads + merges).toBeLessThanOrEqual(cores + 2);
  }
});
