import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { TraceSummary } from './api.ts';
import { type Row, rowsOf } from './otlp-rows.ts';

const TOP_TIME = 'toUnixTimestamp64Nano(First) + toInt64(TopDelay)';

/** The rows of a trace put together, one for each of its segments (src/columns/tables.ts). A root goes before any other span. */
const COLUMNS = [
  'TraceId',
  'toUnixTimestamp64Nano(min(First)) AS Begin',
  'max(toUnixTimestamp64Nano(First) + toInt64(Length)) AS Last',
  'max(HasRoot) AS Rooted',
  `argMin((toString(TopService), toString(TopName)), (1 - HasRoot, ${TOP_TIME})) AS Top`,
  'sumMap(Services.Name, Services.Spans, Services.Errors, Services.Duration) AS Sums',
  'Sums.1 AS Names',
  'Sums.2 AS Spans',
  'Sums.3 AS Errors',
  'Sums.4 AS Durations',
];

/**
 * Summaries of these traces, in their order. Reads the few small rows of each trace in the look-up table: to read its spans instead took
 * twice the time (2 M spans, 20 traces: 9 ms instead of 18).
 */
export async function summarise(
  engine: Engine,
  traceIds: readonly string[],
  signal: AbortSignal | undefined,
): Promise<TraceSummary[]> {
  if (traceIds.length === 0) return [];
  const sql = `SELECT ${COLUMNS.join(', ')} FROM otel_traces_trace_id_ts WHERE TraceId IN {ids:Array(String)} GROUP BY TraceId`;
  const result = await engine.query(sql, {
    params: { ids: traceIds },
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  });
  const byTrace = new Map(rowsOf(result).map((row) => [row.text('TraceId'), row]));
  return traceIds.flatMap((traceId) => {
    const row = byTrace.get(traceId);
    return row === undefined ? [] : [summaryOf(traceId, row)];
  });
}

function summaryOf(traceId: string, row: Row): TraceSummary {
  const begin = BigInt(row.text('Begin'));
  const [rootService, rootOperation] = row.texts('Top');
  const [spans, errors] = [row.list('Spans').map(Number), row.list('Errors').map(Number)];
  const durations = row.texts('Durations');
  const services = row
    .texts('Names')
    .map((service, i) => ({ service, spans: spans[i], errors: errors[i], durationNano: durations[i] }));
  return {
    traceId,
    rootService,
    rootOperation,
    hasRoot: row.get('Rooted') === true,
    startTimeUnixNano: BigInt.asUintN(64, begin).toString(),
    durationNano: (BigInt(row.text('Last')) - begin).toString(),
    spanCount: sum(spans),
    errorCount: sum(errors),
    services: services.sort((a, b) => b.spans - a.spans || a.service.localeCompare(b.service)),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
