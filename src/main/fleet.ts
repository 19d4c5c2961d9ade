import { type ChildProcess, fork } from 'node:child_process';
import cluster from 'node:cluster';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { unreachable } from '../base/assert.ts';
import { LIMITS } from '../base/limits.ts';
import { storeParallelism } from '../base/parallelism.ts';
import type { Clock } from '../host/clock.ts';
import { clientHost } from './addresses.ts';
import type { ChannelMessage, Fleet, Start } from './channel.ts';
import { Keeper } from './keeper.ts';
import type { Log } from './log.ts';
import { forwards } from './role.ts';
import type { Settings } from './settings.ts';
import { StreamDesk } from './stream-desk.ts';

/** First word of a child's command line (cli.ts); no user types it. */
const CHILD_COMMAND = 'child';

const CLI = fileURLToPath(new URL('./cli.js', import.meta.url));

export interface FleetOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** What each child is told first, but for its index. */
  readonly start: Omit<Start, 'index'>;
  /** Every process has been ready for the first time. */
  readonly onReady: (endpoints: Fleet['endpoints']) => void;
  readonly onHopeless: (message: string) => void;
  readonly onBackup: (message: Extract<ChannelMessage, { type: 'backupDone' | 'sealDone' }>) => void;
  /** A process became ready or died. */
  readonly onChange: () => void;
}

/** All child processes of a running Clew, and the post between them. */
export class Processes {
  readonly #options: FleetOptions;
  readonly #store: Keeper;
  readonly #receivers: readonly Keeper[];
  readonly #streams: StreamDesk;
  #announced = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { settings } = options;
    // Receivers accept for themselves. Handed out by the supervisor (the default), a connection that was on its way to a receiver that died
    // would stay open with nobody to answer it.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    const youngMiB = forwards(options.start.role) ? LIMITS.forwardYoungMiBMax : LIMITS.receiverYoungMiBMax;
    const execArgv = [...process.execArgv, ...YOUNG_FLAGS, `--max-semi-space-size=${youngMiB}`];
    cluster.setupPrimary({ exec: CLI, args: [CHILD_COMMAND, 'receiver'], execArgv });
    this.#store = forwards(options.start.role)
      ? this.#keeper('sender', 0, () => fork(CLI, [CHILD_COMMAND, 'sender'], { execArgv }), false)
      : this.#keeper('store', 0, spawnStore, settings['store.url'] !== null);
    this.#streams = new StreamDesk(settings.receivers ?? 1, (receiver, message) =>
      this.#receivers[receiver]?.send(message),
    );
    this.#receivers = Array.from({ length: settings.receivers ?? 1 }, (_, index) =>
      this.#keeper(`receiver ${index}`, index, () => cluster.fork(RECEIVER_MALLOC).process, false),
    );
  }

  start(): void {
    this.#store.start();
    for (const receiver of this.#receivers) receiver.start();
  }

  sendToStore(message: ChannelMessage): void {
    this.#store.send(message);
  }

  sendToReceivers(message: ChannelMessage): void {
    for (const receiver of this.#receivers) receiver.send(message);
  }

  get storeIsReady(): boolean {
    return this.#store.isReady;
  }

  /** Indexes of the receivers that are up. */
  get readyReceivers(): readonly number[] {
    return this.#receivers.flatMap((receiver, index) => (receiver.isReady ? [index] : []));
  }

  /** Receivers answer what is open and seal what they have, then the store loads what it can in the time that is left. True: all ended by themselves. */
  async stop(timeoutMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const receivers = await Promise.all(this.#receivers.map((receiver) => receiver.stop(timeoutMs * RECEIVERS_SHARE)));
    const store = await this.#store.stop(Math.max(1, deadlineMs - clock.monotonicMs() - EXIT_RESERVE_MS));
    return store && receivers.every(Boolean);
  }

  kill(): void {
    for (const keeper of [this.#store, ...this.#receivers]) keeper.kill();
  }

  #keeper(name: string, index: number, spawn: () => ChildProcess, patient: boolean): Keeper {
    const { clock, log, onHopeless } = this.#options;
    return new Keeper({
      name,
      spawn,
      start: () => ({ ...this.#options.start, settings: this.#settingsWithPorts(), index }),
      clock,
      log,
      patient,
      onHopeless,
      onMessage: (message) => this.#route(message),
      onChange: () => {
        if (name.startsWith('receiver') && !this.#receivers[index]?.isReady) this.#streams.died(index);
        this.#changed();
      },
    });
  }

  #route(message: ChannelMessage): void {
    switch (message.type) {
      case 'sealed':
      case 'vitals':
      case 'peer':
        this.#store.send(message);
        break;
      case 'forgotten':
      case 'rebuild':
        this.#receivers[message.receiver]?.send(message);
        break;
      case 'backupDone':
      case 'sealDone':
        this.#options.onBackup(message);
        break;
      case 'marks':
      case 'claim':
      case 'surrendered':
        this.#streams.take(message);
        break;
      case 'granted':
      case 'surrender':
      case 'hello':
      case 'ready':
      case 'failed':
      case 'shutdown':
      case 'start':
      case 'fleet':
      case 'backup':
      case 'seal':
        break;
      default:
        unreachable(message);
    }
  }

  #changed(): void {
    const endpoints = this.#endpoints();
    const all = [this.#store, ...this.#receivers];
    const started = all.every((keeper) => keeper.wasReady);
    this.#store.send({
      type: 'fleet',
      ready: started && this.#receivers.some((receiver) => receiver.isReady),
      endpoints,
      receivers: this.#receivers.map((keeper, receiver) => ({
        receiver,
        pid: keeper.pid,
        up: keeper.isReady,
        restarts: keeper.restarts,
      })),
    });
    if (started && !this.#announced) {
      this.#announced = true;
      this.#options.onReady(endpoints);
    }
    this.#options.onChange();
  }

  /** Where each door is, as a client of this machine writes it; '' while it is not known. */
  #endpoints(): Fleet['endpoints'] {
    const { settings } = this.#options;
    const port = (name: string): number | undefined => {
      const keeper = name === 'api' ? this.#store : this.#receivers.find((receiver) => receiver.wasReady);
      const address = keeper?.addresses.find((text) => text.startsWith(`${name}:`));
      return address === undefined ? undefined : Number(address.slice(name.length + 1));
    };
    const scheme = settings['tls.cert'] === null ? 'http' : 'https';
    const url = (name: string): string => {
      const found = port(name);
      return found === undefined ? '' : `${scheme}://${clientHost(settings.host)}:${found}`;
    };
    return { grpc: url('grpc'), http: url('http'), api: url('api') };
  }

  /** A port that the system chose stays the same for processes that start later. */
  #settingsWithPorts(): Settings {
    const { settings } = this.#options;
    const chosen = (name: 'grpc' | 'http' | 'api'): Partial<Settings> => {
      const url = settings[`${name}.port`] === 0 ? this.#endpoints()[name] : '';
      return url === '' ? {} : { [`${name}.port`]: Number(new URL(url).port) };
    };
    return { ...settings, ...chosen('grpc'), ...chosen('http'), ...chosen('api') };
  }
}

/**
 * How the C library (glibc; others do not read this) keeps the memory of a receiver's buffers. By default it learns from the first large buffer that is freed to keep all of them in
 * its heap, where what lives a second and what lives a millisecond lie between each other, and hardly anything is given back: a fifth of what a receiver under
 * overload occupied. With a threshold that stays, a large buffer is memory of its own, of which what was never written costs nothing.
 */
const RECEIVER_MALLOC = { MALLOC_MMAP_THRESHOLD_: String(128 * 1024), MALLOC_ARENA_MAX: '1' };

/**
 * `gc` is for `youngSweeper`. A few MiB of young objects are looked through by one thread: to wake others for them, and to share the work
 * with them, took a tenth of a receiver's time under small requests.
 */
const YOUNG_FLAGS = ['--expose-gc', '--no-parallel-scavenge'];

/** Of the time for a shutdown, what receivers may take; the store has the rest. */
const RECEIVERS_SHARE = 0.5;
/** Kept for the supervisor itself. */
const EXIT_RESERVE_MS = 300;

/** The size of the thread pool is read when the first thread starts, so it must be in the environment before. */
function spawnStore(): ChildProcess {
  return fork(CLI, [CHILD_COMMAND, 'store'], {
    env: { ...process.env, UV_THREADPOOL_SIZE: String(storeParallelism(os.availableParallelism()).threads) },
  });
}
