/**
 * Generic cell rate algorithm (ITU-T I.371): one number a key, the moment when the next call would arrive if all came evenly. `burst` calls may
 * come at once.
 */
export interface Rate {
  /** Milliseconds between calls that come evenly. */
  readonly intervalMs: number;
  /** How far ahead of even the calls may be. */
  readonly toleranceMs: number;
}

export function rateOf(perMinute: number, burst: number): Rate {
  const intervalMs = 60_000 / perMinute;
  return { intervalMs, toleranceMs: intervalMs * (burst - 1) };
}

/** Milliseconds to wait, 0 when a call may come at `nowMs`. `arrivalMs` is the moment kept for the key. */
export function waitOf(rate: Rate, arrivalMs: number, nowMs: number): number {
  return Math.max(0, arrivalMs - nowMs - rate.toleranceMs);
}

/** The moment to keep after a call at `nowMs`. A call that must wait leaves it as it is. */
export function afterCall(rate: Rate, arrivalMs: number, nowMs: number): number {
  return Math.max(arrivalMs, nowMs) + rate.intervalMs;
}
