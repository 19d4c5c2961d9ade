import { assert } from './assert.ts';
import { LIMITS } from './limits.ts';

/** Where a row of failures stands. A success starts a new row: `firstBackoff`. */
export interface Backoff {
  /** Failures in a row. */
  readonly failures: number;
  /** The delay that the next failure starts from, ms: doubled each time, and raised by what a server asked for. */
  readonly fromMs: number;
}

export interface BackoffLimits {
  readonly retryDelayMsMin: number;
  readonly retryDelayMsMax: number;
}

export interface Failure {
  /** In [0, 1): spreads clients that failed together. */
  readonly chance: number;
  /** What the server asked to wait at least (RetryInfo, Retry-After), ms. Zero counts as nothing said (checklist 23). */
  readonly serverDelayMs?: number | undefined;
}

/** No failure yet. */
export function firstBackoff(limits: BackoffLimits = LIMITS): Backoff {
  return { failures: 0, fromMs: limits.retryDelayMsMin };
}

/**
 * How long to wait after one more failure, ms, and where the row stands then (checklist 22, 23, 35). Without a word of the server: a time
 * between half of the doubled delay and the whole. With one: at least what it asked for, spread by a fifth, and the row goes on
 * doubling from there. Never more than the limit, unless the server asked for more.
 */
export function nextDelay(
  backoff: Backoff,
  failure: Failure,
  limits: BackoffLimits = LIMITS,
): { readonly delayMs: number; readonly backoff: Backoff } {
  const { chance, serverDelayMs = 0 } = failure;
  assert(chance >= 0 && chance < 1, 'chance is in [0, 1)');
  const failures = backoff.failures + 1;
  if (serverDelayMs > 0) {
    const askedMs = Math.min(serverDelayMs, LIMITS.serverDelayMsMax);
    const fromMs = Math.min(limits.retryDelayMsMax, Math.max(backoff.fromMs, askedMs * 2));
    return { delayMs: Math.ceil(askedMs * (1 + chance * 0.2)), backoff: { failures, fromMs } };
  }
  const wholeMs = Math.min(limits.retryDelayMsMax, backoff.fromMs);
  return {
    delayMs: Math.ceil(wholeMs / 2 + (chance * wholeMs) / 2),
    backoff: { failures, fromMs: Math.min(limits.retryDelayMsMax, wholeMs * 2) },
  };
}
