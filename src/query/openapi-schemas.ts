import { ALERT_SCHEMAS } from './openapi-alerts.ts';
import { CRITICAL_SCHEMAS } from './openapi-critical.ts';
import { FLEET_SCHEMAS } from './openapi-fleet.ts';
import { GRAPH_SCHEMAS } from './openapi-graph.ts';
import { LOCK_SCHEMAS } from './openapi-locks.ts';

/** Schemas of the API's answers (api.ts has the same as types). JSON Schema 2020-12, as OpenAPI 3.1 uses it. */

const text = { type: 'string' } as const;
const nanos = { type: 'string', pattern: '^\\d+$', description: 'Nanoseconds as decimal text' } as const;
const integer = { type: 'integer' } as const;
const number = { type: 'number' } as const;
const bool = { type: 'boolean' } as const;
const list = (items: object): object => ({ type: 'array', items });
const mapOf = (values: object): object => ({ type: 'object', additionalProperties: values });
const orNull = (type: string): object => ({ type: [type, 'null'] });
const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });

/** An object whose listed members are all required. */
const record = (properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

const page = (item: string): object => record({ items: list(ref(item)), next: orNull('string') });
const signals = (values: object): object => record({ traces: values, metrics: values, logs: values });

const serviceShare = record({ service: text, spans: integer, errors: integer, durationNano: nanos });
const histogramBucket = record({ startTimeUnixNano: nanos, spans: integer, errors: integer });
const receiver = record({
  receiver: integer,
  pid: integer,
  up: bool,
  restarts: integer,
  accepted: signals(integer),
  rejected: signals(integer),
  perSecond: signals(number),
  requests: integer,
  refused: mapOf(integer),
  connections: integer,
  ackP50Ms: number,
  ackP99Ms: number,
  memoryBytes: integer,
  cpuMs: number,
});
const tableStatus = record({
  table: text,
  rows: integer,
  bytes: integer,
  parts: integer,
  oldest: orNull('string'),
  newest: orNull('string'),
});
const storeStatus = record({
  kind: { enum: ['embedded', 'server'] },
  version: text,
  memoryBytes: integer,
  loadedSegments: integer,
  loadFailures: integer,
  lastLoadError: orNull('string'),
  lagMs: number,
  tables: list(tableStatus),
});

export const SCHEMAS: Readonly<Record<string, object>> = {
  Problem: record({ type: text, title: text, status: integer, detail: text, parameter: text }, ['parameter']),
  TraceSummary: record({
    traceId: text,
    rootService: text,
    rootOperation: text,
    hasRoot: bool,
    startTimeUnixNano: nanos,
    durationNano: nanos,
    spanCount: integer,
    errorCount: integer,
    services: list(serviceShare),
  }),
  TracePage: page('TraceSummary'),
  TraceHistogram: record({ stepNano: nanos, buckets: list(histogramBucket) }),
  Facet: record({ field: text, attribute: bool, values: list(record({ value: text, count: integer })) }),
  TraceComparison: record({
    selected: integer,
    rest: integer,
    truncated: bool,
    items: list(
      record({
        field: text,
        attribute: bool,
        difference: number,
        values: list(record({ value: text, selected: integer, rest: integer })),
      }),
    ),
  }),
  FacetPage: record({ items: list(ref('Facet')) }),
  OtlpTraces: {
    ...record({ resourceSpans: list({ type: 'object' }) }),
    description: 'ExportTraceServiceRequest in OTLP/JSON',
  },
  OtlpLogs: {
    ...record({ resourceLogs: list({ type: 'object' }) }),
    description: 'ExportLogsServiceRequest in OTLP/JSON',
  },
  OtlpMetrics: {
    ...record({ resourceMetrics: list({ type: 'object' }) }),
    description: 'ExportMetricsServiceRequest in OTLP/JSON',
  },
  ServiceSummary: record({ service: text, spans: integer, errors: integer, logs: integer }),
  ServicePage: page('ServiceSummary'),
  OperationSummary: record({
    operation: text,
    kind: text,
    spans: integer,
    errors: integer,
    p50Nano: nanos,
    p95Nano: nanos,
  }),
  OperationPage: page('OperationSummary'),
  LogRecord: record({
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    severityNumber: integer,
    severityText: text,
    service: text,
    eventName: text,
    body: text,
    traceId: text,
    spanId: text,
    flags: integer,
    attributes: mapOf(text),
    resourceAttributes: mapOf(text),
    scopeName: text,
  }),
  LogPage: page('LogRecord'),
  LogHistogram: record({
    stepNano: nanos,
    buckets: list(record({ startTimeUnixNano: nanos, counts: mapOf(integer) })),
  }),
  MetricSummary: record({
    name: text,
    kind: { enum: ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] },
    unit: text,
    description: text,
    services: list(text),
    points: integer,
    attributeKeys: list(text),
    lastTimeUnixNano: nanos,
    lastValue: orNull('number'),
  }),
  MetricPage: page('MetricSummary'),
  MetricSeries: record(
    {
      name: text,
      kind: text,
      unit: text,
      function: text,
      stepNano: nanos,
      truncated: bool,
      series: list(
        record({ labels: mapOf(text), points: list({ type: 'array', prefixItems: [integer, orNull('number')] }) }),
      ),
      heatmap: record({ bounds: list(orNull('number')), timesMs: list(integer), counts: list(list(number)) }),
      exemplars: list(record({ timeMs: integer, value: number, traceId: text, spanId: text })),
    },
    ['heatmap'],
  ),
  SqlRequest: record({ query: text }),
  SqlResult: record({
    columns: list(record({ name: text, type: text })),
    rows: list({ type: 'array' }),
    elapsedMs: number,
    rowsRead: integer,
    bytesRead: integer,
    truncated: bool,
  }),
  Status: record({
    version: text,
    startedAt: text,
    dataDirectory: text,
    endpoints: record({ grpc: text, http: text, api: text }),
    receivers: list(receiver),
    journal: record({ bytes: integer, quotaBytes: integer, sealedSegments: integer, damaged: list(text) }),
    store: storeStatus,
    disk: record({ totalBytes: integer, freeBytes: integer, dataBytes: integer }),
    history: list(record({ timeMs: integer, traces: number, metrics: number, logs: number, refused: number })),
    configuration: list(record({ key: text, value: text, source: text })),
  }),
  ...CRITICAL_SCHEMAS,
  ...FLEET_SCHEMAS,
  ...GRAPH_SCHEMAS,
  ...LOCK_SCHEMAS,
  ...ALERT_SCHEMAS,
  OpenApi: { type: 'object', description: 'This document' },
};
