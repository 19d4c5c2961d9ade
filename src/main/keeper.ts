import type { ChildProcess } from 'node:child_process';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import type { Channel, ChannelMessage, Start } from './channel.ts';
import type { Log } from './log.ts';
import { afterDeath, FRESH } from './restart.ts';

export interface KeeperOptions {
  /** `receiver 0`, `store`. */
  readonly name: string;
  readonly spawn: () => ChildProcess;
  /** What a new process is told first. */
  readonly start: () => Start;
  readonly clock: Clock;
  readonly log: Log;
  readonly onMessage: (message: ChannelMessage) => void;
  /** It became ready, or died. */
  readonly onChange: () => void;
  /** It cannot be started at all: why. Called at most once, and only before it was first ready. */
  readonly onHopeless: (message: string) => void;
  /** Whether a reason to fail at the first start may pass by itself (a server that is not up yet), so that it is tried on. */
  readonly patient: boolean;
}

type KeeperState = 'starting' | 'ready' | 'waiting' | 'stopping' | 'stopped';

/** Keeps one child process running: starts it, starts it again when it dies, stops it when asked. */
export class Keeper implements Channel {
  readonly #options: KeeperOptions;
  #child: ChildProcess | undefined;
  /** It listens: what is sent before is lost. */
  #listens = false;
  #state: KeeperState = 'stopped';
  #restart = FRESH;
  #restarts = 0;
  #readyAtMs = 0;
  #diedAtMs: number | undefined;
  #wasReady = false;
  #lastFailure = '';
  #addresses: readonly string[] = [];
  #cancelRestart: () => void = () => {};
  #onStopped: () => void = () => {};

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }
  get wasReady(): boolean {
    return this.#wasReady;
  }
  get pid(): number {
    return this.#child?.pid ?? 0;
  }
  get restarts(): number {
    return this.#restarts;
  }
  /** The addresses that it listened on when it was last ready. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  start(): void {
    this.#state = 'starting';
    const child = this.#options.spawn();
    this.#child = child;
    this.#listens = false;
    child.on('message', (message) => {
      if (child === this.#child) this.#take(message as ChannelMessage);
    });
    child.on('error', (error) => this.#options.log.error(`${this.#options.name}: ${error.message}`));
    child.on('exit', (code, signal) => this.#died(child, signal ?? `exit code ${code}`));
  }

  send(message: ChannelMessage): void {
    const child = this.#child;
    // A process that dies at this moment loses the message; its successor looks at the disk.
    if (child?.connected && this.#listens) child.send(message, () => {});
  }

  /** Asks the process to finish its work and end; kills it after `graceMs`. Resolves, true when it ended by itself, once it is gone. */
  async stop(graceMs: number): Promise<boolean> {
    this.#cancelRestart();
    if (this.#child === undefined) {
      this.#state = 'stopped';
      return true;
    }
    this.#state = 'stopping';
    let killed = false;
    const gone = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    const cancelKill = this.#options.clock.after(graceMs, () => {
      killed = true;
      this.kill();
    });
    this.send({ type: 'shutdown' });
    await gone;
    cancelKill();
    return !killed;
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  #take(message: ChannelMessage): void {
    const { clock, log, name, onChange, onMessage } = this.#options;
    if (message.type === 'hello') {
      this.#listens = true;
      this.send(this.#state === 'stopping' ? { type: 'shutdown' } : this.#options.start());
    }
    if (message.type === 'failed') this.#lastFailure = message.message;
    if (message.type === 'ready' && this.#state === 'starting') {
      this.#state = 'ready';
      this.#wasReady = true;
      this.#readyAtMs = clock.monotonicMs();
      this.#addresses = message.addresses;
      this.#lastFailure = '';
      if (this.#diedAtMs !== undefined) {
        log.info(`${name} is back`, { pid: this.pid, afterMs: Math.round(this.#readyAtMs - this.#diedAtMs) });
      }
      onChange();
    }
    onMessage(message);
  }

  #died(child: ChildProcess, how: string): void {
    if (child !== this.#child) return;
    const { clock, log, name, onChange } = this.#options;
    const readyForMs = this.#state === 'ready' ? clock.monotonicMs() - this.#readyAtMs : 0;
    this.#child = undefined;
    if (this.#state === 'stopping') {
      this.#state = 'stopped';
      this.#onStopped();
      return;
    }
    this.#state = 'waiting';
    this.#diedAtMs = clock.monotonicMs();
    const { state, delayMs } = afterDeath(this.#restart, readyForMs);
    this.#restart = state;
    onChange();
    if (this.#givesUp()) return;
    log.warn(`${name} ended and is started again`, { how, reason: this.#lastFailure, delayMs });
    this.#restarts++;
    this.#cancelRestart = clock.after(delayMs, () => this.start());
  }

  #givesUp(): boolean {
    if (this.#wasReady) return false;
    const { patient, onHopeless, name } = this.#options;
    if (this.#lastFailure !== '' && !patient) {
      onHopeless(this.#lastFailure);
      return true;
    }
    if (this.#lastFailure === '' && this.#restart.deathsInRow >= LIMITS.startTriesMax) {
      onHopeless(`${name} ended ${LIMITS.startTriesMax} times before it was ready`);
      return true;
    }
    return false;
  }
}
