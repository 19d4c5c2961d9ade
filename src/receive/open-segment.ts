import type { Journal } from '../journal/journal.ts';
import type { SegmentBuilder } from './segment-builder.ts';

export interface SegmentLimits {
  readonly segmentAgeMsMax: number;
  readonly segmentBytesMax: number;
  readonly segmentItemsMax: number;
  readonly segmentColumnBytesMax: number;
  readonly segmentSharedBytesMax: number;
  readonly segmentRepeatedBytesMax: number;
}

/** Of the journal, between two questions to a builder how much memory its columns hold; … */
const ASK_STEP_BYTES = 64 * 1024;
/** … but so many questions at least for a segment that makes as much of one kind as its journal has. */
const ASKS_MIN = 128;

/** The segment that takes requests. */
export class OpenSegment {
  readonly journal: Journal;
  readonly builder: SegmentBuilder;
  /** When its first record came, monotonic; undefined while it is empty. */
  firstRecordMs: number | undefined;
  readonly #limits: SegmentLimits;
  /** As the builder said last: to answer, it goes through all its columns, which is as much work as a few spans. */
  #items = 0;
  #isBuilderFull = false;
  #askAtBytes = 0;

  constructor(journal: Journal, builder: SegmentBuilder, limits: SegmentLimits) {
    this.journal = journal;
    this.builder = builder;
    this.#limits = limits;
  }

  /** Notes a request that was appended at `startedMs`. */
  appended(accepted: number, startedMs: number): void {
    this.firstRecordMs ??= startedMs;
    this.#items += accepted;
    const { sizeBytes } = this.journal;
    if (sizeBytes < this.#askAtBytes) return;
    const { builder } = this;
    const { segmentColumnBytesMax, segmentSharedBytesMax, segmentRepeatedBytesMax } = this.#limits;
    this.#isBuilderFull =
      builder.sizeBytes >= segmentColumnBytesMax ||
      builder.sharedBytes >= segmentSharedBytesMax ||
      builder.repeatedBytes >= segmentRepeatedBytesMax;
    const least = Math.min(segmentColumnBytesMax, segmentSharedBytesMax, segmentRepeatedBytesMax);
    this.#askAtBytes = sizeBytes + Math.min(ASK_STEP_BYTES, least / ASKS_MIN);
  }

  /** Whether it has no room for a request of `bytes`. It takes at least one, of whatever size. */
  isFull(bytes: number): boolean {
    if (this.journal.records === 0) return false;
    return this.journal.sizeBytes + bytes > this.#limits.segmentBytesMax || this.#isLarge();
  }

  /** Whether it is to be sealed because of its size, or at `nowMs` its age. */
  isDue(nowMs: number, ageMsMax: number): boolean {
    if (this.firstRecordMs === undefined) return false;
    return (
      this.journal.sizeBytes >= this.#limits.segmentBytesMax ||
      this.#isLarge() ||
      nowMs - this.firstRecordMs >= ageMsMax
    );
  }

  #isLarge(): boolean {
    return this.#items >= this.#limits.segmentItemsMax || this.#isBuilderFull;
  }
}
