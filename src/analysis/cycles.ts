import { findEdge, type Graph, inducedGraph, reversed } from './graph.ts';
import { cyclicComponents } from './scc.ts';

export interface CycleLimits {
  /** Cycles that are listed at most. */
  readonly countMax: number;
  /** Vertices of the longest cycle that is listed; without it any length. */
  readonly lengthMax?: number;
  /** Edges that the search may look at: what bounds the time where cycles are rare among very many paths. */
  readonly stepsMax?: number;
}

export interface CycleList {
  /** Each cycle once, as its vertices in order, rotated so that the least comes first. */
  readonly cycles: readonly Int32Array[];
  /** A limit of count or steps was reached: there may be more. Cycles longer than `lengthMax` do not count as missing. */
  readonly truncated: boolean;
}

const STEPS_MAX = 20_000_000;

/**
 * Elementary cycles: no vertex twice. Self-loops first, then Johnson's algorithm (1975) inside the strongly connected components, or with
 * `lengthMax` a search that never takes a path which cannot be closed in the length that is left. Parallel edges do not multiply cycles.
 */
export function elementaryCycles(graph: Graph, limits: CycleLimits): CycleList {
  const found: Int32Array[] = [];
  const budget = { steps: limits.stepsMax ?? STEPS_MAX, count: limits.countMax };
  const components = cyclicComponents(graph);
  const isWhole =
    (limits.lengthMax ?? 1) < 1 ||
    (selfLoops(graph, found, budget) && cyclesInside(graph, components, limits, found, budget));
  return { cycles: found, truncated: !isWhole };
}

interface Budget {
  steps: number;
  readonly count: number;
}

/** Vertices that call themselves. */
function selfLoops(graph: Graph, found: Int32Array[], budget: Budget): boolean {
  for (let v = 0; v < graph.vertexCount; v++) {
    if (findEdge(graph, v, v) < 0) continue;
    if (found.length === budget.count) return false;
    found.push(Int32Array.of(v));
  }
  return true;
}

function cyclesInside(
  graph: Graph,
  components: readonly Int32Array[],
  limits: CycleLimits,
  found: Int32Array[],
  budget: Budget,
): boolean {
  const waiting = components
    .filter((names) => names.length > 1)
    .map((names) => ({ names, inside: inducedGraph(graph, names) }))
    .reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { names, inside } = next;
    budget.steps -= inside.targets.length;
    // All cycles through the least vertex of the component; the rest of it falls into components again.
    const isWhole =
      limits.lengthMax === undefined
        ? johnson(inside, names, found, budget)
        : boundedCycles(inside, names, limits.lengthMax, found, budget);
    if (!isWhole) return false;
    const rest = inducedGraph(
      inside,
      Int32Array.from({ length: names.length - 1 }, (_, i) => i + 1),
    );
    const parts = cyclicComponents(rest).filter((part) => part.length > 1);
    for (const part of parts.reverse()) {
      waiting.push({ names: part.map((v) => names[v + 1]), inside: inducedGraph(rest, part) });
    }
  }
  return true;
}

/** Johnson's search from vertex 0 of a component. False: a limit was reached. */
function johnson(graph: Graph, names: Int32Array, found: Int32Array[], budget: Budget): boolean {
  const { vertexCount, offsets, targets } = graph;
  const isBlocked = new Uint8Array(vertexCount);
  const closes = new Uint8Array(vertexCount);
  const blockedBy: Set<number>[] = Array.from({ length: vertexCount });
  const next = offsets.slice(0, vertexCount);
  const path = new Int32Array(vertexCount);
  let depth = 0;
  isBlocked[0] = 1;
  while (depth >= 0) {
    const v = path[depth];
    if (next[v] < offsets[v + 1]) {
      const w = targets[next[v]++];
      if (--budget.steps < 0) return false;
      if (w === 0) {
        if (v === 0) continue;
        if (found.length === budget.count) return false;
        found.push(path.slice(0, depth + 1).map((at) => names[at]));
        closes[v] = 1;
      } else if (isBlocked[w] === 0) {
        path[++depth] = w;
        isBlocked[w] = 1;
        closes[w] = 0;
        next[w] = offsets[w];
      }
      continue;
    }
    if (closes[v] === 1) unblock(v, isBlocked, blockedBy);
    else for (let e = offsets[v]; e < offsets[v + 1]; e++) waitFor(blockedBy, targets[e], v);
    depth--;
    if (depth >= 0 && closes[v] === 1) closes[path[depth]] = 1;
  }
  return true;
}

function waitFor(blockedBy: Set<number>[], w: number, v: number): void {
  const waiting = blockedBy[w];
  if (waiting === undefined) blockedBy[w] = new Set([v]);
  else waiting.add(v);
}

function unblock(vertex: number, isBlocked: Uint8Array, blockedBy: Set<number>[]): void {
  const stack = [vertex];
  while (stack.length > 0) {
    const v = stack.pop() ?? 0;
    if (isBlocked[v] === 0) continue;
    isBlocked[v] = 0;
    const waiting = blockedBy[v];
    if (waiting === undefined) continue;
    for (const w of waiting) if (isBlocked[w] === 1) stack.push(w);
    waiting.clear();
  }
}

/** Cycles of at most `lengthMax` vertices through vertex 0. `toStart` says how far each vertex is from closing one. */
function boundedCycles(
  graph: Graph,
  names: Int32Array,
  lengthMax: number,
  found: Int32Array[],
  budget: Budget,
): boolean {
  const { vertexCount, offsets, targets } = graph;
  const toStart = distances(reversed(graph), 0);
  const onPath = new Uint8Array(vertexCount);
  const next = offsets.slice(0, vertexCount);
  const path = new Int32Array(vertexCount);
  let depth = 0;
  onPath[0] = 1;
  while (depth >= 0) {
    const v = path[depth];
    if (next[v] === offsets[v + 1]) {
      onPath[v] = 0;
      depth--;
      continue;
    }
    const w = targets[next[v]++];
    if (--budget.steps < 0) return false;
    if (w === 0) {
      if (v === 0) continue;
      if (found.length === budget.count) return false;
      found.push(path.slice(0, depth + 1).map((at) => names[at]));
    } else if (onPath[w] === 0 && toStart[w] >= 0 && depth + 1 + toStart[w] <= lengthMax) {
      path[++depth] = w;
      onPath[w] = 1;
      next[w] = offsets[w];
    }
  }
  return true;
}

/** Edges on the shortest way from `start` to each vertex, -1 where there is none. */
function distances(graph: Graph, start: number): Int32Array {
  const distance = new Int32Array(graph.vertexCount).fill(-1);
  const queue = new Int32Array(graph.vertexCount);
  distance[start] = 0;
  queue[0] = start;
  for (let head = 0, tail = 1; head < tail; head++) {
    const v = queue[head];
    for (let e = graph.offsets[v]; e < graph.offsets[v + 1]; e++) {
      const w = graph.targets[e];
      if (distance[w] >= 0) continue;
      distance[w] = distance[v] + 1;
      queue[tail++] = w;
    }
  }
  return distance;
}

/** A shortest path as its vertices, both ends included; null when there is none. Of equally short ones the same each time. */
export function shortestPath(graph: Graph, from: number, to: number): Int32Array | null {
  const before = new Int32Array(graph.vertexCount).fill(-1);
  const queue = new Int32Array(graph.vertexCount);
  before[from] = from;
  queue[0] = from;
  for (let head = 0, tail = 1; head < tail && before[to] < 0; head++) {
    const v = queue[head];
    for (let e = graph.offsets[v]; e < graph.offsets[v + 1]; e++) {
      const w = graph.targets[e];
      if (before[w] >= 0) continue;
      before[w] = v;
      queue[tail++] = w;
    }
  }
  if (before[to] < 0) return null;
  const path = [to];
  for (let v = to; v !== from; ) {
    v = before[v];
    path.push(v);
  }
  return Int32Array.from(path.reverse());
}

/** A cycle rotated so that its least vertex comes first. */
export function canonicalCycle(cycle: Int32Array): Int32Array {
  let least = 0;
  for (let i = 1; i < cycle.length; i++) if (cycle[i] < cycle[least]) least = i;
  return cycle.map((_, i) => cycle[(least + i) % cycle.length]);
}

/**
 * For each of the `edgesMax` heaviest edges inside components a shortest cycle through it: the few cycles to look at first in a tangle
 * whose cycles are beyond counting. Each cycle once, heaviest edge first.
 */
export function heavyCycles(graph: Graph, edgesMax: number): Int32Array[] {
  const cycles = new Map<string, Int32Array>();
  const ranked: { readonly part: number; readonly from: number; readonly to: number; readonly weight: number }[] = [];
  const parts = cyclicComponents(graph).map((vertices) => ({ vertices, inside: inducedGraph(graph, vertices) }));
  parts.forEach(({ inside }, part) => {
    for (let from = 0; from < inside.vertexCount; from++) {
      for (let e = inside.offsets[from]; e < inside.offsets[from + 1]; e++) {
        ranked.push({ part, from, to: inside.targets[e], weight: inside.weights[e] });
      }
    }
  });
  ranked.sort((a, b) => b.weight - a.weight || a.part - b.part || a.from - b.from || a.to - b.to);
  for (const { part, from, to } of ranked.slice(0, edgesMax)) {
    const { vertices, inside } = parts[part];
    const back = from === to ? Int32Array.of(from) : shortestPath(inside, to, from);
    if (back === null) continue;
    const cycle = canonicalCycle(back.map((v) => vertices[v]));
    cycles.set(cycle.join(), cycle);
  }
  return [...cycles.values()];
}
