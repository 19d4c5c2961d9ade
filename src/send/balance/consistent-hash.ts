import { LIMITS } from '../../base/limits.ts';
import { mix32, textHash } from './hash.ts';
import type { Balancer, Targets } from './targets.ts';

/** Slots of the table: with 10 targets each holds about 1,638, which is within 7 % of the mean nearly always. */
const SLOTS = 16_384;
/** Slots that are looked at for a target under its bound. */
const PROBES = 64;

/**
 * By trace: the same trace goes to the same target, whoever sends it, as long as the target is up and not over its bound (consistent hashing
 * with bounded loads: Mirrokni, Thorup, Zadimoghaddam 2018). Each slot of a table belongs to the target that wins it (weighted
 * rendezvous hashing), so that a target that comes or goes moves the slots that it wins or held and no other.
 *
 * Bounded: a target with more than `factor` times its part of the requests under way passes a trace on to the next slot of that trace.
 * The order of one trace does not depend on this: the head-of-line rule lets only one batch of a trace be under way.
 */
export function consistentHash(factor: number = LIMITS.balanceLoadFactor): Balancer {
  let ids: readonly string[] = [];
  let table: Uint16Array = new Uint16Array(0);
  return {
    pick(targets, traceHash) {
      if (targets.ids !== ids) {
        table = slotTable(targets);
        ids = targets.ids;
      }
      const { weights, share, inflight } = targets;
      let requests = 1;
      let capacity = 0;
      for (let row = 0; row < weights.length; row++) {
        requests += inflight[row];
        capacity += weights[row] * share[row];
      }
      if (capacity <= 0) return -1;
      const boundPerWeight = (factor * requests) / capacity;
      let slot = traceHash;
      for (let probe = 0; probe < PROBES; probe++) {
        const row = table[slot & (SLOTS - 1)];
        const part = weights[row] * share[row];
        if (part > 0 && inflight[row] + 1 <= Math.ceil(boundPerWeight * part)) return row;
        slot = mix32(slot + 0x9e3779b9);
      }
      return leastLoaded(targets);
    },
  };
}

/** For each slot the row of the target that wins it. */
export function slotTable({ ids, weights }: Pick<Targets, 'ids' | 'weights'>): Uint16Array {
  const table = new Uint16Array(SLOTS);
  const seeds = ids.map(textHash);
  for (let slot = 0; slot < SLOTS; slot++) {
    const slotHash = mix32(slot + 1);
    let best = 0;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < seeds.length; row++) {
      const draw = (mix32(seeds[row] ^ slotHash) + 0.5) / 2 ** 32;
      const score = weights[row] / -Math.log(draw);
      if (score <= bestScore) continue;
      bestScore = score;
      best = row;
    }
    table[slot] = best;
  }
  return table;
}

/** When no slot of a trace leads to a target under its bound, which only a nearly empty list makes happen. */
function leastLoaded({ weights, share, inflight }: Targets): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let row = 0; row < weights.length; row++) {
    const part = weights[row] * share[row];
    if (part <= 0 || (inflight[row] + 1) / part >= least) continue;
    least = (inflight[row] + 1) / part;
    best = row;
  }
  return best;
}
