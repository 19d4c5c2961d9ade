import { TABLES } from '../base/names.ts';

/**
 * The columns of every table, once: the Native encoder writes them, the store creates them, the API reads them back.
 *
 * The first group of each table is the schema of the OpenTelemetry Collector's ClickHouse exporter, name by name, so that
 * Grafana, HyperDX and everything else that reads those tables works (names and versions of scopes are LowCardinality here everywhere: half a byte less a span). The second group (`ours`) holds what that schema loses
 * and OTLP has: types of attribute values, dropped counts, flags, schema URLs, … A segment in which a column holds
 * only defaults leaves it out, and the store makes those of `onDemand` stored columns only when a segment brings them (docs/decisions/0001-fidelity-columns.md,
 * src/store/columns-on-demand.ts).
 */
export interface Column {
  readonly name: string;
  /** ClickHouse type; `Events.Name` and its like are members of a Nested and therefore Array(…). */
  readonly type: string;
  /** As a server has it; src/store/codecs.ts says what the embedded engine makes of it. */
  readonly codec: string;
  /** True for the columns that Clew adds to the exporter's. */
  readonly ours?: boolean;
  /** True where almost all telemetry has the default: stored only once a segment brings it (src/store/columns-on-demand.ts). */
  readonly onDemand?: boolean;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly partitionBy: string;
  readonly orderBy: string;
  readonly primaryKey?: string;
}

const MAP = 'Map(LowCardinality(String), String)';
const MAPS = `Array(${MAP})`;
const LOW = 'LowCardinality(String)';
const TIME = 'DateTime64(9)';
const TIME_CODEC = 'Delta(8), ZSTD(1)';

const column = (name: string, type: string, codec = 'ZSTD(1)'): Column => ({ name, type, codec });
const ours = (name: string, type: string, codec = 'ZSTD(1)'): Column => ({
  name,
  type,
  codec,
  ours: true,
  onDemand: true,
});
const rare = (name: string, type: string): Column => ({ ...column(name, type), onDemand: true });

/**
 * What the resource and scope have beyond the exporter's columns. `…Types` columns hold the type signature of the map beside them
 * (see attributes.ts); `ResourceEntityRefs` the protobuf of each EntityRef, length-prefixed, as base64.
 * `Baggage` holds the members of the request's W3C `baggage` header.
 */
const RESOURCE_EXTRAS: readonly Column[] = [
  ours('ResourceAttributesTypes', LOW),
  ours('ResourceDroppedAttributesCount', 'UInt32'),
  ours('ResourceEntityRefs', LOW),
  ours('ScopeAttributesTypes', LOW),
  ours('Baggage', MAP),
];

export const TRACES: Table = {
  name: TABLES.traces,
  columns: [
    column('Timestamp', TIME, TIME_CODEC),
    column('TraceId', 'String'),
    column('SpanId', 'String'),
    column('ParentSpanId', 'String'),
    rare('TraceState', 'String'),
    column('SpanName', LOW),
    column('SpanKind', LOW),
    column('ServiceName', LOW),
    column('ResourceAttributes', MAP),
    column('ScopeName', LOW),
    column('ScopeVersion', LOW),
    column('SpanAttributes', MAP),
    column('Duration', 'UInt64', 'T64, ZSTD(1)'),
    column('StatusCode', LOW),
    column('StatusMessage', 'String'),
    column('Events.Timestamp', `Array(${TIME})`),
    column('Events.Name', `Array(${LOW})`),
    column('Events.Attributes', MAPS),
    rare('Links.TraceId', 'Array(String)'),
    rare('Links.SpanId', 'Array(String)'),
    rare('Links.TraceState', 'Array(String)'),
    rare('Links.Attributes', MAPS),
    ...RESOURCE_EXTRAS,
    ours('ResourceSchemaUrl', LOW),
    ours('ScopeSchemaUrl', LOW),
    ours('ScopeAttributes', MAP),
    ours('ScopeDroppedAttrCount', 'UInt32'),
    ours('SpanAttributesTypes', LOW),
    ours('Flags', 'UInt32'),
    ours('DroppedAttributesCount', 'UInt32'),
    ours('DroppedEventsCount', 'UInt32'),
    ours('DroppedLinksCount', 'UInt32'),
    /** start − end of a span that ends before it starts (its Duration is 0), else 0. */
    ours('NegativeDuration', 'UInt64'),
    ours('Events.AttributesTypes', `Array(${LOW})`),
    ours('Events.DroppedAttributesCount', 'Array(UInt32)'),
    ours('Links.AttributesTypes', `Array(${LOW})`),
    ours('Links.DroppedAttributesCount', 'Array(UInt32)'),
    ours('Links.Flags', 'Array(UInt32)'),
  ],
  partitionBy: 'toDate(Timestamp)',
  // Not the exporter's order (service, operation, time): the spans of a trace would lie in as many granules as it has operations, and a
  // slice of time in all of them (docs/decisions/0003-order-of-spans.md).
  primaryKey: '(ServiceName, toDateTime(Timestamp))',
  orderBy: '(ServiceName, toDateTime(Timestamp), TraceId, Timestamp)',
};

/**
 * One row for each trace of a segment: where in time its spans are, as the exporter has it, and what a list of traces shows of them. That is one text,
 * because a list reads twenty rows that lie apart: of ten columns instead, two thirds of its time went into their streams. It is a JSON array:
 * the first start and the time from there to the last end (nanoseconds, in quotes as all 64-bit numbers), 1 if a root is among the spans, the time from the first start to
 * that of the root or, without one, of the first span, which of the services that span is of, its name, and for each service its name, spans, errors and the sum of their
 * durations: `["1767355200000000000","1200",1,"0",0,"GET /",[["shop",2,0,"1500"],["cart",1,1,"700"]]]`. Names of services are cut (LIMITS.summaryServiceBytesMax). Empty in rows of another writer.
 * Written by the transcoder, not by a materialised view.
 */
export const TRACE_IDS: Table = {
  name: TABLES.traceIds,
  columns: [
    column('TraceId', 'String'),
    column('Start', 'DateTime', 'Delta, ZSTD(1)'),
    column('End', 'DateTime', 'Delta, ZSTD(1)'),
    { ...column('Summary', 'String'), ours: true },
  ],
  partitionBy: 'toDate(Start)',
  orderBy: '(TraceId, Start)',
};

export const LOGS: Table = {
  name: TABLES.logs,
  columns: [
    /** time_unix_nano, else observed_time_unix_nano, else the time of arrival (as the exporter does). */
    column('Timestamp', TIME, TIME_CODEC),
    column('TraceId', 'String'),
    column('SpanId', 'String'),
    column('TraceFlags', 'UInt8'),
    column('SeverityText', LOW),
    column('SeverityNumber', 'UInt8'),
    column('ServiceName', LOW),
    column('Body', 'String'),
    column('ResourceSchemaUrl', LOW),
    column('ResourceAttributes', MAP),
    column('ScopeSchemaUrl', LOW),
    column('ScopeName', LOW),
    column('ScopeVersion', LOW),
    column('ScopeAttributes', MAP),
    column('LogAttributes', MAP),
    column('EventName', 'String'),
    ...RESOURCE_EXTRAS,
    ours('ScopeDroppedAttrCount', 'UInt32'),
    ours('LogAttributesTypes', LOW),
    /** Type signature of the one value in Body; '' when the record has no body. */
    ours('BodyType', LOW),
    ours('ObservedTimestamp', TIME, TIME_CODEC),
    /** 1 when time_unix_nano was absent or 0, so that Timestamp is not the sender's. */
    ours('TimeUnset', 'UInt8'),
    /** The whole flags field; TraceFlags is its low byte. */
    ours('Flags', 'UInt32'),
    /** SeverityNumber when it does not fit a byte, else 0. */
    ours('SeverityNumberWide', 'Int32'),
    ours('DroppedAttributesCount', 'UInt32'),
  ],
  partitionBy: 'toDate(TimestampTime)',
  primaryKey: '(ServiceName, TimestampTime)',
  orderBy: '(ServiceName, TimestampTime, Timestamp)',
};

const METRIC_HEAD: readonly Column[] = [
  column('ResourceAttributes', MAP),
  column('ResourceSchemaUrl', LOW),
  column('ScopeName', LOW),
  column('ScopeVersion', LOW),
  column('ScopeAttributes', MAP),
  column('ScopeDroppedAttrCount', 'UInt32'),
  column('ScopeSchemaUrl', LOW),
  column('ServiceName', LOW),
  column('MetricName', LOW),
  column('MetricDescription', LOW),
  column('MetricUnit', LOW),
  column('Attributes', MAP),
  column('StartTimeUnix', TIME, TIME_CODEC),
  column('TimeUnix', TIME, TIME_CODEC),
];

const METRIC_EXTRAS: readonly Column[] = [
  ...RESOURCE_EXTRAS,
  ours('AttributesTypes', LOW),
  ours('MetricMetadata', MAP),
  ours('MetricMetadataTypes', LOW),
];

const EXEMPLARS: readonly Column[] = [
  column('Exemplars.FilteredAttributes', MAPS),
  column('Exemplars.TimeUnix', `Array(${TIME})`),
  column('Exemplars.Value', 'Array(Float64)'),
  column('Exemplars.SpanId', 'Array(String)'),
  column('Exemplars.TraceId', 'Array(String)'),
  ours('Exemplars.FilteredAttributesTypes', `Array(${LOW})`),
  /** 0 none, 1 double (in Value), 2 integer (in IntValue, and rounded in Value). */
  ours('Exemplars.ValueKind', 'Array(UInt8)'),
  ours('Exemplars.IntValue', 'Array(Int64)'),
];

/** 0 none, 1 double (in Value), 2 integer (in IntValue, and rounded in Value). */
const NUMBER_VALUE: readonly Column[] = [ours('ValueKind', 'UInt8'), ours('IntValue', 'Int64')];

/** Which optional fields were there: 1 sum, 2 min, 4 max. */
const OPTIONALS: readonly Column[] = [ours('OptionalFields', 'UInt8')];

const METRIC_PLACE = {
  partitionBy: 'toDate(TimeUnix)',
  orderBy: '(ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix))',
} as const;

export const GAUGE: Table = {
  name: TABLES.gauge,
  columns: [
    ...METRIC_HEAD,
    column('Value', 'Float64'),
    column('Flags', 'UInt32'),
    ...EXEMPLARS,
    ...METRIC_EXTRAS,
    ...NUMBER_VALUE,
  ],
  ...METRIC_PLACE,
};

export const SUM: Table = {
  name: TABLES.sum,
  columns: [
    ...METRIC_HEAD,
    column('Value', 'Float64'),
    column('Flags', 'UInt32'),
    ...EXEMPLARS,
    column('AggregationTemporality', 'Int32'),
    column('IsMonotonic', 'Bool'),
    ...METRIC_EXTRAS,
    ...NUMBER_VALUE,
  ],
  ...METRIC_PLACE,
};

export const HISTOGRAM: Table = {
  name: TABLES.histogram,
  columns: [
    ...METRIC_HEAD,
    column('Count', 'UInt64'),
    column('Sum', 'Float64'),
    column('BucketCounts', 'Array(UInt64)'),
    column('ExplicitBounds', 'Array(Float64)'),
    ...EXEMPLARS,
    column('Flags', 'UInt32'),
    column('Min', 'Float64'),
    column('Max', 'Float64'),
    column('AggregationTemporality', 'Int32'),
    ...METRIC_EXTRAS,
    ...OPTIONALS,
  ],
  ...METRIC_PLACE,
};

export const EXPONENTIAL_HISTOGRAM: Table = {
  name: TABLES.exponentialHistogram,
  columns: [
    ...METRIC_HEAD,
    column('Count', 'UInt64'),
    column('Sum', 'Float64'),
    column('Scale', 'Int32'),
    column('ZeroCount', 'UInt64'),
    column('PositiveOffset', 'Int32'),
    column('PositiveBucketCounts', 'Array(UInt64)'),
    column('NegativeOffset', 'Int32'),
    column('NegativeBucketCounts', 'Array(UInt64)'),
    ...EXEMPLARS,
    column('Flags', 'UInt32'),
    column('Min', 'Float64'),
    column('Max', 'Float64'),
    column('AggregationTemporality', 'Int32'),
    ...METRIC_EXTRAS,
    /** 1 sum, 2 min, 4 max, 8 positive buckets message present, 16 negative buckets message present. */
    ...OPTIONALS,
    ours('ZeroThreshold', 'Float64'),
  ],
  ...METRIC_PLACE,
};

export const SUMMARY: Table = {
  name: TABLES.summary,
  columns: [
    ...METRIC_HEAD,
    column('Count', 'UInt64'),
    column('Sum', 'Float64'),
    column('ValueAtQuantiles.Quantile', 'Array(Float64)'),
    column('ValueAtQuantiles.Value', 'Array(Float64)'),
    column('Flags', 'UInt32'),
    ...METRIC_EXTRAS,
  ],
  ...METRIC_PLACE,
};

export const ALL_TABLES: readonly Table[] = [
  TRACES,
  TRACE_IDS,
  LOGS,
  GAUGE,
  SUM,
  HISTOGRAM,
  EXPONENTIAL_HISTOGRAM,
  SUMMARY,
];

export const tableNamed = (name: string): Table | undefined => ALL_TABLES.find((table) => table.name === name);
