import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import type { Grant } from '../receive/once.ts';
import type { Channel } from './channel.ts';

/** A receiver's questions to the supervisor for the streams of other Clews. */
export class Claims {
  readonly #receiver: number;
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, (grant: Grant) => void>();

  constructor(receiver: number, channel: Channel, clock: Clock) {
    this.#receiver = receiver;
    this.#channel = channel;
    this.#clock = clock;
  }

  /** Resolves when the stream is this receiver's; rejects when that takes too long. One at a time for each stream. */
  claim(stream: string): Promise<Grant> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(LIMITS.streamClaimMsMax, () => {
        this.#waiting.delete(stream);
        reject(new Error(`stream ${stream} is still with another receiver`));
      });
      this.#waiting.set(stream, (grant) => {
        cancel();
        this.#waiting.delete(stream);
        resolve(grant);
      });
      this.#channel.send({ type: 'claim', receiver: this.#receiver, stream });
    });
  }

  granted(stream: string, { mark, after }: Grant): void {
    this.#waiting.get(stream)?.({ mark, after });
  }
}
