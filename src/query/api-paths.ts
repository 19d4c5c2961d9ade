import type { Nanos } from './api.ts';

/** GET /api/v1/traces/{traceId}/critical-path?mode=strict|crisp → what the trace waited for, from its start to its end. */
export interface TracePath {
  readonly traceId: string;
  readonly mode: 'strict' | 'crisp';
  /** The span whose duration the sections sum to. */
  readonly rootSpanId: string;
  readonly startTimeUnixNano: Nanos;
  readonly durationNano: Nanos;
  /** What was assumed: no-root, many-roots, loop, incomplete, clock-skew, clipped, asynchronous, truncated. */
  readonly notes: readonly string[];
  /** In the order of time, without overlap. Times after correction of skew. */
  readonly sections: readonly PathSection[];
  /** Spans beside the path, and by how much they could take longer without consequence. */
  readonly slack: readonly { readonly spanId: string; readonly slackNano: Nanos }[];
}
export interface PathSection {
  /** self: the span's own work; gap: network and queue between a client span and its server span; unobserved: a span that did not arrive. */
  readonly kind: 'self' | 'gap' | 'unobserved';
  /** The span; of unobserved time the first child of the missing span. */
  readonly spanId: string;
  readonly serverSpanId: string | null;
  readonly service: string;
  readonly operation: string;
  readonly startTimeUnixNano: Nanos;
  readonly durationNano: Nanos;
  /** By how much the trace gets shorter at most when the span gets shorter. */
  readonly dragNano: Nanos;
}

/** GET /api/v1/critical-path?(filters of /traces)&mode=&limit= → what the found traces waited for, added up. */
export interface PathSums {
  readonly mode: 'strict' | 'crisp';
  readonly traces: number;
  /** There are more traces than were looked at: these are the newest. */
  readonly truncated: boolean;
  readonly totalNano: number;
  /** By share, largest first. Operations, edges and unobserved sum to 1; a service is the sum of its operations. */
  readonly shares: readonly PathShareRow[];
  /** Call paths, callers first. Of a gap `service` is the server. */
  readonly flame: readonly {
    readonly parent: number;
    readonly kind: 'self' | 'gap' | 'unobserved';
    readonly service: string;
    readonly operation: string;
    readonly totalNano: number;
    readonly selfNano: number;
  }[];
  readonly flameTruncated: boolean;
}
export interface PathTarget {
  readonly kind: 'operation' | 'service' | 'edge' | 'unobserved';
  /** Of an edge the client. */
  readonly service: string;
  readonly operation: string;
  /** Of an edge the server, else ''. */
  readonly toService: string;
  readonly toOperation: string;
}
export interface PathShareRow extends PathTarget {
  /** Part of the time of all traces, 0 to 1. */
  readonly share: number;
  readonly totalNano: number;
  readonly traces: number;
  /** Nearest rank over the traces in which it is on the path. */
  readonly p50Nano: number;
  readonly p95Nano: number;
  /** Mean over those traces: how much shorter they get at most when it takes no time. */
  readonly savableNano: number;
  readonly slowestTraceId: string;
}

/** GET /api/v1/critical-path/compare?(filters)&beforeStart=&beforeEnd=&mode=&limit= → what got slower, first. Default: the time before `start`, as long. */
export interface PathComparison {
  readonly mode: 'strict' | 'crisp';
  readonly before: PathWindow;
  readonly after: PathWindow;
  readonly truncated: boolean;
  /** Means per trace. */
  readonly changes: readonly (PathTarget & {
    readonly beforeNano: number;
    readonly afterNano: number;
    readonly changeNano: number;
    readonly slowestTraceId: string;
  })[];
}
export interface PathWindow {
  readonly startTimeUnixNano: Nanos;
  readonly endTimeUnixNano: Nanos;
  readonly traces: number;
  readonly meanNano: number;
}
