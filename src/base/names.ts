/** Every name that others depend on: ports, paths, services, tables, files on disk, own metrics. Change one here and it changes everywhere. */

export const PORTS = { grpc: 4317, http: 4318, api: 4319 } as const;

export const HTTP_PATHS = { traces: '/v1/traces', metrics: '/v1/metrics', logs: '/v1/logs' } as const;

export const GRPC_METHODS = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
} as const;

/** Where a Clew tells its next hop of itself, on the same doors as telemetry. Other receivers know no such path, and say so. */
export const PEER_PATHS = { http: '/clew/v1/peer', grpc: '/clew.v1.Peer/Exchange' } as const;

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

/** Our own: which keys the map columns of the tables hold. */
export const KEYS_TABLE = 'clew_attribute_keys';

/** Our own tables: the call graph, kept in windows of time. */
export const GRAPH_TABLES = { windows: 'clew_graph_windows', edges: 'clew_graph_edges' } as const;
/** In memory, while a full window is paired. */
export const GRAPH_SCRATCH = 'clew_graph_scratch';

/** In the data directory: rules and state of the guard that is asked over HTTP. */
export const GUARD_FILE = 'guard.json';

/** Names of log records that tell of locks (event name of the record). Written when it happens: a span that waits for ever is never exported. */
export const LOCK_EVENTS = {
  wait: 'lock.wait',
  acquired: 'lock.acquired',
  released: 'lock.released',
  abandoned: 'lock.abandoned',
} as const;

/** Attributes of those records. Only the resource is needed: the owner is the trace where none is named. */
export const LOCK_KEYS = {
  resource: 'lock.resource',
  owner: 'lock.owner',
  claim: 'lock.claim',
  mode: 'lock.mode',
  amount: 'lock.amount',
  capacity: 'lock.capacity',
  priority: 'lock.owner.priority',
} as const;

/** Below the data directory. */
export const DIRECTORIES = {
  journal: 'journal',
  store: 'store',
  backups: 'backups',
  dead: 'dead',
  graph: 'graph',
  tail: 'tail',
} as const;
/** The identity of this data directory, made once; it begins every insert deduplication token. */
export const INSTANCE_FILE = 'instance';
/** In the data directory: the running supervisor. Its children hold `lock.r<index>` and `lock.store`, because they may outlive it by a moment. */
export const LOCK_FILE = 'lock';
/** In the data directory: where the running supervisor takes commands of this machine (a Unix socket). */
export const CONTROL_SOCKET = 'control.sock';
/** A receiver's journal directory is `journal/r<index>`. */
export const RECEIVER_PREFIX = 'r';

/** Number of the last start of a receiver directory, as 8 hexadecimal digits: the first half of its segment ids. */
export const BOOT_FILE = 'boot';

/** In a receiver directory: how far the batches of each sending Clew were taken in, so that a repeated one is not stored again. */
export const MARKS_FILE = 'marks';

/** In the data directory of a Clew that forwards: how far each destination is, and the account of its items. */
export const FORWARD_FILE = 'forward';

/** In the data directory: the Clews that have told of themselves, so that a silent one is still missed after a restart. */
export const FLEET_FILE = 'fleet';

/**
 * Headers (and gRPC metadata) between two Clews: the stream of a batch, its first and last record as `<from>-<to>`, the CRC-32C of its
 * unpacked body; in an answer, what the receiver holds of the stream.
 */
export const HOP_HEADERS = {
  stream: 'clew-stream',
  batch: 'clew-batch',
  checksum: 'clew-checksum',
  mark: 'clew-mark',
} as const;

/** Files of a segment: `<segment>.journal`, `<segment>.<table>.native`, and the manifest, whose name tells the segment's state. */
export const SUFFIX = {
  journal: '.journal',
  native: '.native',
  sealed: '.sealed',
  loaded: '.loaded',
  damaged: '.damaged',
  dead: '.dead',
  temporary: '.tmp',
} as const;

/** Environment variables begin with this: CLEW_STORE_URL is `store.url`. */
export const ENVIRONMENT_PREFIX = 'CLEW_';

/** Our own metrics at /metrics, with what Prometheus shows beside them. */
export const METRICS = {
  clew_build_info: { type: 'gauge', help: 'Always 1; the versions are in the labels.' },
  clew_receiver_up: { type: 'gauge', help: '1 while the receiver takes requests.' },
  clew_receiver_restarts_total: { type: 'counter', help: 'Times that the receiver died and was started again.' },
  clew_items_accepted_total: { type: 'counter', help: 'Spans, data points and log records that were acknowledged.' },
  clew_items_rejected_total: { type: 'counter', help: 'Invalid items of requests that were otherwise accepted.' },
  clew_requests_total: { type: 'counter', help: 'OTLP requests that were answered.' },
  clew_request_bytes_total: { type: 'counter', help: 'Bytes of OTLP requests as they came over the wire.' },
  clew_requests_refused_total: { type: 'counter', help: 'OTLP requests that were not accepted, by reason.' },
  clew_batches_repeated_total: {
    type: 'counter',
    help: 'Batches of other Clews that came again and were not stored again.',
  },
  clew_connections: { type: 'gauge', help: 'Open client connections.' },
  clew_inflight_bytes: { type: 'gauge', help: 'Bytes of requests being received or waiting for their fsync.' },
  clew_acknowledgement_seconds: { type: 'gauge', help: 'Time to the durable acknowledgement, last minute.' },
  clew_journal_bytes: { type: 'gauge', help: 'Bytes of journals and segments that the store has not loaded.' },
  clew_journal_quota_bytes: { type: 'gauge', help: 'What the journals may occupy before clients are told to wait.' },
  clew_journal_sealed_segments: { type: 'gauge', help: 'Sealed segments that wait for the store.' },
  clew_journal_damaged_records: { type: 'gauge', help: 'Damaged places found in journals and still shown.' },
  clew_store_loaded_segments_total: { type: 'counter', help: 'Segments loaded since the store process started.' },
  clew_store_load_failures_total: { type: 'counter', help: 'Loads that failed and were tried again.' },
  clew_store_damaged_segments_total: { type: 'counter', help: 'Segments set aside because they cannot be loaded.' },
  clew_store_pending_segments: { type: 'gauge', help: 'Segments that the store knows and has not loaded yet.' },
  clew_store_load_lag_seconds: {
    type: 'gauge',
    help: 'From the sealing of the newest loaded segment to visible rows.',
  },
  clew_store_memory_bytes: { type: 'gauge', help: 'Memory that ClickHouse has allocated.' },
  clew_store_rows: { type: 'gauge', help: 'Rows of each table.' },
  clew_store_bytes: { type: 'gauge', help: 'Bytes on disk of each table.' },
  clew_store_parts: { type: 'gauge', help: 'Active parts of each table.' },
  clew_disk_total_bytes: { type: 'gauge', help: 'Size of the file system of the data directory.' },
  clew_disk_free_bytes: { type: 'gauge', help: 'Free bytes on the file system of the data directory.' },
  clew_graph_cycles: { type: 'gauge', help: 'Cycles of services in the calls of the last hour.' },
  clew_graph_longest_cycle_services: { type: 'gauge', help: 'Services in the longest of those cycles.' },
  clew_graph_mean_cycle_services: { type: 'gauge', help: 'Services in one of those cycles, on average.' },
  clew_graph_cyclic_services: { type: 'gauge', help: 'Services that are in any of those cycles.' },
  clew_graph_cycles_truncated: { type: 'gauge', help: '1 when there are more cycles than are counted.' },
  clew_graph_pending_windows: { type: 'gauge', help: 'Minutes whose newest spans are not in the call graph yet.' },
  clew_alerts_total: { type: 'counter', help: 'Alerts that were raised, by kind.' },
  clew_alert_notices_total: { type: 'counter', help: 'Alerts to each webhook, by what became of them.' },
  clew_alert_notices_waiting: { type: 'gauge', help: 'Alerts that a webhook has not taken yet.' },
  clew_process_memory_bytes: { type: 'gauge', help: 'Resident memory of each process.' },
  clew_process_cpu_seconds_total: { type: 'counter', help: 'User and system time of each process.' },
} as const;

/** Those of a Clew that forwards, beside the ones about receivers, journal and disk. */
export const FORWARD_METRICS = {
  clew_forward_items: {
    type: 'gauge',
    help: 'Items since the data directory was made, by destination and by what became of them: received is the sum of the rest.',
  },
  clew_rule_applied_total: { type: 'counter', help: 'Attributes that a rule has changed, since the process started.' },
  clew_forward_refused_items_total: {
    type: 'counter',
    help: 'Forwarded items that the next hop said it rejected (partial success).',
  },
  clew_forward_queued_bytes: {
    type: 'gauge',
    help: 'Bytes of sealed journals that some destination has not acknowledged.',
  },
  clew_forward_queued_segments: { type: 'gauge', help: 'Sealed segments that some destination has not acknowledged.' },
  clew_forward_lag_seconds: {
    type: 'gauge',
    help: 'From taking in to the acknowledgement of the next hop, of the last batch.',
  },
  clew_forward_lanes: {
    type: 'gauge',
    help: 'Lanes by the state of their protocol: INIT, CONNECTING, CONNECTED, ERROR, CLOSED.',
  },
  clew_forward_connections: {
    type: 'gauge',
    help: 'Connections to the next hop by their state: IDLE, ACTIVE, DRAINING, CLOSED, ERROR.',
  },
  clew_forward_refused_events_total: {
    type: 'counter',
    help: 'Events that came to a state machine of the sender in a state that does not know them, by machine.',
  },
  clew_forward_failures: { type: 'gauge', help: 'Tries that failed since the last acknowledgement.' },
  clew_forward_bytes_total: {
    type: 'counter',
    help: 'Bytes of forwarded requests before packing, since the process started.',
  },
  clew_forward_batches_total: { type: 'counter', help: 'Forwarded requests, since the process started.' },
} as const;

export type MetricName = keyof typeof METRICS | keyof typeof FORWARD_METRICS;
