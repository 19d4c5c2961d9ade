/** How the two sides of an edge are connected, as the service graphs of Tempo and the OpenTelemetry Collector name it. */
export const CONNECTIONS = ['', 'messaging_system', 'database', 'virtual_node'] as const;
export type Connection = (typeof CONNECTIONS)[number];

/** All calls of one operation by another. */
export interface CallEdge {
  readonly client: string;
  /** What the caller was doing: the operation by which it was entered. '' for a caller that is not seen itself. */
  readonly clientOperation: string;
  readonly server: string;
  readonly serverOperation: string;
  readonly connection: Connection;
  readonly calls: number;
  readonly failed: number;
  /** Sum of what the callers waited for: the client span, of a message the time in the queue, else the server span. */
  readonly waitNs: number;
  /** Sum of the server spans. */
  readonly serverNs: number;
  /** Calls by the least wait of their bucket (bucketOf). */
  readonly histogram: ReadonlyMap<number, number>;
  readonly slowestNs: number;
  readonly slowestTraceId: string;
}

/** Requests that came back to a service that was still serving them. */
export interface Reentrance {
  /** Services in the order of the calls, rotated so that the least name comes first. */
  readonly services: readonly string[];
  /** No hop goes through a queue: each service waits for the next, so that a thread pool may run dry. */
  readonly isBlocking: boolean;
  readonly calls: number;
  /** The least few trace ids. */
  readonly traceIds: readonly string[];
}

export interface CallGraph {
  readonly edges: readonly CallEdge[];
  readonly reentrances: readonly Reentrance[];
  /** Client and producer spans without another side. */
  readonly unpairedClients: number;
  /** Server and consumer spans whose parent is not there. */
  readonly unpairedServers: number;
  /** Counted spans that were there twice. */
  readonly duplicates: number;
}

/** Example traces that are kept of a re-entrance. */
export const EXAMPLES_MAX = 3;

/** Buckets to an octave: a wait is known to an eighth of itself. */
const BUCKETS_PER_OCTAVE = 8;

/** The least wait of the bucket that `ns` falls into: `ns` with all but its four highest bits cleared. */
export function bucketOf(ns: number): number {
  if (ns < 2 * BUCKETS_PER_OCTAVE) return ns;
  const step = powerOfTwoBelow(ns) / BUCKETS_PER_OCTAVE;
  return ns - (ns % step);
}

function powerOfTwoBelow(value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return high > 0 ? 2 ** (63 - Math.clz32(high)) : 2 ** (31 - Math.clz32(value >>> 0));
}

/** The wait that `numerator` of `denominator` calls do not exceed (nearest rank), to the upper end of its bucket. */
export function histogramQuantile(
  histogram: ReadonlyMap<number, number>,
  numerator: number,
  denominator: number,
): number {
  const buckets = [...histogram].sort(([a], [b]) => a - b);
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  // ⌈total · q⌉ without a fraction.
  const rank = Math.floor((total * numerator + denominator - 1) / denominator);
  let seen = 0;
  for (const [least, count] of buckets) {
    seen += count;
    if (seen >= rank && count > 0) return bucketEnd(least);
  }
  return 0;
}

function bucketEnd(least: number): number {
  return least < 2 * BUCKETS_PER_OCTAVE ? least : least + powerOfTwoBelow(least) / BUCKETS_PER_OCTAVE - 1;
}

/** Joins graphs over different traces, or over different windows of time, into one. */
export function mergeGraphs(graphs: readonly CallGraph[]): CallGraph {
  const sum = (of: (graph: CallGraph) => number): number => graphs.reduce((total, graph) => total + of(graph), 0);
  return {
    edges: mergeEdges(
      graphs.flatMap((graph) => graph.edges),
      edgeKey,
    ),
    reentrances: mergeReentrances(graphs.flatMap((graph) => graph.reentrances)),
    unpairedClients: sum((graph) => graph.unpairedClients),
    unpairedServers: sum((graph) => graph.unpairedServers),
    duplicates: sum((graph) => graph.duplicates),
  };
}

/** The edges between services, whatever the operations. */
export function serviceEdges(edges: readonly CallEdge[]): CallEdge[] {
  const plain = edges.map((edge) => ({ ...edge, clientOperation: '', serverOperation: '' }));
  return mergeEdges(plain, edgeKey);
}

const edgeKey = (edge: CallEdge): string =>
  [edge.client, edge.clientOperation, edge.server, edge.serverOperation, edge.connection].join('\0');

function mergeEdges(edges: readonly CallEdge[], keyOf: (edge: CallEdge) => string): CallEdge[] {
  const merged = new Map<string, CallEdge>();
  for (const edge of edges) {
    const key = keyOf(edge);
    const known = merged.get(key);
    merged.set(key, known === undefined ? edge : joinEdges(known, edge));
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, edge]) => edge);
}

function joinEdges(a: CallEdge, b: CallEdge): CallEdge {
  const histogram = new Map(a.histogram);
  for (const [bucket, count] of b.histogram) histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
  const slowest =
    a.slowestNs > b.slowestNs || (a.slowestNs === b.slowestNs && a.slowestTraceId <= b.slowestTraceId) ? a : b;
  return {
    ...a,
    calls: a.calls + b.calls,
    failed: a.failed + b.failed,
    waitNs: a.waitNs + b.waitNs,
    serverNs: a.serverNs + b.serverNs,
    histogram,
    slowestNs: slowest.slowestNs,
    slowestTraceId: slowest.slowestTraceId,
  };
}

export function mergeReentrances(reentrances: readonly Reentrance[]): Reentrance[] {
  const merged = new Map<string, Reentrance>();
  for (const one of reentrances) {
    const key = [one.isBlocking ? 'b' : 'a', ...one.services].join('\0');
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, one);
      continue;
    }
    const traceIds = [...new Set([...known.traceIds, ...one.traceIds])].sort().slice(0, EXAMPLES_MAX);
    merged.set(key, { ...known, calls: known.calls + one.calls, traceIds });
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}
