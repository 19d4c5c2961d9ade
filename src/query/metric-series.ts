import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { MetricKind, MetricSeries } from './api.ts';
import { addUp, type BucketPoint, deltas, heatmapOf, quantileOf, spread } from './histogram.ts';
import { KIND_TABLES, listMetrics } from './metrics.ts';
import { type Row, rowsOf } from './otlp-rows.ts';
import { attributeFilters, type Parameters, type TimeRange } from './parameters.ts';
import { badParameter, notFound } from './problem.ts';
import { Conditions } from './sql-text.ts';
import { bucketOf, stepOf } from './trace-overview.ts';

const FUNCTIONS: Readonly<Record<MetricKind, readonly string[]>> = {
  gauge: ['avg', 'min', 'max', 'last'],
  sum: ['rate', 'increase', 'last'],
  histogram: ['p50', 'p90', 'p95', 'p99', 'avg', 'rate', 'heatmap'],
  exponentialHistogram: ['p50', 'p90', 'p95', 'p99', 'avg', 'rate', 'heatmap'],
  summary: ['avg', 'rate'],
};
const DEFAULT_FUNCTION: Readonly<Record<MetricKind, string>> = {
  gauge: 'avg',
  sum: 'rate',
  histogram: 'p95',
  exponentialHistogram: 'p95',
  summary: 'avg',
};

/** Steps of a chart unless asked for otherwise. */
const STEPS_DEFAULT = 120;
const STEPS_MAX = 1_000;
const EXEMPLARS_MAX = 200;
const NANOS_A_SECOND = 1e9;

interface Question {
  readonly kind: MetricKind;
  readonly name: string;
  readonly range: TimeRange;
  readonly step: bigint;
  readonly chosen: string;
  readonly groupBy: readonly string[];
  readonly parameters: Parameters;
  readonly signal: AbortSignal | undefined;
}

/** Series of one metric over time, with the function of the request. */
export async function metricSeries(
  engine: Engine,
  parameters: Parameters,
  name: string,
  signal?: AbortSignal,
): Promise<MetricSeries> {
  const [metric] = (await listMetrics(engine, parameters, name, signal)).items;
  if (metric === undefined) throw notFound(`no points of metric ${name} in this time range`);
  const { kind, unit } = metric;
  const chosen = parameters.text('function') ?? DEFAULT_FUNCTION[kind];
  if (!FUNCTIONS[kind].includes(chosen))
    throw badParameter('function', chosen, `a ${kind} has ${FUNCTIONS[kind].join(', ')}`);
  const range = parameters.range();
  const step = parameters.duration('step') ?? stepOf(range, STEPS_DEFAULT);
  if (step <= 0n || (range.end - range.start) / step > BigInt(STEPS_MAX)) {
    throw badParameter('step', parameters.text('step') ?? '', `must cut the range into at most ${STEPS_MAX} steps`);
  }
  const question: Question = {
    kind,
    name,
    range,
    step,
    chosen,
    groupBy: parameters.all('groupBy'),
    parameters,
    signal,
  };
  const isHistogram = kind === 'histogram' || kind === 'exponentialHistogram';
  const [answer, exemplars] = await Promise.all([
    isHistogram ? histogramSeries(engine, question) : numberSeries(engine, question),
    kind === 'summary' ? [] : readExemplars(engine, question),
  ]);
  return { name, kind, unit, function: chosen, stepNano: step.toString(), ...answer, exemplars };
}

function conditionsOf(question: Question): Conditions {
  const { parameters, range, name } = question;
  const conditions = new Conditions();
  conditions.within('TimeUnix', range);
  conditions.equals('MetricName', name);
  conditions.equals('ServiceName', parameters.text('service'));
  for (const filter of attributeFilters(parameters)) {
    conditions.attribute(filter, [{ map: 'Attributes' }, { map: 'ResourceAttributes' }]);
  }
  return conditions;
}

/** Values of the group-by keys: `service`, or an attribute of the point or else of the resource. */
function labelsOf(conditions: Conditions, groupBy: readonly string[]): string {
  const labels = groupBy.map((key) => {
    if (key === 'service' || key === 'service.name') return 'ServiceName';
    const text = conditions.value(key, 'String');
    return `if(mapContains(Attributes, ${text}), Attributes[${text}], ResourceAttributes[${text}])`;
  });
  return `CAST([${labels.join(', ')}], 'Array(String)')`;
}

/** What makes two points the same series: everything but time and value. */
const SERIES = 'cityHash64(ServiceName, toString(ResourceAttributes), ScopeName, toString(Attributes))';

/** Value of one point for the kind and function, as SQL over columns V (value), P (the series' previous value) and N (its number). */
function numberStatement(question: Question, conditions: Conditions): string {
  const { kind, chosen, range, step, groupBy } = question;
  const bucket = bucketOf('TimeUnix', conditions, range, step);
  const labels = labelsOf(conditions, groupBy);
  const from = `FROM ${KIND_TABLES[kind]} WHERE ${conditions.text()}`;
  const tail = 'GROUP BY Bucket, Labels ORDER BY Bucket';
  if (kind === 'gauge') {
    const aggregate = chosen === 'last' ? 'argMax(Value, TimeUnix)' : `${chosen}(Value)`;
    return `SELECT ${bucket} AS Bucket, ${labels} AS Labels, ${aggregate} AS V ${from} ${tail}`;
  }
  if (chosen === 'last') {
    // The newest value of each series, added up over the series of a group.
    return `SELECT Bucket, Labels, sum(Newest) AS V FROM (
      SELECT ${bucket} AS Bucket, ${labels} AS Labels, ${SERIES} AS Series, argMax(Value, TimeUnix) AS Newest ${from} GROUP BY Bucket, Labels, Series
    ) ${tail}`;
  }
  const over = `OVER (PARTITION BY ${SERIES} ORDER BY TimeUnix ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)`;
  const temporality = kind === 'summary' ? '2' : 'AggregationTemporality';
  const increase = (value: string): string => {
    const previous = `lagInFrame(${value}) ${over}`;
    const isFirst = `row_number() OVER (PARTITION BY ${SERIES} ORDER BY TimeUnix) = 1`;
    // Delta points are increases already. A cumulative series that falls has begun anew.
    return `if(${temporality} = 1, ${value}, if(${isFirst}, 0, if(${value} < ${previous}, ${value}, ${value} - ${previous})))`;
  };
  const value = kind === 'summary' ? 'toFloat64(Count)' : 'Value';
  const second = kind === 'summary' && chosen === 'avg' ? increase('Sum') : '0';
  const combined = kind === 'summary' && chosen === 'avg' ? 'sum(Second) / sum(Increase)' : 'sum(Increase)';
  return `SELECT Bucket, Labels, ${combined} AS V FROM (
    SELECT ${bucket} AS Bucket, ${labels} AS Labels, ${increase(value)} AS Increase, ${second} AS Second ${from}
  ) ${tail}`;
}

type Series = Pick<MetricSeries, 'series' | 'heatmap'>;

async function numberSeries(engine: Engine, question: Question): Promise<Series> {
  const conditions = conditionsOf(question);
  const sql = `${numberStatement(question, conditions)} LIMIT ${LIMITS.metricPointsMax}`;
  const { signal } = question;
  const result = await engine.query(sql, {
    params: conditions.params,
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  });
  const divisor = question.chosen === 'rate' ? Number(question.step) / NANOS_A_SECOND : 1;
  const groups = new Map<string, Map<number, number>>();
  for (const row of rowsOf(result)) {
    const key = JSON.stringify(row.get('Labels'));
    const points = groups.get(key) ?? new Map<number, number>();
    groups.set(key, points);
    const value = Number(row.get('V'));
    if (Number.isFinite(value)) points.set(row.number('Bucket'), value / divisor);
  }
  return { series: seriesOf(question, groups) };
}

/** Groups as series with a point for every step: null where there is none. Largest groups first, up to the limit. */
function seriesOf(
  question: Question,
  groups: ReadonlyMap<string, ReadonlyMap<number, number>>,
): MetricSeries['series'] {
  const { range, step, groupBy } = question;
  const steps = Number((range.end - range.start + step - 1n) / step);
  const startMs = Number(range.start / 1_000_000n);
  const stepMs = Number(step) / 1e6;
  const weight = (points: ReadonlyMap<number, number>): number =>
    [...points.values()].reduce((sum, value) => sum + Math.abs(value), 0);
  const ordered = [...groups].sort((a, b) => weight(b[1]) - weight(a[1])).slice(0, LIMITS.metricSeriesMax);
  return ordered.map(([key, points]) => {
    const values = JSON.parse(key) as string[];
    return {
      labels: Object.fromEntries(groupBy.map((name, i) => [name, values[i]])),
      points: Array.from(
        { length: steps },
        (_, i) => [Math.round(startMs + i * stepMs), points.get(i) ?? null] as const,
      ),
    };
  });
}

const HISTOGRAM_COLUMNS: Readonly<Record<string, string>> = {
  histogram:
    'BucketCounts AS Counts, ExplicitBounds AS Bounds, 0 AS Scale, 0 AS Zero, 0 AS PositiveOffset, [] AS Negative, 0 AS NegativeOffset',
  exponentialHistogram:
    'PositiveBucketCounts AS Counts, [] AS Bounds, Scale, ZeroCount AS Zero, PositiveOffset, NegativeBucketCounts AS Negative, NegativeOffset',
};

function bucketPoint(kind: MetricKind, row: Row): BucketPoint {
  const numbers = (name: string): number[] => row.list(name).map(Number);
  const shape =
    kind === 'histogram'
      ? addUp(numbers('Bounds'), numbers('Counts'))
      : spread(
          row.number('Scale'),
          row.number('Zero'),
          row.number('PositiveOffset'),
          numbers('Counts'),
          row.number('NegativeOffset'),
          numbers('Negative'),
        );
  return {
    series: row.text('Series'),
    group: JSON.stringify(row.get('Labels')),
    bucket: row.number('Bucket'),
    isDelta: row.number('AggregationTemporality') === 1,
    count: row.number('Count'),
    sum: row.number('Sum'),
    buckets: shape,
  };
}

/** Histograms are added up here, not in SQL: their buckets may differ from point to point. */
async function histogramSeries(engine: Engine, question: Question): Promise<Series> {
  const { kind, range, step, chosen, groupBy, signal } = question;
  const conditions = conditionsOf(question);
  const sql = `SELECT ${bucketOf('TimeUnix', conditions, range, step)} AS Bucket, ${labelsOf(conditions, groupBy)} AS Labels,
      ${SERIES} AS Series, AggregationTemporality, Count, Sum, ${HISTOGRAM_COLUMNS[kind]}
    FROM ${KIND_TABLES[kind]} WHERE ${conditions.text()} ORDER BY Series, TimeUnix LIMIT ${LIMITS.metricPointsMax}`;
  const result = await engine.query(sql, {
    params: conditions.params,
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  });
  const points = deltas(rowsOf(result).map((row) => bucketPoint(kind, row)));
  if (chosen === 'heatmap') {
    const startMs = Number(range.start / 1_000_000n);
    return { series: [], heatmap: heatmapOf(points, (bucket) => Math.round(startMs + (bucket * Number(step)) / 1e6)) };
  }
  const groups = new Map<string, Map<number, number>>();
  const cells = new Map<string, BucketPoint[]>();
  for (const point of points) {
    const key = `${point.bucket} ${point.group}`;
    cells.set(key, [...(cells.get(key) ?? []), point]);
  }
  for (const cell of cells.values()) {
    const [{ group, bucket }] = cell;
    const value = cellValue(chosen, cell, Number(step) / NANOS_A_SECOND);
    const values = groups.get(group) ?? new Map<number, number>();
    groups.set(group, values);
    if (value !== null) values.set(bucket, value);
  }
  return { series: seriesOf(question, groups) };
}

function cellValue(chosen: string, cell: readonly BucketPoint[], stepSeconds: number): number | null {
  const count = cell.reduce((sum, point) => sum + point.count, 0);
  if (chosen === 'rate') return count / stepSeconds;
  if (count === 0) return null;
  if (chosen === 'avg') return cell.reduce((sum, point) => sum + point.sum, 0) / count;
  return quantileOf(cell, Number(chosen.slice(1)) / 100);
}

async function readExemplars(engine: Engine, question: Question): Promise<MetricSeries['exemplars']> {
  const conditions = conditionsOf(question);
  const { signal } = question;
  const sql = `SELECT toUnixTimestamp64Milli(Time) AS Ms, Value, TraceId, SpanId FROM (
      SELECT arrayJoin(arrayZip(Exemplars.TimeUnix, Exemplars.Value, Exemplars.TraceId, Exemplars.SpanId)) AS E,
        E.1 AS Time, E.2 AS Value, E.3 AS TraceId, E.4 AS SpanId
      FROM ${KIND_TABLES[question.kind]} WHERE ${conditions.text()} AND notEmpty(Exemplars.TimeUnix)
    ) WHERE TraceId != '' ORDER BY Time DESC LIMIT ${EXEMPLARS_MAX}`;
  const result = await engine.query(sql, {
    params: conditions.params,
    timeoutMs: LIMITS.queryTimeMsMax,
    ...(signal && { signal }),
  });
  return rowsOf(result).map((row) => ({
    timeMs: row.number('Ms'),
    value: row.number('Value'),
    traceId: row.text('TraceId'),
    spanId: row.text('SpanId'),
  }));
}
