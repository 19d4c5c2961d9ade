import { ByteBuffer } from '../base/bytes.ts';
import { LIMITS } from '../base/limits.ts';
import { U32List } from '../base/lists.ts';
import { StringColumn } from '../columns/builders.ts';
import type { Dictionary } from '../columns/dictionary.ts';
import type { ResourceContexts } from './contexts.ts';
import { writeInt64, writeJsonString, writeUint64 } from './text.ts';
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
 * every span of its traces. `query` puts the rows of a trace together. src/columns/tables.ts says what stands in a text.
 */
export class TraceSummaries {
  readonly column = new StringColumn();
  readonly #traces: TraceBatch;
  readonly #resources: ResourceContexts;
  readonly #text = new ByteBuffer();
  /** The services of the trace that is being summed: their entries in the dictionary, and figures of each. */
  readonly #services = new U32List();
  readonly #spans = new U32List();
  readonly #errors = new U32List();
  /** Two halves for each. */
  readonly #durations = new U32List();
  /** Where a service is among those, when it was seen in the trace that is being summed. */
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
    const { timestamp, parentSpanId } = this.#traces;
    const times = timestamp.list.values;
    const parentEnds = parentSpanId.ends.values;
    const [first, last, top] = [this.#firstStart, this.#lastEnd, this.#top];
    for (const list of [this.#services, this.#spans, this.#errors, this.#durations]) list.length = 0;
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
      this.#count(row);
    }
    this.#write(first, last, hasRoot, top, topRow);
  }

  /** Moves the last end to that of this span when it is later. */
  #extend(row: number, startLow: number, startHigh: number, isNew: boolean): void {
    const durations = this.#traces.duration.list.values;
    const low = startLow + durations[row * 2];
    const high = startHigh + durations[row * 2 + 1] + (low > 0xffffffff ? 1 : 0);
    if (isNew || !isBefore(low, high, this.#lastEnd)) set(this.#lastEnd, low, high);
  }

  #count(row: number): void {
    const { contexts, duration, statusCode } = this.#traces;
    const [services, spans, errors, sums] = [this.#services, this.#spans, this.#errors, this.#durations];
    const service = this.#resources.serviceName.ids.values[contexts.resource.values[row]];
    let place = this.#placeOf[service];
    const isKnown = place < services.length && services.values[place] === service;
    if (!isKnown) {
      place = services.length;
      this.#placeOf[service] = place;
      services.push(service);
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

  #write(first: Times, last: Times, hasRoot: boolean, top: Times, topRow: number): void {
    const { contexts, spanName } = this.#traces;
    const { dictionary: services, ids } = this.#resources.serviceName;
    const text = this.#text;
    text.length = 0;
    text.ascii('["');
    writeInt64(text, first.low, first.high);
    text.ascii('","');
    writeDifference(text, last, first);
    text.ascii(hasRoot ? '",1,"' : '",0,"');
    writeDifference(text, top, first);
    text.ascii('",');
    writeUint64(text, this.#placeOf[ids.values[contexts.resource.values[topRow]]], 0);
    text.ascii(',');
    writeEntry(text, spanName.dictionary, spanName.ids.values[topRow], Number.POSITIVE_INFINITY);
    for (let i = 0; i < this.#services.length; i++) {
      text.ascii(i === 0 ? ',[[' : ',[');
      writeEntry(text, services, this.#services.values[i], LIMITS.summaryServiceBytesMax);
      text.ascii(',');
      writeUint64(text, this.#spans.values[i], 0);
      text.ascii(',');
      writeUint64(text, this.#errors.values[i], 0);
      text.ascii(',"');
      writeUint64(text, this.#durations.values[i * 2], this.#durations.values[i * 2 + 1]);
      text.ascii('"]');
    }
    text.ascii(']]');
    this.column.push(text.bytes, 0, text.length);
  }
}

/** Writes an entry as a JSON string, cut to so many bytes. */
function writeEntry(out: ByteBuffer, { data, starts }: Dictionary, entry: number, bytesMax: number): void {
  const start = starts.values[entry];
  writeJsonString(out, data.bytes, start, Math.min(starts.values[entry + 1], start + bytesMax));
}

/** Writes a − b, as unsigned 64 bits. */
function writeDifference(out: ByteBuffer, a: Times, b: Times): void {
  writeUint64(out, (a.low - b.low) >>> 0, (a.high - b.high - (a.low < b.low ? 1 : 0)) >>> 0);
}

function set(times: Times, low: number, high: number): void {
  times.low = low >>> 0;
  times.high = high | 0;
}
