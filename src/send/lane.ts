import { recordStream } from '../base/history.ts';
import type { Signal } from '../base/signal.ts';
import { type Clock, pause } from '../host/clock.ts';
import { type Disk, errorText } from '../host/disk.ts';
import { endOf, type Place, type Position } from '../journal/position.ts';
import { JournalReader } from '../journal/reader.ts';
import type { SealedSegment } from '../journal/sealed.ts';
import { journalFile } from '../journal/segment-files.ts';
import {
  type AwaitPredecessors,
  after,
  type Batch,
  BatchReader,
  droppedOf,
  elsewhereOf,
  halves,
  itemsOf,
  type Letter,
  markOf,
  type Outgoing,
} from './batch.ts';
import type { DeadLetters } from './dead.ts';
import { type Delivered, deliver } from './delivery.ts';
import type { Link } from './link.ts';
import type { BatchLimits } from './machines/batch.ts';
import type { ConnectionPhase } from './machines/connection.ts';
import type { ProtocolPhase } from './machines/protocol.ts';
import type { LaneAccount, Progress } from './progress.ts';
import type { RetryPolicy } from './retry.ts';
import { Slot } from './slot.ts';
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
  /** The protocol that the transport's connections keep to. */
  readonly link: Link;
  /** What is done to the requests of a segment on their way. */
  readonly outgoing: (segment: string) => Promise<Outgoing>;
  /** Waits for other receivers' lanes of the same signal and destination. */
  readonly predecessors: (places: readonly Place[]) => Promise<void>;
  /** How large a request becomes; a test makes them small. */
  readonly batchLimits: BatchLimits | undefined;
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
  /** Receivers of which something goes before what it would send next: their lanes are not that far. */
  readonly waitsFor: readonly number[];
  readonly protocol: ProtocolPhase;
  /** By phase. */
  readonly connections: Readonly<Record<ConnectionPhase, number>>;
  /** Events that came to a machine in a state that does not know them. */
  readonly refusedEvents: Readonly<Record<'protocol' | 'connection' | 'message' | 'batch', number>>;
}

const DISK_RETRY_MS = 1_000;

/** When a letter was taken in, Unix ms. */
const receivedMs = (letter: Letter | undefined): number => Number((letter?.receivedUnixNano ?? 0n) / 1_000_000n);

export const laneKey = (destination: string, receiver: number, signal: Signal): string =>
  `${destination}/r${receiver}/${signal}`;

/** The name of a lane's stream, the same everywhere and for ever. */
export const streamName = (instance: string, receiver: number, signal: Signal, destination: string): string =>
  `${instance}-r${receiver}-${signal}-${destination}`;

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
  #waitsFor: readonly number[] = [];
  #refusedByMessages = 0;
  readonly #slot: Slot;
  /** Nothing that was read is open: all of it is settled, and nothing is there to be read. */
  #isClean = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#slot = new Slot(options.link.stream, options.clock, options.batchLimits);
    this.key = laneKey(options.destination, options.receiver, options.signal);
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  start(): void {
    const { link, policy } = this.#options;
    recordStream('SCrash', link.stream, policy.retriesMax, this.account.position);
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
    const { transport, link } = this.#options;
    const isConnected = link.phase === 'CONNECTED';
    transport.close();
    link.disconnect();
    if (isConnected && this.#isClean) recordStream('Close', link.stream);
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
      waitsFor: this.#waitsFor,
      ...this.#machines(),
    };
  }

  #machines(): Pick<LaneState, 'protocol' | 'connections' | 'refusedEvents'> {
    const { link, transport } = this.#options;
    const connections = { IDLE: 0, ACTIVE: 0, DRAINING: 0, CLOSED: 0, ERROR: 0 };
    let refused = 0;
    for (const connection of transport.connections()) {
      connections[connection.phase]++;
      refused += connection.refused;
    }
    const refusedEvents = {
      protocol: link.refused,
      connection: refused,
      message: this.#refusedByMessages,
      batch: this.#slot.refused,
    };
    return { protocol: link.phase, connections, refusedEvents };
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const segment = this.#options.nextSegment(this.account.position);
      this.#isClean = segment === undefined;
      if (segment === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#slot.abandon();
      try {
        await this.#forward(segment);
      } catch (error) {
        this.#options.report(`${this.key}: segment ${segment.segment} cannot be read: ${errorText(error)}`);
        await Promise.race([pause(this.#options.clock, DISK_RETRY_MS), this.#stopped]);
      }
    }
  }

  async #forward(sealed: SealedSegment): Promise<void> {
    const { disk, directory, signal, progress, outgoing, predecessors } = this.#options;
    const expected = sealed.items?.[signal] ?? 0;
    const before = this.account;
    if (expected > 0) {
      const identity = { instance: sealed.instance, receiver: sealed.receiver, segment: sealed.segment };
      const path = `${directory}/${journalFile(sealed.segment)}`;
      const journal = new JournalReader(disk, path, identity, sealed.journalBytes);
      const from = { segment: sealed.segment, signal, after: before.position };
      const untilStopped: AwaitPredecessors = async (letter) => {
        this.#waitsFor = letter.after.map(({ receiver }) => receiver);
        this.#waitingSinceMs = receivedMs(letter);
        await Promise.race([predecessors(letter.after), this.#stopped]);
        this.#waitsFor = [];
      };
      const reader = new BatchReader(journal, from, this.#slot, await outgoing(sealed.segment), untilStopped);
      for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
        if (this.#isStopping) return;
        this.#waitingSinceMs = receivedMs(batch.letters[0]);
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

  /** Brings the batch of the slot to its end, and writes down what became of it. The slot is empty then, unless sending is to end. */
  async #settle(batch: Batch): Promise<void> {
    const { stream } = this.#options.link;
    const result = await this.#deliver(batch);
    if (result.kind === 'stopped') return;
    this.#slot.reset();
    switch (result.kind) {
      case 'acknowledged':
        this.#acknowledged(batch, result.rejected);
        return;
      case 'overlap':
        await this.#settleRest(batch, result.mark);
        return;
      case 'dead':
        if (result.divisible && batch.letters.length > 1) {
          recordStream('Split', stream);
          // Only what cannot be taken is given up, not what was merged with it.
          for (const half of halves(batch)) if (!this.#isStopping) await this.#settle(this.#refill(half));
        } else {
          recordStream(result.refused ? 'Refuse' : 'Requeue', stream);
          await this.#giveUp(batch, result.reason);
        }
    }
  }

  /** Puts a part of what the slot held into it again. */
  #refill(batch: Batch): Batch {
    let isReady = false;
    for (const letter of batch.letters) isReady = this.#slot.add(letter);
    if (!isReady) this.#slot.flush('full');
    return batch;
  }

  async #deliver(batch: Batch): Promise<Delivered> {
    // Rules have left nothing of it: empty requests are not sent (checklist 5).
    if (batch.letters.every(({ body }) => body.length === 0)) {
      this.#slot.send();
      this.#slot.ok();
      return { kind: 'acknowledged', rejected: 0 };
    }
    const { transport, clock, chance, policy, link } = this.#options;
    const world = {
      transport,
      stream: link.stream,
      clock,
      chance,
      policy,
      stopped: this.#stopped,
      onFailure: (reason: string) => {
        this.#failures++;
        this.#lastFailure = reason;
      },
      onRefused: () => {
        this.#refusedByMessages++;
      },
    };
    return deliver(world, this.#slot, batch);
  }

  #acknowledged(batch: Batch, rejected: number): void {
    const { clock, progress } = this.#options;
    const { account } = this;
    progress.settle(this.key, {
      ...account,
      position: markOf(batch),
      forwarded: account.forwarded + itemsOf(batch),
      dropped: account.dropped + droppedOf(batch),
      elsewhere: account.elsewhere + elsewhereOf(batch),
      refusedInPart: account.refusedInPart + rejected,
    });
    this.#failures = 0;
    this.#lastFailure = '';
    this.#batches++;
    for (const { body } of batch.letters) this.#bytes += body.length;
    this.#receivedMs = receivedMs(batch.letters.at(-1));
    this.#acknowledgedMs = Number(clock.unixNano() / 1_000_000n);
  }

  /** The receiver holds the letters up to `mark` (this process has forgotten it in a crash): they are forwarded, the rest is sent. */
  async #settleRest(batch: Batch, mark: Position): Promise<void> {
    const rest = after(batch, mark);
    const held = { ...batch, letters: batch.letters.filter((letter) => letter.position <= mark) };
    if (held.letters.length === 0) {
      recordStream('Refuse', this.#options.link.stream);
      await this.#giveUp(batch, `the receiver says that it holds ${mark}, before this batch`);
      return;
    }
    recordStream('Overlap', this.#options.link.stream, 0, markOf(held));
    this.#acknowledged(held, 0);
    if (rest !== undefined) await this.#settle(this.#refill(rest));
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
      elsewhere: account.elsewhere + elsewhereOf(batch),
    });
    this.#failures = 0;
    // Durable before anything behind it is sent: a process that had forgotten it would send it again, to a receiver that holds what came
    // behind and would take it for a repetition.
    await progress.saved();
  }
}
