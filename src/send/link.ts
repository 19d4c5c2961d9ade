import { recordStream } from '../base/history.ts';
import type { Clock } from '../host/clock.ts';
import {
  newProtocol,
  type Protocol,
  type ProtocolEvent,
  type ProtocolPhase,
  maySend as protocolMaySend,
  stepProtocol,
} from './machines/protocol.ts';

/**
 * Runs the protocol machine of one stream: its connections, to whichever targets, open only when it says so, and tell it what became of
 * them. Around the machine there is only the count of connections: whether one is the last is what the machine cannot know.
 */
export class Link {
  /** Names the stream in histories. */
  readonly stream: string;
  readonly clock: Clock;
  readonly #chance: () => number;
  #protocol: Protocol;
  #usable = 0;
  #opening = 0;
  #connections = 0;
  #cancelRetry: () => void = () => {};
  readonly #waiting: (() => void)[] = [];

  /** @param chance in [0, 1) */
  constructor(stream: string, clock: Clock, chance: () => number) {
    this.stream = stream;
    this.clock = clock;
    this.#chance = chance;
    this.#protocol = newProtocol(clock.monotonicMs());
  }

  get phase(): ProtocolPhase {
    return this.#protocol.phase;
  }

  /** Events that came in a state that does not know them. */
  get refused(): number {
    return this.#protocol.refused;
  }

  get maySend(): boolean {
    return protocolMaySend(this.#protocol);
  }

  /** Names one more connection. */
  nextConnection(): number {
    this.#connections++;
    return this.#connections;
  }

  /** Resolves when a connection may be opened: at once, or at the time that the last failure has set. False: it was disconnected. */
  async beginOpening(): Promise<boolean> {
    if (this.phase === 'INIT') this.#step({ kind: 'connect_request' });
    if (this.phase === 'CLOSED') this.#step({ kind: 'reconnect_request' });
    while (this.phase === 'ERROR') {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    if (this.phase === 'CLOSED') return false;
    this.#opening++;
    return true;
  }

  /** The connection that began to open can be used. True when it is the first of a protocol that was connecting. */
  opened(): boolean {
    this.#opening--;
    this.#usable++;
    if (this.phase !== 'CONNECTING') return false;
    this.#step({ kind: 'connect_success' });
    return true;
  }

  /** The connection that began to open cannot be used. */
  failedToOpen(): void {
    this.#opening--;
    if (this.#usable + this.#opening > 0) return;
    if (this.phase !== 'CONNECTING' && this.phase !== 'CONNECTED') return;
    const kind = this.phase === 'CONNECTING' ? 'connect_failure' : 'connection_lost';
    this.#step({ kind, chance: this.#chance() });
    recordStream('ConnectFail', this.stream);
  }

  /** A connection broke. The last one takes the protocol with it, unless another one is just being opened. */
  broken(): void {
    this.#usable--;
    if (this.#usable + this.#opening === 0 && this.phase === 'CONNECTED') {
      this.#step({ kind: 'connection_lost', chance: this.#chance() });
    }
  }

  /** A connection was closed in good order: the next one may be opened at once. */
  closed(): void {
    this.#usable--;
  }

  /** Ends it: nothing is sent until something asks for a connection again. */
  disconnect(): void {
    if (this.phase !== 'CLOSED') this.#step({ kind: 'disconnect_request' });
  }

  #step(event: ProtocolEvent): void {
    const { state, effects } = stepProtocol(this.#protocol, event, this.clock.monotonicMs());
    this.#protocol = state;
    for (const effect of effects) {
      if (effect.kind === 'connect') {
        recordStream('Connect', this.stream);
        for (const go of this.#waiting.splice(0)) go();
      } else if (effect.kind === 'retryAt') {
        const delayMs = Math.max(0, effect.atMs - this.clock.monotonicMs());
        this.#cancelRetry = this.clock.after(delayMs, () => this.#step({ kind: 'retry_request' }));
      } else {
        this.#cancelRetry();
        for (const go of this.#waiting.splice(0)) go();
      }
    }
  }
}
