/**
 * The messages of OTLP 1.11 as data: what stands where in protobuf and in JSON (opentelemetry-proto, *.proto; JSON as the OTLP specification
 * has it: lowerCamelCase names, ids in hexadecimal, enums as integers, 64-bit integers as decimal text).
 */
export type FieldType =
  | 'string'
  | 'bool'
  | 'bytes'
  /** bytes that JSON writes in hexadecimal: trace and span ids */
  | 'id'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'int64'
  | 'uint64'
  | 'fixed64'
  | 'sfixed64'
  | 'double'
  | 'enum'
  | 'message';

export interface Field {
  readonly number: number;
  readonly name: string;
  readonly type: FieldType;
  /** Name of the message, when the type is `message`. */
  readonly message?: MessageName;
  readonly repeated?: true;
  /** Part of a oneof, or `optional`: written even when it holds the default. */
  readonly explicit?: true;
}

export type MessageName = keyof typeof SOURCE;

/** `number name type`, where type may be `[]` repeated, `?` explicit, or a message's name. One line a field, as in the .proto files. */
const SOURCE = {
  TracesRequest: ['1 resourceSpans ResourceSpans[]'],
  ResourceSpans: ['1 resource Resource', '2 scopeSpans ScopeSpans[]', '3 schemaUrl string'],
  ScopeSpans: ['1 scope InstrumentationScope', '2 spans Span[]', '3 schemaUrl string'],
  MetricsRequest: ['1 resourceMetrics ResourceMetrics[]'],
  ResourceMetrics: ['1 resource Resource', '2 scopeMetrics ScopeMetrics[]', '3 schemaUrl string'],
  ScopeMetrics: ['1 scope InstrumentationScope', '2 metrics Metric[]', '3 schemaUrl string'],
  LogsRequest: ['1 resourceLogs ResourceLogs[]'],
  ResourceLogs: ['1 resource Resource', '2 scopeLogs ScopeLogs[]', '3 schemaUrl string'],
  ScopeLogs: ['1 scope InstrumentationScope', '2 logRecords LogRecord[]', '3 schemaUrl string'],
  Resource: ['1 attributes KeyValue[]', '2 droppedAttributesCount uint32', '3 entityRefs EntityRef[]'],
  EntityRef: ['1 schemaUrl string', '2 type string', '3 idKeys string[]', '4 descriptionKeys string[]'],
  InstrumentationScope: [
    '1 name string',
    '2 version string',
    '3 attributes KeyValue[]',
    '4 droppedAttributesCount uint32',
  ],
  KeyValue: ['1 key string', '2 value AnyValue'],
  AnyValue: [
    '1 stringValue string?',
    '2 boolValue bool?',
    '3 intValue int64?',
    '4 doubleValue double?',
    '5 arrayValue ArrayValue',
    '6 kvlistValue KeyValueList',
    '7 bytesValue bytes?',
  ],
  ArrayValue: ['1 values AnyValue[]'],
  KeyValueList: ['1 values KeyValue[]'],
  Span: [
    '1 traceId id',
    '2 spanId id',
    '3 traceState string',
    '4 parentSpanId id',
    '5 name string',
    '6 kind enum',
    '7 startTimeUnixNano fixed64',
    '8 endTimeUnixNano fixed64',
    '9 attributes KeyValue[]',
    '10 droppedAttributesCount uint32',
    '11 events SpanEvent[]',
    '12 droppedEventsCount uint32',
    '13 links SpanLink[]',
    '14 droppedLinksCount uint32',
    '15 status Status',
    '16 flags fixed32',
  ],
  SpanEvent: ['1 timeUnixNano fixed64', '2 name string', '3 attributes KeyValue[]', '4 droppedAttributesCount uint32'],
  SpanLink: [
    '1 traceId id',
    '2 spanId id',
    '3 traceState string',
    '4 attributes KeyValue[]',
    '5 droppedAttributesCount uint32',
    '6 flags fixed32',
  ],
  Status: ['2 message string', '3 code enum'],
  LogRecord: [
    '1 timeUnixNano fixed64',
    '11 observedTimeUnixNano fixed64',
    '2 severityNumber enum',
    '3 severityText string',
    '5 body AnyValue',
    '6 attributes KeyValue[]',
    '7 droppedAttributesCount uint32',
    '8 flags fixed32',
    '9 traceId id',
    '10 spanId id',
    '12 eventName string',
  ],
  Metric: [
    '1 name string',
    '2 description string',
    '3 unit string',
    '5 gauge Gauge',
    '7 sum Sum',
    '9 histogram Histogram',
    '10 exponentialHistogram ExponentialHistogram',
    '11 summary Summary',
    '12 metadata KeyValue[]',
  ],
  Gauge: ['1 dataPoints NumberDataPoint[]'],
  Sum: ['1 dataPoints NumberDataPoint[]', '2 aggregationTemporality enum', '3 isMonotonic bool'],
  Histogram: ['1 dataPoints HistogramDataPoint[]', '2 aggregationTemporality enum'],
  ExponentialHistogram: ['1 dataPoints ExponentialHistogramDataPoint[]', '2 aggregationTemporality enum'],
  Summary: ['1 dataPoints SummaryDataPoint[]'],
  NumberDataPoint: [
    '7 attributes KeyValue[]',
    '2 startTimeUnixNano fixed64',
    '3 timeUnixNano fixed64',
    '4 asDouble double?',
    '6 asInt sfixed64?',
    '5 exemplars Exemplar[]',
    '8 flags uint32',
  ],
  HistogramDataPoint: [
    '9 attributes KeyValue[]',
    '2 startTimeUnixNano fixed64',
    '3 timeUnixNano fixed64',
    '4 count fixed64',
    '5 sum double?',
    '6 bucketCounts fixed64[]',
    '7 explicitBounds double[]',
    '8 exemplars Exemplar[]',
    '10 flags uint32',
    '11 min double?',
    '12 max double?',
  ],
  ExponentialHistogramDataPoint: [
    '1 attributes KeyValue[]',
    '2 startTimeUnixNano fixed64',
    '3 timeUnixNano fixed64',
    '4 count fixed64',
    '5 sum double?',
    '6 scale sint32',
    '7 zeroCount fixed64',
    '8 positive Buckets',
    '9 negative Buckets',
    '10 flags uint32',
    '11 exemplars Exemplar[]',
    '12 min double?',
    '13 max double?',
    '14 zeroThreshold double',
  ],
  Buckets: ['1 offset sint32', '2 bucketCounts uint64[]'],
  SummaryDataPoint: [
    '7 attributes KeyValue[]',
    '2 startTimeUnixNano fixed64',
    '3 timeUnixNano fixed64',
    '4 count fixed64',
    '5 sum double',
    '6 quantileValues ValueAtQuantile[]',
    '8 flags uint32',
  ],
  ValueAtQuantile: ['1 quantile double', '2 value double'],
  Exemplar: [
    '7 filteredAttributes KeyValue[]',
    '2 timeUnixNano fixed64',
    '3 asDouble double?',
    '6 asInt sfixed64?',
    '4 spanId id',
    '5 traceId id',
  ],
} as const;

const isMessage = (type: string): type is MessageName => Object.hasOwn(SOURCE, type);

function parseField(line: string): Field {
  const [number, name, spelled] = line.split(' ');
  const type = spelled.replace(/[?[\]]/g, '');
  return {
    number: Number(number),
    name,
    ...(isMessage(type) ? { type: 'message' as const, message: type } : { type: type as FieldType }),
    ...(spelled.endsWith('[]') ? { repeated: true as const } : {}),
    ...(spelled.endsWith('?') ? { explicit: true as const } : {}),
  };
}

export interface MessageSchema {
  readonly name: MessageName;
  readonly byJsonName: ReadonlyMap<string, Field>;
  readonly byNumber: ReadonlyMap<number, Field>;
}

function schemaOf(name: MessageName): MessageSchema {
  const fields = SOURCE[name].map(parseField);
  return {
    name,
    byJsonName: new Map(fields.map((field) => [field.name, field])),
    byNumber: new Map(fields.map((field) => [field.number, field])),
  };
}

const names = Object.keys(SOURCE) as MessageName[];

/** Every message by its name. */
export const SCHEMA = Object.fromEntries(names.map((name) => [name, schemaOf(name)])) as Readonly<
  Record<MessageName, MessageSchema>
>;

/** The request message of each signal. */
export const REQUEST_MESSAGE = { traces: 'TracesRequest', metrics: 'MetricsRequest', logs: 'LogsRequest' } as const;
