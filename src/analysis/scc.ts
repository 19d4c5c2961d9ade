import type { Graph } from './graph.ts';

/** Strongly connected components: two vertices are in one component when each can be reached from the other. */
export interface Components {
  /** Component of each vertex. Components are numbered in topological order: an edge never leads to a lower number. */
  readonly of: Int32Array;
  readonly count: number;
  /** Vertices of each component. */
  readonly sizes: Int32Array;
}

/** Tarjan's algorithm (1972) with a stack of its own instead of recursion: O(V + E), at any depth. */
export function stronglyConnected(graph: Graph): Components {
  const { vertexCount, offsets, targets } = graph;
  const of = new Int32Array(vertexCount).fill(-1);
  // Order of discovery from 1; 0 is not seen yet, DONE when its component is known: one look at a neighbour says all.
  const found = new Int32Array(vertexCount);
  // Least `found` that is known to be reachable inside the component.
  const low = new Int32Array(vertexCount);
  const next = offsets.slice(0, vertexCount);
  const path = new Int32Array(vertexCount);
  const open = new Int32Array(vertexCount);
  let openCount = 0;
  let foundCount = 0;
  let count = 0;
  for (let root = 0; root < vertexCount; root++) {
    if (found[root] !== 0) continue;
    let depth = 0;
    path[0] = root;
    open[openCount++] = root;
    low[root] = found[root] = ++foundCount;
    while (depth >= 0) {
      const v = path[depth];
      if (next[v] < offsets[v + 1]) {
        const w = targets[next[v]++];
        if (found[w] === 0) {
          low[w] = found[w] = ++foundCount;
          open[openCount++] = w;
          path[++depth] = w;
        } else if (found[w] < low[v]) {
          low[v] = found[w];
        }
        continue;
      }
      if (low[v] === found[v]) {
        for (let w = -1; w !== v; ) {
          w = open[--openCount];
          of[w] = count;
          found[w] = DONE;
        }
        count++;
      }
      depth--;
      if (depth >= 0 && low[v] < low[path[depth]]) low[path[depth]] = low[v];
    }
  }
  // Tarjan finds the last component of the topological order first.
  const sizes = new Int32Array(count);
  for (let v = 0; v < vertexCount; v++) {
    of[v] = count - 1 - of[v];
    sizes[of[v]]++;
  }
  return { of, count, sizes };
}

/** Above every order of discovery. */
const DONE = 0x7fffffff;

/** Components that hold a cycle: two vertices or more, or one with a self-loop. Vertices ascending; components by their first vertex. */
export function cyclicComponents(graph: Graph, components: Components = stronglyConnected(graph)): Int32Array[] {
  const { vertexCount, offsets, targets } = graph;
  const members = new Map<number, number[]>();
  for (let v = 0; v < vertexCount; v++) {
    const component = components.of[v];
    if (components.sizes[component] === 1 && !hasTarget(targets, offsets[v], offsets[v + 1], v)) continue;
    const list = members.get(component);
    if (list === undefined) members.set(component, [v]);
    else list.push(v);
  }
  return [...members.values()].map((list) => Int32Array.from(list));
}

function hasTarget(targets: Int32Array, from: number, to: number, vertex: number): boolean {
  for (let e = from; e < to; e++) if (targets[e] === vertex) return true;
  return false;
}
