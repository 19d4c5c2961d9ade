import { LIMITS } from '../base/limits.ts';
import { TABLES } from '../base/names.ts';
import type { Engine } from '../store/engine.ts';
import {
  attributesOf,
  attributesOfPairs,
  chooseColumns,
  envelopesOf,
  MAPS_AS_PAIRS,
  omitDefaults,
  type Pairs,
  RESOURCE_COLUMNS,
  type Row,
  rowsOf,
} from './otlp-rows.ts';
import { FEW_ROWS } from './plan-settings.ts';
import { Conditions, nanosOfTime, type Statement, secondOfTime, statementOptions, unsigned64 } from './sql-text.ts';
import { readSummary } from './trace-summary.ts';

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const STATUS_CODES = ['Unset', 'Ok', 'Error'];

/** Columns as they are: a function over each time of an event alone costs ClickHouse a tenth of the statement to plan. */
const SPAN_COLUMNS: readonly string[] = [
  'Timestamp',
  'SpanId',
  'ParentSpanId',
  'TraceState',
  'SpanName',
  'SpanKind',
  'SpanAttributes',
  'SpanAttributesTypes',
  'Duration',
  'NegativeDuration',
  'StatusCode',
  'StatusMessage',
  'Flags',
  'DroppedAttributesCount',
  'DroppedEventsCount',
  'DroppedLinksCount',
  'Events.Timestamp',
  'Events.Name',
  'Events.Attributes',
  'Events.AttributesTypes',
  'Events.DroppedAttributesCount',
  'Links.TraceId',
  'Links.SpanId',
  'Links.TraceState',
  'Links.Attributes',
  'Links.AttributesTypes',
  'Links.DroppedAttributesCount',
  'Links.Flags',
];

/** Ends of DateTime: a bound that stands there is no bound (src/transcode/trace-ids.ts). */
const SECONDS_MAX = 0xffffffff;

/** Seconds between which the spans of some traces start. */
export interface SecondsRange {
  readonly start: number;
  readonly end: number;
}

/** Where in time these traces are, from the look-up table; undefined when none of them is known. */
export async function secondsOfTraces(
  engine: Engine,
  traceIds: readonly string[],
  signal?: AbortSignal,
): Promise<SecondsRange | undefined> {
  const statement: Statement = {
    sql: 'SELECT toUInt32(min(Start)), toUInt32(max(End)), count() FROM otel_traces_trace_id_ts WHERE TraceId IN {ids:Array(String)}',
    params: { ids: traceIds },
  };
  const { rows } = await engine.query(statement.sql, statementOptions(statement.params, signal));
  const [start, end, count] = rows[0].map(Number);
  return count === 0 ? undefined : { start, end };
}

/** The condition that keeps a read of otel_traces within these seconds. Not where a span has a time that is no time of ours (see sql-text.ts). */
export function withinSeconds(range: SecondsRange): string {
  if (range.start === 0) return '1';
  const to = range.end === SECONDS_MAX ? '1' : `Timestamp <= toDateTime64(${range.end}, 9)`;
  return `Timestamp >= toDateTime64(${range.start}, 9) AND ${to}`;
}

/** Where the spans of one trace are. */
interface TracePlace {
  readonly range: SecondsRange;
  /** Which services they are of; undefined where they are many, or not all known. */
  readonly services?: readonly string[];
}

/** Rows of the look-up table, one for each segment of the trace, that are put together here. */
const PLACES_MAX = 1_000;
/** More services are not asked for by name: the key of the table would then leave little out. */
const SERVICES_MAX = 30;

/**
 * The rows of a trace in the look-up table put together: to have ClickHouse do it costs as much as reading them (0.7 ms). The seconds are those of the columns,
 * which leave out no span however odd its times are. Rows of another writer have no summary, and name no services.
 */
async function placeOfTrace(engine: Engine, traceId: string, signal?: AbortSignal): Promise<TracePlace | undefined> {
  const { rows } = await engine.query(
    `SELECT Start, End, Summary FROM otel_traces_trace_id_ts PREWHERE TraceId = {id:String} LIMIT ${PLACES_MAX}`,
    { ...statementOptions({ id: traceId }, signal), settings: FEW_ROWS },
  );
  if (rows.length === 0) return undefined;
  if (rows.length === PLACES_MAX) {
    const range = await secondsOfTraces(engine, [traceId], signal);
    return range && { range };
  }
  const range = {
    start: Math.min(...rows.map(([start]) => secondOfTime(String(start)))),
    end: Math.max(...rows.map(([, end]) => secondOfTime(String(end)))),
  };
  const parts = rows.map(([, , text]) => readSummary(String(text)));
  if (parts.includes(undefined)) return { range };
  const services = [...new Set(parts.flatMap((part) => part?.services.map(([service]) => service) ?? []))];
  const isKnown = services.every((service) => Buffer.byteLength(service) < LIMITS.summaryServiceBytesMax);
  return isKnown && services.length <= SERVICES_MAX ? { range, services } : { range };
}

export interface TraceAnswer {
  readonly otlp: { readonly resourceSpans: readonly unknown[] };
  readonly truncated: boolean;
}

/** Every span of a trace as it arrived; undefined when there is none. */
export async function findTrace(
  engine: Engine,
  traceId: string,
  signal?: AbortSignal,
): Promise<TraceAnswer | undefined> {
  const place = await placeOfTrace(engine, traceId, signal);
  if (place === undefined) return undefined;
  const { list, left } = await chooseColumns(engine, TABLES.traces, [...SPAN_COLUMNS, ...RESOURCE_COLUMNS]);
  const { range, services } = place;
  // The service leaves ten granules to ask for the id instead of three hundred, and saves a millisecond.
  const conditions = new Conditions();
  if (services !== undefined) {
    // Texts one by one: an array of them would be a function more to plan, 0.2 ms.
    const names = services.map((service) => conditions.value(service, 'String'));
    conditions.add(`ServiceName IN (${names.join(', ')})`);
  }
  conditions.equals('TraceId', traceId);
  conditions.add(withinSeconds(range));
  const statement = `SELECT ${list} FROM otel_traces PREWHERE ${conditions.text()}`;
  const limit = `LIMIT ${LIMITS.traceSpansMax + 1}`;
  const options = { ...statementOptions(conditions.params, signal), settings: { ...FEW_ROWS, ...MAPS_AS_PAIRS } };
  let rows = rowsOf(await engine.query(`${statement} ${limit}`, options), left);
  if (rows.length === 0) return undefined;
  const truncated = rows.length > LIMITS.traceSpansMax;
  // Sorted here, because that ClickHouse plans to sort costs a tenth of the whole answer; of a trace that is too large the first spans are wanted.
  if (truncated) rows = rowsOf(await engine.query(`${statement} ORDER BY Timestamp, SpanId ${limit}`, options), left);
  else rows = byStart(rows);
  const resourceSpans = envelopesOf(
    rows.slice(0, LIMITS.traceSpansMax),
    { scopes: 'scopeSpans', items: 'spans' },
    (row) => spanOf(traceId, row),
  );
  return { otlp: { resourceSpans }, truncated };
}

/** In the order in which they start; of those that start together, by span id. */
function byStart(rows: readonly Row[]): Row[] {
  const keyed = rows.map((row) => ({ row, start: nanosOfTime(row.text('Timestamp')), id: row.text('SpanId') }));
  keyed.sort((a, b) => (a.start === b.start ? Number(a.id > b.id) - Number(a.id < b.id) : a.start < b.start ? -1 : 1));
  return keyed.map(({ row }) => row);
}

/** The number of a known name, or the number that stands there as text. */
function numberOf(names: readonly string[], text: string): number {
  const index = names.indexOf(text);
  return index >= 0 ? index : Number(text);
}

function spanOf(traceId: string, row: Row): unknown {
  const start = nanosOfTime(row.text('Timestamp'));
  const end = start + BigInt(row.text('Duration')) - BigInt(row.text('NegativeDuration'));
  return omitDefaults({
    traceId,
    spanId: row.text('SpanId'),
    parentSpanId: row.text('ParentSpanId'),
    traceState: row.text('TraceState'),
    flags: row.number('Flags'),
    name: row.text('SpanName'),
    kind: numberOf(KINDS, row.text('SpanKind')),
    startTimeUnixNano: unsigned64(start),
    endTimeUnixNano: unsigned64(end),
    attributes: attributesOf(row, 'SpanAttributes', 'SpanAttributesTypes'),
    droppedAttributesCount: row.number('DroppedAttributesCount'),
    events: eventsOf(row),
    droppedEventsCount: row.number('DroppedEventsCount'),
    links: linksOf(row),
    droppedLinksCount: row.number('DroppedLinksCount'),
    status: statusOf(row),
  });
}

function statusOf(row: Row): object | undefined {
  const status = omitDefaults({
    message: row.text('StatusMessage'),
    code: numberOf(STATUS_CODES, row.text('StatusCode')),
  });
  return Object.keys(status).length === 0 ? undefined : status;
}

/** The i-th set of attributes of a Nested. */
function nestedAttributes(row: Row, nested: 'Events' | 'Links', i: number): unknown[] {
  const pairs = (row.list(`${nested}.Attributes`)[i] ?? []) as Pairs;
  return attributesOfPairs(pairs, String(row.list(`${nested}.AttributesTypes`)[i] ?? ''));
}

function eventsOf(row: Row): unknown[] {
  const times = row.texts('Events.Timestamp');
  return row.texts('Events.Name').map((name, i) =>
    omitDefaults({
      timeUnixNano: unsigned64(nanosOfTime(times[i])),
      name,
      attributes: nestedAttributes(row, 'Events', i),
      droppedAttributesCount: Number(row.list('Events.DroppedAttributesCount')[i] ?? 0),
    }),
  );
}

function linksOf(row: Row): unknown[] {
  return row.texts('Links.TraceId').map((traceId, i) =>
    omitDefaults({
      traceId,
      spanId: row.texts('Links.SpanId')[i],
      traceState: row.texts('Links.TraceState')[i],
      attributes: nestedAttributes(row, 'Links', i),
      droppedAttributesCount: Number(row.list('Links.DroppedAttributesCount')[i] ?? 0),
      flags: Number(row.list('Links.Flags')[i] ?? 0),
    }),
  );
}
