import { type Backoff, firstBackoff, nextDelay } from '../base/backoff.ts';
import { LIMITS } from '../base/limits.ts';

/** Why a send did not succeed; the verdicts `retry` and `refused` of answer.ts are such failures. */
export type SendFailure =
  /** May succeed later; `afterMs`: what the server asked to wait at least (RetryInfo, Retry-After). */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | undefined }
  /** Refused for good: must not be sent again (checklist 19). */
  | { readonly kind: 'refused'; readonly reason: string };

/** How often and how long one message is tried. */
export interface RetryPolicy {
  /** Sends after the first one; never more than LIMITS.retriesMax. */
  readonly retriesMax: number;
  /** From being accepted; a try that would begin later is not made. */
  readonly expiresMs: number;
}

/** What has been tried with one message. */
export interface Tries {
  /** Sends after the first one. */
  readonly retries: number;
  readonly backoff: Backoff;
  /** Monotonic. */
  readonly acceptedMs: number;
}

/** Why a message is given up: refused by the receiver, out of retries, or too old. There is no other reason. */
export type GivenUp = 'refused' | 'retries' | 'expired';

/** What follows a failed send. */
type Decision =
  | { readonly kind: 'retry'; readonly atMs: number; readonly tries: Tries }
  | { readonly kind: 'giveUp'; readonly why: GivenUp };

/** The tries of a message that was accepted now. */
export function firstTry(nowMs: number): Tries {
  return { retries: 0, backoff: firstBackoff(), acceptedMs: nowMs };
}

/**
 * Whether and when a message whose send failed is sent again. `chance` in [0, 1) spreads the time. The retries counted in the answer
 * include the one that is decided; they never pass the limit.
 */
export function decide(
  tries: Tries,
  failure: SendFailure,
  policy: RetryPolicy,
  chance: number,
  nowMs: number,
): Decision {
  if (failure.kind === 'refused') return { kind: 'giveUp', why: 'refused' };
  if (tries.retries >= Math.min(policy.retriesMax, LIMITS.retriesMax)) return { kind: 'giveUp', why: 'retries' };
  const { delayMs, backoff } = nextDelay(tries.backoff, { chance, serverDelayMs: failure.afterMs });
  const atMs = nowMs + delayMs;
  if (atMs - tries.acceptedMs > policy.expiresMs) return { kind: 'giveUp', why: 'expired' };
  return { kind: 'retry', atMs, tries: { ...tries, retries: tries.retries + 1, backoff } };
}
