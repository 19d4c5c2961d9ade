import { criticalPaths, type PathMode } from '../analysis/critical-path.ts';
import { TimedSpans } from '../analysis/critical-spans.ts';
import { type PathSummary, sumPaths } from '../analysis/critical-sum.ts';
import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { PathComparison, PathSums, TracePath } from './api-paths.ts';
import { comparisonAnswer, pathSumsAnswer, tracePathAnswer } from './critical-answers.ts';
import type { Parameters } from './parameters.ts';
import { badParameter } from './problem.ts';
import { secondsOfTraces, withinSeconds } from './trace.ts';
import { matchingTraces, readSpanFilter, SPAN_FILTERS, type SpanFilter } from './trace-search.ts';

export const PATH_PARAMETERS: readonly string[] = [...SPAN_FILTERS, 'mode', 'limit'];
export const COMPARE_PARAMETERS: readonly string[] = [...PATH_PARAMETERS, 'beforeStart', 'beforeEnd'];

const MODES = ['strict', 'crisp'] as const;
/** Traces are read by so many at once, so that not all of their spans lie in memory as rows. */
const TRACES_AT_ONCE = 250;

/** The critical path of one trace; undefined when none of its spans is stored. */
export async function tracePath(
  engine: Engine,
  traceId: string,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<TracePath | undefined> {
  const mode = parameters.oneOf('mode', MODES) ?? 'strict';
  const rows = await spanRows(engine, [traceId], LIMITS.traceSpansMax + 1, signal);
  if (rows.length === 0) return undefined;
  const isTruncated = rows.length > LIMITS.traceSpansMax;
  return tracePathAnswer(tableOf(rows.slice(0, LIMITS.traceSpansMax)), mode, isTruncated);
}

export async function pathSums(engine: Engine, parameters: Parameters, signal?: AbortSignal): Promise<PathSums> {
  const { filter, mode, limit } = readQuestion(parameters);
  const { summary, truncated } = await summarise(engine, filter, mode, limit, signal);
  return pathSumsAnswer(summary, mode, truncated);
}

export async function pathComparison(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<PathComparison> {
  const { filter, mode, limit } = readQuestion(parameters);
  const { start, end } = filter.range;
  const beforeEnd = parameters.time('beforeEnd') ?? start;
  const beforeStart = parameters.time('beforeStart') ?? beforeEnd - (end - start);
  if (beforeStart >= beforeEnd || beforeStart < 0n) {
    throw badParameter('beforeStart', parameters.text('beforeStart') ?? 'absent', 'must lie before beforeEnd');
  }
  const earlier = { ...filter, range: { start: beforeStart, end: beforeEnd } };
  const before = await summarise(engine, earlier, mode, limit, signal);
  const after = await summarise(engine, filter, mode, limit, signal);
  return comparisonAnswer({ ...before, ...earlier.range }, { ...after, start, end }, mode);
}

interface Question {
  readonly filter: SpanFilter;
  readonly mode: PathMode;
  readonly limit: number;
}

function readQuestion(parameters: Parameters): Question {
  return {
    filter: readSpanFilter(parameters),
    mode: parameters.oneOf('mode', MODES) ?? 'strict',
    limit: parameters.integer('limit', LIMITS.criticalTracesDefault, 1, LIMITS.criticalTracesMax),
  };
}

async function summarise(
  engine: Engine,
  filter: SpanFilter,
  mode: PathMode,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<{ summary: PathSummary; truncated: boolean }> {
  const found = await matchingTraces(engine, filter, limit + 1, signal);
  const traceIds = found.slice(0, limit);
  const rows: Row[] = [];
  let truncated = found.length > limit;
  for (let at = 0; at < traceIds.length; at += TRACES_AT_ONCE) {
    const room = LIMITS.criticalSpansMax - rows.length;
    const more = await spanRows(engine, traceIds.slice(at, at + TRACES_AT_ONCE), room + 1, signal);
    const isFull = more.length > room;
    // The trace at which the limit was met is not whole.
    const cut =
      isFull && (more[0][0] !== more[more.length - 1][0] || rows.length > 0) ? more[more.length - 1][0] : null;
    for (const row of more) if (row[0] !== cut) rows.push(row);
    if (!isFull) continue;
    truncated = true;
    break;
  }
  const { spans } = tableOf(rows);
  return { summary: sumPaths(spans, criticalPaths(spans, mode)), truncated };
}

type Row = readonly unknown[];

async function spanRows(
  engine: Engine,
  traceIds: readonly string[],
  limit: number,
  signal: AbortSignal | undefined,
): Promise<readonly Row[]> {
  const range = await secondsOfTraces(engine, traceIds, signal);
  if (range === undefined) return [];
  const sql = `SELECT ${COLUMNS} FROM otel_traces
    WHERE TraceId IN {ids:Array(String)} AND ${withinSeconds(range)} ORDER BY TraceId, Timestamp LIMIT ${limit}`;
  const options = { params: { ids: traceIds }, timeoutMs: LIMITS.queryTimeMsMax, ...(signal && { signal }) };
  return (await engine.query(sql, options)).rows;
}

const COLUMNS = `TraceId, SpanId, ParentSpanId,
  toUInt8(greatest(indexOf(['Unspecified','Internal','Server','Client','Producer','Consumer'], toString(SpanKind)), 1) - 1),
  ServiceName, SpanName, toString(toUnixTimestamp64Nano(Timestamp)), toString(Duration)`;

function tableOf(rows: readonly Row[]) {
  const spans = new TimedSpans(rows.length);
  for (const row of rows) {
    spans.add({
      traceId: row[0] as string,
      spanId: row[1] as string,
      parentSpanId: row[2] as string,
      kind: row[3] as number,
      service: row[4] as string,
      operation: row[5] as string,
      startNs: BigInt(row[6] as string),
      durationNs: BigInt(row[7] as string),
    });
  }
  return spans.finish();
}
