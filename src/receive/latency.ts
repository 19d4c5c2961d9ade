import type { Clock } from '../host/clock.ts';

const SLOT_MS = 10_000;
const SLOTS = 6;
const BUCKETS = 96;
/** Upper bound of the first bucket; each next one reaches 2^(1/4) times as far, the last about 13 minutes. */
const FIRST_MS = 0.05;

/** How long things took in the last minute, to within 19 %. */
export interface LatencyWindow {
  record(durationMs: number): void;
  /** The duration that a share `quantile` (0…1) of the last minute's did not exceed; 0 when there was none. */
  quantileMs(quantile: number): number;
}

/** Six histograms of ten seconds each; the oldest is emptied when its turn comes again. */
export function latencyWindow(clock: Clock): LatencyWindow {
  const counts = Array.from({ length: SLOTS }, () => new Uint32Array(BUCKETS));
  const turns = new Array<number>(SLOTS).fill(-1);
  const currentTurn = () => Math.floor(clock.monotonicMs() / SLOT_MS);
  return {
    record(durationMs) {
      const turn = currentTurn();
      const slot = turn % SLOTS;
      if (turns[slot] !== turn) counts[slot].fill(0);
      turns[slot] = turn;
      const bucket = Math.ceil(Math.log2(Math.max(durationMs, FIRST_MS) / FIRST_MS) * 4);
      counts[slot][Math.min(bucket, BUCKETS - 1)]++;
    },
    quantileMs(quantile) {
      const turn = currentTurn();
      const sums = new Float64Array(BUCKETS);
      let total = 0;
      for (let slot = 0; slot < SLOTS; slot++) {
        if (turns[slot] === -1 || turn - turns[slot] >= SLOTS) continue;
        for (let bucket = 0; bucket < BUCKETS; bucket++) {
          sums[bucket] += counts[slot][bucket];
          total += counts[slot][bucket];
        }
      }
      if (total === 0) return 0;
      let below = 0;
      let bucket = 0;
      for (; bucket < BUCKETS - 1; bucket++) {
        below += sums[bucket];
        if (below >= quantile * total) break;
      }
      return FIRST_MS * 2 ** (bucket / 4);
    },
  };
}
