/** Every name that others depend on: ports, paths, services, tables, files on disk, own metrics. Change one here and it changes everywhere. */

export const PORTS = { grpc: 4317, http: 4318, api: 4319 } as const;

export const HTTP_PATHS = { traces: '/v1/traces', metrics: '/v1/metrics', logs: '/v1/logs' } as const;

export const GRPC_METHODS = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
} as const;

/** Tables of the OpenTelemetry Collector's ClickHouse exporter, by their default names. */
export const TABLES = {
  traces: 'otel_traces',
  traceIds: 'otel_traces_trace_id_ts',
  logs: 'otel_logs',
  gauge: 'otel_metrics_gauge',
  sum: 'otel_metrics_sum',
  histogram: 'otel_metrics_histogram',
  exponentialHistogram: 'otel_metrics_exponential_histogram',
  summary: 'otel_metrics_summary',
} as const;

/** Below the data directory. */
export const DIRECTORIES = { journal: 'journal', store: 'store', backups: 'backups' } as const;
/** The identity of this data directory, made once; it begins every insert deduplication token. */
export const INSTANCE_FILE = 'instance';
/** A receiver's journal directory is `journal/r<index>`. */
export const RECEIVER_PREFIX = 'r';

/** Number of the last start of a receiver directory, as 8 hexadecimal digits: the first half of its segment ids. */
export const BOOT_FILE = 'boot';

/** Files of a segment: `<segment>.journal`, `<segment>.<table>.native`, and the manifest, whose name tells the segment's state. */
export const SUFFIX = {
  journal: '.journal',
  native: '.native',
  sealed: '.sealed',
  loaded: '.loaded',
  damaged: '.damaged',
  temporary: '.tmp',
} as const;

/** Environment variables begin with this: CLEW_STORE_URL is `store.url`. */
export const ENVIRONMENT_PREFIX = 'CLEW_';
