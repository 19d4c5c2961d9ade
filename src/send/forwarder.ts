import type { HopAccount } from '../base/fleet.ts';
import { record, recordStream } from '../base/history.ts';
import { LIMITS } from '../base/limits.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import type { Clock } from '../host/clock.ts';
import { type Disk, errorText } from '../host/disk.ts';
import { type Forgetting, finishForgotten, forget } from '../journal/forget.ts';
import { readManifest } from '../journal/manifest.ts';
import { endOf, type Place, type Position, START, segmentOf } from '../journal/position.ts';
import type { SealedSegment } from '../journal/sealed.ts';
import {
  loadedFile,
  receiverDirectories,
  receiverDirectory,
  sealedFile,
  segmentsIn,
} from '../journal/segment-files.ts';
import type { Outgoing, Rewrite } from './batch.ts';
import type { DeadLetters } from './dead.ts';
import { Lane, type LaneState, laneKey, streamName } from './lane.ts';
import { Link } from './link.ts';
import type { BatchLimits } from './machines/batch.ts';
import type { Pin } from './pool.ts';
import { Predecessors } from './predecessors.ts';
import type { LaneAccount, Progress } from './progress.ts';
import type { RetryPolicy } from './retry.ts';
import type { TailSampler } from './tail/sampler.ts';
import type { Transport } from './transport.ts';

/** Where everything is sent: a name that stays the same as long as it is the same place, and a way to it. */
export interface Destination {
  /** Of `[0-9a-z.-]`; part of the stream names that a Clew on the other side remembers. */
  readonly name: string;
  readonly policy: RetryPolicy;
  /** Its own connections for each lane, opened as `link` lets them, so that a stream stays with one process of the other side. */
  readonly connect: (lane: string, pin: Pin, link: Link) => Transport;
}

export interface ForwarderOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly chance: () => number;
  /** `<data>/journal`. */
  readonly journalDirectory: string;
  readonly instance: string;
  readonly destinations: readonly Destination[];
  /** What the rules make of each request; undefined without rules. */
  readonly rewrite: Rewrite | undefined;
  /** Which destination gets which resources; undefined where each gets everything. */
  readonly routing?: Routing;
  /** Decides which traces are kept before any of their spans is sent; undefined where all are. */
  readonly tail?: TailSampler;
  /** How large a request becomes; a test makes them small. */
  readonly batchLimits?: BatchLimits;
  readonly progress: Progress;
  readonly dead: DeadLetters;
  /** Every destination has acknowledged (or given up) everything in it, and it is gone. */
  readonly onForgotten: (receiver: number, segment: string) => void;
  readonly report: (text: string) => void;
}

export interface Routing {
  readonly lines: readonly string[];
  /** What such routes lead to a destination, by its name; undefined when that is everything. */
  readonly filter: (lines: readonly string[], destination: string) => Rewrite | undefined;
}

/** What became of the items of one signal on the way to one destination. */
export interface Account extends HopAccount {
  readonly destination: string;
}

/** The sealed segments of one receiver directory, oldest first, and the lanes that read them. */
interface Queue {
  readonly receiver: number;
  readonly segments: SealedSegment[];
  readonly lanes: readonly Lane[];
  /** The newest segment that is known, also after it is forgotten. */
  last: string;
  /** How far the oldest segment is forgotten. */
  forgetting: Forgetting;
}

/**
 * Forwards what the receivers have sealed to every destination, each at its own pace, and forgets a segment when the last destination is
 * done with it. It knows nothing that is not on disk: killed at any moment, the next one goes on.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #queues = new Map<number, Queue>();
  /** The stream of each lane, by its key. */
  readonly #streams = new Map<string, string>();
  readonly #predecessors: Predecessors;
  #scanning: Promise<void> = Promise.resolve();
  #forgetting: Promise<void> | undefined;
  #forgetAgain = false;
  #cancelRescan: () => void = () => {};
  #isStopping = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#predecessors = new Predecessors((key, place) => this.#isSettled(key, place));
  }

  /** Begins with what is on disk. Rejects when that cannot be read. */
  async start(): Promise<void> {
    const { disk, journalDirectory, progress, routing, tail, onForgotten } = this.#options;
    await progress.load();
    progress.onSettled = (key) => this.#predecessors.changed(key);
    progress.onSaved = (key, position) => recordStream('Save', this.#streams.get(key) ?? '', 0, position);
    for (const { receiver, segment } of await finishForgotten(disk, journalDirectory)) onForgotten(receiver, segment);
    if (routing !== undefined)
      progress.beginRoutes(routing.lines, (receiver, segment) => this.#isPast(receiver, segment));
    await tail?.start(() => {
      for (const lane of this.#lanes()) lane.wake();
    });
    await this.#scan();
    this.#rescanLater();
  }

  /** A segment was sealed. */
  notify(): void {
    this.#scanning = this.#scanning.then(() => this.#scan()).catch((error: unknown) => this.#report(error));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelRescan();
    await Promise.all(this.#lanes().map((lane) => lane.stop()));
    await this.#scanning;
    await this.#forgetting;
    await this.#options.tail?.stop();
    await this.#options.progress.saved();
  }

  /** Settles when everything sealed so far is settled everywhere, or the time is over. */
  async idle(withinMs: number): Promise<void> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + withinMs;
    await this.#scanning;
    while ([...this.#queues.values()].some(({ segments }) => segments.length > 0)) {
      if (clock.monotonicMs() >= deadlineMs) return;
      await new Promise<void>((resolve) => {
        clock.after(IDLE_LOOK_MS, resolve);
      });
    }
  }

  states(): LaneState[] {
    return this.#lanes().map((lane) => lane.state());
  }

  /** Sealed segments that some destination is not done with. */
  get queuedSegments(): number {
    return [...this.#queues.values()].reduce((sum, { segments }) => sum + segments.length, 0);
  }

  get queuedBytes(): number {
    return [...this.#queues.values()].reduce(
      (sum, { segments }) => segments.reduce((bytes, segment) => bytes + segment.journalBytes, sum),
      0,
    );
  }

  accounts(): Account[] {
    const { destinations, progress } = this.#options;
    return destinations.flatMap(({ name }) =>
      SIGNALS.map((signal) => {
        const sum = { received: 0, forwarded: 0, dead: 0, dropped: 0, elsewhere: 0, lost: 0, refusedInPart: 0 };
        for (const receiver of this.#queues.keys()) {
          const account: LaneAccount = progress.lane(laneKey(name, receiver, signal));
          sum.received += progress.taken(receiver).items[signal];
          sum.forwarded += account.forwarded;
          sum.dead += account.dead;
          sum.dropped += account.dropped;
          sum.elsewhere += account.elsewhere;
          sum.lost += account.lost;
          sum.refusedInPart += account.refusedInPart;
        }
        const queued = sum.received - sum.forwarded - sum.dead - sum.dropped - sum.elsewhere - sum.lost;
        return { destination: name, signal, queued, ...sum };
      }),
    );
  }

  /** Every destination is past a segment. */
  #isPast(receiver: number, segment: string): boolean {
    const { destinations, progress } = this.#options;
    return destinations.every(({ name }) =>
      SIGNALS.every((signal) => progress.lane(laneKey(name, receiver, signal)).position >= endOf(segment)),
    );
  }

  #lanes(): Lane[] {
    return [...this.#queues.values()].flatMap(({ lanes }) => lanes);
  }

  #report(error: unknown): void {
    this.#options.report(`the journals cannot be looked through: ${errorText(error)}`);
  }

  #rescanLater(): void {
    this.#cancelRescan = this.#options.clock.after(LIMITS.loadRescanMs, () => {
      this.notify();
      this.#rescanLater();
    });
  }

  /** Looks for sealed segments that are not known yet. */
  async #scan(): Promise<void> {
    const { disk, journalDirectory, progress, tail } = this.#options;
    for (const { receiver, directory } of await receiverDirectories(disk, journalDirectory)) {
      if (this.#isStopping) return;
      const queue = this.#queues.get(receiver) ?? (await this.#openQueue(receiver, directory));
      const found = await this.#sealedIn(directory, queue.last);
      for (const sealed of found) progress.take(receiver, sealed.segment, sealed.items ?? NO_ITEMS);
      // Which routes a segment is under must not be forgotten once it is sent.
      if (found.some(({ segment }) => progress.routesFor(receiver, segment).length > 0)) await progress.saved();
      for (const sealed of found) {
        const isBegun = queue.lanes.some(({ account }) => account.position.startsWith(sealed.segment));
        tail?.add(directory, sealed, isBegun);
        queue.segments.push(sealed);
        queue.last = sealed.segment;
      }
      for (const lane of queue.lanes) lane.wake();
    }
    this.#predecessors.allChanged();
    this.#forgetSettled();
  }

  /**
   * The sealed segments of a directory after `last`, oldest first, up to the first that is not sealed yet: a segment whose sealing failed
   * may be sealed after its successors, and must not be passed over.
   */
  async #sealedIn(directory: string, last: string): Promise<SealedSegment[]> {
    const { disk, report } = this.#options;
    const found: SealedSegment[] = [];
    for (const [segment, files] of await segmentsIn(disk, directory)) {
      if (segment <= last || files.includes(loadedFile(segment))) continue;
      if (!files.includes(sealedFile(segment))) break;
      const manifest = await readManifest(disk, `${directory}/${sealedFile(segment)}`);
      if ('reason' in manifest) {
        report(`${directory}/${sealedFile(segment)}: ${manifest.reason}`);
        break;
      }
      found.push(manifest);
    }
    return found;
  }

  async #openQueue(receiver: number, directory: string): Promise<Queue> {
    // Of what is there now, earlier processes may have sent more than they wrote down.
    const newest = [...(await segmentsIn(this.#options.disk, directory)).keys()].at(-1);
    const inDoubtUpTo = newest === undefined ? START : endOf(newest);
    // Another look may have been quicker.
    const known = this.#queues.get(receiver);
    if (known !== undefined) return known;
    const { disk, clock, chance, instance, destinations, progress, dead, report } = this.#options;
    const { batchLimits } = this.#options;
    const segments: SealedSegment[] = [];
    const shared = { disk, clock, chance, directory, receiver, instance, progress, dead, report, batchLimits };
    const lanes = destinations.flatMap(({ name, policy, connect }) =>
      SIGNALS.map((signal) => {
        const key = laneKey(name, receiver, signal);
        const link = new Link(streamName(instance, receiver, signal, name), clock, chance);
        this.#streams.set(key, link.stream);
        return new Lane({
          ...shared,
          signal,
          destination: name,
          policy,
          transport: connect(key, this.#pinOf(key, inDoubtUpTo), link),
          link,
          outgoing: (segment) => this.#outgoing(name, receiver, signal, segment),
          predecessors: (places) => this.#predecessorsOf(name, signal, places),
          nextSegment: (after) => this.#nextFor(signal, receiver, segments, after),
          onSettled: () => this.#forgetSettled(),
        });
      }),
    );
    const queue: Queue = { receiver, segments, lanes, last: '', forgetting: { at: 'sealed' } };
    this.#queues.set(receiver, queue);
    for (const lane of lanes) lane.start();
    return queue;
  }

  async #outgoing(destination: string, receiver: number, signal: Signal, segment: string): Promise<Outgoing> {
    const { rewrite, routing, tail, progress } = this.#options;
    return {
      rewrite,
      route: routing?.filter(progress.routesFor(receiver, segment), destination),
      tail: signal === 'traces' ? await tail?.keeper(receiver, segment) : undefined,
    };
  }

  #predecessorsOf(destination: string, signal: Signal, places: readonly Place[]): Promise<void> {
    return this.#predecessors.settled(
      places.map((place) => [laneKey(destination, place.receiver, signal), place] as const),
    );
  }

  /** A lane has settled what stands in a place of its directory, or nothing up to there is left of it. */
  async #isSettled(key: string, { receiver, position }: Place): Promise<boolean> {
    const { disk, journalDirectory, progress } = this.#options;
    const settled = progress.lane(key).position;
    if (settled >= position) return true;
    const isOpen = (segment: string): boolean => endOf(segment) > settled && segment <= segmentOf(position);
    // While it stands in the queue, its directory need not be listed at each step of its lane.
    if (this.#queues.get(receiver)?.segments.some(({ segment }) => isOpen(segment)) === true) return false;
    const segments = await segmentsIn(disk, receiverDirectory(journalDirectory, receiver));
    return ![...segments.keys()].some(isOpen);
  }

  /** The oldest segment that is not wholly before a position, once its traces are decided on. */
  #nextFor(
    signal: Signal,
    receiver: number,
    segments: readonly SealedSegment[],
    after: Position,
  ): SealedSegment | undefined {
    const next = nextAfter(segments, after);
    if (next === undefined || signal !== 'traces' || this.#options.tail === undefined) return next;
    return this.#options.tail.isDecided(receiver, next.segment) ? next : undefined;
  }

  #pinOf(key: string, inDoubtUpTo: Position): Pin {
    const { progress } = this.#options;
    return {
      inDoubtUpTo,
      get: () => progress.lane(key).target,
      set: (url) => {
        progress.settle(key, { ...progress.lane(key), target: url });
        return progress.saved();
      },
    };
  }

  #forgetSettled(): void {
    this.#forgetAgain = true;
    this.#forgetting ??= this.#forgetWhileDue().finally(() => {
      this.#forgetting = undefined;
    });
  }

  async #forgetWhileDue(): Promise<void> {
    while (this.#forgetAgain) {
      this.#forgetAgain = false;
      await this.#forget();
    }
  }

  /** Forgets the segments that every lane is past, once their progress is durable. */
  async #forget(): Promise<void> {
    const { disk, journalDirectory, progress, onForgotten, report } = this.#options;
    for (const queue of this.#queues.values()) {
      const { receiver, segments, lanes } = queue;
      for (;;) {
        const [oldest] = segments;
        if (oldest === undefined || lanes.some((lane) => lane.account.position < endOf(oldest.segment))) break;
        await progress.saved();
        try {
          // What a store is for other segments, the destinations are for these: all of it is there, or accounted for.
          if (queue.forgetting.at === 'sealed') record('Load', receiver, oldest.segment);
          await forget(disk, receiverDirectory(journalDirectory, receiver), oldest.segment, queue.forgetting);
        } catch (error) {
          report(`segment ${oldest.segment} cannot be forgotten yet: ${errorText(error)}`);
          return;
        }
        segments.shift();
        this.#options.tail?.forgotten(receiver, oldest.segment);
        queue.forgetting = { at: 'sealed' };
        onForgotten(receiver, oldest.segment);
      }
    }
  }
}

const IDLE_LOOK_MS = 20;
const NO_ITEMS: Readonly<Record<Signal, number>> = { traces: 0, metrics: 0, logs: 0 };

/** The oldest segment that is not wholly before a position. */
function nextAfter(segments: readonly SealedSegment[], position: Position): SealedSegment | undefined {
  return segments.find(({ segment }) => endOf(segment) > position);
}
