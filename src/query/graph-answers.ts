import {
  type CallEdge,
  type CallGraph,
  histogramQuantile,
  mergeReentrances,
  type Reentrance,
} from '../analysis/call-graph.ts';
import { elementaryCycles, heavyCycles } from '../analysis/cycles.ts';
import { type Cut, proposeCut } from '../analysis/feedback.ts';
import { findEdge, type Graph, graphOf, reversed } from '../analysis/graph.ts';
import { depthFirstOrder, topologicalOrder } from '../analysis/order.ts';
import { USER } from '../analysis/peer.ts';
import { cyclicComponents } from '../analysis/scc.ts';
import { LIMITS } from '../base/limits.ts';
import type { CallCycle, CyclesAnswer, GraphAnswer, GraphEdge, GraphNode, GraphVertex, OrderAnswer } from './api.ts';

/** The answers about a call graph, from the graph alone: the API gives them for stored spans, the command line also for files. */

export type Level = 'service' | 'operation';

/** A call graph with numbers for its vertices, which stand in the order of their names. */
export interface NumberedGraph {
  readonly vertices: readonly GraphVertex[];
  readonly graph: Graph;
  readonly edges: readonly CallEdge[];
  /** Vertices at the ends of each edge. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Number of the component of each vertex in a cycle, else -1; the components. */
  readonly componentOf: Int32Array;
  readonly components: readonly Int32Array[];
  readonly cut: Cut;
}

export function numberGraph(edges: readonly CallEdge[]): NumberedGraph {
  const vertices = new Map<string, GraphVertex>();
  const clientOf = (edge: CallEdge): GraphVertex => ({ service: edge.client, operation: edge.clientOperation });
  const serverOf = (edge: CallEdge): GraphVertex => ({ service: edge.server, operation: edge.serverOperation });
  for (const edge of edges) {
    for (const vertex of [clientOf(edge), serverOf(edge)]) vertices.set(nameOf(vertex), vertex);
  }
  const names = [...vertices.keys()].sort();
  const numbers = new Map(names.map((name, i) => [name, i]));
  const numbersOf = (of: (edge: CallEdge) => GraphVertex): Int32Array =>
    Int32Array.from(edges, (edge) => numbers.get(nameOf(of(edge))) ?? 0);
  const from = numbersOf(clientOf);
  const to = numbersOf(serverOf);
  const calls = edges.map((edge) => edge.calls);
  const graph = graphOf(names.length, from, to, calls);
  const components = cyclicComponents(graph);
  const componentOf = new Int32Array(names.length).fill(-1);
  components.forEach((members, number) => {
    for (const v of members) componentOf[v] = number;
  });
  const list = names.flatMap((name) => vertices.get(name) ?? []);
  return { vertices: list, graph, edges, from, to, componentOf, components, cut: proposeCut(graph) };
}

const nameOf = ({ service, operation }: GraphVertex): string => `${service}\0${operation}`;

type Answer<T> = Omit<T, 'startTimeUnixNano' | 'endTimeUnixNano' | 'pendingMinutes' | 'completeUntilUnixNano'>;

export function graphAnswer(calls: CallGraph, level: Level, numbered = numberGraph(calls.edges)): Answer<GraphAnswer> {
  return {
    level,
    nodes: nodesOf(numbered),
    edges: edgesOf(numbered),
    unpairedClients: calls.unpairedClients,
    unpairedServers: calls.unpairedServers,
  };
}

function nodesOf({ vertices, graph, edges, from, to, componentOf }: NumberedGraph): GraphNode[] {
  const { levels } = topologicalOrder(graph);
  const kinds = new Array<GraphNode['kind'] | undefined>(vertices.length);
  const calls = new Float64Array(vertices.length);
  const failed = new Float64Array(vertices.length);
  edges.forEach((edge, i) => {
    const [caller, callee] = kindsOf(edge);
    // What is seen to be a service in one edge is one, whatever others call it.
    if (kinds[from[i]] !== 'service') kinds[from[i]] = caller;
    if (kinds[to[i]] !== 'service') kinds[to[i]] = callee;
    calls[to[i]] += edge.calls;
    failed[to[i]] += edge.failed;
  });
  return vertices.map((vertex, v) => ({
    ...vertex,
    kind: kinds[v] ?? 'service',
    level: levels[v],
    component: componentOf[v] < 0 ? null : componentOf[v],
    calls: calls[v],
    failed: failed[v],
  }));
}

/** What the ends of an edge are. Something without spans has no server time, or calls without an operation. */
function kindsOf(edge: CallEdge): readonly [GraphNode['kind'], GraphNode['kind']] {
  const isServerSeen = edge.serverNs > 0 || edge.connection === '';
  switch (edge.connection) {
    case 'database':
      return ['service', 'database'];
    case 'messaging_system':
      return isServerSeen
        ? [edge.waitNs === 0 && edge.clientOperation === '' ? 'queue' : 'service', 'service']
        : ['service', 'queue'];
    case 'virtual_node':
      return isServerSeen ? [edge.client === USER ? 'user' : 'external', 'service'] : ['service', 'external'];
    default:
      return ['service', 'service'];
  }
}

function edgesOf({ edges, from, to, componentOf, cut }: NumberedGraph): GraphEdge[] {
  const cutEdges = cutEdgesOf(cut);
  return edges.map((edge, i) => {
    const quantile = (percent: number): string => nanos(histogramQuantile(edge.histogram, percent, 100));
    return {
      client: edge.client,
      clientOperation: edge.clientOperation,
      server: edge.server,
      serverOperation: edge.serverOperation,
      connection: edge.connection,
      calls: edge.calls,
      failed: edge.failed,
      meanNano: nanos(edge.waitNs / edge.calls),
      p50Nano: quantile(50),
      p95Nano: quantile(95),
      p99Nano: quantile(99),
      serverMeanNano: nanos(edge.serverNs / edge.calls),
      slowestTraceId: edge.slowestTraceId,
      inCycle: componentOf[from[i]] >= 0 && componentOf[from[i]] === componentOf[to[i]],
      isCut: cutEdges.has(`${from[i]} ${to[i]}`),
    };
  });
}

const cutEdgesOf = (cut: Cut): Set<string> => new Set(cut.edges.map(({ from, to }) => `${from} ${to}`));

const nanos = (value: number): string => BigInt(Math.round(value)).toString();

export interface CycleQuestion {
  readonly level: Level;
  readonly lengthMax: number;
  readonly limit: number;
  /** First seconds and notices, where a running Clew knows them. */
  readonly firstSeen?: (services: readonly string[]) => Pick<CallCycle, 'firstSeenUnixNano' | 'noticedUnixNano'>;
}

export function cyclesAnswer(
  calls: CallGraph,
  { level, lengthMax, limit, firstSeen }: CycleQuestion,
  numbered = numberGraph(calls.edges),
): Answer<CyclesAnswer> {
  const { graph, vertices, components, cut } = numbered;
  const limits = { countMax: limit, lengthMax, stepsMax: LIMITS.cycleStepsMax };
  const enumerated = elementaryCycles(graph, limits);
  // In a tangle those through the heaviest edges come first, because not all can be shown.
  const first = enumerated.truncated ? heavyCycles(graph, HEAVY_EDGES) : [];
  const distinct = new Map([...first, ...enumerated.cycles].map((cycle) => [cycle.join(), cycle]));
  const listed = [...distinct.values()].slice(0, limit);
  const reentrances = mergeReentrances(calls.reentrances);
  const context = {
    numbered,
    cutEdges: cutEdgesOf(cut),
    level,
    reentrances: indexReentrances(reentrances),
    edgeAt: edgesByEnds(numbered),
  };
  const lengths = listed.map((cycle) => cycle.length);
  const noTimes = () => ({ firstSeenUnixNano: null, noticedUnixNano: null });
  const times = firstSeen ?? noTimes;
  return {
    level,
    truncated: enumerated.truncated,
    summary: {
      count: listed.length,
      longest: lengths.reduce((longest, length) => Math.max(longest, length), 0),
      meanLength: lengths.length === 0 ? 0 : lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
      services: new Set(components.flatMap((members) => [...members].map((v) => vertices[v].service))).size,
    },
    components: components.map((members, number) => componentOf(numbered, members, number)),
    cycles: [
      ...reentrances.map((one) => ({ ...reentrantCycle(one), ...times(one.services) })),
      ...listed.map((cycle) => cycleOf(context, cycle, times)),
    ].sort((a, b) => SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] || b.calls - a.calls),
    cut: {
      calls: cut.weight,
      edges: cut.edges.map(({ from, to, weight }) => ({
        client: vertices[from].service,
        clientOperation: vertices[from].operation,
        server: vertices[to].service,
        serverOperation: vertices[to].operation,
        calls: weight,
      })),
    },
  };
}

const HEAVY_EDGES = 50;
const SEVERITY_RANK = { high: 0, medium: 1, low: 2 } as const;

function componentOf({ graph, vertices, componentOf: of }: NumberedGraph, members: Int32Array, number: number) {
  let edges = 0;
  let calls = 0;
  for (const v of members) {
    for (let e = graph.offsets[v]; e < graph.offsets[v + 1]; e++) {
      if (of[graph.targets[e]] !== number) continue;
      edges++;
      calls += graph.weights[e];
    }
  }
  return { vertices: [...members].map((v) => vertices[v]), edges, calls };
}

function reentrantCycle(one: Reentrance): Omit<CallCycle, 'firstSeenUnixNano' | 'noticedUnixNano'> {
  return {
    kind: 're-entrant',
    severity: one.isBlocking ? 'high' : 'medium',
    vertices: one.services.map((service) => ({ service, operation: '' })),
    calls: one.calls,
    traceIds: one.traceIds,
    cutAt: null,
  };
}

interface CycleContext {
  readonly numbered: NumberedGraph;
  readonly cutEdges: ReadonlySet<string>;
  readonly level: Level;
  readonly reentrances: ReadonlyMap<string, Reentrance>;
  readonly edgeAt: ReadonlyMap<string, CallEdge>;
}

function cycleOf(
  { numbered, cutEdges, level, reentrances, edgeAt }: CycleContext,
  cycle: Int32Array,
  times: (services: readonly string[]) => Pick<CallCycle, 'firstSeenUnixNano' | 'noticedUnixNano'>,
): CallCycle {
  const { vertices, graph } = numbered;
  const ends = [...cycle].map((v, i) => [v, cycle[(i + 1) % cycle.length]] as const);
  const used = ends.map(([from, to]) => graph.weights[findEdge(graph, from, to)]);
  const cutAt = ends.findIndex(([from, to]) => cutEdges.has(`${from} ${to}`));
  const services = [...cycle].map((v) => vertices[v].service);
  const back = reentrances.get(cycleName(services));
  const examples = ends.flatMap(([from, to]) => edgeAt.get(`${from} ${to}`)?.slowestTraceId ?? []);
  return {
    kind: level,
    severity: back?.isBlocking ? 'high' : back !== undefined || level === 'operation' ? 'medium' : 'low',
    vertices: [...cycle].map((v) => vertices[v]),
    calls: Math.min(...used),
    ...times(services),
    traceIds: back?.traceIds ?? [...new Set(examples)],
    cutAt: cutAt < 0 ? null : cutAt,
  };
}

function edgesByEnds({ edges, from, to }: NumberedGraph): Map<string, CallEdge> {
  return new Map(edges.map((edge, i) => [`${from[i]} ${to[i]}`, edge]));
}

/** A blocking re-entrance of the same services outweighs one through a queue. */
function indexReentrances(reentrances: readonly Reentrance[]): Map<string, Reentrance> {
  const index = new Map<string, Reentrance>();
  for (const one of reentrances) {
    const name = cycleName(one.services);
    if (one.isBlocking || !index.has(name)) index.set(name, one);
  }
  return index;
}

function cycleName(services: readonly string[]): string {
  const rotations = services.map((_, i) => [...services.slice(i), ...services.slice(0, i)].join('\0'));
  return rotations.sort()[0] ?? '';
}

export function orderAnswer(
  level: Level,
  method: 'kahn' | 'dfs',
  { graph, vertices, componentOf, components }: NumberedGraph,
): Answer<OrderAnswer> {
  const { vertices: kahn, levels, isCyclic } = topologicalOrder(graph);
  const depthFirst = method === 'dfs' ? depthFirstOrder(graph) : null;
  const stageOf = topologicalOrder(reversed(graph)).levels;
  const stages: GraphVertex[][] = [];
  // Users are nothing that is started.
  const isUser = (v: number): boolean => vertices[v].service === USER && levels[v] === 0;
  vertices.forEach((vertex, v) => {
    if (isUser(v)) return;
    const stage = stages[stageOf[v]] ?? [];
    stage.push(vertex);
    stages[stageOf[v]] = stage;
  });
  return {
    level,
    method: depthFirst === null ? 'kahn' : 'dfs',
    isCyclic,
    order: [...(depthFirst ?? kahn)]
      .filter((v) => !isUser(v))
      .map((v) => ({
        ...vertices[v],
        level: levels[v],
        component: componentOf[v] < 0 ? null : componentOf[v],
      })),
    stages: stages.filter((stage) => stage.length > 0),
    components: components.map((members) => [...members].map((v) => vertices[v])),
  };
}
