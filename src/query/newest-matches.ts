import { LIMITS } from '../base/limits.ts';
import { type Engine, EngineError, type QueryOptions } from '../store/engine.ts';
import type { Nanos, TimeRange } from './parameters.ts';
import { ATTRIBUTE_PLACES, type SpanFilter, spanConditions } from './span-filter.ts';
import type { Conditions } from './sql-text.ts';

/**
 * Where the next page begins: behind the trace `after`, whose newest match starts at `before`. `shown` are the traces of earlier pages that began
 * before that, each with its start: they may match again further back.
 */
export interface Cursor {
  readonly before: string;
  readonly after: string;
  readonly shown: readonly (readonly [traceId: string, start: string])[];
}

export interface Search {
  readonly filter: SpanFilter;
  readonly limit: number;
  readonly cursor: Cursor | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface Match {
  readonly traceId: string;
  readonly time: string;
}

/** What a store process remembers of searches, by their shape (what they ask for but the values of attributes, which differ from one to the next). */
type Hints = Map<string, Hint>;

type Hint =
  /** The newest spans held no match: a page is expected in this share of what is stored. */
  | { readonly kind: 'rare'; readonly percent: number }
  /** A page is expected among the spans of so many newest nanoseconds. */
  | { readonly kind: 'common'; readonly width: Nanos };

const hints = new WeakMap<Engine, Hints>();

function hintsOf(engine: Engine): Hints {
  const known = hints.get(engine) ?? new Map<string, Hint>();
  hints.set(engine, known);
  return known;
}

function remember(known: Hints, shape: string, hint: Hint): void {
  if (known.size >= LIMITS.searchHintsMax && !known.has(shape)) known.clear();
  known.set(shape, hint);
}

function shapeOf({ range: _, excluded, attributes, minDuration, maxDuration, ...fields }: SpanFilter): string {
  const keys = attributes.map(({ operator, key }) => operator + key);
  const durations = [minDuration, maxDuration].map((nanos) => nanos?.toString() ?? null);
  return JSON.stringify([fields, keys, durations, excluded]);
}

/**
 * A common value is found among the newest spans; only a rare one is looked for in the whole range. The table is ordered by second, so every slice reads the
 * times of at least a second of spans; but of attributes it reads those of its own rows alone.
 */
const FIRST_SLICE: Nanos = 100_000_000n;
const SLICE_MIN: Nanos = 1_000_000n;

/** Values of a key differ: a part that would have held this many times the page last time. In tenths. */
const SPARE = 25n;

/** In how much of `of` a page is expected, when all of it held `found` traces. */
const expectedIn = (of: bigint, limit: number, found: number): bigint =>
  (of * BigInt(limit) * SPARE) / (10n * BigInt(Math.max(1, found)));

/** How wide the next slice is: enough for twice what is missing, everything that is left when nothing was found. */
function widened(width: Nanos, found: number, limit: number): Nanos | undefined {
  if (found > 0) return width * BigInt(Math.max(10, Math.ceil((2 * limit) / found)));
  return width < FIRST_SLICE ? FIRST_SLICE : undefined;
}

/** Traces that have a matching span, the newest match first: those of one page. */
export async function newestMatches(engine: Engine, search: Search): Promise<Match[]> {
  const { filter, limit, cursor, signal } = search;
  const { start } = filter.range;
  const end = cursor === undefined ? filter.range.end : BigInt(cursor.before) + 1n;
  if (end <= start) return [];
  const known = hintsOf(engine);
  const shape = shapeOf(filter);
  const hint = known.get(shape);
  if (hint?.kind === 'rare') {
    const found = await rareMatches(engine, search, { start, end }, { known, shape, percent: hint.percent });
    if (found !== undefined) return found;
  }
  const { newest } = await storedSpan(engine, signal);
  const top = newest + 1n < end ? newest + 1n : end;
  const found: Match[] = [];
  // What came after `newest` was looked up is in the first slice too.
  let high = end;
  let seen = 0;
  let width: Nanos | undefined = hint?.kind === 'common' ? hint.width : FIRST_SLICE;
  for (;;) {
    const isLast: boolean = width === undefined || top - width <= start;
    const low = isLast ? start : top - (width ?? 0n);
    const slice = await matchesWithin(engine, search, { start: low, end: high }, found);
    found.push(...slice.matches);
    seen += slice.total;
    if (seen > 0)
      remember(known, shape, { kind: 'common', width: later(expectedIn(top - low, limit, seen), SLICE_MIN) });
    if (found.length >= limit || isLast) return found;
    width = widened(top - low, seen, limit);
    if (width === undefined && filter.attributes.length > 0) remember(known, shape, { kind: 'rare', percent: WHOLE });
    high = low;
  }
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

/** Where a page is to be looked for next, when `found` traces were in `percent` of what is stored. */
function shareFor(limit: number, found: number, percent: number): number {
  const share = Number(expectedIn(BigInt(percent), limit, found)) + 1;
  return share > SHARE_MAX ? WHOLE : share;
}

/** A search of a shape that had rare values last time. */
interface RareShape {
  readonly known: Hints;
  readonly shape: string;
  readonly percent: number;
}

/**
 * Matches of the whole range: in the newest share of what is stored, and only when that is less than a page in the rest. Undefined when the value turns
 * out to be a common one.
 */
async function rareMatches(
  engine: Engine,
  search: Search,
  range: TimeRange,
  { known, shape, percent }: RareShape,
): Promise<Match[] | undefined> {
  const { oldest, newest } = await storedSpan(engine, search.signal);
  const low = later(oldest, range.start);
  const high = later(low, earlier(newest, range.end));
  const settings = { max_rows_to_read: RARE_ROWS_MAX };
  const middle = percent === WHOLE ? range.start : high - ((high - low) * BigInt(percent)) / BigInt(WHOLE);
  try {
    const newer = await matchesWithin(engine, search, { start: middle, end: range.end }, [], settings);
    remember(known, shape, { kind: 'rare', percent: shareFor(search.limit, newer.total, percent) });
    if (newer.matches.length >= search.limit || middle <= range.start) return newer.matches;
    const older = await matchesWithin(engine, search, { start: range.start, end: middle }, newer.matches, settings);
    return [...newer.matches, ...older.matches];
  } catch (error) {
    if (!(error instanceof EngineError && error.code === TOO_MANY_ROWS)) throw error;
    if (percent <= SHARE_LEAST) return undefined;
    return rareMatches(engine, search, range, { known, shape, percent: Math.ceil(percent / SHARE_STEP) });
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

/**
 * Where the spans of a filter come from. One value of one attribute is looked for in each place by itself: its index then leaves the few
 * granules that may hold it, and only the map of that place is read from them (2 M spans, a rare value: a quarter less time). Times and fields come
 * before the map, which is then unpacked for fewer rows (a common value among 135,000 spans of a second: half the time); hashes are made only of rows that have
 * the value (a fifth less).
 */
function spanSource(filter: SpanFilter, conditions: Conditions, range: TimeRange): string {
  const [attribute, ...others] = filter.attributes;
  const isOne = attribute?.operator === '=' && others.length === 0 && !attribute.key.startsWith('baggage.');
  if (!isOne) return `otel_traces WHERE ${conditions.text()}`;
  // The same values in the same order have the same names: these parameters are those of `conditions`.
  const rest = spanConditions({ ...filter, attributes: [] }, range);
  const [key, value] = [attribute.key, attribute.value].map((text) => rest.value(text, 'String'));
  const parts = ATTRIBUTE_PLACES.map(
    ({
      map,
      hashes,
    }) => `SELECT TraceId, Timestamp FROM otel_traces PREWHERE ${rest.text()} AND ${map}[${key}] = ${value}
      WHERE has(${hashes}, cityHash64(${key}, ${value}))`,
  );
  return `(${parts.join(' UNION ALL ')})`;
}
