import { record } from '../base/history.ts';
import { LIMITS } from '../base/limits.ts';
import type { Signal } from '../base/signal.ts';
import type { Clock } from '../host/clock.ts';
import { type Disk, errorText, makeDirectoryDurably } from '../host/disk.ts';
import { KIND } from '../journal/format.ts';
import { nextBoot } from '../journal/identity-files.ts';
import { createJournal, type Journal } from '../journal/journal.ts';
import { positionOf } from '../journal/position.ts';
import { writeCounts } from '../journal/record.ts';
import type { SealedSegment } from '../journal/sealed.ts';
import { segmentId } from '../journal/segment-files.ts';
import type { Outcome } from '../wire/outcome.ts';
import { DiskWatch } from './disk-watch.ts';
import type { IntakeVitals } from './intake-vitals.ts';
import { type LatencyWindow, latencyWindow } from './latency.ts';
import type { StreamMarks } from './marks.ts';
import { OpenSegment, type SegmentLimits } from './open-segment.ts';
import { otlpBuilder } from './otlp-builder.ts';
import { payloadOf } from './payload.ts';
import { removeSegment, type Workshop } from './rebuild.ts';
import { recoverSegments } from './recovery.ts';
import { Retained } from './retained.ts';
import { Sealer } from './sealer.ts';
import type { SegmentBuilder, TranscodeResult } from './segment-builder.ts';
import { type Holder, Shares, withoutReserve } from './shares.ts';
import { type ExportRequest, type ExportSink, recordBatch } from './sink.ts';

export interface IntakeLimits extends SegmentLimits {
  readonly inflightBytesMax: number;
  /** This receiver's share of the journal quota: journals and Native files that the store has not loaded yet. */
  readonly journalBytesMax: number;
  readonly diskFreeBytesMin: number;
  readonly retryAfterMs: number;
}

export interface IntakeOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** `<data>/journal/r<receiver>`; made when missing. */
  readonly directory: string;
  readonly receiver: number;
  /** Of the data directory: `openInstance`. */
  readonly instance: string;
  /** Makes the rows; a stand-in of a test, or else the transcoder. */
  readonly newBuilder?: () => SegmentBuilder;
  readonly limits?: Partial<IntakeLimits>;
  /** How far the streams of other Clews were taken in: saved before a segment that advances them is sealed. */
  readonly marks?: StreamMarks;
  /** A segment is sealed (or sealed again after a repair): the store may load it. */
  onSealed(segment: string): void;
  /** One line for the log. */
  onReport(text: string): void;
}

/** Takes requests in durably: transcodes, journals, answers, seals. */
export interface Intake extends ExportSink {
  /** Seals what was accepted so far; settles when it is sealed. */
  seal(): Promise<void>;
  /** Accepts nothing more, seals what it can and stops. */
  close(): Promise<void>;
  vitals(): IntakeVitals;
  /** The store has forgotten a segment: its share of the quota is free. */
  forgotten(segment: string): void;
  /** The store found a file of a sealed segment damaged: builds it again and calls `onSealed`. */
  rebuild(segment: string): void;
}

/**
 * Opens the intake of one receiver. First recovers what the last process left; resolves when requests can be answered (on a disk that
 * refuses to open a segment: with `overloaded`, and it is tried again each second). Rejects when the directory itself cannot be used.
 */
export async function openIntake(options: IntakeOptions): Promise<Intake> {
  const { disk, directory, clock } = options;
  await makeDirectoryDurably(disk, directory);
  const boot = await nextBoot(disk, directory, clock.unixNano());
  const intake = new OpenIntake(options, boot);
  await intake.start();
  return intake;
}

type Transcoded = Extract<TranscodeResult, { readonly kind: 'ok' }>;

/** How often age, free space and the directory are looked at. */
const TICK_MS = 50;

/** What counts for the limit of usual requests when one request holds `bytes`. */
const usualBytes = (bytes: number): number => (bytes <= LIMITS.usualRequestBytesMax ? bytes : 0);

const zeroCounts = (): Record<Signal, number> => ({ traces: 0, metrics: 0, logs: 0 });

class OpenIntake implements Intake {
  readonly #options: IntakeOptions;
  readonly #limits: IntakeLimits;
  readonly #workshop: Workshop;
  readonly #sealer: Sealer;
  readonly #watch: DiskWatch;
  readonly #latency: LatencyWindow;
  readonly #shares = new Shares();
  readonly #boot: number;
  #sequence = 0;
  #state: 'open' | 'closing' = 'open';
  #open: OpenSegment | undefined;
  /** The journal of the next segment, ready before it is needed. */
  #spare: Journal | undefined;
  #preparing: Promise<void> | undefined;
  /** Settles when every segment given up so far is in the sealer's hands. */
  #abandoned: Promise<unknown> = Promise.resolve();
  /** After a failure of the disk no segment is opened before this time (monotonic). */
  #holdUntilMs = 0;
  /** One builder fills while the other is written to disk: a third would only hide that sealing is too slow. */
  readonly #freeBuilders: SegmentBuilder[];
  /** Since when a full segment keeps requests waiting because none can follow it; undefined when none does. */
  #heldUpSinceMs: number | undefined;
  #sealRequested = false;
  #sealWaiters: (() => void)[] = [];
  readonly #rebuiltWaiters = new Map<string, (() => void)[]>();
  readonly #retained = new Retained();
  #inflightBytes = 0;
  /** Those of requests of the usual size. */
  #usualInflightBytes = 0;
  #lastRefusal = '';
  readonly #accepted = zeroCounts();
  readonly #rejected = zeroCounts();
  readonly #damaged: string[] = [];
  #cancelTick: () => void = () => {};

  constructor(options: IntakeOptions, boot: number) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#boot = boot;
    this.#latency = latencyWindow(options.clock);
    const newBuilder = options.newBuilder ?? otlpBuilder;
    this.#freeBuilders = [newBuilder(), newBuilder()];
    this.#workshop = {
      ...options,
      report: (text) => options.onReport(text),
      reportDamage: (text) => this.#noteDamage(text),
    };
    this.#watch = new DiskWatch({
      ...options,
      sealed: () => this.#retained.sealed,
      onGone: (segment) => this.forgotten(segment),
    });
    this.#sealer = new Sealer(this.#workshop, options.clock, {
      done: (segment, sealed) => this.#sealDone(segment, sealed),
      builderFree: (builder) => {
        this.#freeBuilders.push(builder);
        this.#advance();
      },
    });
  }

  async start(): Promise<void> {
    const recovered = await recoverSegments(this.#workshop);
    for (const sealed of recovered.intact) this.#retained.noteSealed(sealed);
    for (const sealed of recovered.rebuilt) this.#sealDone(sealed.segment, sealed);
    for (const segment of recovered.failed) this.#sealer.push({ kind: 'recover', segment });
    this.#advance();
    await this.#preparing;
    this.#tick();
  }

  reserve(bytes: number, holder: Holder): boolean {
    const isOver = this.#shares.isOver(holder.client, this.#options.clock.monotonicMs());
    const refusal = this.#refusal(bytes, holder, isOver);
    if (refusal !== undefined) {
      this.#lastRefusal = refusal;
      return false;
    }
    this.#shares.give(holder.client, bytes);
    this.#hold(holder, bytes);
    return true;
  }

  release(bytes: number, holder: Holder): void {
    holder.client.heldBytes -= bytes;
    this.#hold(holder, -bytes);
  }

  /** A request holds so many bytes more, or fewer. */
  #hold({ heldBytes }: Holder, bytes: number): void {
    this.#inflightBytes += bytes;
    this.#usualInflightBytes += usualBytes(heldBytes + bytes) - usualBytes(heldBytes);
  }

  /**
   * Sealing takes as long as its steps wait for turns of the event loop: while requests come as fast as they can, a segment may be full a little
   * before the last one is sealed. To let them wait is no memory that was not promised, and turns that take none in are short.
   */
  isHeldUp(bytes: number): boolean {
    const open = this.#open;
    if (this.#state === 'closing' || open === undefined || !open.isFull(bytes) || this.#hasNext()) {
      this.#heldUpSinceMs = undefined;
      return false;
    }
    this.#heldUpSinceMs ??= this.#options.clock.monotonicMs();
    return !this.#isHeldUpTooLong();
  }

  #isHeldUpTooLong(): boolean {
    const sinceMs = this.#heldUpSinceMs;
    return sinceMs !== undefined && this.#options.clock.monotonicMs() - sinceMs >= LIMITS.segmentWaitMsMax;
  }

  /** Whether another segment can follow the open one at once. */
  #hasNext(): boolean {
    return this.#spare !== undefined && this.#freeBuilders.length > 0;
  }

  overload(): Outcome {
    return this.#overloaded(this.#lastRefusal);
  }

  /** Without `async`: a promise and a closure for each request are what its answer needs. */
  export(request: ExportRequest): Promise<Outcome> {
    const { clock, receiver } = this.#options;
    const startedMs = clock.monotonicMs();
    const refusal = this.#segmentRefusal(request.body.length);
    const open = this.#open;
    if (refusal !== undefined || open === undefined)
      return Promise.resolve(this.#overloaded(refusal ?? 'no segment is open'));
    const receivedUnixNano = clock.unixNano();
    const payload = payloadOf(request, receivedUnixNano, open.builder.counts !== undefined);
    if (payload[0].length + payload[1].length > LIMITS.journalRecordBytesMax) {
      return Promise.resolve({ kind: 'tooLarge', message: `a request may have ${LIMITS.requestBytesMax} bytes` });
    }
    const result = this.#transcode(open, request, receivedUnixNano);
    if (result.kind !== 'ok') return Promise.resolve(result);
    if (result.accepted === 0) return Promise.resolve(this.#taken(request.signal, result));
    if (open.builder.counts !== undefined) writeCounts(payload[0], result.accepted, result.rejected);
    const appended = open.journal.append(KIND.request, payload);
    const nth = open.journal.records;
    const { segment } = open.journal.identity;
    if (request.batch !== undefined) recordBatch(request.batch, nth, `r${receiver}/${segment}`);
    open.appended(result.accepted, startedMs);
    this.#rotateIfDue();
    return appended.then((written) => {
      if (written.kind === 'failed') return this.#notWritten(open, request, written.message);
      record('Answer', receiver, segment, nth);
      if (request.batch !== undefined) {
        this.#options.marks?.stands(request.batch.stream, positionOf(segment, nth - 1));
      }
      this.#latency.record(clock.monotonicMs() - startedMs + (request.waitedMs ?? 0));
      return this.#taken(request.signal, result);
    });
  }

  #taken(signal: Signal, { accepted, rejected, message }: Transcoded): Outcome {
    this.#accepted[signal] += accepted;
    this.#rejected[signal] += rejected;
    return { kind: 'success', rejected, message };
  }

  async #notWritten(open: OpenSegment, request: ExportRequest, reason: string): Promise<Outcome> {
    this.#abandon(open, reason);
    // Whether the record is on disk is settled when the journal is cut: until then its stream must not go on.
    if (request.batch !== undefined) await this.#rebuilt(open.journal.identity.segment);
    return this.#overloaded(`the journal cannot be written: ${reason}`);
  }

  async seal(): Promise<void> {
    this.#sealRequested = true;
    const sealed = new Promise<void>((resolve) => {
      this.#sealWaiters.push(resolve);
    });
    this.#rotateIfDue();
    this.#settleSealWaitersWhenIdle();
    await sealed;
  }

  async close(): Promise<void> {
    this.#state = 'closing';
    this.#cancelTick();
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined && open.journal.records > 0) this.#pushSeal(open);
    await this.#preparing;
    await this.#abandoned;
    await this.#sealer.stop();
    for (const unused of [this.#spare, open?.journal.records === 0 ? open.journal : undefined]) {
      if (unused !== undefined) await this.#removeUnused(unused);
    }
    this.#spare = undefined;
    await this.#watch.idle();
    this.#settleSealWaiters();
  }

  vitals(): IntakeVitals {
    return {
      accepted: { ...this.#accepted },
      rejected: { ...this.#rejected },
      inflightBytes: this.#inflightBytes,
      ackP50Ms: this.#latency.quantileMs(0.5),
      ackP99Ms: this.#latency.quantileMs(0.99),
      journalBytes: this.#journalBytes(),
      journalQuotaBytes: this.#limits.journalBytesMax,
      sealedSegments: this.#retained.sealed.size,
      damaged: [...this.#damaged],
    };
  }

  forgotten(segment: string): void {
    this.#retained.forget(segment);
  }

  rebuild(segment: string): void {
    if (this.#state === 'open') this.#sealer.push({ kind: 'recover', segment });
  }

  /**
   * Why a request of `bytes` may not be read now, or undefined when it may. Of the bytes in flight a connection may have as many as are
   * free, so that one with hundreds of streams leaves room for others at any time; the first request of a connection only has to fit.
   */
  #refusal(bytes: number, { client, heldBytes }: Holder, isOver: boolean): string | undefined {
    const { inflightBytesMax, journalBytesMax, diskFreeBytesMin } = this.#limits;
    const ahead = this.#inflightBytes + bytes;
    const usualMax = Math.min(inflightBytesMax, LIMITS.inflightUsualBytesMax);
    const usualAhead = this.#usualInflightBytes + usualBytes(heldBytes + bytes) - usualBytes(heldBytes);
    if (ahead > inflightBytesMax || usualAhead > usualMax) return 'too many bytes of requests are in flight';
    if (isOver && client.heldBytes - heldBytes > usualMax - usualAhead)
      return 'this connection has its share of bytes in flight';
    const quotaBytes = isOver ? withoutReserve(journalBytesMax) : journalBytesMax;
    if (this.#journalBytes() + ahead > quotaBytes) return 'the journal quota is used up: the store is behind';
    if (this.#watch.freeBytes - ahead < diskFreeBytesMin) return 'the disk of the journal is nearly full';
    // What is reserved is a guess before the body is read: it must not end a segment that the body would have fitted in. A full one may be
    // followed by another before it has come.
    return this.#open === undefined || this.#state === 'closing' || this.#isHeldUpTooLong()
      ? this.#segmentRefusal(0)
      : undefined;
  }

  /** Why no segment takes a request of `bytes` now. */
  #segmentRefusal(bytes: number): string | undefined {
    if (this.#state === 'closing') return 'the receiver is stopping';
    const open = this.#open;
    if (open === undefined) return 'the journal cannot be written at the moment';
    if (!open.isFull(bytes)) return undefined;
    this.#rotateIfDue(true);
    if (this.#open === undefined) return 'the next segment is being opened';
    return this.#open === open ? 'segments are sealed more slowly than requests arrive' : undefined;
  }

  #overloaded(message: string): Outcome {
    return { kind: 'overloaded', message, retryAfterMs: this.#limits.retryAfterMs };
  }

  /** Transcodes into the open segment. A transcoder that throws has broken its promise: the rows are not to be trusted, the journal is. */
  #transcode(
    open: OpenSegment,
    request: ExportRequest,
    receivedUnixNano: bigint,
  ): TranscodeResult | { readonly kind: 'internal'; readonly message: string } {
    try {
      return open.builder.transcode(request.signal, request.body, request.baggage, receivedUnixNano);
    } catch (error) {
      this.#abandon(open, `transcoding failed: ${errorText(error)}`);
      return { kind: 'internal', message: 'the request could not be transcoded' };
    }
  }

  /** Gives up the rows in memory of a segment and has it rebuilt from what is durable. Requests in it that still wait are answered by their own append. */
  #abandon(open: OpenSegment, reason: string): void {
    if (this.#open !== open) return;
    this.#open = undefined;
    record('Close', this.#options.receiver, open.journal.identity.segment);
    this.#options.onReport(
      `segment ${open.journal.identity.segment} is closed and rebuilt from its journal: ${reason}`,
    );
    this.#holdUntilMs = this.#options.clock.monotonicMs() + LIMITS.diskRetryMs;
    this.#abandoned = Promise.all([this.#abandoned, this.#rebuildWhenIdle(open)]);
  }

  async #rebuildWhenIdle(open: OpenSegment): Promise<void> {
    await open.journal.close();
    const { segment } = open.journal.identity;
    this.#retained.note(segment, open.journal.durable.bytes);
    this.#sealer.push({ kind: 'rebuild', segment, extent: open.journal.durable });
    open.builder.reset();
    this.#freeBuilders.push(open.builder);
    this.#advance();
  }

  /** Starts the next segment when the open one is full, old, or asked for, and there is one to go on with. */
  #rotateIfDue(due = this.#isDue()): void {
    const open = this.#open;
    if (!due || open === undefined || !this.#hasNext()) return;
    this.#sealRequested = false;
    this.#open = undefined;
    this.#pushSeal(open);
    this.#advance();
    this.#settleSealWaitersWhenIdle();
  }

  #isDue(): boolean {
    const open = this.#open;
    if (open?.firstRecordMs === undefined) return false;
    const { segmentAgeMsMax } = this.#limits;
    const behind = this.#retained.sealed.size > LIMITS.segmentsBehindMax;
    const ageMsMax = behind ? Math.max(segmentAgeMsMax, LIMITS.segmentAgeMsBehindMax) : segmentAgeMsMax;
    return this.#sealRequested || open.isDue(this.#options.clock.monotonicMs(), ageMsMax);
  }

  #pushSeal(open: OpenSegment): void {
    const { segment } = open.journal.identity;
    record('Close', this.#options.receiver, segment);
    this.#retained.note(segment, open.journal.sizeBytes);
    const openMs = this.#options.clock.monotonicMs() - (open.firstRecordMs ?? 0);
    this.#sealer.push({ kind: 'seal', segment, journal: open.journal, builder: open.builder, openMs });
  }

  /** Opens a segment when none is open and all it needs is there; has the next journal made. */
  #advance(): void {
    if (this.#state === 'closing') return;
    const now = this.#options.clock.monotonicMs();
    if (now < this.#holdUntilMs) return;
    if (this.#open === undefined && this.#spare !== undefined) {
      const builder = this.#freeBuilders.pop();
      if (builder !== undefined) {
        this.#open = new OpenSegment(this.#spare, builder, this.#limits);
        this.#heldUpSinceMs = undefined;
        this.#spare = undefined;
      }
    }
    if (this.#spare === undefined) this.#preparing ??= this.#prepareSpare();
  }

  async #prepareSpare(): Promise<void> {
    const { disk, directory, instance, receiver, clock, onReport } = this.#options;
    const segment = segmentId(this.#boot, ++this.#sequence);
    try {
      this.#spare = await createJournal(disk, directory, { instance, receiver, segment });
    } catch (error) {
      onReport(`no segment can be opened in ${directory}: ${errorText(error)}`);
      this.#holdUntilMs = clock.monotonicMs() + LIMITS.diskRetryMs;
      this.#sealer.push({ kind: 'remove', segment });
    }
    this.#preparing = undefined;
    this.#advance();
    this.#rotateIfDue();
  }

  async #removeUnused(journal: Journal): Promise<void> {
    const { disk, directory } = this.#options;
    await journal.close();
    // What cannot be removed is empty, and removed at the next start.
    await removeSegment(disk, directory, journal.identity.segment).catch(() => {});
  }

  /** Settles when a segment that was given up is sealed from what is durable of it. */
  #rebuilt(segment: string): Promise<void> {
    return new Promise((resolve) => {
      this.#rebuiltWaiters.set(segment, [...(this.#rebuiltWaiters.get(segment) ?? []), resolve]);
    });
  }

  #sealDone(segment: string, sealed: SealedSegment | undefined): void {
    for (const settle of this.#rebuiltWaiters.get(segment) ?? []) settle();
    this.#rebuiltWaiters.delete(segment);
    if (sealed === undefined) {
      this.forgotten(segment);
    } else {
      this.#retained.noteSealed(sealed);
      this.#options.onSealed(segment);
    }
  }

  #settleSealWaitersWhenIdle(): void {
    if (this.#sealWaiters.length > 0) void this.#sealer.idle().then(() => this.#settleSealWaiters());
  }

  #settleSealWaiters(): void {
    if (this.#state === 'open' && this.#sealRequested && this.#open?.firstRecordMs !== undefined) return;
    this.#sealRequested = false;
    const waiters = this.#sealWaiters;
    this.#sealWaiters = [];
    for (const settle of waiters) settle();
  }

  #journalBytes(): number {
    return this.#retained.bytes + (this.#open?.journal.sizeBytes ?? 0);
  }

  #noteDamage(text: string): void {
    this.#damaged.push(text);
    if (this.#damaged.length > LIMITS.damagedPlacesMax) this.#damaged.shift();
    this.#options.onReport(text);
  }

  #tick(): void {
    this.#advance();
    this.#rotateIfDue();
    this.#watch.tick();
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick());
  }
}
