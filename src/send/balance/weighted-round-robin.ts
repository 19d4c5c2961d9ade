import type { Balancer } from './targets.ts';

/**
 * By weight, smoothly: each turn raises every target by its weight, takes the highest and lowers it by the sum, so that a heavy target is
 * not taken many times in a row (as in nginx).
 */
export function weightedRoundRobin(): Balancer {
  let current = new Float64Array(0);
  return {
    pick({ weights, share }) {
      const count = weights.length;
      if (current.length !== count) current = new Float64Array(count);
      let best = -1;
      let total = 0;
      for (let row = 0; row < count; row++) {
        const weight = weights[row] * share[row];
        if (weight <= 0) continue;
        total += weight;
        current[row] += weight;
        if (best < 0 || current[row] > current[best]) best = row;
      }
      if (best >= 0) current[best] -= total;
      return best;
    },
  };
}
