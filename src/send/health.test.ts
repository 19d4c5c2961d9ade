import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../base/limits.ts';
import { dueChecks, newHealth, noteAnswer, noteCheck, readmit, shares, type TargetHealth } from './health.ts';

const passed = { kind: 'passed', tookMs: 20 } as const;
const failed = { kind: 'failed', reason: 'refused' } as const;

function sharesOf(health: readonly TargetHealth[], nowMs: number): number[] {
  const into = new Float64Array(health.length);
  shares(health, nowMs, into);
  return [...into];
}

test('each target is checked every 5 s, not all at the same moment', () => {
  let health = newHealth([0, 0, 0, 0, 0], 0);
  const checked: string[] = [];
  for (let now = 0; now <= 10_000; ) {
    const due = dueChecks(health, now);
    for (const row of due.rows) checked.push(`${row}@${now}`);
    health = due.health;
    now = due.nextMs;
  }
  expect(checked.filter((text) => text.startsWith('2@'))).toEqual(['2@2000', '2@7000']);
  expect(checked).toHaveLength(11);
});

test('three failed checks in a row take a target out, three good ones bring it back, slowly', () => {
  let health = newHealth([0, 0], 0);
  for (const check of [failed, failed, passed, failed, failed]) health = noteCheck(health, 0, check, 1000);
  expect(health[0].condition).toBe('up');
  health = noteCheck(health, 0, failed, 1000);
  expect(health[0]).toMatchObject({ condition: 'down', reason: 'refused' });
  expect(sharesOf(health, 1000)).toEqual([0, 1]);
  for (let good = 0; good < LIMITS.healthThreshold; good++) health = noteCheck(health, 0, passed, 2000);
  expect(sharesOf(health, 2000)).toEqual([0.05, 1]);
  expect(sharesOf(health, 17_000)).toEqual([0.5, 1]);
  expect(sharesOf(health, 32_000)).toEqual([1, 1]);
});

test('a check that takes more than 2 s has failed', () => {
  let health = newHealth([0], 0);
  for (let slow = 0; slow < 3; slow++) health = noteCheck(health, 0, { kind: 'passed', tookMs: 2001 }, 0);
  expect(health[0]).toMatchObject({ condition: 'down', reason: 'answers in 2001 ms' });
});

test('a target that fails five requests in a row is ejected, for longer each time, and at most half of a group', () => {
  let health = newHealth([0, 0, 0, 0, 0], 0);
  for (const row of [0, 1, 2]) for (let time = 0; time < 5; time++) health = noteAnswer(health, row, false, 0);
  expect(health.map(({ condition }) => condition)).toEqual(['ejected', 'ejected', 'up', 'up', 'up']);
  expect(sharesOf(health, 0)).toEqual([0, 0, 1, 1, 1]);
  health = readmit(health, 30_000);
  expect(sharesOf(health, 30_000)).toEqual([0.05, 0.05, 1, 1, 1]);
  // Its third row of failures is still counted: the next one ejects target 2 now that there is room.
  health = noteAnswer(health, 2, false, 30_000);
  expect(health[2].condition).toBe('ejected');
  for (let time = 0; time < 5; time++) health = noteAnswer(health, 0, false, 30_000);
  expect(health[0]).toMatchObject({ condition: 'ejected', ejectedUntilMs: 90_000 });
});

test('a target that fails more than half of its requests is ejected though none of them came five in a row', () => {
  let health = newHealth([0, 0], 0);
  for (let turn = 0; turn < 60; turn++) health = noteAnswer(health, 0, turn % 4 === 0, 0);
  expect(health[0].condition).toBe('ejected');
});

test('the next group is used only while the first has nobody, and a strained peer gets a quarter', () => {
  let health = newHealth([0, 0, 1], 0);
  expect(sharesOf(health, 0)).toEqual([1, 1, 0]);
  for (const row of [0, 1]) for (let time = 0; time < 3; time++) health = noteCheck(health, row, failed, 0);
  expect(sharesOf(health, 0)).toEqual([0, 0, 1]);
  health = noteCheck(health, 2, { ...passed, resources: { cpu: 0.2, memory: 0.99, disk: 0.1 } }, 0);
  expect(sharesOf(health, 0)).toEqual([0, 0, 0.25]);
});

test('whatever happens, shares are in [0, 1], only one group has any, and no target is forgotten by its checks', () => {
  const event = fc.record({ row: fc.nat(5), what: fc.nat(3), waitMs: fc.nat(20_000), tookMs: fc.nat(3000) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 150 }), (events) => {
      const priorities = [0, 0, 0, 1, 1, 2];
      let now = 0;
      let health = newHealth(priorities, now);
      for (const { row, what, waitMs, tookMs } of events) {
        now += waitMs;
        if (what === 0) health = noteCheck(health, row, { kind: 'passed', tookMs }, now);
        if (what === 1) health = noteCheck(health, row, failed, now);
        if (what > 1) health = noteAnswer(health, row, what === 2, now);
        health = readmit(health, now);
        const due = dueChecks(health, now);
        health = due.health;
        expect(due.nextMs).toBeGreaterThan(now);
        const share = sharesOf(health, now);
        const used = share.flatMap((part, index) => (part > 0 ? [priorities[index]] : []));
        expect(new Set(used).size).toBeLessThanOrEqual(1);
        for (const [index, part] of share.entries()) {
          expect(part === 0 || (part >= 0.05 && part <= 1)).toBe(true);
          if (part > 0) expect(health[index].condition).toBe('up');
        }
        for (const group of [0, 1, 2]) {
          const rows = health.filter(({ priority }) => priority === group);
          const ejected = rows.filter(({ condition }) => condition === 'ejected').length;
          expect(ejected).toBeLessThanOrEqual(rows.length / 2);
        }
      }
    }),
  );
});
