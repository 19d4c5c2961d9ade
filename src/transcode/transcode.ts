import { GrowthError, withGrowth } from '../base/growth.ts';
import { LIMITS } from '../base/limits.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import { type Part, releasePart } from '../columns/builders.ts';
import { Cursor } from '../wire/protobuf.ts';
import { WireError } from '../wire/wire-error.ts';
import { attributeReaders } from './attributes.ts';
import {
  cutParts,
  type FrozenTable,
  freezeBatch,
  GROUP_BYTES_MAX,
  heldBytesOf,
  markParts,
  type RowBatch,
  usedBytesOf,
} from './batch.ts';
import { ResourceContexts, ScopeContexts } from './contexts.ts';
import type { SpanKernel } from './kernel.ts';
import { LogBatch } from './logs.ts';
import { MetricContexts } from './metric-columns.ts';
import { type PointBatch, pointBatches } from './points.ts';
import { TraceBatch } from './traces.ts';
import { rowsOf, walkRequest, walkWithKernel } from './walk.ts';

export type { FrozenTable } from './batch.ts';

/** The request was taken; `rejected` of its items were invalid, and `message` says why ('' when none). */
export interface TranscodeResult {
  readonly kind: 'ok';
  readonly accepted: number;
  readonly rejected: number;
  readonly message: string;
}

/** The request cannot be decoded. The columns are as they were before the call. */
export interface TranscodeFailure {
  readonly kind: 'invalid';
  readonly message: string;
}

const NO_BYTES = new Uint8Array(0);

/** The growing columns of one segment: all tables, and the resources, scopes and metrics that their rows share. */
export class SegmentColumns {
  readonly resources = new ResourceContexts();
  readonly scopes = new ScopeContexts();
  readonly metrics = new MetricContexts();
  readonly traces = new TraceBatch(this.resources, this.scopes);
  readonly logs = new LogBatch(this.resources, this.scopes);
  readonly points: Readonly<Record<number, PointBatch>> = pointBatches(this);

  /** Used for one request after another: making them anew would cost a small request as much as its spans. */
  readonly cursor = new Cursor(NO_BYTES);
  readers = attributeReaders(this.cursor);

  /** Bytes that the rows will repeat of their resource, scope and metric when they are frozen. */
  repeatedBytes = 0;
  readonly batches: readonly RowBatch[] = [this.traces, this.logs, ...Object.values(this.points)];
  #allParts: readonly Part[] | undefined;
  #sharedParts: readonly Part[] | undefined;
  /** LIMITS.requestUnpackedBytesMax; smaller in tests. */
  readonly requestBytesMax: number;
  readonly #partsOf: Partial<Record<Signal, readonly Part[]>> = {};
  /** Where the request that is being read began: used for one after another. */
  readonly mark: number[] = [];

  /** Reads most requests of spans when there is one; the rows are the same. */
  readonly kernel: SpanKernel | undefined;

  constructor(kernel?: SpanKernel, requestBytesMax: number = LIMITS.requestUnpackedBytesMax) {
    this.kernel = kernel;
    this.requestBytesMax = requestBytesMax;
  }

  /** Spans, log records and data points. */
  get items(): number {
    return this.batches.reduce((sum, batch) => sum + batch.rows, 0);
  }

  /** Memory that the rows take, bytes. */
  get sizeBytes(): number {
    return usedBytesOf(this.#parts());
  }

  /** Of these, what the resources and scopes take that rows point at. */
  get sharedBytes(): number {
    this.#sharedParts ??= [...this.resources.parts, ...this.scopes.parts];
    return usedBytesOf(this.#sharedParts);
  }

  /** Memory that the columns hold, for these rows and those to come, bytes. */
  get heldBytes(): number {
    return heldBytesOf(this.#parts());
  }

  #parts(): readonly Part[] {
    this.#allParts ??= [...new Set(SIGNALS.flatMap((signal) => this.partsOf(signal)))];
    return this.#allParts;
  }

  batchesOf(signal: Signal): readonly RowBatch[] {
    if (signal === 'traces') return [this.traces];
    return signal === 'logs' ? [this.logs] : Object.values(this.points);
  }

  /** Everything that a request of this signal may lengthen. */
  partsOf(signal: Signal): readonly Part[] {
    this.#partsOf[signal] ??= this.#collectParts(signal);
    return this.#partsOf[signal];
  }

  #collectParts(signal: Signal): readonly Part[] {
    const shared = [...this.resources.parts, ...this.scopes.parts];
    const own = this.batchesOf(signal).flatMap((batch) => batch.parts);
    return signal === 'metrics' ? [...shared, ...this.metrics.parts, ...own] : [...shared, ...own];
  }

  /** Keys of maps and signatures are guessed from the row before; after a cut there is none. */
  forgetGuesses(): void {
    this.readers = attributeReaders(this.cursor);
    const holders = [this.resources, this.scopes, this.metrics, ...this.batches];
    for (const holder of holders) for (const map of holder.maps) map.forgetGuess();
  }

  /** Empties the columns. Buffers are kept for reuse unless a giant segment has made them large. */
  reset(): void {
    this.repeatedBytes = 0;
    const release = this.heldBytes > LIMITS.segmentKeptBytesMax;
    for (const signal of SIGNALS) {
      const parts = this.partsOf(signal);
      if (release) parts.forEach(releasePart);
      else cutParts(parts, new Array<number>(parts.length).fill(0));
    }
    this.forgetGuesses();
  }
}

/**
 * Reads one export request into the columns: all of it or, when it cannot be decoded, nothing. Deterministic: the same requests in the
 * same order give the same columns, which is what lets a segment be rebuilt from its journal.
 * @param received the time of arrival, Unix nanoseconds: the timestamp of log records that have none
 */
export function transcode(
  columns: SegmentColumns,
  signal: Signal,
  body: Uint8Array,
  baggage: string,
  received: bigint,
): TranscodeResult | TranscodeFailure {
  const parts = columns.partsOf(signal);
  const { mark } = columns;
  markParts(parts, mark);
  const batches = columns.batchesOf(signal);
  const before = rowsOf(batches);
  const repeatedBefore = columns.repeatedBytes;
  const { cursor } = columns;
  // A plain view: slices of a Buffer are several times slower to make.
  cursor.read(new Uint8Array(body.buffer, body.byteOffset, body.length));
  const walk = {
    columns,
    cursor,
    readers: columns.readers,
    repeatedBytesMax: repeatedBefore + columns.requestBytesMax,
    baggage: baggage === '' ? NO_BYTES : ENCODER.encode(baggage),
    received: signal === 'logs' ? halvesOf(received) : NO_TIME,
  };
  const cut = (): void => {
    cutParts(parts, mark);
    columns.repeatedBytes = repeatedBefore;
    columns.forgetGuesses();
  };
  try {
    const result = withGrowth(columns.requestBytesMax, () => {
      const { kernel } = columns;
      const byKernel = kernel === undefined || signal !== 'traces' ? undefined : walkWithKernel(walk, kernel);
      if (byKernel !== undefined) return byKernel;
      const first = walkRequest(walk, signal, false);
      if (first.rejected === 0) return first;
      // Rare: the rows of invalid spans are taken out by reading the request once more without them.
      cut();
      return walkRequest({ ...walk, readers: columns.readers }, signal, true);
    });
    return { kind: 'ok', accepted: rowsOf(batches) - before, rejected: result.rejected, message: result.message };
  } catch (error) {
    cut();
    const message = failureMessage(error, columns.requestBytesMax);
    if (message === undefined) throw error;
    return { kind: 'invalid', message: `${signal} request cannot be decoded: ${message}` };
  }
}

const ENCODER = new TextEncoder();
const NO_TIME = { low: 0, high: 0 };

const halvesOf = (time: bigint): { readonly low: number; readonly high: number } => ({
  low: Number(BigInt.asIntN(32, time)),
  high: Number(BigInt.asIntN(32, time >> 32n)),
});

/** What is wrong with the request; undefined when it is not the request that is wrong. */
function failureMessage(error: unknown, bytesMax: number): string | undefined {
  if (error instanceof WireError) return error.message;
  if (!(error instanceof GrowthError)) return undefined;
  return `its columns have more than ${bytesMax} bytes: send fewer items at a time`;
}

/**
 * The segment as Native blocks, one for each table that has rows, in the order in which they are to be loaded: a trace can be found by its id
 * before anything shows its spans. To be read before the next `transcode` or `reset`. A table comes when it is ready; `undefined` comes after
 * each step of a millisecond or so on the way to it, for whoever has others to see to.
 * @param groupBytes of each table's groups (FrozenTable)
 */
export function* freeze(
  columns: SegmentColumns,
  groupBytes: number = GROUP_BYTES_MAX,
): Generator<FrozenTable | undefined> {
  for (const batch of columns.batches.flatMap((rows) => rows.tables())) {
    if (batch.rows === 0) continue;
    yield* batch.prepare?.() ?? [];
    yield freezeBatch(batch, groupBytes);
  }
}

/** All of `freeze` at once. */
export const freezeWhole = (columns: SegmentColumns): FrozenTable[] =>
  [...freeze(columns)].filter((frozen) => frozen !== undefined);
