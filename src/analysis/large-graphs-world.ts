import { seededChance } from '../host/seeded-chance.ts';

/** The edges of a large made-up graph, for the benches. */
export interface Edges {
  readonly vertexCount: number;
  readonly sources: Int32Array;
  readonly targets: Int32Array;
}

export function ringEdges(vertexCount: number): Edges {
  const sources = Int32Array.from({ length: vertexCount }, (_, v) => v);
  return { vertexCount, sources, targets: sources.map((v) => (v + 1) % vertexCount) };
}

/** `isForward`: each edge leads to a higher vertex, so that there is no cycle. */
export function randomEdges(vertexCount: number, edgeCount: number, isForward = false): Edges {
  const random = seededChance(1);
  const sources = new Int32Array(edgeCount);
  const targets = new Int32Array(edgeCount);
  for (let e = 0; e < edgeCount; ) {
    const a = Math.floor(random() * vertexCount);
    const b = Math.floor(random() * vertexCount);
    if (isForward && a === b) continue;
    sources[e] = isForward ? Math.min(a, b) : a;
    targets[e++] = isForward ? Math.max(a, b) : b;
  }
  return { vertexCount, sources, targets };
}

/** 1,238 services, 4,271 edges, one component of some hundred services: heavy-tailed, as service graphs are. */
export function tangleEdges(): Edges & { readonly weights: Float64Array } {
  const random = seededChance(42);
  const [vertexCount, edgeCount] = [1238, 4271];
  const hub = (): number => Math.floor(vertexCount * random() ** 2.5);
  const sources = new Int32Array(edgeCount);
  const targets = new Int32Array(edgeCount);
  for (let e = 0; e < edgeCount; e++) {
    sources[e] = hub();
    targets[e] = random() < 0.6 ? hub() : Math.floor(random() * vertexCount);
  }
  const weights = Float64Array.from(sources, () => Math.ceil(1000 * random() ** 4));
  return { vertexCount, sources, targets, weights };
}
