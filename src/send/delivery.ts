import { recordStream } from '../base/history.ts';
import type { Clock } from '../host/clock.ts';
import { judge, type Verdict } from './answer.ts';
import { type Batch, hopHeaders } from './batch.ts';
import { isFinal, type Message, type MessageEvent, newMessage, stepMessage } from './machines/message.ts';
import type { RetryPolicy } from './retry.ts';
import type { Slot } from './slot.ts';
import type { Transport } from './transport.ts';

/** How one batch ended. */
export type Delivered =
  | { readonly kind: 'acknowledged'; readonly rejected: number }
  /** A Clew holds the first letters of it already, up to `mark`. */
  | { readonly kind: 'overlap'; readonly mark: string }
  | {
      readonly kind: 'dead';
      readonly reason: string;
      /** The receiver refused it; otherwise it is out of retries. */
      readonly refused: boolean;
      readonly divisible: boolean;
    }
  | { readonly kind: 'stopped' };

export interface DeliveryWorld {
  readonly transport: Transport;
  /** Names the batches to the receiver, and the steps in histories. */
  readonly stream: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly chance: () => number;
  readonly policy: RetryPolicy;
  /** Settles when sending is to end. */
  readonly stopped: Promise<'stopped'>;
  /** What a try came to, and when the next one is (monotonic; undefined when none is). */
  readonly onFailure: (reason: string, retryAtMs: number | undefined) => void;
  /** The message refused an event. */
  readonly onRefused: () => void;
}

/**
 * Sends the batch of a slot until its end: acknowledged, refused, or out of retries. A batch whose outcome is not known (no answer came to
 * one of its tries) is never out of retries: it may have been taken, so it stays with its target until that takes or refuses it.
 */
export async function deliver(world: DeliveryWorld, slot: Slot, batch: Batch): Promise<Delivered> {
  const { clock, stream } = world;
  const headers = hopHeaders(batch, stream);
  const body = batch.letters.map((letter) => letter.body);
  const message = new Courier(world);
  // Some try left and was not answered. What a later one is told says nothing of it, but for a refusal, which must be obeyed.
  let isInDoubt = false;
  slot.send();
  for (;;) {
    const calling = world.transport.call({ signal: batch.signal, body, headers, onBegin: () => message.begun() });
    const reply = await Promise.race([calling, world.stopped]);
    if (reply === 'stopped') return { kind: 'stopped' };
    if (reply.kind !== 'none' || reply.sent) message.begun();
    const verdict = judge(reply, Number(clock.unixNano() / 1_000_000n));
    if (verdict.kind === 'acknowledged') {
      message.acknowledged();
      slot.ok();
      return { kind: 'acknowledged', rejected: verdict.rejected };
    }
    slot.error();
    if (verdict.kind === 'overlap') return verdict;
    const retryAtMs = message.failed(verdict);
    world.onFailure(verdict.reason, retryAtMs);
    const isUnanswered = verdict.kind === 'retry' && !verdict.answered;
    isInDoubt ||= isUnanswered && (reply.kind !== 'none' || reply.sent);
    if (retryAtMs === undefined) {
      if (verdict.kind === 'refused' || (!isUnanswered && !isInDoubt)) {
        const refused = verdict.kind === 'refused';
        return { kind: 'dead', reason: verdict.reason, refused, divisible: refused && verdict.divisible };
      }
      message.again();
    } else {
      const waited = await Promise.race([untilMs(clock, retryAtMs), world.stopped]);
      if (waited === 'stopped') return { kind: 'stopped' };
      message.retry();
    }
    slot.retry();
    slot.send();
  }
}

/** Runs the message machine of one batch on its way. */
class Courier {
  readonly #world: DeliveryWorld;
  #message: Message;
  /** Its request has begun on a connection in this try. */
  #isBegun = false;

  constructor(world: DeliveryWorld) {
    this.#world = world;
    this.#message = newMessage(world.clock.monotonicMs());
    this.#step({ kind: 'send_request' });
  }

  begun(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#step({ kind: this.#message.phase === 'SENDING' ? 'send_success' : 'retry_success' });
    recordStream('Transmit', this.#world.stream);
  }

  acknowledged(): void {
    this.#step({ kind: 'ack_received' });
    recordStream('BatchOk', this.#world.stream);
  }

  /** When it is tried again, monotonic; undefined when it is not. */
  failed(failure: Extract<Verdict, { kind: 'retry' | 'refused' }>): number | undefined {
    const kind = this.#isBegun ? 'answer_failed' : this.#message.phase === 'SENDING' ? 'send_failure' : 'retry_failure';
    this.#step({ kind, failure, chance: this.#world.chance() });
    if (this.#isBegun && failure.kind === 'retry') recordStream('Timeout', this.#world.stream);
    return isFinal(this.#message) ? undefined : this.#message.retryAtMs;
  }

  /** The time of its retry has come. */
  retry(): void {
    this.#step({ kind: 'retry_request' });
    recordStream(this.#isBegun ? 'Resend' : 'Miss', this.#world.stream);
    this.#isBegun = false;
  }

  /** A new row of tries for a batch that may have been taken. */
  again(): void {
    this.#message = newMessage(this.#world.clock.monotonicMs());
    this.#step({ kind: 'send_request' });
    recordStream('Renew', this.#world.stream);
    this.#isBegun = false;
  }

  #step(event: MessageEvent): void {
    const { policy, clock } = this.#world;
    const before = this.#message.refused;
    this.#message = stepMessage(this.#message, event, policy, clock.monotonicMs()).state;
    if (this.#message.refused > before) this.#world.onRefused();
  }
}

function untilMs(clock: Clock, atMs: number): Promise<'waited'> {
  return new Promise((resolve) => {
    clock.after(Math.max(0, atMs - clock.monotonicMs()), () => resolve('waited'));
  });
}
