import { LIMITS } from '../base/limits.ts';
import { TABLES } from '../base/names.ts';
import type { Engine } from '../store/engine.ts';
import type { MetricKind, MetricSummary, Page } from './api.ts';
import {
  attributesOf,
  attributesOfPairs,
  envelopesOf,
  MAPS_AS_PAIRS,
  omitDefaults,
  type Pairs,
  RESOURCE_COLUMNS,
  type Row,
  rowsOf,
} from './otlp-rows.ts';
import type { Parameters } from './parameters.ts';
import { Conditions, statementOptions, unsignedNanos } from './sql-text.ts';

/** The table of each kind of metric. */
export const KIND_TABLES: Readonly<Record<MetricKind, string>> = {
  gauge: TABLES.gauge,
  sum: TABLES.sum,
  histogram: TABLES.histogram,
  exponentialHistogram: TABLES.exponentialHistogram,
  summary: TABLES.summary,
};
export const KINDS = Object.keys(KIND_TABLES) as MetricKind[];

const SERVICES_SHOWN_MAX = 50;
const KEYS_SHOWN_MAX = 100;

/** Metrics that have points in the time range, by name; `name` keeps to one of them. */
export async function listMetrics(
  engine: Engine,
  parameters: Parameters,
  name: string | undefined,
  signal?: AbortSignal,
): Promise<Page<MetricSummary>> {
  const conditions = new Conditions();
  conditions.within('TimeUnix', parameters.range());
  conditions.equals('ServiceName', parameters.text('service'));
  conditions.equals('MetricName', name);
  const parts = KINDS.map(
    (kind) => `SELECT MetricName, '${kind}' AS Kind, any(MetricUnit) AS Unit, any(MetricDescription) AS Description,
      groupUniqArray(${SERVICES_SHOWN_MAX})(ServiceName) AS Services, count() AS Points,
      groupUniqArrayArray(${KEYS_SHOWN_MAX})(mapKeys(Attributes)) AS Keys, toUnixTimestamp64Nano(max(TimeUnix)) AS LastTime,
      ${kind === 'gauge' || kind === 'sum' ? 'toNullable(argMax(Value, TimeUnix))' : 'NULL::Nullable(Float64)'} AS LastValue
      FROM ${KIND_TABLES[kind]} WHERE ${conditions.text()} GROUP BY MetricName`,
  );
  const sql = `SELECT * FROM (${parts.join(' UNION ALL ')}) ORDER BY MetricName, Kind LIMIT ${LIMITS.apiRowsMax}`;
  const result = await engine.query(sql, statementOptions(conditions.params, signal));
  const items = rowsOf(result).map((row) => ({
    name: row.text('MetricName'),
    kind: row.text('Kind') as MetricKind,
    unit: row.text('Unit'),
    description: row.text('Description'),
    services: [...row.texts('Services')].sort(),
    points: row.number('Points'),
    attributeKeys: [...row.texts('Keys')].sort(),
    lastTimeUnixNano: unsignedNanos(row.get('LastTime')),
    lastValue: finiteOrNull(row.get('LastValue')),
  }));
  return { items, next: null };
}

function finiteOrNull(value: unknown): number | null {
  const number = value === null ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

const POINT_COLUMNS = [
  'Attributes',
  'AttributesTypes',
  'toUnixTimestamp64Nano(StartTimeUnix) AS Start',
  'toUnixTimestamp64Nano(TimeUnix) AS Time',
  'Flags',
  'MetricName',
  'MetricDescription',
  'MetricUnit',
  'MetricMetadata',
  'MetricMetadataTypes',
  ...RESOURCE_COLUMNS,
];
const EXEMPLAR_COLUMNS = [
  'Exemplars.FilteredAttributes AS ExemplarAttributes',
  'Exemplars.FilteredAttributesTypes AS ExemplarTypes',
  'arrayMap(t -> toUnixTimestamp64Nano(t), Exemplars.TimeUnix) AS ExemplarTimes',
  'Exemplars.Value AS ExemplarDoubles',
  'Exemplars.ValueKind AS ExemplarKinds',
  'Exemplars.IntValue AS ExemplarIntegers',
  'Exemplars.SpanId AS ExemplarSpanIds',
  'Exemplars.TraceId AS ExemplarTraceIds',
];
const OWN_COLUMNS: Readonly<Record<MetricKind, readonly string[]>> = {
  gauge: ['Value', 'ValueKind', 'IntValue', ...EXEMPLAR_COLUMNS],
  sum: ['Value', 'ValueKind', 'IntValue', 'AggregationTemporality', 'IsMonotonic', ...EXEMPLAR_COLUMNS],
  histogram: [
    'Count',
    'Sum',
    'BucketCounts',
    'ExplicitBounds',
    'Min',
    'Max',
    'OptionalFields',
    'AggregationTemporality',
    ...EXEMPLAR_COLUMNS,
  ],
  exponentialHistogram: [
    'Count',
    'Sum',
    'Scale',
    'ZeroCount',
    'ZeroThreshold',
    'PositiveOffset',
    'PositiveBucketCounts',
    'NegativeOffset',
    'NegativeBucketCounts',
    'Min',
    'Max',
    'OptionalFields',
    'AggregationTemporality',
    ...EXEMPLAR_COLUMNS,
  ],
  summary: ['Count', 'Sum', 'ValueAtQuantiles.Quantile AS Quantiles', 'ValueAtQuantiles.Value AS QuantileValues'],
};

/** A double as OTLP/JSON has it; ClickHouse answers NaN and the infinities as text. The sign of zero is kept by text, as JSON.stringify drops it. */
function doubleOf(value: unknown): number | string {
  if (value === 'nan' || value === '-nan' || value === 'NaN') return 'NaN';
  if (value === 'inf') return 'Infinity';
  if (value === '-inf') return '-Infinity';
  const number = Number(value);
  return Object.is(number, -0) ? '-0' : number;
}

const DOUBLE_KIND = 1;
const INT_KIND = 2;

/** `asDouble` or `asInt`; zero is a value here, not a default. */
function numberValue(kind: number, value: unknown, integer: unknown): object {
  if (kind === DOUBLE_KIND) return { asDouble: doubleOf(value) };
  return kind === INT_KIND ? { asInt: String(integer) } : {};
}

function exemplarsOf(row: Row): unknown[] {
  return row.list('ExemplarTimes').map((time, i) => ({
    ...omitDefaults({
      filteredAttributes: attributesOfPairs(
        row.list('ExemplarAttributes')[i] as Pairs,
        String(row.list('ExemplarTypes')[i]),
      ),
      timeUnixNano: unsignedNanos(time),
      spanId: row.texts('ExemplarSpanIds')[i],
      traceId: row.texts('ExemplarTraceIds')[i],
    }),
    ...numberValue(
      Number(row.list('ExemplarKinds')[i]),
      row.list('ExemplarDoubles')[i],
      row.list('ExemplarIntegers')[i],
    ),
  }));
}

const optionals = (row: Row): object => {
  const bits = row.number('OptionalFields');
  return {
    ...(bits & 1 ? { sum: doubleOf(row.get('Sum')) } : {}),
    ...(bits & 2 ? { min: doubleOf(row.get('Min')) } : {}),
    ...(bits & 4 ? { max: doubleOf(row.get('Max')) } : {}),
  };
};

const buckets = (row: Row, side: 'Positive' | 'Negative'): object =>
  omitDefaults({ offset: row.number(`${side}Offset`), bucketCounts: row.list(`${side}BucketCounts`).map(String) });

/** Fields of a point that depend on its kind. */
const OWN_FIELDS: Readonly<Record<MetricKind, (row: Row) => object>> = {
  gauge: (row) => ({
    ...numberValue(row.number('ValueKind'), row.get('Value'), row.get('IntValue')),
    ...omitDefaults({ exemplars: exemplarsOf(row) }),
  }),
  sum: (row) => OWN_FIELDS.gauge(row),
  histogram: (row) => ({
    ...omitDefaults({
      count: row.text('Count'),
      bucketCounts: row.list('BucketCounts').map(String),
      explicitBounds: row.list('ExplicitBounds').map(doubleOf),
      exemplars: exemplarsOf(row),
    }),
    ...optionals(row),
  }),
  exponentialHistogram: (row) => ({
    ...omitDefaults({
      count: row.text('Count'),
      scale: row.number('Scale'),
      zeroCount: row.text('ZeroCount'),
      zeroThreshold: doubleOf(row.get('ZeroThreshold')),
      exemplars: exemplarsOf(row),
    }),
    ...optionals(row),
    ...(row.number('OptionalFields') & 8 ? { positive: buckets(row, 'Positive') } : {}),
    ...(row.number('OptionalFields') & 16 ? { negative: buckets(row, 'Negative') } : {}),
  }),
  summary: (row) =>
    omitDefaults({
      count: row.text('Count'),
      sum: doubleOf(row.get('Sum')),
      quantileValues: row
        .list('Quantiles')
        .map((quantile, i) =>
          omitDefaults({ quantile: doubleOf(quantile), value: doubleOf(row.list('QuantileValues')[i]) }),
        ),
    }),
};

interface PointOf {
  readonly metric: string;
  readonly head: object;
  readonly data: object;
  readonly point: object;
}

function pointOf(kind: MetricKind, row: Row): PointOf {
  const head = omitDefaults({
    name: row.text('MetricName'),
    description: row.text('MetricDescription'),
    unit: row.text('MetricUnit'),
    metadata: attributesOf(row, 'MetricMetadata', 'MetricMetadataTypes'),
  });
  const hasTemporality = kind !== 'gauge' && kind !== 'summary';
  const data = omitDefaults({
    aggregationTemporality: hasTemporality ? row.number('AggregationTemporality') : 0,
    isMonotonic: kind === 'sum' && (row.get('IsMonotonic') === true || row.get('IsMonotonic') === 1),
  });
  const point = {
    ...omitDefaults({
      attributes: attributesOf(row, 'Attributes', 'AttributesTypes'),
      startTimeUnixNano: unsignedNanos(row.get('Start')),
      timeUnixNano: unsignedNanos(row.get('Time')),
      flags: row.number('Flags'),
    }),
    ...OWN_FIELDS[kind](row),
  };
  return { metric: JSON.stringify([head, data]), head, data, point };
}

/** Points of one scope under their metrics. */
function metricsOf(kind: MetricKind, points: readonly PointOf[]): unknown[] {
  const metrics = new Map<string, PointOf[]>();
  for (const point of points) metrics.set(point.metric, [...(metrics.get(point.metric) ?? []), point]);
  return [...metrics.values()].map((group) => ({
    ...group[0].head,
    [kind]: { ...group[0].data, dataPoints: group.map(({ point }) => point) },
  }));
}

/** Every point of one metric in the time range as OTLP/JSON, every field that arrived, in order of time. */
export async function metricPoints(
  engine: Engine,
  parameters: Parameters,
  name: string,
  signal?: AbortSignal,
): Promise<{ resourceMetrics: unknown[] }> {
  const limit = parameters.limit(1000);
  const resourceMetrics: unknown[] = [];
  for (const kind of KINDS) {
    const conditions = new Conditions();
    conditions.within('TimeUnix', parameters.range());
    conditions.equals('MetricName', name);
    conditions.equals('ServiceName', parameters.text('service'));
    const sql = `SELECT ${[...POINT_COLUMNS, ...OWN_COLUMNS[kind]].join(', ')} FROM ${KIND_TABLES[kind]}
      WHERE ${conditions.text()} ORDER BY TimeUnix LIMIT ${limit}`;
    const rows = rowsOf(
      await engine.query(sql, { ...statementOptions(conditions.params, signal), settings: MAPS_AS_PAIRS }),
    );
    const finish = (points: readonly PointOf[]): unknown[] => metricsOf(kind, points);
    resourceMetrics.push(
      ...envelopesOf(rows, { scopes: 'scopeMetrics', items: 'metrics' }, (row) => pointOf(kind, row), finish),
    );
  }
  return { resourceMetrics };
}
