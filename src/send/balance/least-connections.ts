import type { Balancer } from './targets.ts';

/** The target with the fewest requests under way for its weight; among equals each in turn, or else the first one would take all of a quiet hour. */
export function leastConnections(): Balancer {
  let first = 0;
  return {
    pick({ weights, share, inflight }) {
      const count = weights.length;
      let best = -1;
      let least = Number.POSITIVE_INFINITY;
      for (let step = 0; step < count; step++) {
        const row = first + step < count ? first + step : first + step - count;
        const capacity = weights[row] * share[row];
        if (capacity <= 0) continue;
        const load = (inflight[row] + 1) / capacity;
        if (load >= least) continue;
        least = load;
        best = row;
      }
      first = best + 1 >= count ? 0 : best + 1;
      return best;
    },
  };
}
