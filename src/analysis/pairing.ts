import {
  bucketOf,
  type CallEdge,
  type CallGraph,
  CONNECTIONS,
  EXAMPLES_MAX,
  mergeReentrances,
  type Reentrance,
} from './call-graph.ts';
import { type CallSpans, KIND } from './call-spans.ts';
import { isCalleeKind, isCallerKind, type SpanTree, spanTree } from './span-tree.ts';

const PLAIN = 0;
const MESSAGING = 1;
const DATABASE = 2;
const VIRTUAL = 3;

/**
 * Who calls whom, from spans in any order (the rules of Tempo's service graphs, docs/call-graph.md). A call is a span whose parent is the other
 * side of it: a server or consumer below a client or producer, or any span below one of another service. A client or producer without such a
 * child, and a root server or consumer, is paired with the peer that it names, if any. Only spans with `isCounted` are counted, a call by its
 * callee. The answer does not depend on the order of the spans, and a span that is there twice counts once.
 */
export function pairCalls(spans: CallSpans): CallGraph {
  const tree = spanTree(spans);
  const calls = findCalls(spans, tree);
  const entries = findEntries(spans, tree, calls.isCall);
  const edges = new EdgeSums(spans);
  const reentrances: Reentrance[] = [];
  let unpairedClients = 0;
  let unpairedServers = 0;
  let duplicates = 0;
  for (let i = 0; i < spans.count; i++) {
    if (spans.isCounted[i] === 0) continue;
    if (tree.isDuplicate[i] === 1) {
      duplicates++;
      continue;
    }
    const kind = spans.kind[i];
    if (calls.isCall[i] === 1) {
      addCall(spans, edges, entries, tree.parent[i], i);
      const back = reentrance(spans, tree, calls.isCall, entries, i);
      if (back !== null) reentrances.push(back);
    } else if (isCalleeKind(kind) && tree.parent[i] < 0) {
      const isRoot = spans.parentHigh[i] === 0 && spans.parentLow[i] === 0;
      if (isRoot && spans.peer[i] >= 0) addRoot(spans, edges, i);
      else unpairedServers++;
    }
    if (isCallerKind(kind) && calls.isCalled[i] === 0) {
      if (spans.peer[i] >= 0) addAlone(spans, edges, entries, i);
      else unpairedClients++;
    }
  }
  return {
    edges: edges.finish(),
    reentrances: mergeReentrances(reentrances),
    unpairedClients,
    unpairedServers,
    duplicates,
  };
}

interface Calls {
  /** 1 for a span that its parent calls. */
  readonly isCall: Uint8Array;
  /** 1 for a span that has such a child. */
  readonly isCalled: Uint8Array;
}

/** Which spans are the other side of a call by their parent. */
export function findCalls(spans: CallSpans, { parent, isDuplicate }: SpanTree): Calls {
  const { count, kind, node, nodeService } = spans;
  const isCall = new Uint8Array(count);
  const isCalled = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const caller = parent[i];
    if (caller < 0 || isDuplicate[i] === 1) continue;
    const isPair = isCalleeKind(kind[i]) && isCallerKind(kind[caller]);
    if (!isPair && nodeService[node[i]] === nodeService[node[caller]]) continue;
    isCall[i] = 1;
    isCalled[caller] = 1;
  }
  return { isCall, isCalled };
}

/** For each span the one by which its service was entered on the way to it: the nearest that is called, a server, a consumer or a root. */
function findEntries(spans: CallSpans, { parent }: SpanTree, isCall: Uint8Array): Int32Array {
  const { count, kind } = spans;
  const entry = new Int32Array(count).fill(-1);
  const path: number[] = [];
  for (let i = 0; i < count; i++) {
    let at = i;
    while (entry[at] < 0) {
      if (isCall[at] === 1 || parent[at] < 0 || isCalleeKind(kind[at])) {
        entry[at] = at;
        break;
      }
      // A circle of parents is cut where it was entered.
      entry[at] = at;
      path.push(at);
      at = parent[at];
    }
    const found = entry[at];
    for (const span of path) entry[span] = found;
    path.length = 0;
  }
  return entry;
}

function addCall(spans: CallSpans, edges: EdgeSums, entries: Int32Array, caller: number, callee: number): void {
  const { kind, node, failed, durationNs, startNs } = spans;
  const isMessage = kind[caller] === KIND.producer || kind[callee] === KIND.consumer;
  const isClient = isCallerKind(kind[caller]);
  const queueNs = startNs[callee] - (startNs[caller] + durationNs[caller]);
  const waitNs = isMessage ? Math.max(0, queueNs) : isClient ? durationNs[caller] : durationNs[callee];
  edges.add(
    node[entries[caller]],
    node[callee],
    isMessage ? MESSAGING : PLAIN,
    failed[callee] === 1 || (isClient && failed[caller] === 1),
    waitNs,
    durationNs[callee],
    callee,
  );
}

/** A root server or consumer, called by what it names: a user, a queue, a peer. */
function addRoot(spans: CallSpans, edges: EdgeSums, i: number): void {
  const { kind, node, failed, durationNs, peer } = spans;
  const connection = kind[i] === KIND.consumer ? MESSAGING : VIRTUAL;
  const waitNs = connection === MESSAGING ? 0 : durationNs[i];
  edges.add(-1 - peer[i], node[i], connection, failed[i] === 1, waitNs, durationNs[i], i);
}

/** A client or producer whose other side sends no spans. */
function addAlone(spans: CallSpans, edges: EdgeSums, entries: Int32Array, i: number): void {
  const { kind, node, failed, durationNs, peer, isDatabase } = spans;
  const connection = isDatabase[i] === 1 ? DATABASE : kind[i] === KIND.producer ? MESSAGING : VIRTUAL;
  edges.add(node[entries[i]], -1 - peer[i], connection, failed[i] === 1, durationNs[i], 0, i);
}

/** Calls that are looked at on the way up from one: a deeper chain is not searched for its own service. */
const HOPS_MAX = 64;

/** The services between a call and the nearest span above it in the service that it calls: the request came back. */
function reentrance(
  spans: CallSpans,
  { parent }: SpanTree,
  isCall: Uint8Array,
  entries: Int32Array,
  callee: number,
): Reentrance | null {
  const { kind, node, nodeService, names, trace, traceIds } = spans;
  const goal = nodeService[node[callee]];
  const services: number[] = [];
  let isBlocking = true;
  let at = callee;
  for (let hop = 0; hop < HOPS_MAX; hop++) {
    const caller = parent[at];
    if (caller < 0) return null;
    if (isCall[at] === 1) {
      if (kind[caller] === KIND.producer || kind[at] === KIND.consumer) isBlocking = false;
      const service = nodeService[node[caller]];
      services.push(service);
      if (service === goal) {
        const inOrder = services.reverse().map((number) => names[number]);
        return {
          services: rotated(inOrder),
          isBlocking,
          calls: 1,
          traceIds: [traceIds[trace[callee]]].slice(0, EXAMPLES_MAX),
        };
      }
    }
    at = entries[caller];
  }
  return null;
}

function rotated(names: readonly string[]): string[] {
  let best = [...names];
  for (let shift = 1; shift < names.length; shift++) {
    const other = [...names.slice(shift), ...names.slice(0, shift)];
    if (other.join('\0') < best.join('\0')) best = other;
  }
  return best;
}

/** Sums of one edge while spans are read. */
interface Sums {
  readonly from: number;
  readonly to: number;
  readonly connection: number;
  calls: number;
  failed: number;
  waitNs: number;
  serverNs: number;
  readonly histogram: Map<number, number>;
  slowestNs: number;
  slowestTrace: number;
}

/** Edges by their two ends: the number of a node, or -1 - n for the thing that only has the name n. */
class EdgeSums {
  readonly #spans: CallSpans;
  readonly #sums = new Map<number, Sums>();

  constructor(spans: CallSpans) {
    this.#spans = spans;
  }

  add(
    from: number,
    to: number,
    connection: number,
    failed: boolean,
    waitNs: number,
    serverNs: number,
    span: number,
  ): void {
    const key = ((from + ENDS) * 2 * ENDS + (to + ENDS)) * CONNECTIONS.length + connection;
    let sums = this.#sums.get(key);
    if (sums === undefined) {
      sums = {
        from,
        to,
        connection,
        calls: 0,
        failed: 0,
        waitNs: 0,
        serverNs: 0,
        histogram: new Map(),
        slowestNs: -1,
        slowestTrace: 0,
      };
      this.#sums.set(key, sums);
    }
    sums.calls++;
    if (failed) sums.failed++;
    sums.waitNs += waitNs;
    sums.serverNs += serverNs;
    const bucket = bucketOf(waitNs);
    sums.histogram.set(bucket, (sums.histogram.get(bucket) ?? 0) + 1);
    const { trace, traceIds } = this.#spans;
    const isSlower =
      waitNs > sums.slowestNs || (waitNs === sums.slowestNs && traceIds[trace[span]] < traceIds[sums.slowestTrace]);
    if (isSlower) {
      sums.slowestNs = waitNs;
      sums.slowestTrace = trace[span];
    }
  }

  finish(): CallEdge[] {
    const { names, nodeService, nodeOperation, traceIds } = this.#spans;
    const serviceOf = (end: number): string => names[end < 0 ? -1 - end : nodeService[end]];
    const operationOf = (end: number): string => (end < 0 ? '' : names[nodeOperation[end]]);
    return [...this.#sums.values()].map((sums) => ({
      client: serviceOf(sums.from),
      clientOperation: operationOf(sums.from),
      server: serviceOf(sums.to),
      serverOperation: operationOf(sums.to),
      connection: CONNECTIONS[sums.connection],
      calls: sums.calls,
      failed: sums.failed,
      waitNs: sums.waitNs,
      serverNs: sums.serverNs,
      histogram: sums.histogram,
      slowestNs: sums.slowestNs,
      slowestTraceId: traceIds[sums.slowestTrace],
    }));
  }
}

/** Above the number of nodes and of names in one table; two ends and a connection make one exact number. */
const ENDS = 2 ** 24;
