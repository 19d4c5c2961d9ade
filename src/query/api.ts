/**
 * The HTTP API as the UI and other programs see it: types only. Served below /api/v1 on port 4319, described in OpenAPI at
 * /api/v1/openapi.json. Ids are lower-case hexadecimal. Nanoseconds are decimal text, because they do not fit a JavaScript number.
 * Times in requests (`start`, `end`): Unix time as integer seconds, milliseconds, microseconds or nanoseconds (told apart by size),
 * RFC 3339, or relative to now (`now`, `now-15m`, `now-2h`, `now-7d`). Durations in requests: `250ms`, `1.5s`, `2m`, `80us`, `100ns`.
 */

export type Nanos = string;

/** RFC 9457, application/problem+json. `parameter` names the request parameter that is wrong. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly parameter?: string;
}

/** A page of answers; ask again with `cursor` set to `next` for the following one. `next` is null on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** GET /api/v1/traces?service=&operation=&attribute=k=v&status=&kind=&minDuration=&maxDuration=&start=&end=&limit=&cursor=  (attribute may be repeated) → Page<TraceSummary>, newest first */
export interface TraceSummary {
  readonly traceId: string;
  readonly rootService: string;
  readonly rootOperation: string;
  /** False while the root span has not arrived. */
  readonly hasRoot: boolean;
  readonly startTimeUnixNano: Nanos;
  /** From the first start to the last end. */
  readonly durationNano: Nanos;
  readonly spanCount: number;
  readonly errorCount: number;
  /** Spans and summed duration by service, most spans first. */
  readonly services: readonly {
    readonly service: string;
    readonly spans: number;
    readonly errors: number;
    readonly durationNano: Nanos;
  }[];
}

/** GET /api/v1/traces/histogram?(same filters)&buckets= → counts over time for the bar chart above the list. */
export interface TraceHistogram {
  readonly stepNano: Nanos;
  readonly buckets: readonly { readonly startTimeUnixNano: Nanos; readonly spans: number; readonly errors: number }[];
}

/** GET /api/v1/traces/facets?(same filters) → values with counts for the facet bar. */
export interface Facet {
  /** `service`, `operation`, `status`, `kind`, or an attribute key. */
  readonly field: string;
  readonly attribute: boolean;
  readonly values: readonly { readonly value: string; readonly count: number }[];
}

/**
 * GET /api/v1/traces/{traceId} → OTLP/JSON ExportTraceServiceRequest (`{"resourceSpans":[…]}`), every field that arrived. When more than
 * the limit of spans exist, the header `clew-truncated: true` is set. 404 problem when no span has this id.
 */
export interface OtlpTrace {
  readonly resourceSpans: readonly OtlpResourceSpans[];
}
export interface OtlpResourceSpans {
  readonly resource?: OtlpResource;
  readonly scopeSpans: readonly {
    readonly scope?: OtlpScope;
    readonly spans: readonly OtlpSpan[];
    readonly schemaUrl?: string;
  }[];
  readonly schemaUrl?: string;
}
export interface OtlpResource {
  readonly attributes?: readonly OtlpKeyValue[];
  readonly droppedAttributesCount?: number;
  readonly entityRefs?: readonly unknown[];
}
export interface OtlpScope {
  readonly name?: string;
  readonly version?: string;
  readonly attributes?: readonly OtlpKeyValue[];
  readonly droppedAttributesCount?: number;
}
export interface OtlpKeyValue {
  readonly key: string;
  readonly value?: OtlpAnyValue;
}
export interface OtlpAnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  /** As text where JSON has no number for it, or JSON.stringify would lose the sign of zero. */
  readonly doubleValue?: number | 'NaN' | 'Infinity' | '-Infinity' | '-0';
  readonly bytesValue?: string;
  readonly arrayValue?: { readonly values?: readonly OtlpAnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly OtlpKeyValue[] };
}
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly flags?: number;
  readonly name?: string;
  readonly kind?: number;
  readonly startTimeUnixNano?: Nanos;
  readonly endTimeUnixNano?: Nanos;
  readonly attributes?: readonly OtlpKeyValue[];
  readonly droppedAttributesCount?: number;
  readonly events?: readonly {
    readonly timeUnixNano?: Nanos;
    readonly name?: string;
    readonly attributes?: readonly OtlpKeyValue[];
    readonly droppedAttributesCount?: number;
  }[];
  readonly droppedEventsCount?: number;
  readonly links?: readonly {
    readonly traceId?: string;
    readonly spanId?: string;
    readonly traceState?: string;
    readonly attributes?: readonly OtlpKeyValue[];
    readonly droppedAttributesCount?: number;
    readonly flags?: number;
  }[];
  readonly droppedLinksCount?: number;
  readonly status?: { readonly message?: string; readonly code?: number };
}

/** GET /api/v1/services?start=&end= → Page<ServiceSummary> */
export interface ServiceSummary {
  readonly service: string;
  readonly spans: number;
  readonly errors: number;
  readonly logs: number;
}

/** GET /api/v1/services/{service}/operations?start=&end= → Page<OperationSummary> */
export interface OperationSummary {
  readonly operation: string;
  readonly kind: string;
  readonly spans: number;
  readonly errors: number;
  readonly p50Nano: Nanos;
  readonly p95Nano: Nanos;
}

/** GET /api/v1/logs?service=&severity=&text=&attribute=k=v&traceId=&spanId=&start=&end=&limit=&cursor= → Page<LogRecord>, newest first. `severity` is the least severity: trace, debug, info, warn, error, fatal. */
export interface LogRecord {
  readonly timeUnixNano: Nanos;
  readonly observedTimeUnixNano: Nanos;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly service: string;
  readonly eventName: string;
  /** The body as text; a structured body as JSON. */
  readonly body: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly resourceAttributes: Readonly<Record<string, string>>;
  readonly scopeName: string;
}

/** GET /api/v1/logs/histogram?(same filters)&buckets= */
export interface LogHistogram {
  readonly stepNano: Nanos;
  readonly buckets: readonly {
    readonly startTimeUnixNano: Nanos;
    readonly counts: Readonly<Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'unset', number>>;
  }[];
}

/** GET /api/v1/metrics?service=&start=&end= → Page<MetricSummary> */
export interface MetricSummary {
  readonly name: string;
  readonly kind: MetricKind;
  readonly unit: string;
  readonly description: string;
  readonly services: readonly string[];
  readonly points: number;
  /** Attribute keys seen on its points, for filter and group by. */
  readonly attributeKeys: readonly string[];
  readonly lastTimeUnixNano: Nanos;
  readonly lastValue: number | null;
}
export type MetricKind = 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram' | 'summary';

/**
 * GET /api/v1/metrics/{name}?service=&attribute=k=v&groupBy=key&function=&start=&end=&step= → MetricSeries.
 * Functions: gauge avg|min|max|last; sum rate|increase|last; histograms rate|avg|p50|p90|p95|p99|heatmap. Default by kind.
 */
export interface MetricSeries {
  readonly name: string;
  readonly kind: MetricKind;
  readonly unit: string;
  readonly function: string;
  readonly stepNano: Nanos;
  /** More series or points were there than one answer holds. */
  readonly truncated: boolean;
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>;
    /** [Unix milliseconds, value]; null where there is no point. */
    readonly points: readonly (readonly [number, number | null])[];
  }[];
  /** With function=heatmap: counts per time step and bucket. `bounds[i]` is the upper bound of bucket i; the last one is +∞ (null). */
  readonly heatmap?: {
    readonly bounds: readonly (number | null)[];
    readonly timesMs: readonly number[];
    readonly counts: readonly (readonly number[])[];
  };
  readonly exemplars: readonly {
    readonly timeMs: number;
    readonly value: number;
    readonly traceId: string;
    readonly spanId: string;
  }[];
}

/** GET /api/v1/metrics/{name}/points?service=&start=&end=&limit= → OTLP/JSON ExportMetricsServiceRequest, every field that arrived. GET /api/v1/logs/otlp?… likewise for logs. */

/**
 * GET /api/v1/graph?start=&end=&level=service|operation&service=&hops=&format=json|dot → who calls whom. Times are widened to whole minutes.
 * `service` and `hops` leave what is at most so many calls away from it. With format=dot the graph as Graphviz text.
 */
export interface GraphAnswer extends GraphRange {
  readonly level: 'service' | 'operation';
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Client and server spans without their other side. */
  readonly unpairedClients: number;
  readonly unpairedServers: number;
}
export interface GraphRange {
  readonly startTimeUnixNano: Nanos;
  readonly endTimeUnixNano: Nanos;
  /** Minutes of the range whose newest spans are not counted yet; 0: the graph is complete. */
  readonly pendingMinutes: number;
  /** First of them, null when there is none. */
  readonly completeUntilUnixNano: Nanos | null;
}
/** A service, or with level=operation one of its operations; '' for the operation of something that sends no spans. */
export interface GraphVertex {
  readonly service: string;
  readonly operation: string;
}
export interface GraphNode extends GraphVertex {
  /** `service` sends spans; the others are only named by those that call them or are called by them. */
  readonly kind: 'service' | 'database' | 'queue' | 'user' | 'external';
  /** 0 where calls begin; one more than the highest level that calls it. Members of a component share one. */
  readonly level: number;
  /** Number of the strongly connected component, null outside cycles. */
  readonly component: number | null;
  /** Calls that arrive. */
  readonly calls: number;
  readonly failed: number;
}
export interface GraphEdge {
  readonly client: string;
  readonly clientOperation: string;
  readonly server: string;
  readonly serverOperation: string;
  readonly connection: '' | 'messaging_system' | 'database' | 'virtual_node';
  readonly calls: number;
  readonly failed: number;
  /** What the caller waits for: the client span; of messages the time in the queue; quantiles to an eighth. */
  readonly meanNano: Nanos;
  readonly p50Nano: Nanos;
  readonly p95Nano: Nanos;
  readonly p99Nano: Nanos;
  /** Mean of the server spans, 0 when none is seen. */
  readonly serverMeanNano: Nanos;
  readonly slowestTraceId: string;
  /** Both ends are in one component. */
  readonly inCycle: boolean;
  /** Member of the proposed cut. */
  readonly isCut: boolean;
}

/** GET /api/v1/cycles?start=&end=&level=&maxLength=&limit= → calls that go round in a circle. */
export interface CyclesAnswer extends GraphRange {
  readonly level: 'service' | 'operation';
  /** More cycles exist than are listed. */
  readonly truncated: boolean;
  readonly summary: {
    readonly count: number;
    readonly longest: number;
    readonly meanLength: number;
    readonly services: number;
  };
  readonly components: readonly {
    readonly vertices: readonly GraphVertex[];
    readonly edges: number;
    readonly calls: number;
  }[];
  readonly cycles: readonly CallCycle[];
  /** Edges without which there is no cycle, and the calls that use them. */
  readonly cut: { readonly calls: number; readonly edges: readonly CutEdge[] };
}
export interface CallCycle {
  /** service: over different requests; operation: of operations; re-entrant: one request came back while it was still served. */
  readonly kind: 'service' | 'operation' | 're-entrant';
  /** high: a request came back over calls that wait, which can use up a thread pool; medium: over a queue, or operations; low: no request did. */
  readonly severity: 'high' | 'medium' | 'low';
  /** In the order of the calls; the last calls the first. */
  readonly vertices: readonly GraphVertex[];
  /** Calls of its least used edge; of a re-entrance the times it happened. */
  readonly calls: number;
  /** When all its edges were there for the first time, to the minute; null when not known. */
  readonly firstSeenUnixNano: Nanos | null;
  /** When this Clew noticed it as new, null when it was there at its start. */
  readonly noticedUnixNano: Nanos | null;
  readonly traceIds: readonly string[];
  /** Index of the vertex whose edge to the next one is in the proposed cut, null for none. */
  readonly cutAt: number | null;
}
export interface CutEdge {
  readonly client: string;
  readonly clientOperation: string;
  readonly server: string;
  readonly serverOperation: string;
  readonly calls: number;
}

/** GET /api/v1/order?start=&end=&level=&method=kahn|dfs → an order in which everything calls only what comes later, and stages to start and stop in. */
export interface OrderAnswer extends GraphRange {
  readonly level: 'service' | 'operation';
  /** dfs only without cycles. */
  readonly method: 'kahn' | 'dfs';
  readonly isCyclic: boolean;
  /** Callers first. Members of a component stand together. */
  readonly order: readonly (GraphVertex & { readonly level: number; readonly component: number | null })[];
  /** What can be started at once, callees first; stop in the opposite order. */
  readonly stages: readonly (readonly GraphVertex[])[];
  readonly components: readonly (readonly GraphVertex[])[];
}

/** POST /api/v1/sql {"query": "…"} → SqlResult. Read-only; limited in rows, time and memory. */
export interface SqlResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly elapsedMs: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly truncated: boolean;
}

/** GET /api/v1/status → what arrives, journal, store, refused, disk, configuration in force. */
export interface Status {
  readonly version: string;
  readonly startedAt: string;
  readonly dataDirectory: string;
  readonly endpoints: { readonly grpc: string; readonly http: string; readonly api: string };
  readonly receivers: readonly {
    readonly receiver: number;
    readonly pid: number;
    readonly up: boolean;
    readonly restarts: number;
    readonly accepted: Readonly<Record<'traces' | 'metrics' | 'logs', number>>;
    readonly rejected: Readonly<Record<'traces' | 'metrics' | 'logs', number>>;
    readonly perSecond: Readonly<Record<'traces' | 'metrics' | 'logs', number>>;
    readonly requests: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly connections: number;
    readonly ackP50Ms: number;
    readonly ackP99Ms: number;
    readonly memoryBytes: number;
    readonly cpuMs: number;
  }[];
  readonly journal: {
    readonly bytes: number;
    readonly quotaBytes: number;
    readonly sealedSegments: number;
    readonly damaged: readonly string[];
  };
  readonly store: {
    readonly kind: 'embedded' | 'server';
    readonly version: string;
    readonly memoryBytes: number;
    readonly loadedSegments: number;
    readonly loadFailures: number;
    readonly lastLoadError: string | null;
    /** From the sealing of the newest loaded segment to its rows being visible. */
    readonly lagMs: number;
    readonly tables: readonly {
      readonly table: string;
      readonly rows: number;
      readonly bytes: number;
      readonly parts: number;
      readonly oldest: string | null;
      readonly newest: string | null;
    }[];
  };
  readonly disk: { readonly totalBytes: number; readonly freeBytes: number; readonly dataBytes: number };
  /** Items per second over the last 15 minutes, newest last, one point per 5 seconds. */
  readonly history: readonly {
    readonly timeMs: number;
    readonly traces: number;
    readonly metrics: number;
    readonly logs: number;
    readonly refused: number;
  }[];
  readonly configuration: readonly { readonly key: string; readonly value: string; readonly source: string }[];
}

/** GET /api/v1/fleet → this node's place in a fleet: what it received, and what became of it, exactly. */
export interface FleetNode {
  readonly role: 'all' | 'edge' | 'regional' | 'central';
  readonly instance: string;
  readonly version: string;
  readonly startedAt: string;
  readonly receivers: readonly {
    readonly receiver: number;
    readonly up: boolean;
    readonly accepted: Readonly<Record<'traces' | 'metrics' | 'logs', number>>;
    readonly perSecond: Readonly<Record<'traces' | 'metrics' | 'logs', number>>;
    readonly repeated: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly ackP99Ms: number;
    readonly memoryBytes: number;
  }[];
  readonly journal: { readonly bytes: number; readonly quotaBytes: number };
  /** The Clews that forward to this one, latest first: since when its receivers run. */
  readonly sources: readonly { readonly instance: string; readonly batches: number; readonly lastMs: number }[];
  /** Rules on what is forwarded, and how many attributes each has changed since the process started. */
  readonly rules: readonly { readonly rule: string; readonly applied: number }[];
  /** One for each place that everything is forwarded to; none where it is stored. */
  readonly destinations: readonly FleetDestination[];
  readonly disk: { readonly totalBytes: number; readonly freeBytes: number };
}

export interface FleetDestination {
  readonly name: string;
  readonly url: string;
  /** Items since the data directory was made: received = forwarded + queued + dead + dropped + lost. */
  readonly accounts: readonly {
    readonly signal: 'traces' | 'metrics' | 'logs';
    readonly received: number;
    readonly forwarded: number;
    readonly queued: number;
    readonly dead: number;
    readonly dropped: number;
    readonly lost: number;
    readonly refusedInPart: number;
  }[];
  readonly lanes: readonly {
    readonly key: string;
    readonly receiver: number;
    readonly signal: 'traces' | 'metrics' | 'logs';
    readonly failures: number;
    readonly lastFailure: string;
    readonly batches: number;
    readonly bytes: number;
    readonly receivedMs: number;
    readonly acknowledgedMs: number;
    readonly protocol: 'INIT' | 'CONNECTING' | 'CONNECTED' | 'ERROR' | 'CLOSED';
    readonly connections: Readonly<Record<'IDLE' | 'ACTIVE' | 'DRAINING' | 'CLOSED' | 'ERROR', number>>;
    /** Events that a state machine of the lane did not know in its state. */
    readonly refusedEvents: Readonly<Record<'protocol' | 'connection' | 'message' | 'batch', number>>;
  }[];
  readonly queuedSegments: number;
  readonly queuedBytes: number;
}
