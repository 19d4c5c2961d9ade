import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { Facet, OperationSummary, Page, ServiceSummary, TraceHistogram } from './api.ts';
import { storedSpan } from './newest-matches.ts';
import { rowsOf } from './otlp-rows.ts';
import { earlier, type Parameters, type TimeRange } from './parameters.ts';
import { readSpanFilter, type SpanFilter, spanConditions } from './span-filter.ts';
import { Conditions, statementOptions } from './sql-text.ts';

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
  const result = await engine.query(sql, statementOptions(conditions.params, signal));
  const buckets = rowsOf(result).map((row) => ({
    startTimeUnixNano: (filter.range.start + BigInt(row.text('Bucket')) * step).toString(),
    spans: row.number('Spans'),
    errors: row.number('Errors'),
  }));
  return { stepNano: step.toString(), buckets };
}

/** The fields of a span that it may be filtered by, with their columns. */
const FIELDS = [
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
  // At once, so that a failure of either is the answer's: one that nobody waits for would end the process.
  const [fields, attributes] = await Promise.all([
    fieldFacets(engine, filter, signal),
    attributeFacets(engine, filter, signal),
  ]);
  return { items: [...fields, ...attributes] };
}

/** One statement for all fields: most of its time goes into finding the spans (10 million, a value of one in five: 2.7 s instead of 10.5). */
async function fieldFacets(engine: Engine, filter: SpanFilter, signal: AbortSignal | undefined): Promise<Facet[]> {
  const conditions = spanConditions(filter);
  const columns = FIELDS.map(([, column]) => column);
  const list = columns.join(', ');
  const sets = columns.map((column) => `(${column})`).join(', ');
  const sql = `SELECT ${list}, ${columns.map((column) => `grouping(${column})`).join(', ')}, count() AS Count FROM otel_traces
    WHERE ${conditions.text()} GROUP BY GROUPING SETS (${sets})
    ORDER BY Count DESC, ${list} LIMIT ${FACET_VALUES_MAX} BY grouping(${list})`;
  const { rows } = await engine.query(sql, statementOptions(conditions.params, signal));
  return FIELDS.map(([field], i) => ({
    field,
    attribute: false,
    // 0 in the rows whose values are of this column.
    values: rows
      .filter((row) => Number(row[columns.length + i]) === 0)
      .map((row) => ({ value: String(row[i]), count: Number(row[2 * columns.length]) })),
  }));
}

/** Where the newest matches are looked for first, and how much further back when there were none. */
const SAMPLE_WIDTH_FIRST = 100_000_000n;
const SAMPLE_GROWTH_MAX = 100;
/** Wide enough for this many times the sample. */
const SAMPLE_SPARE = 1.5;

/** Of the newest matches, looked for in slices of time that grow until there are enough: to sort all of them would read all of them. */
async function attributeFacets(engine: Engine, filter: SpanFilter, signal: AbortSignal | undefined): Promise<Facet[]> {
  const { start, end } = filter.range;
  const top = earlier((await storedSpan(engine, signal)).newest + 1n, end);
  for (let width = SAMPLE_WIDTH_FIRST; ; ) {
    const isLast = top - width <= start;
    const { facets, spans } = await sampledFacets(engine, filter, { start: isLast ? start : top - width, end }, signal);
    if (isLast || spans >= FACET_SAMPLE_SPANS) return facets;
    const growth = Math.ceil((FACET_SAMPLE_SPANS * SAMPLE_SPARE) / Math.max(1, spans));
    width *= BigInt(Math.min(growth, SAMPLE_GROWTH_MAX));
  }
}

/** Attributes of the newest matches of a slice, and of how many spans they are. */
async function sampledFacets(
  engine: Engine,
  filter: SpanFilter,
  range: TimeRange,
  signal: AbortSignal | undefined,
): Promise<{ readonly facets: Facet[]; readonly spans: number }> {
  const conditions = spanConditions(filter, range);
  const sql = `SELECT Key, groupArray(${FACET_VALUES_MAX})(Value) AS Values, groupArray(${FACET_VALUES_MAX})(Count) AS Counts, any(Spans) AS Sampled FROM (
      SELECT Key, Value, count() AS Count, any(Sampled) AS Spans FROM (
        SELECT SpanAttributes, count() OVER () AS Sampled FROM (
          SELECT SpanAttributes FROM otel_traces WHERE ${conditions.text()} ORDER BY Timestamp DESC LIMIT ${FACET_SAMPLE_SPANS}
        )
      ) ARRAY JOIN mapKeys(SpanAttributes) AS Key, mapValues(SpanAttributes) AS Value
      GROUP BY Key, Value ORDER BY Count DESC, Value
    ) GROUP BY Key ORDER BY sum(Count) DESC, Key LIMIT ${FACET_KEYS_MAX}`;
  const rows = rowsOf(await engine.query(sql, statementOptions(conditions.params, signal)));
  const facets = rows.map((row) => ({
    field: row.text('Key'),
    attribute: true,
    values: row.texts('Values').map((value, i) => ({ value, count: Number(row.list('Counts')[i]) })),
  }));
  return { facets, spans: rows.length === 0 ? 0 : rows[0].number('Sampled') };
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
  const result = await engine.query(sql, statementOptions(conditions.params, signal));
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
  const result = await engine.query(sql, statementOptions(conditions.params, signal));
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
