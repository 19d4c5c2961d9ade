import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { decide, firstTry, type GivenUp, type RetryPolicy, type SendFailure, type Tries } from '../retry.ts';
import { NO, refuse, type Step, type Table } from './step.ts';

/*
 * The message machine: one for each export request that is under way to one destination.
 *
 *   PENDING ─send_request→ SENDING ─send_success→ SENT ─ack_received→ ACKED
 *                             │ send_failure        │ ack_timeout, answer_failed
 *                             ↓                     ↓
 *                          FAILED ←─retry_failure─ RETRYING ─retry_success→ SENT
 *                             │ └─retry_request──────↑
 *                             └─(given up)→ DEAD
 *
 * Settled beyond the first draft: a SENT message whose answer never comes fails (ack_timeout), or else it could stay SENT for ever; one
 * that is answered with an error fails too (answer_failed). "Failed for now" and "failed for good" are two states: FAILED waits for its
 * retry, DEAD is given up with its reason and goes to the dead letters. Every failure decides at once between the two (`decide` of
 * retry.ts), so that nothing waits for a retry that will not be made.
 *
 * Driven by `deliver` of ../delivery.ts.
 *
 * Invariants, and who enforces each:
 *   M1  retries ≤ retriesMax, in every state.                        asserted after each step; lemma in spec/lemmas
 *   M2  DEAD ⇒ refused ∨ out of retries ∨ expired.                   type GivenUp; machines.test.ts
 *   M3  ACKED and DEAD are final.                                                      MESSAGE_TABLE
 *   M4  FAILED, and no other state, has a time at which it is retried.   asserted after each step; machines.test.ts
 *   M5  Each accepted message ends ACKED or DEAD: every step that leads back to RETRYING uses up a retry.   lemma in spec/lemmas
 *   M6  The caller hears of an end exactly once.                                       effects `acked`, `dead`; machines.test.ts
 */

export type MessagePhase = 'PENDING' | 'SENDING' | 'SENT' | 'ACKED' | 'FAILED' | 'RETRYING' | 'DEAD';

/** A failure, and a number in [0, 1) that spreads the retry. */
interface Failed {
  readonly failure: SendFailure;
  readonly chance: number;
}

export type MessageEvent =
  | { readonly kind: 'send_request' }
  /** Its bytes left. */
  | { readonly kind: 'send_success' }
  | ({ readonly kind: 'send_failure' } & Failed)
  /** Taken durably by the next hop, as a whole or in part (a partial success is never sent again). */
  | { readonly kind: 'ack_received' }
  | { readonly kind: 'ack_timeout'; readonly chance: number }
  | ({ readonly kind: 'answer_failed' } & Failed)
  /** The time of its retry has come. */
  | { readonly kind: 'retry_request' }
  | { readonly kind: 'retry_success' }
  | ({ readonly kind: 'retry_failure' } & Failed);

export type MessageEffect =
  | { readonly kind: 'send'; readonly retry: number }
  /** Send `retry_request` at this time. */
  | { readonly kind: 'retryAt'; readonly atMs: number }
  /** The next hop holds it. */
  | { readonly kind: 'acked' }
  /** Given up: to the dead letters with this reason. */
  | { readonly kind: 'dead'; readonly why: GivenUp; readonly reason: string };

export interface Message {
  readonly phase: MessagePhase;
  readonly tries: Tries;
  /** In FAILED: when it is sent again. */
  readonly retryAtMs: number | undefined;
  readonly refused: number;
}

export const MESSAGE_TABLE: Table<MessagePhase, MessageEvent['kind']> = {
  PENDING: {
    send_request: ['SENDING'],
    send_success: NO,
    send_failure: NO,
    ack_received: NO,
    ack_timeout: NO,
    answer_failed: NO,
    retry_request: NO,
    retry_success: NO,
    retry_failure: NO,
  },
  SENDING: {
    send_request: NO,
    send_success: ['SENT'],
    // DEAD when it is not tried again: here and in the four cells like it.
    send_failure: ['FAILED', 'DEAD'],
    ack_received: NO,
    ack_timeout: NO,
    answer_failed: NO,
    retry_request: NO,
    retry_success: NO,
    retry_failure: NO,
  },
  SENT: {
    send_request: NO,
    send_success: NO,
    send_failure: NO,
    ack_received: ['ACKED'],
    ack_timeout: ['FAILED', 'DEAD'],
    answer_failed: ['FAILED', 'DEAD'],
    retry_request: NO,
    retry_success: NO,
    retry_failure: NO,
  },
  FAILED: {
    send_request: NO,
    send_success: NO,
    send_failure: NO,
    ack_received: NO,
    ack_timeout: NO,
    answer_failed: NO,
    retry_request: ['RETRYING'],
    retry_success: NO,
    retry_failure: NO,
  },
  RETRYING: {
    send_request: NO,
    send_success: NO,
    send_failure: NO,
    ack_received: NO,
    ack_timeout: NO,
    answer_failed: NO,
    retry_request: NO,
    retry_success: ['SENT'],
    retry_failure: ['FAILED', 'DEAD'],
  },
  ACKED: {
    send_request: NO,
    send_success: NO,
    send_failure: NO,
    ack_received: NO,
    ack_timeout: NO,
    answer_failed: NO,
    retry_request: NO,
    retry_success: NO,
    retry_failure: NO,
  },
  DEAD: {
    send_request: NO,
    send_success: NO,
    send_failure: NO,
    ack_received: NO,
    ack_timeout: NO,
    answer_failed: NO,
    retry_request: NO,
    retry_success: NO,
    retry_failure: NO,
  },
};

/** A message that was accepted now and not sent yet. */
export function newMessage(nowMs: number): Message {
  return { phase: 'PENDING', tries: firstTry(nowMs), retryAtMs: undefined, refused: 0 };
}

/** Whether it has ended (M3). */
export function isFinal({ phase }: Message): boolean {
  return phase === 'ACKED' || phase === 'DEAD';
}

/** One event; `nowMs` is monotonic. */
export function stepMessage(
  message: Message,
  event: MessageEvent,
  policy: RetryPolicy,
  nowMs: number,
): Step<Message, MessageEffect> {
  const step = next(message, event, policy, nowMs);
  const { phase, tries, retryAtMs } = step.state;
  assert(tries.retries <= Math.min(policy.retriesMax, LIMITS.retriesMax), 'M1: retries stay within their limit');
  assert((phase === 'FAILED') === (retryAtMs !== undefined), 'M4: a failed message alone has a time for its retry');
  return step;
}

function next(message: Message, event: MessageEvent, policy: RetryPolicy, nowMs: number): Step<Message, MessageEffect> {
  const phase = MESSAGE_TABLE[message.phase][event.kind][0];
  if (phase === undefined) return refuse(message);
  const state: Message = { ...message, phase, retryAtMs: undefined };
  switch (event.kind) {
    case 'send_request':
    case 'retry_request':
      return { state, effects: [{ kind: 'send', retry: message.tries.retries }] };
    case 'send_success':
    case 'retry_success':
      return { state, effects: NO };
    case 'ack_received':
      return { state, effects: [{ kind: 'acked' }] };
    case 'ack_timeout': {
      const failure = { kind: 'retry', reason: 'no answer in time', afterMs: undefined } as const;
      return failed(state, failure, policy, event.chance, nowMs);
    }
    case 'send_failure':
    case 'answer_failed':
    case 'retry_failure':
      return failed(state, event.failure, policy, event.chance, nowMs);
  }
}

/** The end of a try: for now or for good. The retry that is decided counts from here on (M1, M4). */
function failed(
  message: Message,
  failure: SendFailure,
  policy: RetryPolicy,
  chance: number,
  nowMs: number,
): Step<Message, MessageEffect> {
  const decision = decide(message.tries, failure, policy, chance, nowMs);
  if (decision.kind === 'giveUp') {
    const { why } = decision;
    return { state: { ...message, phase: 'DEAD' }, effects: [{ kind: 'dead', why, reason: failure.reason }] };
  }
  const { atMs, tries } = decision;
  return { state: { ...message, phase: 'FAILED', tries, retryAtMs: atMs }, effects: [{ kind: 'retryAt', atMs }] };
}
