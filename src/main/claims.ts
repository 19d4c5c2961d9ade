import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import type { Channel } from './channel.ts';

/** A receiver's questions to the supervisor for the streams of other Clews. */
export class Claims {
  readonly #receiver: number;
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, (mark: string) => void>();

  constructor(receiver: number, channel: Channel, clock: Clock) {
    this.#receiver = receiver;
    this.#channel = channel;
    this.#clock = clock;
  }

  /** Resolves with the position of the stream when it is this receiver's; rejects when that takes too long. One at a time for each stream. */
  claim(stream: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(LIMITS.streamClaimMsMax, () => {
        this.#waiting.delete(stream);
        reject(new Error(`stream ${stream} is still with another receiver`));
      });
      this.#waiting.set(stream, (mark) => {
        cancel();
        this.#waiting.delete(stream);
        resolve(mark);
      });
      this.#channel.send({ type: 'claim', receiver: this.#receiver, stream });
    });
  }

  granted(stream: string, mark: string): void {
    this.#waiting.get(stream)?.(mark);
  }
}
