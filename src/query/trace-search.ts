import { LIMITS } from '../base/limits.ts';
import { type Engine, EngineError, type QueryOptions } from '../store/engine.ts';
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
import { badParameter } from './problem.ts';
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
  'exclude',
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
  /** Values that the span must not have. */
  readonly excluded: readonly Excluded[];
}

interface Excluded {
  readonly column: string;
  readonly value: string;
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
    excluded: parameters.all('exclude').map(readExcluded),
  };
}

const EXCLUDABLE: Readonly<Record<string, { readonly column: string; readonly values?: readonly string[] }>> = {
  service: { column: 'ServiceName' },
  operation: { column: 'SpanName' },
  status: { column: 'StatusCode', values: STATUS },
  kind: { column: 'SpanKind', values: KINDS },
};

/** `service=cart`; of attributes `attribute=key!=value` says the same. */
function readExcluded(text: string): Excluded {
  const at = text.indexOf('=');
  const field = EXCLUDABLE[text.slice(0, at)];
  if (at < 1 || field === undefined) {
    throw badParameter('exclude', text, `must be FIELD=VALUE with one of ${Object.keys(EXCLUDABLE).join(', ')}`);
  }
  const given = text.slice(at + 1);
  const value = field.values === undefined ? given : field.values.find((one) => one.toLowerCase() === given.toLowerCase()); // biome-ignore format: one thought
  if (value === undefined) throw badParameter('exclude', text, `must name one of ${field.values?.join(', ')}`);
  return { column: field.column, value };
}

const ATTRIBUTE_PLACES = [
  { map: 'SpanAttributes', hashes: 'SpanAttributeHashes' },
  { map: 'ResourceAttributes', hashes: 'ResourceAttributeHashes' },
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
  for (const { column, value } of filter.excluded) conditions.add(`${column} != ${conditions.value(value, 'String')}`);
  for (const attribute of filter.attributes) conditions.attribute(attribute, ATTRIBUTE_PLACES);
  return conditions;
}

/**
 * Where the spans of a filter come from. One value of one attribute is looked for in each place by itself: its index then leaves the few
 * granules that may hold it, and only the map of that place is read from them (2 M spans, a rare value: a quarter less time). Comparing the
 * value comes first: hashes are made only of rows that have it (a fifth less).
 */
function spanSource(filter: SpanFilter, conditions: Conditions, range: TimeRange): string {
  const [attribute, ...others] = filter.attributes;
  const isOne = attribute?.operator === '=' && others.length === 0 && !attribute.key.startsWith('baggage.');
  if (!isOne) return `otel_traces WHERE ${conditions.text()}`;
  // The same values in the same order have the same names: these parameters are those of `conditions`.
  const rest = spanConditions({ ...filter, attributes: [] }, range);
  const [key, value] = [attribute.key, attribute.value].map((text) => rest.value(text, 'String'));
  const parts = ATTRIBUTE_PLACES.map(
    ({ map, hashes }) => `SELECT TraceId, Timestamp FROM otel_traces PREWHERE ${map}[${key}] = ${value}
      WHERE ${rest.text()} AND has(${hashes}, cityHash64(${key}, ${value}))`,
  );
  return `(${parts.join(' UNION ALL ')})`;
}

/**
 * Where the next page begins: behind the trace `after`, whose newest match starts at `before`. `shown` are the traces of earlier pages that began
 * before that, each with its start: they may match again further back.
 */
interface Cursor {
  readonly before: string;
  readonly after: string;
  readonly shown: readonly (readonly [traceId: string, start: string])[];
}

/** Long traces that a cursor carries; a page that had more of them may repeat one. A cursor has to fit into a URL. */
const SHOWN_MAX = 100;

function isCursor(value: unknown): value is Cursor {
  if (value === null || typeof value !== 'object' || !('before' in value && 'after' in value && 'shown' in value))
    return false;
  const isShown = (item: unknown): boolean => Array.isArray(item) && /^\w*$/.test(String(item[0])) && isNanos(item[1]);
  const { before, after, shown } = value;
  return isNanos(before) && typeof after === 'string' && Array.isArray(shown) && shown.every(isShown);
}

const isNanos = (value: unknown): boolean => typeof value === 'string' && /^\d{1,19}$/.test(value);

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
  const search: Search = {
    filter: readSpanFilter(parameters),
    limit: parameters.limit(20),
    cursor: readCursor(parameters, isCursor),
    signal,
  };
  const found = await newestMatches(engine, search);
  const items = await summarise(
    engine,
    found.map(({ traceId }) => traceId),
    signal,
  );
  const last = found[found.length - 1];
  const more = found.length === search.limit && last !== undefined;
  return { items, next: more ? nextCursor(last, items, search.cursor) : null };
}

/** Ids of the traces that a search finds, the newest match first. */
export async function matchingTraces(
  engine: Engine,
  filter: SpanFilter,
  limit: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const found = await newestMatches(engine, { filter, limit, cursor: undefined, signal });
  return found.map(({ traceId }) => traceId);
}

interface Search {
  readonly filter: SpanFilter;
  readonly limit: number;
  readonly cursor: Cursor | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Match {
  readonly traceId: string;
  readonly time: string;
}

function nextCursor(last: Match, items: readonly TraceSummary[], cursor: Cursor | undefined): string {
  const starts = items.map(({ traceId, startTimeUnixNano }) => [traceId, startTimeUnixNano] as const);
  const shown = [...(cursor?.shown ?? []), ...starts]
    .filter(([, start]) => BigInt(start) < BigInt(last.time))
    .sort(([, a], [, b]) => (BigInt(a) < BigInt(b) ? -1 : 1))
    .slice(0, SHOWN_MAX);
  return writeCursor({ before: last.time, after: last.traceId, shown } satisfies Cursor);
}

async function newestMatches(engine: Engine, search: Search): Promise<Match[]> {
  const { filter, limit, cursor, signal } = search;
  const { start } = filter.range;
  const end = cursor === undefined ? filter.range.end : BigInt(cursor.before) + 1n;
  if (end <= start) return [];
  const rare = rareKeysOf(engine);
  const key = filter.attributes.map((attribute) => `${attribute.operator}${attribute.key}`).join('\n');
  if (rare.has(key)) {
    const found = await rareMatches(engine, search, { start, end });
    if (found !== undefined) return found;
    rare.delete(key);
  }
  const { newest } = await storedSpan(engine, signal);
  const top = newest + 1n < end ? newest + 1n : end;
  const found: Match[] = [];
  // What came after `newest` was looked up is in the first slice too.
  let high = end;
  let width: Nanos | undefined = FIRST_SLICE;
  for (;;) {
    const isLast: boolean = width === undefined || top - width <= start;
    const low = isLast ? start : top - (width ?? 0n);
    found.push(...(await matchesWithin(engine, search, { start: low, end: high }, found)));
    if (found.length >= limit || isLast) return found;
    if (found.length === 0 && width === FIRST_SLICE && key !== '') remember(rare, key);
    width = widened(top - low, found.length, limit);
    high = low;
  }
}

/**
 * Keys of attributes whose value was not among the newest spans when it was last asked for: the next value of the same key is looked for in most of the range
 * at once, which saves the look at the newest (a sixth of such a search).
 */
const rareKeys = new WeakMap<Engine, Set<string>>();

function rareKeysOf(engine: Engine): Set<string> {
  const known = rareKeys.get(engine) ?? new Set();
  rareKeys.set(engine, known);
  return known;
}

function remember(keys: Set<string>, key: string): void {
  if (keys.size >= LIMITS.rareKeysMax) keys.clear();
  keys.add(key);
}

/** Rows that a value may be spread over and still count as rare. ClickHouse knows before it reads them. */
const RARE_ROWS_MAX = 400_000;
/** ClickHouse's code for a statement that would read more than it may. */
const TOO_MANY_ROWS = 158;

/** Of what is stored in the range, the newest share that is looked through first: with some fifty matches in all, enough for a page are in it. */
const NEWEST_PERCENT = 60n;

/** Matches of the whole range, in two steps; undefined when the value turns out to be a common one. */
async function rareMatches(engine: Engine, search: Search, range: TimeRange): Promise<Match[] | undefined> {
  const { oldest, newest } = await storedSpan(engine, search.signal);
  const low = later(oldest, range.start);
  const high = later(low, earlier(newest, range.end));
  const middle = high - ((high - low) * NEWEST_PERCENT) / 100n;
  const settings = { max_rows_to_read: RARE_ROWS_MAX };
  try {
    const found = await matchesWithin(engine, search, { start: middle, end: range.end }, [], settings);
    if (found.length >= search.limit || middle <= range.start) return found;
    const older = await matchesWithin(engine, search, { start: range.start, end: middle }, found, settings);
    return [...found, ...older];
  } catch (error) {
    if (error instanceof EngineError && error.code === TOO_MANY_ROWS) return undefined;
    throw error;
  }
}

const earlier = (a: Nanos, b: Nanos): Nanos => [a, b].reduce((least, time) => (time < least ? time : least));
const later = (a: Nanos, b: Nanos): Nanos => [a, b].reduce((most, time) => (time > most ? time : most));

/** How long a look at the times stored is good for: they say where to begin, not what is found. */
const STORED_MS = 5_000;
const storedOf = new WeakMap<Engine, { readonly span: Stored; readonly atMs: number }>();

/** The starts of the oldest and of the newest span. */
interface Stored {
  readonly oldest: Nanos;
  readonly newest: Nanos;
}

/** Between which times spans are stored; ClickHouse answers it from the parts' minima and maxima, without reading rows. */
async function storedSpan(engine: Engine, signal: AbortSignal | undefined): Promise<Stored> {
  const known = storedOf.get(engine);
  if (known !== undefined && performance.now() - known.atMs < STORED_MS) return known.span;
  const { rows } = await engine.query(
    'SELECT toUnixTimestamp64Nano(min(Timestamp)), toUnixTimestamp64Nano(max(Timestamp)) FROM otel_traces',
    { ...(signal && { signal }) },
  );
  const [oldest, newest] = rows[0].map((text) => BigInt(String(text)));
  const span = { oldest, newest };
  storedOf.set(engine, { span, atMs: performance.now() });
  return span;
}

/** Matches of one slice of time that are not known yet. */
async function matchesWithin(
  engine: Engine,
  { filter, limit, cursor, signal }: Search,
  range: TimeRange,
  found: readonly Match[],
  settings: QueryOptions['settings'] = {},
): Promise<Match[]> {
  const conditions = spanConditions(filter, range);
  const known = new Set([...(cursor?.shown ?? []).map(([id]) => id), ...found.map(({ traceId }) => traceId)]);
  const behind = cursor === undefined ? '' : `HAVING ${behindCursor(cursor, conditions)}`;
  // Known traces are taken out here: `TraceId NOT IN …` in the statement keeps ClickHouse from using the filters of the attributes.
  const sql = `SELECT TraceId, toUnixTimestamp64Nano(max(Timestamp)) AS newest FROM ${spanSource(filter, conditions, range)}
    GROUP BY TraceId ${behind} ORDER BY newest DESC, TraceId LIMIT ${limit - found.length + known.size}`;
  const options = {
    params: conditions.params,
    settings,
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  };
  const { rows } = await engine.query(sql, options);
  const matches = rows.map(([traceId, time]) => ({ traceId: String(traceId), time: String(time) }));
  return matches.filter(({ traceId }) => !known.has(traceId)).slice(0, limit - found.length);
}

/** Traces of equal time are ordered by id. */
function behindCursor({ before, after }: Cursor, conditions: Conditions): string {
  const time = conditions.value(before, 'Int64');
  return `(newest < ${time} OR (newest = ${time} AND TraceId > ${conditions.value(after, 'String')}))`;
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
export async function summarise(
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
