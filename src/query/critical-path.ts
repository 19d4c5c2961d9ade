import { criticalPaths, type PathMode } from '../analysis/critical-path.ts';
import { TimedSpans } from '../analysis/critical-spans.ts';
import { type PathSummary, sumPaths } from '../analysis/critical-sum.ts';
import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { PathComparison, PathSums, TracePath } from './api-paths.ts';
import { comparisonAnswer, pathSumsAnswer, tracePathAnswer } from './critical-answers.ts';
import type { Parameters } from './parameters.ts';
import { badParameter } from './problem.ts';
import { readSpanFilter, SPAN_FILTERS, type SpanFilter } from './span-filter.ts';
import { foundSpanRows, type Row, SPAN_COLUMNS, spanRows } from './trace-rows.ts';

export const PATH_PARAMETERS: readonly string[] = [...SPAN_FILTERS, 'mode', 'limit'];
export const COMPARE_PARAMETERS: readonly string[] = [...PATH_PARAMETERS, 'beforeStart', 'beforeEnd'];

const MODES = ['strict', 'crisp'] as const;

/** The critical path of one trace; undefined when none of its spans is stored. */
export async function tracePath(
  engine: Engine,
  traceId: string,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<TracePath | undefined> {
  const mode = parameters.oneOf('mode', MODES) ?? 'strict';
  const rows = await spanRows(engine, [traceId], LIMITS.traceSpansMax + 1, SPAN_COLUMNS, signal);
  if (rows.length === 0) return undefined;
  const isTruncated = rows.length > LIMITS.traceSpansMax;
  return tracePathAnswer(tableOf(rows.slice(0, LIMITS.traceSpansMax)), mode, isTruncated);
}

export async function pathSums(engine: Engine, parameters: Parameters, signal?: AbortSignal): Promise<PathSums> {
  const { filter, mode, limit } = readQuestion(engine, parameters);
  const { summary, truncated } = await summarise(engine, filter, mode, limit, signal);
  return pathSumsAnswer(summary, mode, truncated);
}

export async function pathComparison(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<PathComparison> {
  const { filter, mode, limit } = readQuestion(engine, parameters);
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

function readQuestion(engine: Engine, parameters: Parameters): Question {
  return {
    filter: readSpanFilter(engine, parameters),
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
  const { rows, truncated } = await foundSpanRows(engine, filter, limit, SPAN_COLUMNS, signal);
  const { spans } = tableOf(rows);
  return { summary: sumPaths(spans, criticalPaths(spans, mode)), truncated };
}

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
