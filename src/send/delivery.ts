import type { Clock } from '../host/clock.ts';
import { judge } from './answer.ts';
import { type Batch, hopHeaders } from './batch.ts';
import { isFinal, type Message, type MessageEvent, newMessage, stepMessage } from './machines/message.ts';
import type { RetryPolicy } from './retry.ts';
import type { Transport } from './transport.ts';

/** How one batch ended. */
export type Delivered =
  | { readonly kind: 'acknowledged'; readonly rejected: number }
  /** A Clew holds the first letters of it already, up to `mark`. */
  | { readonly kind: 'overlap'; readonly mark: string }
  | { readonly kind: 'dead'; readonly reason: string; readonly divisible: boolean }
  | { readonly kind: 'stopped' };

export interface DeliveryWorld {
  readonly transport: Transport;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly chance: () => number;
  readonly policy: RetryPolicy;
  /** Settles when sending is to end. */
  readonly stopped: Promise<'stopped'>;
  /** What a try came to, and when the next one is (monotonic; undefined when none is). */
  readonly onFailure: (reason: string, retryAtMs: number | undefined) => void;
}

/**
 * Sends one batch until its end: acknowledged, refused, or out of retries. A batch whose outcome is not known (no answer came) is never
 * given up: it may have been taken, so it stays with its target until that answers.
 */
export async function deliver(world: DeliveryWorld, batch: Batch, stream: string): Promise<Delivered> {
  const { clock } = world;
  const headers = hopHeaders(batch, stream);
  const body = batch.letters.map((letter) => letter.body);
  let message: Message = newMessage(clock.monotonicMs());
  const step = (event: MessageEvent) => {
    const { state, effects } = stepMessage(message, event, world.policy, clock.monotonicMs());
    message = state;
    return effects;
  };
  step({ kind: 'send_request' });
  for (;;) {
    const isFirst = message.phase === 'SENDING';
    const calling = world.transport.call({ signal: batch.signal, body, headers });
    step({ kind: isFirst ? 'send_success' : 'retry_success' });
    const reply = await Promise.race([calling, world.stopped]);
    if (reply === 'stopped') return { kind: 'stopped' };
    const verdict = judge(reply, Number(clock.unixNano() / 1_000_000n));
    if (verdict.kind === 'overlap') return verdict;
    if (verdict.kind === 'acknowledged') {
      step({ kind: 'ack_received' });
      return { kind: 'acknowledged', rejected: verdict.rejected };
    }
    step({ kind: 'answer_failed', failure: verdict, chance: world.chance() });
    world.onFailure(verdict.reason, message.retryAtMs);
    if (isFinal(message)) {
      const isUnknown = verdict.kind === 'retry' && !verdict.answered;
      if (!isUnknown)
        return { kind: 'dead', reason: verdict.reason, divisible: verdict.kind === 'refused' && verdict.divisible };
      message = newMessage(clock.monotonicMs());
      step({ kind: 'send_request' });
    } else {
      const waited = await Promise.race([untilMs(clock, message.retryAtMs ?? 0), world.stopped]);
      if (waited === 'stopped') return { kind: 'stopped' };
      step({ kind: 'retry_request' });
    }
  }
}

function untilMs(clock: Clock, atMs: number): Promise<'waited'> {
  return new Promise((resolve) => {
    clock.after(Math.max(0, atMs - clock.monotonicMs()), () => resolve('waited'));
  });
}
