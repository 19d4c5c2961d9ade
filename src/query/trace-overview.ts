import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { Facet, OperationSummary, Page, ServiceSummary, TraceHistogram } from './api.ts';
import { rowsOf } from './otlp-rows.ts';
import type { Parameters, TimeRange } from './parameters.ts';
import { readSpanFilter, spanConditions } from './span-filter.ts';
import { Conditions } from './sql-text.ts';

const BUCKETS_DEFAULT = 60;
const BUCKETS_MAX = 500;
/** Values of one facet, and attribute keys, that the bar shows. */
const FACET_VALUES_MAX = 12;
const FACET_KEYS_MAX = 12;
/** Attributes are counted over the newest spans only: enough to choose from. */
const FACET_SAMPLE_SPANS = 5_000;

/** The width of a bucket, at least a nanosecond. */
export function stepOf(range: TimeRange, buckets: number): bigint {
  const step = (range.end - range.start) / BigInt(buckets);
  return step > 0n ? step : 1n;
}

export const readBuckets = (parameters: Parameters): number =>
  parameters.integer('buckets', BUCKETS_DEFAULT, 1, BUCKETS_MAX);

/** Number of the bucket that a time column falls into. */
export function bucketOf(column: string, conditions: Conditions, range: TimeRange, step: bigint): string {
  const start = conditions.value(range.start.toString(), 'Int64');
  return `intDiv(toUnixTimestamp64Nano(${column}) - ${start}, ${conditions.value(step.toString(), 'Int64')})`;
}

/** Matching spans and errors over time. */
export async function traceHistogram(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<TraceHistogram> {
  const filter = readSpanFilter(engine, parameters);
  const step = stepOf(filter.range, readBuckets(parameters));
  const conditions = spanConditions(filter);
  const bucket = bucketOf('Timestamp', conditions, filter.range, step);
  const sql = `SELECT ${bucket} AS Bucket, count() AS Spans, countIf(StatusCode = 'Error') AS Errors FROM otel_traces
    WHERE ${conditions.text()} GROUP BY Bucket ORDER BY Bucket`;
  const result = await engine.query(sql, {
    params: conditions.params,
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  });
  const buckets = rowsOf(result).map((row) => ({
    startTimeUnixNano: (filter.range.start + BigInt(row.text('Bucket')) * step).toString(),
    spans: row.number('Spans'),
    errors: row.number('Errors'),
  }));
  return { stepNano: step.toString(), buckets };
}

const FIELD_COLUMNS = [
  ['service', 'ServiceName'],
  ['operation', 'SpanName'],
  ['status', 'StatusCode'],
  ['kind', 'SpanKind'],
] as const;

/** Values to filter by, with counts: the span's own fields over all matches, attributes over the newest ones. */
export async function traceFacets(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<{ items: Facet[] }> {
  const filter = readSpanFilter(engine, parameters);
  const options = { timeoutMs: LIMITS.queryTimeMsMax, ...(signal && { signal }) };
  const fields = FIELD_COLUMNS.map(async ([field, column]): Promise<Facet> => {
    const conditions = spanConditions(filter);
    const sql = `SELECT ${column} AS Value, count() AS Count FROM otel_traces WHERE ${conditions.text()}
      GROUP BY Value ORDER BY Count DESC, Value LIMIT ${FACET_VALUES_MAX}`;
    const rows = rowsOf(await engine.query(sql, { params: conditions.params, ...options }));
    return {
      field,
      attribute: false,
      values: rows.map((row) => ({ value: row.text('Value'), count: row.number('Count') })),
    };
  });
  const conditions = spanConditions(filter);
  const sql = `SELECT Key, groupArray(${FACET_VALUES_MAX})(Value) AS Values, groupArray(${FACET_VALUES_MAX})(Count) AS Counts, sum(Count) AS Total FROM (
      SELECT Key, Value, count() AS Count FROM (
        SELECT SpanAttributes FROM otel_traces WHERE ${conditions.text()} ORDER BY Timestamp DESC LIMIT ${FACET_SAMPLE_SPANS}
      ) ARRAY JOIN mapKeys(SpanAttributes) AS Key, mapValues(SpanAttributes) AS Value
      GROUP BY Key, Value ORDER BY Count DESC, Value
    ) GROUP BY Key ORDER BY Total DESC, Key LIMIT ${FACET_KEYS_MAX}`;
  const rows = rowsOf(await engine.query(sql, { params: conditions.params, ...options }));
  const attributes = rows.map((row) => ({
    field: row.text('Key'),
    attribute: true,
    values: row.texts('Values').map((value, i) => ({ value, count: Number(row.list('Counts')[i]) })),
  }));
  return { items: [...(await Promise.all(fields)), ...attributes] };
}

/** Services that sent spans or logs in the time range, most spans first. */
export async function listServices(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<Page<ServiceSummary>> {
  const range = parameters.range();
  const conditions = new Conditions();
  conditions.within('Timestamp', range);
  const sql = `SELECT ServiceName, sum(Spans) AS Spans, sum(Errors) AS Errors, sum(Logs) AS Logs FROM (
      SELECT ServiceName, count() AS Spans, countIf(StatusCode = 'Error') AS Errors, 0 AS Logs FROM otel_traces
        WHERE ${conditions.text()} GROUP BY ServiceName
      UNION ALL
      SELECT ServiceName, 0 AS Spans, 0 AS Errors, count() AS Logs FROM otel_logs WHERE ${conditions.text()} GROUP BY ServiceName
    ) GROUP BY ServiceName ORDER BY Spans DESC, ServiceName LIMIT ${LIMITS.apiRowsMax}`;
  const result = await engine.query(sql, {
    params: conditions.params,
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  });
  const items = rowsOf(result).map((row) => ({
    service: row.text('ServiceName'),
    spans: row.number('Spans'),
    errors: row.number('Errors'),
    logs: row.number('Logs'),
  }));
  return { items, next: null };
}

/** Operations of one service, most spans first. */
export async function listOperations(
  engine: Engine,
  parameters: Parameters,
  service: string,
  signal?: AbortSignal,
): Promise<Page<OperationSummary>> {
  const conditions = new Conditions();
  conditions.within('Timestamp', parameters.range());
  conditions.equals('ServiceName', service);
  const sql = `SELECT SpanName, SpanKind, count() AS Spans, countIf(StatusCode = 'Error') AS Errors,
      toUInt64(quantile(0.5)(Duration)) AS P50, toUInt64(quantile(0.95)(Duration)) AS P95
    FROM otel_traces WHERE ${conditions.text()} GROUP BY SpanName, SpanKind ORDER BY Spans DESC, SpanName LIMIT ${LIMITS.apiRowsMax}`;
  const result = await engine.query(sql, {
    params: conditions.params,
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  });
  const items = rowsOf(result).map((row) => ({
    operation: row.text('SpanName'),
    kind: row.text('SpanKind'),
    spans: row.number('Spans'),
    errors: row.number('Errors'),
    p50Nano: row.text('P50'),
    p95Nano: row.text('P95'),
  }));
  return { items, next: null };
}
