import { expect, test } from 'vitest';
import { LIMITS } from '../base/limits.ts';
import { afterDeath, FRESH } from './restart.ts';

test('each death in a row doubles the wait up to its limit', () => {
  let state = FRESH;
  const waits: number[] = [];
  for (let death = 0; death < 9; death++) {
    const next = afterDeath(state, 0);
    state = next.state;
    waits.push(next.delayMs);
  }
  expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
});

test('a process that was steady begins a new row', () => {
  const { delayMs } = afterDeath({ deathsInRow: 7 }, LIMITS.restartSteadyMs);
  expect(delayMs).toBe(LIMITS.restartBackoffMsMin);
});
