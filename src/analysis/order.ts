import { type Graph, graphOf } from './graph.ts';
import { type Components, stronglyConnected } from './scc.ts';

/** An order in which each edge leads forward, or the components that make one impossible. */
export interface Order {
  /** Vertices in topological order; those of one component stand together, ascending. */
  readonly vertices: Int32Array;
  /** Level of each vertex: 0 when nothing leads to its component, else one more than the highest level before it. */
  readonly levels: Int32Array;
  readonly isCyclic: boolean;
  readonly components: Components;
}

/**
 * Kahn's algorithm (1962) over the condensation, so that a cyclic graph gets an answer too. Of the vertices that are ready the least comes
 * first: the same graph gives the same order. O((V + E) log V).
 */
export function topologicalOrder(graph: Graph): Order {
  const plain = kahn(graph, identity(graph.vertexCount));
  return plain.length === graph.vertexCount ? acyclicOrder(graph, plain) : condensedOrder(graph);
}

/** Without cycles each vertex is a component of its own. */
function acyclicOrder(graph: Graph, vertices: Int32Array): Order {
  const of = new Int32Array(graph.vertexCount);
  vertices.forEach((v, place) => {
    of[v] = place;
  });
  const components = { of, count: graph.vertexCount, sizes: new Int32Array(graph.vertexCount).fill(1) };
  return { vertices, levels: levelsOf(graph, vertices), isCyclic: false, components };
}

function condensedOrder(graph: Graph): Order {
  const components = stronglyConnected(graph);
  const condensed = condensation(graph, components);
  const sorted = kahn(condensed.graph, condensed.least);
  const members = membersOf(components);
  const vertices = new Int32Array(graph.vertexCount);
  let filled = 0;
  for (const component of sorted) {
    vertices.set(members.vertices.subarray(members.starts[component], members.starts[component + 1]), filled);
    filled += components.sizes[component];
  }
  const levels = levelsOf(condensed.graph, sorted);
  return {
    vertices,
    levels: components.of.map((component) => levels[component]),
    isCyclic: true,
    components,
  };
}

/** Reverse post-order of a depth-first search (Tarjan 1976), starting at the least vertices. Only meaningful without cycles: null with one. */
export function depthFirstOrder(graph: Graph): Int32Array | null {
  const { vertexCount, offsets, targets } = graph;
  const state = new Uint8Array(vertexCount);
  const next = offsets.slice(0, vertexCount);
  const path = new Int32Array(vertexCount);
  const order = new Int32Array(vertexCount);
  let place = vertexCount;
  for (let root = vertexCount - 1; root >= 0; root--) {
    if (state[root] !== NEW) continue;
    let depth = 0;
    path[0] = root;
    state[root] = ON_PATH;
    while (depth >= 0) {
      const v = path[depth];
      if (next[v] === offsets[v + 1]) {
        state[v] = DONE;
        order[--place] = v;
        depth--;
        continue;
      }
      const w = targets[next[v]++];
      if (state[w] === ON_PATH) return null;
      if (state[w] === DONE) continue;
      state[w] = ON_PATH;
      path[++depth] = w;
    }
  }
  return order;
}

const NEW = 0;
const ON_PATH = 1;
const DONE = 2;

function identity(length: number): Int32Array {
  const numbers = new Int32Array(length);
  for (let v = 0; v < length; v++) numbers[v] = v;
  return numbers;
}

/** One vertex a component, one edge for all edges between two of them. `least` is the least vertex of each component. */
function condensation(graph: Graph, components: Components): { readonly graph: Graph; readonly least: Int32Array } {
  const { of, count } = components;
  const sources = new Int32Array(graph.targets.length);
  const targets = new Int32Array(graph.targets.length);
  let between = 0;
  for (let v = 0; v < graph.vertexCount; v++) {
    const from = of[v];
    for (let e = graph.offsets[v]; e < graph.offsets[v + 1]; e++) {
      const to = of[graph.targets[e]];
      if (from === to) continue;
      sources[between] = from;
      targets[between++] = to;
    }
  }
  const least = new Int32Array(count).fill(graph.vertexCount);
  for (let v = graph.vertexCount - 1; v >= 0; v--) least[of[v]] = v;
  return { graph: graphOf(count, sources.subarray(0, between), targets.subarray(0, between)), least };
}

/** Vertices by component, ascending in each. */
function membersOf({ of, sizes, count }: Components): { readonly starts: Int32Array; readonly vertices: Int32Array } {
  const starts = new Int32Array(count + 1);
  for (let component = 0; component < count; component++) starts[component + 1] = starts[component] + sizes[component];
  const place = starts.slice(0, count);
  const vertices = new Int32Array(of.length);
  for (let v = 0; v < of.length; v++) vertices[place[of[v]]++] = v;
  return { starts, vertices };
}

/** Kahn's algorithm: the vertices that no cycle leads to; of those that are ready the one with the least `rank` first. */
function kahn(graph: Graph, rank: Int32Array): Int32Array {
  const { vertexCount, offsets, targets } = graph;
  const incoming = new Int32Array(vertexCount);
  // By index: the iterator of a typed array costs three times as much.
  for (let e = 0; e < targets.length; e++) incoming[targets[e]]++;
  const ready = new RankHeap(rank);
  for (let v = 0; v < vertexCount; v++) if (incoming[v] === 0) ready.push(v);
  const order = new Int32Array(vertexCount);
  let count = 0;
  while (ready.size > 0) {
    const v = ready.pop();
    order[count++] = v;
    for (let e = offsets[v]; e < offsets[v + 1]; e++) if (--incoming[targets[e]] === 0) ready.push(targets[e]);
  }
  return order.subarray(0, count);
}

function levelsOf(graph: Graph, order: Int32Array): Int32Array {
  const levels = new Int32Array(graph.vertexCount);
  for (const v of order) {
    for (let e = graph.offsets[v]; e < graph.offsets[v + 1]; e++) {
      const w = graph.targets[e];
      if (levels[w] <= levels[v]) levels[w] = levels[v] + 1;
    }
  }
  return levels;
}

/** A binary heap of vertices, least rank first. */
class RankHeap {
  size = 0;
  readonly #rank: Int32Array;
  readonly #items: Int32Array;

  constructor(rank: Int32Array) {
    this.#rank = rank;
    this.#items = new Int32Array(rank.length);
  }

  push(vertex: number): void {
    const rank = this.#rank;
    const items = this.#items;
    let at = this.size++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (rank[items[above]] <= rank[vertex]) break;
      items[at] = items[above];
      at = above;
    }
    items[at] = vertex;
  }

  pop(): number {
    const rank = this.#rank;
    const items = this.#items;
    const top = items[0];
    const last = items[--this.size];
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.size) break;
      if (below + 1 < this.size && rank[items[below + 1]] < rank[items[below]]) below++;
      if (rank[items[below]] >= rank[last]) break;
      items[at] = items[below];
      at = below;
    }
    items[at] = last;
    return top;
  }
}
