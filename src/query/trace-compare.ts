import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { TraceSummary } from './api.ts';
import type { ComparedField, TraceComparison } from './api-compare.ts';
import { rowsOf } from './otlp-rows.ts';
import type { Nanos, Parameters } from './parameters.ts';
import { badParameter } from './problem.ts';
import { readSpanFilter, SPAN_FILTERS } from './span-filter.ts';
import { statementOptions } from './sql-text.ts';
import { secondsOfTraces, withinSeconds } from './trace.ts';
import { matchingTraces } from './trace-search.ts';
import { summarise } from './trace-summary.ts';

export const TRACE_COMPARE_PARAMETERS: readonly string[] = [
  ...SPAN_FILTERS,
  'selectedStart',
  'selectedEnd',
  'selectedMinDuration',
  'selectedMaxDuration',
  'limit',
];

const FIELDS_MAX = 30;
const VALUES_MAX = 6;
/** A longer value is compared by its beginning. */
const VALUE_CHARS_MAX = 200;

/** What selected traces have that the others lack, and the other way round. */
export async function compareTraces(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<TraceComparison> {
  const isSelected = readSelection(parameters);
  const limit = parameters.integer('limit', LIMITS.compareTracesDefault, 1, LIMITS.compareTracesMax);
  const found = await matchingTraces(engine, readSpanFilter(engine, parameters), limit + 1, signal);
  const traces = await summarise(engine, found.slice(0, limit), signal);
  const selected = traces.filter(isSelected).map(({ traceId }) => traceId);
  const rest = traces.filter((trace) => !isSelected(trace)).map(({ traceId }) => traceId);
  const counts = { selected: selected.length, rest: rest.length, truncated: found.length > limit };
  if (selected.length === 0 || rest.length === 0) return { ...counts, items: [] };
  return { ...counts, items: await differences(engine, selected, rest, signal) };
}

/** By when a trace begins and how long it takes, both ends included. */
function readSelection(parameters: Parameters): (trace: TraceSummary) => boolean {
  const least = parameters.duration('selectedMinDuration') ?? 0n;
  const most = parameters.duration('selectedMaxDuration') ?? ENDLESS;
  const start = parameters.time('selectedStart') ?? 0n;
  const end = parameters.time('selectedEnd') ?? ENDLESS;
  if (start > end) throw badParameter('selectedStart', parameters.text('selectedStart') ?? '', 'must lie before selectedEnd'); // biome-ignore format: a row each
  if (least > most) throw badParameter('selectedMinDuration', parameters.text('selectedMinDuration') ?? '', 'must be at most selectedMaxDuration'); // biome-ignore format: a row each
  const within = (value: string, from: Nanos, to: Nanos): boolean => BigInt(value) >= from && BigInt(value) <= to;
  return ({ startTimeUnixNano, durationNano }) =>
    within(startTimeUnixNano, start, end) && within(durationNano, least, most);
}

const ENDLESS = 2n ** 64n;

/** A trace has a value when any of its spans has: a value in a span that is repeated a thousand times counts once. */
const ITEMS = `arrayConcat(
  [(0, 'service', ServiceName), (0, 'operation', SpanName), (0, 'status', toString(StatusCode)), (0, 'kind', toString(SpanKind))],
  arrayMap((k, v) -> (1, k, substringUTF8(v, 1, ${VALUE_CHARS_MAX})), mapKeys(SpanAttributes), mapValues(SpanAttributes)),
  arrayMap((k, v) -> (1, k, substringUTF8(v, 1, ${VALUE_CHARS_MAX})), mapKeys(ResourceAttributes), mapValues(ResourceAttributes)))`;

async function differences(
  engine: Engine,
  selected: readonly string[],
  rest: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ComparedField[]> {
  const traceIds = [...selected, ...rest];
  const range = await secondsOfTraces(engine, traceIds, signal);
  const within = range === undefined ? '1' : withinSeconds(range);
  const sql = `SELECT Item.1 AS Attribute, Item.2 AS Field, Item.3 AS Value, uniqExactIf(TraceId, Chosen) AS Selected,
      uniqExactIf(TraceId, NOT Chosen) AS Rest, abs(Selected / {selected:UInt32} - Rest / {rest:UInt32}) AS Difference
    FROM (SELECT TraceId, TraceId IN {chosen:Array(String)} AS Chosen, arrayJoin(${ITEMS}) AS Item
      FROM otel_traces WHERE TraceId IN {ids:Array(String)} AND ${within})
    GROUP BY Attribute, Field, Value HAVING Field != 'service.name' AND Difference > 0
    ORDER BY Difference DESC, Attribute, Field, Value LIMIT ${VALUES_MAX} BY Attribute, Field LIMIT ${FIELDS_MAX * VALUES_MAX}`;
  const result = await engine.query(
    sql,
    statementOptions({ ids: traceIds, chosen: selected, selected: selected.length, rest: rest.length }, signal),
  );
  // Rows come with the most different first, and a map keeps the order in which its keys came.
  const fields = new Map<string, { field: string; attribute: boolean; difference: number; values: Value[] }>();
  for (const row of rowsOf(result)) {
    const [field, attribute] = [row.text('Field'), row.number('Attribute') === 1];
    const value = { value: row.text('Value'), selected: row.number('Selected'), rest: row.number('Rest') };
    const known = fields.get(`${attribute} ${field}`);
    if (known === undefined) {
      fields.set(`${attribute} ${field}`, { field, attribute, difference: row.number('Difference'), values: [value] });
    } else {
      known.values.push(value);
    }
  }
  return [...fields.values()].slice(0, FIELDS_MAX);
}

type Value = ComparedField['values'][number];
