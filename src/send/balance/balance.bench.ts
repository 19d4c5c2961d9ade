import { seededChance } from '../../host/seeded-chance.ts';
import { BALANCERS, type BalancerName } from './balancer.ts';
import { newTargets } from './targets.ts';

export interface BalanceTime {
  readonly name: BalancerName;
  readonly targets: number;
  readonly nanosPerPick: number;
  /** Of the choices made: the same on every machine. */
  readonly hash: number;
}

const ROUNDS = 20;

/** Picks `picks` targets of each number by each way, some rounds; requests end in the order in which they began. `nowMs`: a monotonic clock. */
export function benchBalancers(picks: number, nowMs: () => number): BalanceTime[] {
  const results: BalanceTime[] = [];
  for (const name of Object.keys(BALANCERS) as BalancerName[]) {
    for (const count of [3, 10, 100]) results.push(benchOne(name, count, picks, nowMs));
  }
  return results;
}

function benchOne(name: BalancerName, count: number, picks: number, nowMs: () => number): BalanceTime {
  const targets = newTargets(Array.from({ length: count }, (_, index) => `host-${index}:4317`));
  const chance = seededChance(count);
  const hashes = Uint32Array.from({ length: 4096 }, () => chance() * 2 ** 32);
  const balancer = BALANCERS[name]();
  const underWay = new Int32Array(64).fill(-1);
  let hash = 0;
  let bestMs = Number.POSITIVE_INFINITY;
  // The quickest of several rounds: what else the machine does at the moment is not measured. The first one warms up.
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = nowMs();
    for (let pick = 0; pick < picks; pick++) {
      const row = balancer.pick(targets, hashes[pick & 4095]);
      hash = (Math.imul(hash, 31) + row) >>> 0;
      targets.inflight[row]++;
      const ended = underWay[pick & 63];
      if (ended >= 0) targets.inflight[ended]--;
      underWay[pick & 63] = row;
    }
    bestMs = Math.min(bestMs, nowMs() - startedMs);
  }
  return { name, targets: count, nanosPerPick: (bestMs * 1e6) / picks, hash };
}
