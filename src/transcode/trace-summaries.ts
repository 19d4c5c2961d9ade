import { U32List } from '../base/lists.ts';
import { ArrayColumn, ByteColumn, Fixed32Column, Fixed64Column, type GrowingColumn } from '../columns/builders.ts';
import { gather } from '../columns/gather.ts';
import type { ResourceContexts } from './contexts.ts';
import type { TraceBatch } from './traces.ts';

/** What one span adds to the summary of its trace. Times are two halves of 64 bits. */
interface Times {
  low: number;
  high: number;
}

/** An empty string is one byte, its length (StringColumn). */
const isEmptyText = (ends: Uint32Array, row: number): boolean => ends[row] - (row === 0 ? 0 : ends[row - 1]) === 1;

const STATUS_ERROR = 2;

/** True when a is before b, both as signed 64 bits: a start of 2^63 and more is stored as a negative time. */
const isBefore = (aLow: number, aHigh: number, b: Times): boolean =>
  (aHigh | 0) < b.high || ((aHigh | 0) === b.high && aLow >>> 0 < b.low);

/**
 * What a list of traces shows of each, for the spans of one segment: a list is then read from one small row a trace and segment, instead of from
 * every span of its traces. `query` puts the rows of a trace together.
 */
export class TraceSummaries {
  readonly #traces: TraceBatch;
  readonly #resources: ResourceContexts;
  readonly #first = new Fixed64Column();
  readonly #length = new Fixed64Column();
  readonly #hasRoot = new ByteColumn();
  readonly #topDelay = new Fixed64Column();
  readonly #topRow = new U32List();
  readonly #topResource = new U32List();
  readonly #serviceEnds = new U32List();
  readonly #serviceResource = new U32List();
  readonly #serviceSpans = new Fixed32Column();
  readonly #serviceErrors = new Fixed32Column();
  readonly #serviceDuration = new Fixed64Column();
  /** Where the figures of each service are among those above, when it was seen in the trace that is being summed. */
  readonly #placeOf: Uint32Array;
  readonly #firstStart: Times = { low: 0, high: 0 };
  readonly #lastEnd: Times = { low: 0, high: 0 };
  readonly #top: Times = { low: 0, high: 0 };

  constructor(traces: TraceBatch, resources: ResourceContexts) {
    this.#traces = traces;
    this.#resources = resources;
    this.#placeOf = new Uint32Array(resources.serviceName.dictionary.size);
  }

  /** The next row of the table: `rows` from `from` to before `to` are the spans of one trace, one at least. */
  add(rows: Uint32Array, from: number, to: number): void {
    const { timestamp, parentSpanId, contexts } = this.#traces;
    const times = timestamp.list.values;
    const parentEnds = parentSpanId.ends.values;
    const [first, last, top] = [this.#firstStart, this.#lastEnd, this.#top];
    const servicesFrom = this.#serviceResource.length;
    let topRow = rows[from];
    let hasRoot = false;
    for (let i = from; i < to; i++) {
      const row = rows[i];
      const [low, high] = [times[row * 2], times[row * 2 + 1]];
      const isRoot = isEmptyText(parentEnds, row);
      const isNew = i === from;
      if (isNew || isBefore(low, high, first)) set(first, low, high);
      this.#extend(row, low, high, isNew);
      if (isNew || (isRoot && !hasRoot) || (isRoot === hasRoot && isBefore(low, high, top))) {
        set(top, low, high);
        topRow = row;
      }
      hasRoot ||= isRoot;
      this.#count(row, servicesFrom);
    }
    pushDifference(this.#first, first, ZERO);
    pushDifference(this.#length, last, first);
    pushDifference(this.#topDelay, top, first);
    this.#hasRoot.push(hasRoot ? 1 : 0);
    this.#topRow.push(topRow);
    this.#topResource.push(contexts.resource.values[topRow]);
    this.#serviceEnds.push(this.#serviceResource.length);
  }

  /** Moves the last end to that of this span when it is later. */
  #extend(row: number, startLow: number, startHigh: number, isNew: boolean): void {
    const durations = this.#traces.duration.list.values;
    const low = startLow + durations[row * 2];
    const high = startHigh + durations[row * 2 + 1] + (low > 0xffffffff ? 1 : 0);
    if (isNew || !isBefore(low, high, this.#lastEnd)) set(this.#lastEnd, low, high);
  }

  #count(row: number, servicesFrom: number): void {
    const { contexts, duration, statusCode } = this.#traces;
    const [spans, errors, sums] = [this.#serviceSpans.list, this.#serviceErrors.list, this.#serviceDuration.list];
    const resource = contexts.resource.values[row];
    const service = this.#resources.serviceName.ids.values[resource];
    let place = this.#placeOf[service];
    const isKnown = place >= servicesFrom && place < spans.length && this.#serviceAt(place) === service;
    if (!isKnown) {
      place = spans.length;
      this.#placeOf[service] = place;
      this.#serviceResource.push(resource);
      spans.push(0);
      errors.push(0);
      sums.push64(0, 0);
    }
    spans.values[place]++;
    if (statusCode.list.values[row] === STATUS_ERROR) errors.values[place]++;
    const durations = duration.list.values;
    const low = sums.values[place * 2] + durations[row * 2];
    sums.values[place * 2] = low;
    sums.values[place * 2 + 1] += durations[row * 2 + 1] + (low > 0xffffffff ? 1 : 0);
  }

  #serviceAt(place: number): number {
    return this.#resources.serviceName.ids.values[this.#serviceResource.values[place]];
  }

  columns(): Readonly<Record<string, GrowingColumn>> {
    const { serviceName } = this.#resources;
    const member = (inner: GrowingColumn, fillable = true) => new ArrayColumn(inner, this.#serviceEnds, fillable);
    return {
      First: this.#first,
      Length: this.#length,
      HasRoot: this.#hasRoot,
      TopDelay: this.#topDelay,
      TopService: gather(serviceName, this.#topResource),
      TopName: gather(this.#traces.spanName, this.#topRow),
      'Services.Name': member(gather(serviceName, this.#serviceResource), false),
      'Services.Spans': member(this.#serviceSpans),
      'Services.Errors': member(this.#serviceErrors),
      'Services.Duration': member(this.#serviceDuration),
    };
  }
}

const ZERO: Times = { low: 0, high: 0 };

function set(times: Times, low: number, high: number): void {
  times.low = low >>> 0;
  times.high = high | 0;
}

/** Pushes a − b. */
function pushDifference(column: Fixed64Column, a: Times, b: Times): void {
  column.push((a.low - b.low) >>> 0, (a.high - b.high - (a.low < b.low ? 1 : 0)) >>> 0);
}
