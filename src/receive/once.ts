import { LIMITS } from '../base/limits.ts';
import type { SourceVitals } from '../base/messages.ts';
import type { Clock } from '../host/clock.ts';
import type { Place } from '../journal/position.ts';
import type { Outcome } from '../wire/outcome.ts';
import { hasRoom, type StreamMark, type StreamMarks } from './marks.ts';
import type { Holder } from './shares.ts';
import type { ExportRequest, ExportSink, HopBatch } from './sink.ts';

/** What comes with a stream: the position that its last holder had reached ('' when nobody held it), and what others took in of it before. */
export interface Grant {
  readonly mark: string;
  readonly after: readonly Place[];
}

/** Obtains a stream for this receiver; rejects when it cannot be had now. */
export type ClaimStream = (stream: string) => Promise<Grant>;

/** A stream that this receiver holds: nobody else takes its batches in. */
interface Held {
  /** What others took in of it, until a record of this receiver says so. */
  after: readonly Place[];
  /** A batch of it is being taken in. */
  busy: Promise<unknown> | undefined;
}

/**
 * Takes each batch of another Clew in once, in front of the intake. A stream is held by one receiver at a time, and its batches come one
 * after the other, so one position says what was taken: a batch that ends at or before it is acknowledged and not taken again.
 */
export class OnceSink implements ExportSink {
  readonly #clock: Clock;
  readonly #intake: ExportSink;
  readonly #marks: StreamMarks;
  readonly #claim: ClaimStream;
  readonly #held = new Map<string, Held>();
  readonly #claims = new Map<string, Promise<Held>>();
  /** Batches that came again and were not stored again. */
  repeated = 0;
  readonly #sources = new Map<string, { batches: number; lastMs: number }>();

  constructor(intake: ExportSink, marks: StreamMarks, claim: ClaimStream, clock: Clock) {
    this.#clock = clock;
    this.#intake = intake;
    this.#marks = marks;
    this.#claim = claim;
  }

  reserve(bytes: number, holder: Holder): boolean {
    return this.#intake.reserve(bytes, holder);
  }

  release(bytes: number, holder: Holder): void {
    this.#intake.release(bytes, holder);
  }

  overload(): Outcome {
    return this.#intake.overload();
  }

  isHeldUp(bytes: number): boolean {
    return this.#intake.isHeldUp(bytes);
  }

  export(request: ExportRequest): Promise<Outcome> {
    const { batch } = request;
    return batch === undefined ? this.#intake.export(request) : this.#exportBatch(request, batch);
  }

  async #exportBatch(request: ExportRequest, batch: HopBatch): Promise<Outcome> {
    let held = this.#held.get(batch.stream);
    if (held === undefined) {
      try {
        held = await this.#obtain(batch.stream);
      } catch (error) {
        return later(error instanceof Error ? error.message : String(error));
      }
    }
    // It may have been given up again while the claim was answered.
    if (this.#held.get(batch.stream) !== held) return later('the stream is being handed over');
    if (held.busy !== undefined) return later('an earlier batch of this stream is still being taken in');
    const done = this.#outcomeOf(batch);
    if (done !== undefined) return done;
    const { after } = held;
    const taking = this.#intake.export(after.length === 0 ? request : { ...request, batch: { ...batch, after } });
    held.busy = taking;
    const last = this.#marks.of(batch.stream).at?.position;
    const outcome = await taking;
    if (outcome.kind === 'success') {
      this.#marks.note(batch.stream, batch.mark);
      // Of a batch without anything valid there is no record.
      if (this.#marks.of(batch.stream).at?.position !== last) held.after = [];
      this.#noteSource(batch.stream);
    }
    held.busy = undefined;
    return outcome;
  }

  /** Gives a stream up for another receiver; resolves with its position when no batch of it is under way. */
  async surrender(stream: string): Promise<StreamMark> {
    // A grant that came just before is heard of first: else the stream would be held after it was given up.
    await undefined;
    const held = this.#held.get(stream);
    this.#held.delete(stream);
    await held?.busy;
    return this.#marks.of(stream);
  }

  /** Who sent batches, latest first. */
  sources(): SourceVitals[] {
    const all = [...this.#sources].map(([instance, { batches, lastMs }]) => ({ instance, batches, lastMs }));
    return all.sort((a, b) => b.lastMs - a.lastMs).slice(0, LIMITS.sourcesShownMax);
  }

  /** A stream's name begins with the instance that it comes from. */
  #noteSource(stream: string): void {
    const instance = stream.slice(0, INSTANCE_CHARS);
    const source = this.#sources.get(instance) ?? { batches: 0, lastMs: 0 };
    source.batches++;
    source.lastMs = Number(this.#clock.unixNano() / 1_000_000n);
    if (this.#sources.has(instance) || this.#sources.size < LIMITS.streamsMax) this.#sources.set(instance, source);
  }

  /** What the position alone says of a batch. */
  #outcomeOf(batch: HopBatch): Outcome | undefined {
    const mark = this.#marks.get(batch.stream);
    if (batch.mark <= mark) {
      this.repeated++;
      return { kind: 'success', rejected: 0, message: '' };
    }
    if (batch.from <= mark) return { kind: 'overlap', message: `records up to ${mark} were taken in before`, mark };
    if (mark === '' && !hasRoom(this.#marks)) return later(`${LIMITS.streamsMax} streams are known already`);
    return undefined;
  }

  #obtain(stream: string): Promise<Held> {
    let claim = this.#claims.get(stream);
    if (claim === undefined) {
      claim = this.#claim(stream)
        .then(({ mark, after }) => {
          this.#marks.note(stream, mark);
          const held: Held = { after, busy: undefined };
          this.#held.set(stream, held);
          return held;
        })
        .finally(() => this.#claims.delete(stream));
      this.#claims.set(stream, claim);
    }
    return claim;
  }
}

const INSTANCE_CHARS = 16;

const later = (message: string): Outcome => ({ kind: 'overloaded', message, retryAfterMs: LIMITS.retryAfterMs });
