import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstBackoff, nextDelay } from '../base/backoff.ts';
import { LIMITS } from '../base/limits.ts';
import { decide, firstTry } from './retry.ts';

const chance = fc.double({ min: 0, max: 0.999, noNaN: true });

test('delays double with jitter up to their limit, and never fall under what the server asked for', () => {
  const failure = fc.record({
    chance,
    serverDelayMs: fc.option(fc.integer({ min: 0, max: 7_200_000 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(failure, { maxLength: 40 }), (failures) => {
      let backoff = firstBackoff();
      for (const one of failures) {
        const next = nextDelay(backoff, one);
        const asked = Math.min(one.serverDelayMs ?? 0, LIMITS.serverDelayMsMax);
        expect(next.delayMs).toBeGreaterThanOrEqual(asked > 0 ? asked : backoff.fromMs / 2);
        if (asked === 0) expect(next.delayMs).toBeLessThanOrEqual(LIMITS.retryDelayMsMax);
        expect(next.backoff.fromMs).toBeGreaterThanOrEqual(backoff.fromMs);
        expect(next.backoff.fromMs).toBeLessThanOrEqual(LIMITS.retryDelayMsMax);
        expect(next.backoff.failures).toBe(backoff.failures + 1);
        backoff = next.backoff;
      }
    }),
  );
});

test('the delays of a row without a word of the server are 200 ms, doubled to 30 s', () => {
  let backoff = firstBackoff();
  const delays: number[] = [];
  for (let failure = 0; failure < 10; failure++) {
    const next = nextDelay(backoff, { chance: 0.999_999 });
    delays.push(Math.round(next.delayMs));
    backoff = next.backoff;
  }
  expect(delays).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
});

test('a server that asks for 5 s is asked again after 5 to 6 s, and the next failure goes on from there', () => {
  const { delayMs, backoff } = nextDelay(firstBackoff(), { chance: 0.5, serverDelayMs: 5000 });
  expect(delayMs).toBe(5500);
  expect(nextDelay(backoff, { chance: 0 }).delayMs).toBe(5000);
});

test('a message is given up only when it was refused, tried often enough, or is too old', () => {
  const policy = fc.record({
    retriesMax: fc.integer({ min: 0, max: 400 }),
    expiresMs: fc.integer({ min: 0, max: 100_000 }),
  });
  fc.assert(
    fc.property(policy, fc.integer({ min: 0, max: 300 }), chance, fc.nat(200_000), (policy, retries, chance, now) => {
      const tries = { ...firstTry(0), retries };
      expect(decide(tries, { kind: 'refused', reason: '' }, policy, chance, now)).toEqual({
        kind: 'giveUp',
        why: 'refused',
      });
      const decision = decide(tries, { kind: 'retry', reason: '', afterMs: undefined }, policy, chance, now);
      const most = Math.min(policy.retriesMax, 256);
      if (decision.kind === 'retry') {
        expect(decision.tries.retries).toBe(retries + 1);
        expect(decision.tries.retries).toBeLessThanOrEqual(most);
        expect(decision.atMs).toBeGreaterThan(now);
        expect(decision.atMs).toBeLessThanOrEqual(policy.expiresMs);
      } else expect(decision.why).toBe(retries >= most ? 'retries' : 'expired');
    }),
  );
});
