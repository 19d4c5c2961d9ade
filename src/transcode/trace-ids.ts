import { U32List } from '../base/lists.ts';
import type { RowOrder } from '../base/radix.ts';
import { Fixed32Column, type GrowingColumn } from '../columns/builders.ts';
import { TRACE_IDS } from '../columns/tables.ts';
import type { Batch } from './batch.ts';
import { traceIdColumn } from './ids.ts';
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

/** otel_traces_trace_id_ts: one row for each trace of the batch, with the seconds around its spans, from first start to last end. */
export function traceIdsBatch(traces: TraceBatch, order: RowOrder): Batch {
  const count = traces.traceIds.size;
  const start = new Fixed32Column();
  const end = new Fixed32Column();
  const index = new U32List();
  // In the order of the table, which is that of the ids.
  const places = order.ranks();
  for (let place = 0; place < count; place++) {
    index.push(order.rows[place]);
    start.push(SECONDS_MAX);
    end.push(0);
  }
  const times = traces.timestamp.list.values;
  const durations = traces.duration.list.values;
  for (let row = 0; row < traces.rows; row++) {
    const place = places[traces.traceOf.values[row]];
    const low = times[row * 2];
    const high = times[row * 2 + 1];
    const duration = durations[row * 2 + 1] * TWO_TO_32 + durations[row * 2];
    start.list.values[place] = Math.min(start.list.values[place], secondsBefore(low, high));
    end.list.values[place] = Math.max(end.list.values[place], secondsAfter(low, high, duration));
  }
  const columns: Readonly<Record<string, GrowingColumn>> = {
    TraceId: traceIdColumn(traces.traceIds, index),
    Start: start,
    End: end,
  };
  return { table: TRACE_IDS, rows: count, columns: () => columns };
}
