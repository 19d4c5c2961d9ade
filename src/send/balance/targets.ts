/**
 * What a balancer sees of the targets of one destination: columns, a row each. The owner keeps `inflight` and `share` up to date (a request
 * began or ended; health changed) and makes a new value when targets come or go.
 */
export interface Targets {
  /** What names a target for good: its place on the list may change, its traces stay. */
  readonly ids: readonly string[];
  /** Relative capacity, above zero. */
  readonly weights: Float64Array;
  /** From 0 (not to be used) to 1; between them while a target is started slowly (health.ts). */
  readonly share: Float64Array;
  /** Requests under way. */
  readonly inflight: Float64Array;
}

/** Chooses a target for a request. */
export interface Balancer {
  /** The row of the target, or -1 when none may be used. `traceHash`: of the trace that the request is about (`traceHash`), 32 bits. */
  pick(targets: Targets, traceHash: number): number;
}

/** Targets that are all up. */
export function newTargets(ids: readonly string[], weights?: readonly number[]): Targets {
  return {
    ids,
    weights: Float64Array.from(weights ?? ids.map(() => 1)),
    share: new Float64Array(ids.length).fill(1),
    inflight: new Float64Array(ids.length),
  };
}
