import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { SpanFilter } from './span-filter.ts';
import { statementOptions } from './sql-text.ts';
import { secondsOfTraces, withinSeconds } from './trace.ts';
import { matchingTraces } from './trace-search.ts';

/** A span as the columns that were asked for; the first is its trace id. */
export type Row = readonly unknown[];

/** The columns that the analysis of spans needs of each. */
export const SPAN_COLUMNS = `TraceId, SpanId, ParentSpanId,
  toUInt8(greatest(indexOf(['Unspecified','Internal','Server','Client','Producer','Consumer'], toString(SpanKind)), 1) - 1),
  ServiceName, SpanName, toString(toUnixTimestamp64Nano(Timestamp)), toString(Duration)`;

/** Traces are read by so many at once, so that not all of their spans lie in memory as rows. */
const TRACES_AT_ONCE = 250;

/**
 * The spans of the newest `limit` traces that a filter finds, at most criticalSpansMax: each trace whole, but the first where it alone has more.
 * `truncated`: there are more traces.
 */
export async function foundSpanRows(
  engine: Engine,
  filter: SpanFilter,
  limit: number,
  columns: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly rows: readonly Row[]; readonly truncated: boolean }> {
  const found = await matchingTraces(engine, filter, limit + 1, signal);
  const traceIds = found.slice(0, limit);
  const rows: Row[] = [];
  let truncated = found.length > limit;
  for (let at = 0; at < traceIds.length; at += TRACES_AT_ONCE) {
    const room = LIMITS.criticalSpansMax - rows.length;
    const more = await spanRows(engine, traceIds.slice(at, at + TRACES_AT_ONCE), room + 1, columns, signal);
    const isFull = more.length > room;
    // The trace at which the limit was met is not whole.
    const cut =
      isFull && (more[0][0] !== more[more.length - 1][0] || rows.length > 0) ? more[more.length - 1][0] : null;
    for (const row of more) if (row[0] !== cut) rows.push(row);
    if (!isFull) continue;
    truncated = true;
    break;
  }
  return { rows, truncated };
}

/** Up to `limit` spans of these traces, trace by trace. */
export async function spanRows(
  engine: Engine,
  traceIds: readonly string[],
  limit: number,
  columns: string,
  signal: AbortSignal | undefined,
): Promise<readonly Row[]> {
  const range = await secondsOfTraces(engine, traceIds, signal);
  if (range === undefined) return [];
  const sql = `SELECT ${columns} FROM otel_traces
    WHERE TraceId IN {ids:Array(String)} AND ${withinSeconds(range)} ORDER BY TraceId, Timestamp LIMIT ${limit}`;
  const options = statementOptions({ ids: traceIds }, signal);
  return (await engine.query(sql, options)).rows;
}
