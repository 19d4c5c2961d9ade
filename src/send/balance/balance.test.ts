import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededChance } from '../../host/seeded-chance.ts';
import { BALANCERS, type BalancerName } from './balancer.ts';
import { consistentHash, slotTable } from './consistent-hash.ts';
import { traceHash } from './hash.ts';
import { newTargets } from './targets.ts';

const NAMES = Object.keys(BALANCERS) as BalancerName[];
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `host-${index}:4317`);

/** Hashes of trace ids: random ones, and ids that are counted up. */
function traces(count: number, seed: number): number[] {
  const chance = seededChance(seed);
  const id = new Uint8Array(16);
  return Array.from({ length: count }, (_, index) => {
    for (let at = 0; at < 16; at++) id[at] = seed % 2 === 0 ? chance() * 256 : (index >>> (8 * at)) & 255;
    return traceHash(id);
  });
}

test.each(NAMES)('%s spreads uniform traces evenly: the largest load is at most 1.25 of the mean', (name) => {
  for (const [count, seed] of [
    [2, 2],
    [3, 4],
    [10, 6],
    [10, 7],
    [50, 8],
  ]) {
    const targets = newTargets(names(count));
    const balancer = BALANCERS[name]();
    const taken = new Array<number>(count).fill(0);
    const underWay: number[] = [];
    for (const hash of traces(20_000, seed)) {
      const row = balancer.pick(targets, hash);
      taken[row]++;
      targets.inflight[row]++;
      underWay.push(row);
      if (underWay.length > 4 * count) targets.inflight[underWay.shift() ?? 0]--;
    }
    expect(Math.max(...taken) / (20_000 / count), `${count} targets`).toBeLessThanOrEqual(1.25);
  }
});

test('adding one of ten targets moves at most 12 % of traces, and only to it', () => {
  const hashes = traces(50_000, 10);
  const before = newTargets(names(10));
  const after = newTargets(names(11));
  const [one, other] = [consistentHash(), consistentHash()];
  let moved = 0;
  for (const hash of hashes) {
    const [from, to] = [one.pick(before, hash), other.pick(after, hash)];
    if (from === to) continue;
    moved++;
    expect(to).toBe(10);
  }
  expect(moved / hashes.length).toBeLessThanOrEqual(0.12);
  expect(moved / hashes.length).toBeGreaterThan(0.07);
});

test('a target that leaves or goes down moves its own traces alone', () => {
  const targets = newTargets(names(10));
  const hashes = traces(20_000, 12);
  const balancer = consistentHash();
  const before = hashes.map((hash) => balancer.pick(targets, hash));
  targets.share[3] = 0;
  const after = hashes.map((hash) => balancer.pick(targets, hash));
  const taken = new Array<number>(10).fill(0);
  before.forEach((row, index) => {
    if (row !== 3) expect(after[index]).toBe(row);
    else taken[after[index]]++;
  });
  expect(taken[3]).toBe(0);
  // What it leaves behind is spread over all the others.
  expect(taken.filter((count) => count > 100)).toHaveLength(9);
});

test('consistent hash keeps every load within its bound, and all of one hot trace does not sink a target', () => {
  const targets = newTargets(names(8));
  const balancer = consistentHash();
  for (let request = 0; request < 4000; request++) targets.inflight[balancer.pick(targets, 42)]++;
  const most = Math.max(...targets.inflight);
  expect(most).toBeLessThanOrEqual(Math.ceil((1.25 * 4000) / 8));
});

test('weights divide the load, and slots follow them', () => {
  const targets = newTargets(names(3), [1, 2, 5]);
  for (const name of ['weighted-round-robin', 'consistent-hash'] as const) {
    const balancer = BALANCERS[name]();
    const taken = [0, 0, 0];
    for (const hash of traces(40_000, 14)) taken[balancer.pick(targets, hash)]++;
    expect(taken[1] / taken[0], name).toBeCloseTo(2, 0);
    expect(taken[2] / taken[0], name).toBeCloseTo(5, 0);
  }
  expect(slotTable(targets)).toHaveLength(16_384);
});

test.each(NAMES)('%s never picks a target without a share, and picks one while any has', (name) => {
  const share = fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0.05, max: 1, noNaN: true }));
  const row = fc.record({ share, weight: fc.integer({ min: 1, max: 9 }), inflight: fc.nat(50) });
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { minLength: 30, maxLength: 30 }),
      (rows, hashes) => {
        const targets = newTargets(
          names(rows.length),
          rows.map(({ weight }) => weight),
        );
        rows.forEach((one, index) => {
          targets.share[index] = one.share;
          targets.inflight[index] = one.inflight;
        });
        const balancer = BALANCERS[name]();
        for (const hash of hashes) {
          const picked = balancer.pick(targets, hash);
          if (rows.every((one) => one.share === 0)) expect(picked).toBe(-1);
          else expect(targets.share[picked]).toBeGreaterThan(0);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('a target that starts slowly is taken in proportion to its share', () => {
  for (const name of ['round-robin', 'weighted-round-robin'] as const) {
    const targets = newTargets(names(4));
    targets.share[0] = 0.2;
    const balancer = BALANCERS[name]();
    const taken = [0, 0, 0, 0];
    for (let turn = 0; turn < 3200; turn++) taken[balancer.pick(targets, 0)]++;
    expect(taken, name).toEqual([200, 1000, 1000, 1000]);
  }
});
