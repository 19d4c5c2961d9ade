import { assert } from '../base/assert.ts';

/**
 * A directed graph in compressed sparse rows: the edges out of vertex v are the positions `offsets[v] … offsets[v + 1] - 1`. Targets are in
 * ascending order, each once: parallel edges of the input are one edge whose weight is their sum. Self-loops stay.
 */
export interface Graph {
  readonly vertexCount: number;
  readonly offsets: Int32Array;
  readonly targets: Int32Array;
  readonly weights: Float64Array;
}

/** Builds a graph in O(V + E) from one entry an edge. Without `weights` each edge weighs 1. The inputs are not changed. */
export function graphOf(
  vertexCount: number,
  sources: ArrayLike<number>,
  targets: ArrayLike<number>,
  weights?: ArrayLike<number>,
): Graph {
  assert(sources.length === targets.length, 'each edge has a source and a target');
  const edgeCount = sources.length;
  // Two counting sorts: by target, then, keeping that order, by source.
  const byTarget = sortedBy(vertexCount, targets, identityOf(edgeCount));
  const order = sortedBy(vertexCount, sources, byTarget);
  const offsets = new Int32Array(vertexCount + 1);
  const distinct = new Int32Array(edgeCount);
  const sums = new Float64Array(edgeCount);
  let count = 0;
  let previous = -1;
  for (let i = 0; i < edgeCount; i++) {
    const edge = order[i];
    const source = sources[edge];
    const target = targets[edge];
    const weight = weights === undefined ? 1 : weights[edge];
    if (source === previous && distinct[count - 1] === target) {
      sums[count - 1] += weight;
      continue;
    }
    previous = source;
    distinct[count] = target;
    sums[count] = weight;
    count++;
    offsets[source + 1] = count;
  }
  for (let v = 1; v <= vertexCount; v++) if (offsets[v] < offsets[v - 1]) offsets[v] = offsets[v - 1];
  return { vertexCount, offsets, targets: distinct.slice(0, count), weights: sums.slice(0, count) };
}

function identityOf(length: number): Int32Array {
  const order = new Int32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  return order;
}

/** The entries of `order` by ascending key; entries with equal keys keep their order. */
function sortedBy(keyCount: number, keys: ArrayLike<number>, order: Int32Array): Int32Array {
  const starts = new Int32Array(keyCount + 1);
  for (let i = 0; i < order.length; i++) {
    const key = keys[i];
    assert(key >= 0 && key < keyCount, 'an edge joins two vertices of the graph');
    starts[key + 1]++;
  }
  for (let key = 0; key < keyCount; key++) starts[key + 1] += starts[key];
  const sorted = new Int32Array(order.length);
  for (let i = 0; i < order.length; i++) sorted[starts[keys[order[i]]]++] = order[i];
  return sorted;
}

/** The same vertices with every edge turned round. */
export function reversed(graph: Graph): Graph {
  return graphOf(graph.vertexCount, graph.targets, sourcesOf(graph), graph.weights);
}

/** The source of each edge, at the edge's position. */
export function sourcesOf(graph: Graph): Int32Array {
  const sources = new Int32Array(graph.targets.length);
  for (let v = 0; v < graph.vertexCount; v++) sources.fill(v, graph.offsets[v], graph.offsets[v + 1]);
  return sources;
}

/** Position of the edge from → to, or -1: a binary search among the targets of `from`. */
export function findEdge(graph: Graph, from: number, to: number): number {
  let low = graph.offsets[from];
  let high = graph.offsets[from + 1] - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (graph.targets[middle] === to) return middle;
    if (graph.targets[middle] < to) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The graph of `vertices` (ascending) and the edges between them; vertex i of it is `vertices[i]`. */
export function inducedGraph(graph: Graph, vertices: Int32Array): Graph {
  const place = new Int32Array(graph.vertexCount).fill(-1);
  for (let i = 0; i < vertices.length; i++) place[vertices[i]] = i;
  const offsets = new Int32Array(vertices.length + 1);
  const targets: number[] = [];
  const weights: number[] = [];
  for (let i = 0; i < vertices.length; i++) {
    const v = vertices[i];
    for (let e = graph.offsets[v]; e < graph.offsets[v + 1]; e++) {
      const to = place[graph.targets[e]];
      if (to < 0) continue;
      targets.push(to);
      weights.push(graph.weights[e]);
    }
    offsets[i + 1] = targets.length;
  }
  return {
    vertexCount: vertices.length,
    offsets,
    targets: Int32Array.from(targets),
    weights: Float64Array.from(weights),
  };
}
