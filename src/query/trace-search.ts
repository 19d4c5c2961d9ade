import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { Page, TraceSummary } from './api.ts';
import { rowsOf } from './otlp-rows.ts';
import {
  type AttributeFilter,
  attributeFilters,
  type Nanos,
  type Parameters,
  readCursor,
  type TimeRange,
  writeCursor,
} from './parameters.ts';
import { Conditions } from './sql-text.ts';
import { secondsOfTraces, withinSeconds } from './trace.ts';

const STATUS = ['Unset', 'Ok', 'Error'] as const;
const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'] as const;

/** Names of the parameters that filter spans. */
export const SPAN_FILTERS: readonly string[] = [
  'service',
  'operation',
  'attribute',
  'status',
  'kind',
  'minDuration',
  'maxDuration',
  'start',
  'end',
];

/** What a search asks of a span. A trace is found when one of its spans has it all. */
export interface SpanFilter {
  readonly range: TimeRange;
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly minDuration?: Nanos | undefined;
  readonly maxDuration?: Nanos | undefined;
  readonly attributes: readonly AttributeFilter[];
}

export function readSpanFilter(parameters: Parameters): SpanFilter {
  return {
    range: parameters.range(),
    service: parameters.text('service'),
    operation: parameters.text('operation'),
    status: parameters.oneOf('status', STATUS),
    kind: parameters.oneOf('kind', KINDS),
    minDuration: parameters.duration('minDuration'),
    maxDuration: parameters.duration('maxDuration'),
    attributes: attributeFilters(parameters),
  };
}

const ATTRIBUTE_PLACES = [
  { map: 'SpanAttributes', items: 'SpanAttributeItems' },
  { map: 'ResourceAttributes', items: 'ResourceAttributeItems' },
];

/** The filter as conditions on otel_traces, over `range` instead of its own where that is given. */
export function spanConditions(filter: SpanFilter, range: TimeRange = filter.range): Conditions {
  const conditions = new Conditions();
  conditions.within('Timestamp', range);
  conditions.equals('ServiceName', filter.service);
  conditions.equals('SpanName', filter.operation);
  conditions.equals('StatusCode', filter.status);
  conditions.equals('SpanKind', filter.kind);
  if (filter.minDuration !== undefined)
    conditions.add(`Duration >= ${conditions.value(filter.minDuration.toString(), 'UInt64')}`);
  if (filter.maxDuration !== undefined)
    conditions.add(`Duration <= ${conditions.value(filter.maxDuration.toString(), 'UInt64')}`);
  for (const attribute of filter.attributes) conditions.attribute(attribute, ATTRIBUTE_PLACES);
  return conditions;
}

/** Where the next page begins: matches at or after `before` were shown; `shown` are traces of the last page that began earlier. */
interface Cursor {
  readonly before: string;
  readonly shown: readonly string[];
}

function isCursor(value: unknown): value is Cursor {
  if (value === null || typeof value !== 'object' || !('before' in value) || !('shown' in value)) return false;
  return typeof value.before === 'string' && /^\d{1,19}$/.test(value.before) && Array.isArray(value.shown);
}

/**
 * A common value is found among the newest spans; only a rare one is looked for in the whole range. Every slice of time costs a look at
 * the filters of all granules (about 30 ms for 2 million spans), so the first is small and the next as wide as the first one's yield says.
 */
const FIRST_SLICE: Nanos = 100_000_000n;

/** How much wider the next slice is: enough for twice what is missing, everything that is left when nothing was found. */
function widened(width: Nanos, found: number, limit: number): Nanos | undefined {
  return found === 0 ? undefined : width * BigInt(Math.max(10, Math.ceil((2 * limit) / found)));
}

/** Traces that have a matching span, the newest match first. */
export async function searchTraces(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<Page<TraceSummary>> {
  const filter = readSpanFilter(parameters);
  const limit = parameters.limit(20);
  const cursor = readCursor(parameters, isCursor);
  const end = cursor === undefined ? filter.range.end : BigInt(cursor.before);
  const found = await newestMatches(engine, filter, end, limit, cursor?.shown ?? [], signal);
  const items = await summarise(
    engine,
    found.map(({ traceId }) => traceId),
    signal,
  );
  const last = found[found.length - 1];
  const more = found.length === limit && last !== undefined;
  return { items, next: more ? nextCursor(last.time, items) : null };
}

function nextCursor(before: string, items: readonly TraceSummary[]): string {
  const shown = items.filter((item) => BigInt(item.startTimeUnixNano) < BigInt(before)).map((item) => item.traceId);
  return writeCursor({ before, shown });
}

interface Match {
  readonly traceId: string;
  readonly time: string;
}

async function newestMatches(
  engine: Engine,
  filter: SpanFilter,
  end: Nanos,
  limit: number,
  shown: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Match[]> {
  const newest = await newestSpan(engine, signal);
  const top = newest + 1n < end ? newest + 1n : end;
  const { start } = filter.range;
  if (top <= start) return [];
  const found: Match[] = [];
  let high = top;
  let width: Nanos | undefined = FIRST_SLICE;
  for (;;) {
    const isLast: boolean = width === undefined || high - width <= start;
    const low = isLast ? start : high - (width ?? 0n);
    const known = [...shown, ...found.map(({ traceId }) => traceId)];
    const range = { start: low, end: high };
    found.push(...(await matchesWithin(engine, filter, range, limit - found.length, known, signal)));
    if (found.length >= limit || isLast) return found;
    width = widened(top - low, found.length, limit);
    high = low;
  }
}

/** The start of the newest span stored; ClickHouse answers it from the parts' minima and maxima, without reading rows. */
async function newestSpan(engine: Engine, signal: AbortSignal | undefined): Promise<Nanos> {
  const { rows } = await engine.query('SELECT toUnixTimestamp64Nano(max(Timestamp)) FROM otel_traces', {
    ...(signal && { signal }),
  });
  return BigInt(String(rows[0][0]));
}

async function matchesWithin(
  engine: Engine,
  filter: SpanFilter,
  range: TimeRange,
  limit: number,
  known: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Match[]> {
  const conditions = spanConditions(filter, range);
  // Known traces are taken out here: `TraceId NOT IN …` in the statement keeps ClickHouse from using the filters of the attributes.
  const sql = `SELECT TraceId, toUnixTimestamp64Nano(max(Timestamp)) AS newest FROM otel_traces
    WHERE ${conditions.text()} GROUP BY TraceId ORDER BY newest DESC, TraceId LIMIT ${limit + known.length}`;
  const options = { params: conditions.params, timeoutMs: LIMITS.queryTimeMsMax, ...(signal && { signal }) };
  const { rows } = await engine.query(sql, options);
  const skip = new Set(known);
  const matches = rows.map(([traceId, time]) => ({ traceId: String(traceId), time: String(time) }));
  return matches.filter(({ traceId }) => !skip.has(traceId)).slice(0, limit);
}

const SUMMARY_COLUMNS = [
  'TraceId',
  'ServiceName',
  'count() AS Spans',
  "countIf(StatusCode = 'Error') AS Errors",
  'sum(Duration) AS Busy',
  'toUnixTimestamp64Nano(min(Timestamp)) AS First',
  'max(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)) AS Last',
  "countIf(ParentSpanId = '') AS Roots",
  "argMinIf(SpanName, Timestamp, ParentSpanId = '') AS RootName",
  "toUnixTimestamp64Nano(minIf(Timestamp, ParentSpanId = '')) AS RootTime",
  'argMin(SpanName, Timestamp) AS FirstName',
];

/** Summaries of these traces, in their order. Reads one row a trace and service. */
async function summarise(
  engine: Engine,
  traceIds: readonly string[],
  signal: AbortSignal | undefined,
): Promise<TraceSummary[]> {
  if (traceIds.length === 0) return [];
  const range = await secondsOfTraces(engine, traceIds, signal);
  const within = range === undefined ? '1' : withinSeconds(range);
  const sql = `SELECT ${SUMMARY_COLUMNS.join(', ')} FROM otel_traces
    WHERE TraceId IN {ids:Array(String)} AND ${within} GROUP BY TraceId, ServiceName`;
  const result = await engine.query(sql, {
    params: { ids: traceIds },
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  });
  const byTrace = new Map<string, ServicePart[]>();
  for (const row of rowsOf(result)) {
    const part: ServicePart = {
      service: row.text('ServiceName'),
      spans: row.number('Spans'),
      errors: row.number('Errors'),
      busy: row.text('Busy'),
      first: BigInt(row.text('First')),
      last: BigInt(row.text('Last')),
      roots: row.number('Roots'),
      rootName: row.text('RootName'),
      rootTime: BigInt(row.text('RootTime')),
      firstName: row.text('FirstName'),
    };
    byTrace.set(row.text('TraceId'), [...(byTrace.get(row.text('TraceId')) ?? []), part]);
  }
  return traceIds.flatMap((traceId) => {
    const parts = byTrace.get(traceId);
    return parts === undefined ? [] : [summaryOf(traceId, parts)];
  });
}

interface ServicePart {
  readonly service: string;
  readonly spans: number;
  readonly errors: number;
  readonly busy: string;
  readonly first: bigint;
  readonly last: bigint;
  readonly roots: number;
  readonly rootName: string;
  readonly rootTime: bigint;
  readonly firstName: string;
}

const earliest = <T>(items: readonly T[], time: (item: T) => bigint): T =>
  items.reduce((a, b) => (time(b) < time(a) ? b : a));

function summaryOf(traceId: string, parts: readonly ServicePart[]): TraceSummary {
  const withRoot = parts.filter((part) => part.roots > 0);
  const first = earliest(parts, (part) => part.first);
  const root = withRoot.length > 0 ? earliest(withRoot, (part) => part.rootTime) : first;
  const { last } = earliest(parts, (part) => -part.last);
  const bySpans = [...parts].sort((a, b) => b.spans - a.spans || a.service.localeCompare(b.service));
  return {
    traceId,
    rootService: root.service,
    rootOperation: withRoot.length > 0 ? root.rootName : root.firstName,
    hasRoot: withRoot.length > 0,
    startTimeUnixNano: BigInt.asUintN(64, first.first).toString(),
    durationNano: (last - first.first).toString(),
    spanCount: parts.reduce((sum, part) => sum + part.spans, 0),
    errorCount: parts.reduce((sum, part) => sum + part.errors, 0),
    services: bySpans.map(({ service, spans, errors, busy }) => ({ service, spans, errors, durationNano: busy })),
  };
}
