import { U32List } from '../base/lists.ts';
import type { RowOrder } from '../base/radix.ts';
import { Fixed32Column } from '../columns/builders.ts';
import { TRACE_IDS } from '../columns/tables.ts';
import type { Batch } from './batch.ts';
import type { ResourceContexts } from './contexts.ts';
import { traceIdColumn } from './ids.ts';
import { TraceSummaries } from './trace-summaries.ts';
import type { TraceBatch } from './traces.ts';

const NANOS_A_SECOND = 1e9;
const TWO_TO_32 = 4294967296;
/** A time, or the sum of a time and a duration, as a double is off by less than this; seconds are widened by it, so they never exclude a span. */
const ROUNDING_NANOS = 4096;
/** Both ends of DateTime. A time outside it is shown as the nearest end, which readers must take as "no bound". */
const SECONDS_MAX = 0xffffffff;

const clampSeconds = (seconds: number): number => Math.min(Math.max(Math.floor(seconds), 0), SECONDS_MAX);

/** Whole seconds at or before a time. Times of 2^63 and more are stored as negative DateTime64 and count as 0. */
function secondsBefore(low: number, high: number): number {
  return high >= 0x80000000 ? 0 : clampSeconds((high * TWO_TO_32 + low - ROUNDING_NANOS) / NANOS_A_SECOND);
}

/** Whole seconds after a time. */
function secondsAfter(low: number, high: number, durationNanos: number): number {
  const nanos = high * TWO_TO_32 + low + durationNanos + ROUNDING_NANOS;
  return high >= 0x80000000 ? 0 : clampSeconds(nanos / NANOS_A_SECOND + 1);
}

/**
 * otel_traces_trace_id_ts: one row for each trace of the batch, with the seconds around its spans, from first start to last end, and what a list of
 * traces shows of them.
 */
export function traceIdsBatch(traces: TraceBatch, resources: ResourceContexts, order: () => RowOrder): Batch {
  const start = new Fixed32Column();
  const end = new Fixed32Column();
  const index = new U32List();
  const summaries = new TraceSummaries(traces, resources);
  const times = traces.timestamp.list.values;
  const durations = traces.duration.list.values;
  return {
    table: TRACE_IDS,
    rows: traces.traceIds.size,
    *prepare() {
      // In the order of the table, which is that of the ids.
      const traceOrder = order().rows;
      yield;
      const { rows, ends } = rowsByTrace(traces);
      for (let at = 0; at < traceOrder.length; at++) {
        if (at % STEP_TRACES === 0) yield;
        const trace = traceOrder[at];
        const from = trace === 0 ? 0 : ends[trace - 1];
        const to = ends[trace];
        index.push(trace);
        pushBounds(times, durations, rows, from, to, start, end);
        summaries.add(rows, from, to);
      }
    },
    columns: () => ({
      TraceId: traceIdColumn(traces.traceIds, index),
      Start: start,
      End: end,
      Summary: summaries.column,
    }),
  };
}

/** So many traces are summed in one step. */
const STEP_TRACES = 1024;

/** The seconds around the spans in `rows` from `from` to before `to`. */
function pushBounds(
  times: Uint32Array,
  durations: Uint32Array,
  rows: Uint32Array,
  from: number,
  to: number,
  start: Fixed32Column,
  end: Fixed32Column,
): void {
  let [first, last] = [SECONDS_MAX, 0];
  for (let i = from; i < to; i++) {
    const row = rows[i];
    const low = times[row * 2];
    const high = times[row * 2 + 1];
    first = Math.min(first, secondsBefore(low, high));
    last = Math.max(last, secondsAfter(low, high, durations[row * 2 + 1] * TWO_TO_32 + durations[row * 2]));
  }
  start.push(first);
  end.push(last);
}

/** Rows of one trace side by side, as they arrived: those of trace t end before `ends[t]`. */
function rowsByTrace(traces: TraceBatch): { readonly rows: Uint32Array; readonly ends: Uint32Array } {
  const traceOf = traces.traceOf.values;
  const ends = new Uint32Array(traces.traceIds.size);
  for (let row = 0; row < traces.rows; row++) ends[traceOf[row]]++;
  let before = 0;
  for (let trace = 0; trace < ends.length; trace++) {
    const spans = ends[trace];
    ends[trace] = before;
    before += spans;
  }
  const rows = new Uint32Array(traces.rows);
  for (let row = 0; row < traces.rows; row++) rows[ends[traceOf[row]]++] = row;
  return { rows, ends };
}
