import { LIMITS } from '../base/limits.ts';
import { type Engine, EngineError, ofEachEngine, type QueryOptions } from '../store/engine.ts';
import { earlier, later, type Nanos, type TimeRange } from './parameters.ts';
import { APART, AS_PLANNED, ONE_STEP, SHORT_PLAN } from './plan-settings.ts';
import { type SpanFilter, spanConditions } from './span-filter.ts';
import { type Conditions, nanosOfTime, statementOptions } from './sql-text.ts';

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
  /** The newest spans held no match: so many traces are expected to match in all that is stored. */
  | { readonly kind: 'rare'; readonly traces: number }
  /** A page is expected among the spans of so many newest nanoseconds. */
  | { readonly kind: 'common'; readonly width: Nanos };

const hintsOf = ofEachEngine((): Hints => new Map());

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

/** True when no span has the key that the filter asks for. */
const isNowhere = ({ operator, places }: SpanFilter['attributes'][number]): boolean =>
  operator !== '!=' && places.length === 0;

/** Traces that have a matching span, the newest match first: those of one page. */
export async function newestMatches(engine: Engine, search: Search): Promise<readonly Match[]> {
  const { filter, limit, cursor, signal } = search;
  const { start } = filter.range;
  const end = cursor === undefined ? filter.range.end : BigInt(cursor.before) + 1n;
  if (end <= start || filter.attributes.some(isNowhere)) return [];
  const known = hintsOf(engine);
  const shape = shapeOf(filter);
  const hint = known.get(shape);
  if (hint?.kind === 'rare') {
    const rare = await rareMatches(engine, search, { start, end }, hint.traces);
    if (rare !== undefined) {
      remember(known, shape, { kind: 'rare', traces: rare.traces });
      return rare.matches;
    }
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
    if (width === undefined && filter.attributes.length > 0) remember(known, shape, { kind: 'rare', traces: seen });
    else if (seen > 0)
      remember(known, shape, { kind: 'common', width: later(expectedIn(top - low, limit, seen), SLICE_MIN) });
    if (found.length >= limit || isLast) return found;
    width = widened(top - low, seen, limit);
    high = low;
  }
}

/** Rows that a value may be spread over and still count as rare. ClickHouse knows before it reads them. */
const RARE_ROWS_MAX = 400_000;
/** Spans of a slice above which it is not one of a rare value, for each trace that is wanted and in any case. */
const RARE_SPANS_WANTED = 4;
const RARE_SPANS_MAX = 5_000;
/** ClickHouse's code for a statement that would read more than it may. */
const TOO_MANY_ROWS = 158;

const WHOLE = 100;
/** A further step costs a fifth of reading everything in planning alone: a share that ends above this saves less than it risks. */
const SHARE_MAX = 75;
/** A share that would read too much is divided by SHARE_STEP, down to SHARE_LEAST. */
const SHARE_STEP = 8;
const SHARE_LEAST = 2;
/**
 * A share that would have held this many times the page. Every trace of a rare value is a granule to unpack, so it is cheaper to look once more now and then than to
 * read much more than a page each time.
 */
const RARE_SPARE = 1.4;
/** What part the last search has in what is expected of the next. */
const LAST_SHARE = 0.25;

/** In how many percent of what is stored `limit` traces are expected, when there are so many in all. */
const shareOf = (limit: number, traces: number): number =>
  traces === 0 ? WHOLE : Math.ceil((limit * RARE_SPARE * WHOLE) / traces);

/**
 * A page of matches of the whole range, looked for in the newest share of what is stored, and as long as that is less than a page in the next. Undefined when the
 * value turns out to be a common one.
 * @param expected how many traces have such a value
 */
async function rareMatches(
  engine: Engine,
  search: Search,
  range: TimeRange,
  expected: number,
): Promise<{ readonly matches: readonly Match[]; readonly traces: number } | undefined> {
  const { oldest, newest } = await storedSpan(engine, search.signal);
  const low = later(oldest, range.start);
  const high = later(low, earlier(newest, range.end));
  const matches: Match[] = [];
  let [end, covered, total] = [range.end, 0, 0];
  let share = low < high ? shareOf(search.limit, expected) : WHOLE;
  for (;;) {
    const percent = covered + share > SHARE_MAX ? WHOLE : covered + share;
    const start = percent === WHOLE ? range.start : high - ((high - low) * BigInt(percent)) / BigInt(WHOLE);
    const slice = await rareWithin(engine, search, { start, end }, matches);
    if (slice === undefined) {
      share = percent - covered;
      if (share <= SHARE_LEAST) return undefined;
      share = Math.ceil(share / SHARE_STEP);
      continue;
    }
    matches.push(...slice.matches);
    total += slice.total;
    const traces = (total * WHOLE) / percent;
    if (matches.length >= search.limit || start <= range.start)
      return { matches, traces: expected === 0 ? traces : expected + (traces - expected) * LAST_SHARE };
    share = Math.max(shareOf(search.limit - matches.length, traces), Math.ceil(percent / 2));
    [end, covered] = [start, percent];
  }
}

/**
 * Matches of one slice; undefined when there are too many, or too many rows would have to be read for them. All of them are asked for and put together here: to
 * have ClickHouse do it costs 2 ms more.
 */
async function rareWithin(
  engine: Engine,
  search: Search,
  range: TimeRange,
  found: readonly Match[],
): Promise<Slice | undefined> {
  const conditions = spanConditions(search.filter, range);
  const sources = spanSources(search.filter, conditions, range, true);
  const spansMax = RARE_SPANS_MAX + RARE_SPANS_WANTED * search.limit;
  try {
    const answers = await Promise.all(
      sources.map(({ from, settings }) =>
        engine.query(`SELECT TraceId, Timestamp FROM ${from} LIMIT ${spansMax}`, {
          ...statementOptions(conditions.params, search.signal),
          settings: { ...settings, max_rows_to_read: RARE_ROWS_MAX },
        }),
      ),
    );
    if (answers.some(({ rows }) => rows.length === spansMax)) return undefined;
    const spans = answers.flatMap(({ rows }) => rows.map(([id, time]) => [id, nanosOfTime(String(time))] as const));
    const traces = newestOf(spans.filter(([, time]) => isWithin(time, range))).filter((match) =>
      isBehind(match, search.cursor),
    );
    return { matches: unknownOf(traces, search, found), total: traces.length };
  } catch (error) {
    if (error instanceof EngineError && error.code === TOO_MANY_ROWS) return undefined;
    throw error;
  }
}

/** As `Conditions.within` has it: times of 2^63 and more are stored as negative ones. */
function isWithin(signedTime: Nanos, { start, end }: TimeRange): boolean {
  const time = BigInt.asUintN(64, signedTime);
  return start <= time && time < end;
}

/** How long a look at the times stored is good for: they say where to begin, not what is found. */
const STORED_MS = 5_000;
const storedOf = new WeakMap<Engine, { readonly span: Stored; readonly atMs: number }>();

/** The starts of the oldest and of the newest span. */
interface Stored {
  readonly oldest: Nanos;
  readonly newest: Nanos;
}

/** Between which times spans are stored; ClickHouse answers it from the parts' minima and maxima, without reading rows. */
export async function storedSpan(engine: Engine, signal: AbortSignal | undefined): Promise<Stored> {
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
interface Slice {
  readonly matches: readonly Match[];
  readonly total: number;
}

async function matchesWithin(
  engine: Engine,
  search: Search,
  range: TimeRange,
  found: readonly Match[],
): Promise<Slice> {
  const { filter, limit, cursor } = search;
  const conditions = spanConditions(filter, range);
  const behind = cursor === undefined ? '' : `HAVING ${behindCursor(cursor, conditions)}`;
  // Known traces are taken out afterwards: `TraceId NOT IN …` in the statement keeps ClickHouse from using the filters of the attributes.
  const rest = `GROUP BY TraceId ${behind} ORDER BY newest DESC, TraceId LIMIT ${limit + (cursor?.shown.length ?? 0)}`;
  const answers = await Promise.all(
    spanSources(filter, conditions, range, false).map(({ from, settings }) =>
      engine.query(`SELECT TraceId, toUnixTimestamp64Nano(max(Timestamp)) AS newest FROM ${from} ${rest}`, {
        ...statementOptions(conditions.params, search.signal),
        settings,
      }),
    ),
  );
  const matches = unknownOf(newestOf(answers.flatMap(({ rows }) => rows)), search, found);
  return { matches, total: answers.reduce((sum, { rowsBeforeLimit }) => sum + rowsBeforeLimit, 0) };
}

/** Those that are neither found nor were shown on an earlier page, as far as the page has room. */
function unknownOf(matches: readonly Match[], { limit, cursor }: Search, found: readonly Match[]): Match[] {
  const known = new Set([...(cursor?.shown ?? []).map(([id]) => id), ...found.map(({ traceId }) => traceId)]);
  return matches.filter(({ traceId }) => !known.has(traceId)).slice(0, limit - found.length);
}

/** Each trace once, with its newest match, in the order of a page. */
function newestOf(rows: readonly (readonly unknown[])[]): Match[] {
  const times = new Map<string, bigint>();
  for (const [id, time] of rows) {
    const traceId = String(id);
    times.set(traceId, later(BigInt(String(time)), times.get(traceId) ?? BigInt(String(time))));
  }
  return [...times]
    .sort(([a, aTime], [b, bTime]) => (aTime === bTime ? (a < b ? -1 : 1) : aTime > bTime ? -1 : 1))
    .map(([traceId, time]) => ({ traceId, time: time.toString() }));
}

/** Traces of equal time are ordered by id. */
function isBehind({ traceId, time }: Match, cursor: Cursor | undefined): boolean {
  if (cursor === undefined) return true;
  const [own, before] = [BigInt(time), BigInt(cursor.before)];
  return own < before || (own === before && traceId > cursor.after);
}

/** The same for ClickHouse. */
function behindCursor({ before, after }: Cursor, conditions: Conditions): string {
  const time = conditions.value(before, 'Int64');
  return `(newest < ${time} OR (newest = ${time} AND TraceId > ${conditions.value(after, 'String')}))`;
}

/** Where spans come from, as of FROM, and how they are best read. */
interface Source {
  readonly from: string;
  readonly settings: NonNullable<QueryOptions['settings']>;
}

/**
 * The sources of the spans of a filter, to be asked at the same time. One value of one attribute is looked for in each place of attributes by itself: its index then
 * leaves the few granules that may hold it, and only the map of that place is read from them (2 M spans, a rare value: a quarter less time). Times and fields come
 * before the map, which is then unpacked for fewer rows (a common value among 135,000 spans of a second: half the time). The map alone says what matches,
 * the hashes which granules to look into. Of a rare value so do the times: rows of granules that reach out of the range come as well, and are the caller's to leave out.
 */
function spanSources(filter: SpanFilter, conditions: Conditions, range: TimeRange, isRare: boolean): Source[] {
  const [attribute, ...others] = filter.attributes;
  const isOne = attribute?.operator === '=' && others.length === 0;
  if (!isOne || attribute.places.some(({ map }) => map === 'Baggage'))
    return [{ from: `otel_traces WHERE ${conditions.text()}`, settings: { ...SHORT_PLAN, ...APART } }];
  // The same values in the same order have the same names: these parameters are those of `conditions`.
  const rest = spanConditions({ ...filter, attributes: [] }, range);
  const [times, ...fields] = rest.parts;
  const [key, value] = [attribute.key, attribute.value].map((text) => rest.value(text, 'String'));
  const before = isRare ? fields : [times, ...fields];
  const hints = isRare ? [times] : [];
  return attribute.places.map(({ map, hashes }) => {
    // Few rare values are found among resources, which repeat.
    const isSmall = map === 'ResourceAttributes' && attribute.places.length > 1;
    const hash = `has(${hashes}, cityHash64(${key}, ${value}))`;
    // A key that is absent reads as the empty text: there the hash has to be made of each row.
    const tests = attribute.value === '' ? [hash] : [];
    const looked = attribute.value === '' ? hints : [...hints, hash];
    if (looked.length > 0) tests.push(`indexHint(${looked.join(' AND ')})`);
    return {
      from: `otel_traces PREWHERE ${[...before, `${map}[${key}] = ${value}`].join(' AND ')} WHERE ${tests.join(' AND ')}`,
      // To share what is hardly ever there among threads costs 3 ms of work.
      settings: {
        ...AS_PLANNED,
        ...APART,
        ...(isRare ? ONE_STEP : {}),
        ...(isRare && isSmall ? { max_threads: 1 } : {}),
      },
    };
  });
}
