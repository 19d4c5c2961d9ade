import { type Graph, graphOf, inducedGraph, sourcesOf } from './graph.ts';
import { OnlineOrder } from './online-order.ts';
import { cyclicComponents } from './scc.ts';

export interface Cut {
  /** Edges of the graph (source, target) without which it has no cycle, heaviest first. Self-loops are among them. */
  readonly edges: readonly { readonly from: number; readonly to: number; readonly weight: number }[];
  readonly weight: number;
}

/**
 * A light set of edges that breaks every cycle (feedback arc set; the lightest is NP-hard to find). Eades, Lin and Smyth's order (1993) by
 * weights inside each component, improved by moving single vertices while that helps; then every edge that the order sets aside and that
 * closes no cycle any more is taken back, heaviest first: the answer has no edge to spare.
 */
export function proposeCut(graph: Graph): Cut {
  const edges: { from: number; to: number; weight: number }[] = [];
  for (const vertices of cyclicComponents(graph)) {
    const inside = inducedGraph(graph, vertices);
    const order = greedyOrder(inside);
    if (vertices.length <= IMPROVED_MAX) improve(inside, order);
    for (const { from, to, weight } of withoutSpare(inside, order)) {
      edges.push({ from: vertices[from], to: vertices[to], weight });
    }
  }
  edges.sort((a, b) => b.weight - a.weight || a.from - b.from || a.to - b.to);
  return { edges, weight: edges.reduce((sum, edge) => sum + edge.weight, 0) };
}

/** Larger components are not improved: each round looks at every position of every vertex. */
const IMPROVED_MAX = 400;
const ROUNDS_MAX = 4;

/** Position of each vertex: sinks last, sources first, between them the vertex whose edges out outweigh its edges in the most. */
function greedyOrder(graph: Graph): Int32Array {
  const { vertexCount, offsets, targets, weights } = graph;
  const sources = sourcesOf(graph);
  const back = graphOf(vertexCount, targets, sources, weights);
  const outWeight = new Float64Array(vertexCount);
  const inWeight = new Float64Array(vertexCount);
  const outCount = new Int32Array(vertexCount);
  const inCount = new Int32Array(vertexCount);
  for (let e = 0; e < targets.length; e++) {
    if (sources[e] === targets[e]) continue;
    outWeight[sources[e]] += weights[e];
    inWeight[targets[e]] += weights[e];
    outCount[sources[e]]++;
    inCount[targets[e]]++;
  }
  const position = new Int32Array(vertexCount).fill(-1);
  const heap = new SurplusHeap();
  const ends: number[] = [];
  for (let v = 0; v < vertexCount; v++) {
    heap.push(v, outWeight[v] - inWeight[v]);
    if (outCount[v] === 0 || inCount[v] === 0) ends.push(v);
  }
  let first = 0;
  let last = vertexCount - 1;
  while (first <= last) {
    const v = takeNext(ends, heap, position, (at) => outWeight[at] - inWeight[at]);
    position[v] = outCount[v] === 0 && inCount[v] !== 0 ? last-- : first++;
    for (let e = offsets[v]; e < offsets[v + 1]; e++) {
      const w = targets[e];
      if (position[w] >= 0) continue;
      inWeight[w] -= weights[e];
      if (--inCount[w] === 0) ends.push(w);
      heap.push(w, outWeight[w] - inWeight[w]);
    }
    for (let e = back.offsets[v]; e < back.offsets[v + 1]; e++) {
      const w = back.targets[e];
      if (position[w] >= 0) continue;
      outWeight[w] -= back.weights[e];
      if (--outCount[w] === 0) ends.push(w);
      heap.push(w, outWeight[w] - inWeight[w]);
    }
  }
  return position;
}

function takeNext(ends: number[], heap: SurplusHeap, position: Int32Array, surplus: (v: number) => number): number {
  while (ends.length > 0) {
    const v = ends.pop() ?? 0;
    if (position[v] < 0) return v;
  }
  for (;;) {
    const { vertex, key } = heap.pop();
    // Entries that were overtaken by a later push of the same vertex are passed over.
    if (position[vertex] < 0 && key === surplus(vertex)) return vertex;
  }
}

/** Moves one vertex at a time to the place where the edges that lead backward weigh least, while anything gets better. */
function improve(graph: Graph, position: Int32Array): void {
  const { vertexCount, offsets, targets, weights } = graph;
  const back = graphOf(vertexCount, targets, sourcesOf(graph), weights);
  const order = Int32Array.from({ length: vertexCount });
  for (let v = 0; v < vertexCount; v++) order[position[v]] = v;
  const gain = new Float64Array(vertexCount);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let isBetter = false;
    for (let v = 0; v < vertexCount; v++) {
      gain.fill(0);
      for (let e = offsets[v]; e < offsets[v + 1]; e++) gain[position[targets[e]]] += weights[e];
      for (let e = back.offsets[v]; e < back.offsets[v + 1]; e++) gain[position[back.targets[e]]] -= back.weights[e];
      const best = bestPlace(gain, position[v]);
      if (best === position[v]) continue;
      isBetter = true;
      move(order, position, position[v], best);
    }
    if (!isBetter) return;
  }
}

/** `gain[i]`: weight of the edges to the vertex at i minus that of the edges from it. Passing behind it costs the first and wins the second. */
function bestPlace(gain: Float64Array, at: number): number {
  let best = at;
  let bestCost = 0;
  for (let place = at - 1, cost = 0; place >= 0; place--) {
    cost -= gain[place];
    if (cost < bestCost - EPSILON) [best, bestCost] = [place, cost];
  }
  for (let place = at + 1, cost = 0; place < gain.length; place++) {
    cost += gain[place];
    if (cost < bestCost - EPSILON) [best, bestCost] = [place, cost];
  }
  return best;
}

const EPSILON = 1e-9;

function move(order: Int32Array, position: Int32Array, from: number, to: number): void {
  const vertex = order[from];
  const step = from < to ? 1 : -1;
  for (let place = from; place !== to; place += step) {
    order[place] = order[place + step];
    position[order[place]] = place;
  }
  order[to] = vertex;
  position[vertex] = to;
}

/** The edges that lead backward in the order and cannot be taken back without closing a cycle. */
function withoutSpare(graph: Graph, position: Int32Array): { from: number; to: number; weight: number }[] {
  const sources = sourcesOf(graph);
  const online = new OnlineOrder();
  // Vertices are numbered in the online order as they stand in ours, so that the edges that stay cost one comparison each.
  for (let v = 0; v < graph.vertexCount; v++) online.addVertex();
  const aside: { from: number; to: number; weight: number }[] = [];
  const kept: { from: number; to: number; weight: number }[] = [];
  for (let e = 0; e < sources.length; e++) {
    const edge = { from: sources[e], to: graph.targets[e], weight: graph.weights[e] };
    if (edge.from === edge.to) kept.push(edge);
    else if (position[edge.from] > position[edge.to]) aside.push(edge);
    else online.insert(position[edge.from], position[edge.to]);
  }
  aside.sort((a, b) => b.weight - a.weight || a.from - b.from || a.to - b.to);
  for (const edge of aside) if (online.insert(position[edge.from], position[edge.to]) !== null) kept.push(edge);
  return kept;
}

/** A heap of (vertex, key), largest key first, then least vertex. */
class SurplusHeap {
  readonly #vertices: number[] = [];
  readonly #keys: number[] = [];

  push(vertex: number, key: number): void {
    let at = this.#vertices.length;
    this.#vertices.push(vertex);
    this.#keys.push(key);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(vertex, key, above)) break;
      this.#copy(above, at);
      at = above;
    }
    this.#vertices[at] = vertex;
    this.#keys[at] = key;
  }

  pop(): { readonly vertex: number; readonly key: number } {
    const top = { vertex: this.#vertices[0], key: this.#keys[0] };
    const vertex = this.#vertices.pop() ?? 0;
    const key = this.#keys.pop() ?? 0;
    const size = this.#vertices.length;
    let at = 0;
    for (let below = 1; below < size; below = 2 * at + 1) {
      const right = below + 1;
      if (right < size && this.#isBefore(this.#vertices[right], this.#keys[right], below)) below = right;
      if (this.#isBefore(vertex, key, below)) break;
      this.#copy(below, at);
      at = below;
    }
    if (size > 0) {
      this.#vertices[at] = vertex;
      this.#keys[at] = key;
    }
    return top;
  }

  #isBefore(vertex: number, key: number, other: number): boolean {
    return key > this.#keys[other] || (key === this.#keys[other] && vertex < this.#vertices[other]);
  }

  #copy(from: number, to: number): void {
    this.#vertices[to] = this.#vertices[from];
    this.#keys[to] = this.#keys[from];
  }
}
