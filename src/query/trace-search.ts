import { LIMITS } from '../base/limits.ts';
import { type Engine, EngineError, type QueryOptions } from '../store/engine.ts';
import type { Page, TraceSummary } from './api.ts';
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
import { summarise } from './trace-summary.ts';

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
    const found = await rareMatches(engine, search, { start, end }, rare, key);
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
    found.push(...(await matchesWithin(engine, search, { start: low, end: high }, found)).matches);
    if (found.length >= limit || isLast) return found;
    if (found.length === 0 && width === FIRST_SLICE && key !== '') remember(rare, key, WHOLE);
    width = widened(top - low, found.length, limit);
    high = low;
  }
}

/**
 * Keys of attributes whose value was not among the newest spans when it was last asked for, and the share of what is stored, in percent, in which a
 * page of the next value of the key is expected: it is looked for there at once, which saves the look at the newest (a sixth of such a search).
 */
type RareKeys = Map<string, number>;

const rareKeys = new WeakMap<Engine, RareKeys>();

function rareKeysOf(engine: Engine): RareKeys {
  const known = rareKeys.get(engine) ?? new Map<string, number>();
  rareKeys.set(engine, known);
  return known;
}

function remember(keys: RareKeys, key: string, percent: number): void {
  if (keys.size >= LIMITS.rareKeysMax && !keys.has(key)) keys.clear();
  keys.set(key, percent);
}

/** Rows that a value may be spread over and still count as rare. ClickHouse knows before it reads them. */
const RARE_ROWS_MAX = 400_000;
/** ClickHouse's code for a statement that would read more than it may. */
const TOO_MANY_ROWS = 158;

const WHOLE = 100;
/** A second step costs a fifth of the first in planning alone: a share above this saves less than it risks. */
const SHARE_MAX = 60;
/** A share that would read too much is divided by SHARE_STEP, down to SHARE_LEAST. */
const SHARE_STEP = 8;
const SHARE_LEAST = 2;
/** Values of a key differ: a share that would have held this many times the page last time. */
const SPARE = 2.5;

/** Where a page is to be looked for next, when `found` traces were in `percent` of what is stored. */
function shareFor(limit: number, found: number, percent: number): number {
  const share = Math.ceil((percent * limit * SPARE) / Math.max(1, found));
  return share > SHARE_MAX ? WHOLE : share;
}

/**
 * Matches of the whole range: in the newest share of what is stored, and only when that is less than a page in the rest. Undefined when the value turns
 * out to be a common one.
 */
async function rareMatches(
  engine: Engine,
  search: Search,
  range: TimeRange,
  rare: RareKeys,
  key: string,
): Promise<Match[] | undefined> {
  const { oldest, newest } = await storedSpan(engine, search.signal);
  const low = later(oldest, range.start);
  const high = later(low, earlier(newest, range.end));
  const settings = { max_rows_to_read: RARE_ROWS_MAX };
  const percent = rare.get(key) ?? WHOLE;
  const middle = percent === WHOLE ? range.start : high - ((high - low) * BigInt(percent)) / BigInt(WHOLE);
  try {
    const newer = await matchesWithin(engine, search, { start: middle, end: range.end }, [], settings);
    remember(rare, key, shareFor(search.limit, newer.total, percent));
    if (newer.matches.length >= search.limit || middle <= range.start) return newer.matches;
    const older = await matchesWithin(engine, search, { start: range.start, end: middle }, newer.matches, settings);
    return [...newer.matches, ...older.matches];
  } catch (error) {
    if (!(error instanceof EngineError && error.code === TOO_MANY_ROWS)) throw error;
    if (percent <= SHARE_LEAST) return undefined;
    remember(rare, key, Math.ceil(percent / SHARE_STEP));
    return rareMatches(engine, search, range, rare, key);
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

/** Matches of one slice of time that are not known yet, and how many traces match in it in all. */
async function matchesWithin(
  engine: Engine,
  { filter, limit, cursor, signal }: Search,
  range: TimeRange,
  found: readonly Match[],
  settings: QueryOptions['settings'] = {},
): Promise<{ readonly matches: Match[]; readonly total: number }> {
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
  const { rows, rowsBeforeLimit } = await engine.query(sql, options);
  const matches = rows.map(([traceId, time]) => ({ traceId: String(traceId), time: String(time) }));
  const unknown = matches.filter(({ traceId }) => !known.has(traceId));
  return { matches: unknown.slice(0, limit - found.length), total: rowsBeforeLimit };
}

/** Traces of equal time are ordered by id. */
function behindCursor({ before, after }: Cursor, conditions: Conditions): string {
  const time = conditions.value(before, 'Int64');
  return `(newest < ${time} OR (newest = ${time} AND TraceId > ${conditions.value(after, 'String')}))`;
}
