import type { Signal } from '../base/signal.ts';
import { type Clock, pause } from '../host/clock.ts';
import { type Disk, errorText } from '../host/disk.ts';
import { JournalReader } from '../journal/reader.ts';
import type { SealedSegment } from '../journal/sealed.ts';
import { journalFile } from '../journal/segment-files.ts';
import { after, type Batch, BatchReader, droppedOf, halves, itemsOf, markOf, type Rewrite } from './batch.ts';
import type { DeadLetters } from './dead.ts';
import { type Delivered, deliver } from './delivery.ts';
import { endOf, type Position } from './position.ts';
import type { LaneAccount, Progress } from './progress.ts';
import type { RetryPolicy } from './retry.ts';
import type { Transport } from './transport.ts';

/** One queue: what one receiver directory took in of one signal, on its way to one destination, in order. */
export interface LaneOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly chance: () => number;
  readonly directory: string;
  readonly receiver: number;
  readonly instance: string;
  readonly signal: Signal;
  readonly destination: string;
  readonly policy: RetryPolicy;
  readonly transport: Transport;
  readonly rewrite: Rewrite | undefined;
  readonly progress: Progress;
  readonly dead: DeadLetters;
  /** The oldest sealed segment with anything after a position; undefined when there is none yet. */
  readonly nextSegment: (after: Position) => SealedSegment | undefined;
  /** The lane has settled a segment, or passed it. */
  readonly onSettled: () => void;
  readonly report: (text: string) => void;
}

/** What a lane does at the moment, for people. */
export interface LaneState {
  readonly key: string;
  readonly destination: string;
  readonly receiver: number;
  readonly signal: Signal;
  /** Tries that failed since the last acknowledgement. */
  readonly failures: number;
  /** Why the last try failed; '' when it did not. */
  readonly lastFailure: string;
  /** Since this process started. */
  readonly batches: number;
  readonly bytes: number;
  /** When the request was taken in that was acknowledged last, Unix ms; and when it was acknowledged. */
  readonly receivedMs: number;
  readonly acknowledgedMs: number;
  /** When the oldest request was taken in that is being sent, Unix ms; 0 when none is. */
  readonly waitingSinceMs: number;
}

const DISK_RETRY_MS = 1_000;

export const laneKey = (destination: string, receiver: number, signal: Signal): string =>
  `${destination}/r${receiver}/${signal}`;

export class Lane {
  readonly key: string;
  readonly #options: LaneOptions;
  readonly #stopped: Promise<'stopped'>;
  #stop: (value: 'stopped') => void = () => {};
  #isStopping = false;
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;
  #failures = 0;
  #lastFailure = '';
  #batches = 0;
  #bytes = 0;
  #receivedMs = 0;
  #acknowledgedMs = 0;
  #waitingSinceMs = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.key = laneKey(options.destination, options.receiver, options.signal);
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  start(): void {
    this.#running = this.#run();
  }

  /** There may be a new segment. */
  wake(): void {
    this.#wake();
  }

  /** Ends without waiting for an answer: what is not acknowledged is sent again by the next process. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#stop('stopped');
    this.#wake();
    await this.#running;
    this.#options.transport.close();
  }

  get account(): LaneAccount {
    return this.#options.progress.lane(this.key);
  }

  state(): LaneState {
    const { destination, receiver, signal } = this.#options;
    return {
      key: this.key,
      destination,
      receiver,
      signal,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
      batches: this.#batches,
      bytes: this.#bytes,
      receivedMs: this.#receivedMs,
      acknowledgedMs: this.#acknowledgedMs,
      waitingSinceMs: this.#waitingSinceMs,
    };
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const segment = this.#options.nextSegment(this.account.position);
      if (segment === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      try {
        await this.#forward(segment);
      } catch (error) {
        this.#options.report(`${this.key}: segment ${segment.segment} cannot be read: ${errorText(error)}`);
        await Promise.race([pause(this.#options.clock, DISK_RETRY_MS), this.#stopped]);
      }
    }
  }

  async #forward(sealed: SealedSegment): Promise<void> {
    const { disk, directory, signal, progress, rewrite } = this.#options;
    const expected = sealed.items?.[signal] ?? 0;
    const before = this.account;
    if (expected > 0) {
      const identity = { instance: sealed.instance, receiver: sealed.receiver, segment: sealed.segment };
      const path = `${directory}/${journalFile(sealed.segment)}`;
      const journal = new JournalReader(disk, path, identity, sealed.journalBytes);
      const reader = new BatchReader(journal, sealed.segment, signal, before.position, rewrite);
      for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
        this.#waitingSinceMs = Number((batch.letters[0]?.receivedUnixNano ?? 0n) / 1_000_000n);
        await this.#settle(batch);
        if (this.#isStopping) return;
      }
      this.#waitingSinceMs = 0;
      // A segment of which nothing is settled yet was read from its beginning: what is missing is lost.
      const missing = before.position < sealed.segment ? expected - reader.itemsRead : 0;
      if (missing > 0) {
        this.#options.report(`${path}: ${missing} items of ${signal} are in damaged records and cannot be forwarded`);
        progress.settle(this.key, { ...this.account, lost: this.account.lost + missing });
      }
    }
    progress.settle(this.key, { ...this.account, position: endOf(sealed.segment) });
    this.#options.onSettled();
  }

  /** Brings a batch to its end, and writes down what became of it. */
  async #settle(batch: Batch): Promise<void> {
    const result = await this.#deliver(batch);
    switch (result.kind) {
      case 'stopped':
        return;
      case 'acknowledged':
        this.#acknowledged(batch, result.rejected);
        return;
      case 'overlap':
        await this.#settleRest(batch, result.mark);
        return;
      case 'dead':
        if (result.divisible && batch.letters.length > 1) {
          // Only what cannot be taken is given up, not what was merged with it.
          for (const half of halves(batch)) if (!this.#isStopping) await this.#settle(half);
        } else {
          await this.#giveUp(batch, result.reason);
        }
    }
  }

  async #deliver(batch: Batch): Promise<Delivered> {
    // Rules have left nothing of it: empty requests are not sent (checklist 5).
    if (batch.letters.every(({ body }) => body.length === 0)) return { kind: 'acknowledged', rejected: 0 };
    const { transport, clock, chance, policy, instance, receiver, signal, destination } = this.#options;
    const world = {
      transport,
      clock,
      chance,
      policy,
      stopped: this.#stopped,
      onFailure: (reason: string) => {
        this.#failures++;
        this.#lastFailure = reason;
      },
    };
    return deliver(world, batch, `${instance}-r${receiver}-${signal}-${destination}`);
  }

  #acknowledged(batch: Batch, rejected: number): void {
    const { clock, progress } = this.#options;
    const { account } = this;
    progress.settle(this.key, {
      ...account,
      position: markOf(batch),
      forwarded: account.forwarded + itemsOf(batch),
      dropped: account.dropped + droppedOf(batch),
      refusedInPart: account.refusedInPart + rejected,
    });
    this.#failures = 0;
    this.#lastFailure = '';
    this.#batches++;
    for (const { body } of batch.letters) this.#bytes += body.length;
    this.#receivedMs = Number((batch.letters.at(-1)?.receivedUnixNano ?? 0n) / 1_000_000n);
    this.#acknowledgedMs = Number(clock.unixNano() / 1_000_000n);
  }

  /** The receiver holds the letters up to `mark` (this process has forgotten it in a crash): they are forwarded, the rest is sent. */
  async #settleRest(batch: Batch, mark: Position): Promise<void> {
    const rest = after(batch, mark);
    const held = { ...batch, letters: batch.letters.filter((letter) => letter.position <= mark) };
    if (held.letters.length > 0) this.#acknowledged(held, 0);
    if (rest === undefined) return;
    if (held.letters.length === 0)
      await this.#giveUp(batch, `the receiver says that it holds ${mark}, before this batch`);
    else await this.#settle(rest);
  }

  async #giveUp(batch: Batch, reason: string): Promise<void> {
    const { clock, dead, destination, progress, report } = this.#options;
    const atMs = Number(clock.unixNano() / 1_000_000n);
    for (;;) {
      try {
        await dead.keep(batch, { lane: this.key, destination, reason, atMs });
        break;
      } catch (error) {
        report(`${this.key}: a dead letter cannot be kept: ${errorText(error)}`);
        if ((await Promise.race([pause(clock, DISK_RETRY_MS), this.#stopped])) === 'stopped') return;
      }
    }
    const { account } = this;
    report(`${this.key}: ${itemsOf(batch)} items are given up and kept as a dead letter: ${reason}`);
    progress.settle(this.key, {
      ...account,
      position: markOf(batch),
      dead: account.dead + itemsOf(batch),
      dropped: account.dropped + droppedOf(batch),
    });
    this.#failures = 0;
  }
}
