import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { canonicalCycle, elementaryCycles, heavyCycles, shortestPath } from './cycles.ts';
import { proposeCut } from './feedback.ts';
import { findEdge, type Graph, graphOf } from './graph.ts';
import { OnlineOrder } from './online-order.ts';
import { depthFirstOrder, topologicalOrder } from './order.ts';
import { bruteCycles, type DrawnGraph, drawGraph, isAcyclicWithout, reachable } from './random-graphs-world.ts';
import { cyclicComponents, stronglyConnected } from './scc.ts';

/** Random graphs that each comparison with brute force looks at; 100,000 and more by CLEW_GRAPHS. */
const GRAPHS = Number(process.env['CLEW_GRAPHS'] ?? 3000);

const of = (drawn: DrawnGraph): Graph => graphOf(drawn.vertexCount, drawn.sources, drawn.targets, drawn.weights);
const texts = (cycles: readonly Int32Array[]): string[] => cycles.map((cycle) => [...cycle].join(',')).sort();
const ALL = { countMax: 1e9, stepsMax: 1e12 };

function eachGraph(check: (drawn: DrawnGraph, graph: Graph) => void): void {
  const random = seededChance(7);
  for (let i = 0; i < GRAPHS; i++) {
    const drawn = drawGraph(random);
    const before = JSON.stringify(drawn);
    check(drawn, of(drawn));
    expect(JSON.stringify(drawn)).toBe(before);
  }
}

function complete(n: number): Graph {
  const pairs = Array.from({ length: n * n }, (_, i) => [Math.floor(i / n), i % n]).filter(([a, b]) => a !== b);
  return graphOf(n, pairs.map(([a]) => a), pairs.map(([, b]) => b)); // biome-ignore format: one pair a line says less
}

function ring(n: number): Graph {
  const sources = Int32Array.from({ length: n }, (_, i) => i);
  return graphOf(n, sources, sources.map((v) => (v + 1) % n)); // biome-ignore format: as above
}

describe('a graph from edges', () => {
  test('keeps each distinct edge once, sorted, with the sum of the weights', () => {
    const graph = graphOf(4, [2, 0, 2, 0, 3], [1, 3, 0, 3, 3], [1, 2, 3, 4, 5]);
    expect([...graph.offsets]).toEqual([0, 1, 1, 3, 4]);
    expect([...graph.targets]).toEqual([3, 0, 1, 3]);
    expect([...graph.weights]).toEqual([6, 3, 1, 5]);
    expect(findEdge(graph, 2, 1)).toBe(2);
    expect(findEdge(graph, 1, 2)).toBe(-1);
  });
});

describe(`against brute force on ${GRAPHS} random graphs of at most 8 vertices`, () => {
  test('components join exactly the vertices that reach one another, numbered along the edges', () => {
    eachGraph((drawn, graph) => {
      const { of: component } = stronglyConnected(graph);
      const reach = reachable(drawn);
      for (let a = 0; a < drawn.vertexCount; a++)
        for (let b = 0; b < drawn.vertexCount; b++) {
          const isTogether = a === b || (reach[a][b] && reach[b][a]);
          if ((component[a] === component[b]) !== isTogether) throw new Error(JSON.stringify(drawn));
          if (reach[a][b] && component[a] > component[b]) throw new Error(JSON.stringify(drawn));
        }
    });
  });

  test('cycles are the same, each once; with a bound on the length exactly the shorter ones', () => {
    eachGraph((drawn, graph) => {
      const expected = bruteCycles(drawn);
      const found = elementaryCycles(graph, ALL);
      if (found.truncated || texts(found.cycles).join(' ') !== expected.join(' '))
        throw new Error(JSON.stringify(drawn));
      for (const lengthMax of [1, 2, 3, 5]) {
        const bounded = elementaryCycles(graph, { ...ALL, lengthMax });
        const short = expected.filter((cycle) => cycle.split(',').length <= lengthMax);
        if (texts(bounded.cycles).join(' ') !== short.join(' ')) throw new Error(JSON.stringify(drawn));
      }
    });
  });

  test('orders lead forward, ties are broken by the least vertex, levels rise along edges between components', () => {
    eachGraph((drawn, graph) => {
      const order = topologicalOrder(graph);
      const reach = reachable(drawn);
      const place = new Int32Array(drawn.vertexCount);
      order.vertices.forEach((v, i) => {
        place[v] = i;
      });
      expect([...order.vertices].sort()).toEqual(Array.from({ length: drawn.vertexCount }, (_, i) => i).sort());
      expect(order.isCyclic).toBe(reach.some((row, v) => row[v]));
      expect(depthFirstOrder(graph) === null).toBe(order.isCyclic);
      const byDepth = new Int32Array(drawn.vertexCount);
      depthFirstOrder(graph)?.forEach((v, i) => {
        byDepth[v] = i;
      });
      drawn.sources.forEach((a, i) => {
        const b = drawn.targets[i];
        if (order.components.of[a] === order.components.of[b]) return;
        if (place[a] > place[b] || order.levels[a] >= order.levels[b]) throw new Error(JSON.stringify(drawn));
        if (!order.isCyclic && byDepth[a] > byDepth[b]) throw new Error(JSON.stringify(drawn));
      });
    });
  });

  test('the proposed cut breaks every cycle and has no edge to spare', () => {
    eachGraph((drawn, graph) => {
      const { edges, weight } = proposeCut(graph);
      const cut = new Set(edges.map(({ from, to }) => `${from} ${to}`));
      if (!isAcyclicWithout(drawn, (a, b) => cut.has(`${a} ${b}`))) throw new Error(JSON.stringify(drawn));
      for (const { from, to } of edges) {
        const less = (a: number, b: number) => cut.has(`${a} ${b}`) && !(a === from && b === to);
        if (isAcyclicWithout(drawn, less)) throw new Error(`${from} ${to} of ${JSON.stringify(drawn)}`);
      }
      expect(weight).toBe(edges.reduce((sum, edge) => sum + graph.weights[findEdge(graph, edge.from, edge.to)], 0));
    });
  });

  test('an order kept online refuses exactly the edges that close a cycle, with a real path', () => {
    const random = seededChance(11);
    for (let i = 0; i < GRAPHS; i++) {
      const drawn = drawGraph(random);
      const online = new OnlineOrder();
      for (let v = 0; v < drawn.vertexCount; v++) online.addVertex();
      const kept: [number, number][] = [];
      drawn.sources.forEach((from, e) => {
        const to = drawn.targets[e];
        if (random() < 0.2 && kept.length > 0) {
          const [[a, b]] = kept.splice(Math.floor(random() * kept.length), 1);
          if (!kept.some(([x, y]) => x === a && y === b)) online.remove(a, b);
        }
        const now = { ...drawn, sources: kept.map(([a]) => a), targets: kept.map(([, b]) => b) };
        const closes = from === to || reachable(now)[to][from];
        expect(online.wouldClose(from, to) !== null).toBe(closes);
        const path = online.insert(from, to);
        expect(path !== null).toBe(closes);
        if (path === null) kept.push([from, to]);
        else {
          expect([path[0], path[path.length - 1]]).toEqual([to, from]);
          for (let k = 1; k < path.length; k++) {
            expect(kept.some(([a, b]) => a === path[k - 1] && b === path[k])).toBe(true);
          }
        }
      });
    }
  });
});

describe('known graphs', () => {
  test('complete digraphs of 1 to 7 vertices have 0, 1, 5, 20, 84, 409, 2365 cycles', () => {
    const counts = [1, 2, 3, 4, 5, 6, 7].map((n) => elementaryCycles(complete(n), ALL).cycles.length);
    expect(counts).toEqual([0, 1, 5, 20, 84, 409, 2365]);
  });

  test('cycles through vertices that were finished before are found', () => {
    expect(texts(elementaryCycles(graphOf(3, [0, 1, 0, 2], [1, 0, 2, 1]), ALL).cycles)).toEqual(['0,1', '0,2,1']);
  });

  test('parallel edges do not multiply cycles, and a self-loop is one', () => {
    const graph = graphOf(2, [0, 0, 1, 1, 1], [1, 1, 0, 0, 1]);
    expect(texts(elementaryCycles(graph, ALL).cycles)).toEqual(['0,1', '1']);
  });

  test('a ring of a million vertices is one component, one cycle, and no stack overflow', () => {
    const graph = ring(1_000_000);
    expect(stronglyConnected(graph).count).toBe(1);
    expect(topologicalOrder(graph).isCyclic).toBe(true);
    expect(depthFirstOrder(graph)).toBeNull();
    const { cycles, truncated } = elementaryCycles(graph, { countMax: 10 });
    expect([cycles.length, cycles[0]?.length, truncated]).toEqual([1, 1_000_000, false]);
    expect(proposeCut(graph).edges.length).toBe(1);
  });

  test('400,000 vertices that are ready at once are ordered', () => {
    const order = topologicalOrder(graphOf(400_000, [], []));
    expect(order.vertices.every((v, i) => v === i)).toBe(true);
  });

  test('a tangle beyond counting answers at once and says that there is more', () => {
    const graph = complete(200);
    expect(elementaryCycles(graph, { countMax: 1000 })).toMatchObject({ truncated: true });
    expect(elementaryCycles(graph, { countMax: 1000 }).cycles.length).toBe(1000);
    expect(elementaryCycles(graph, { countMax: 1e9, lengthMax: 6, stepsMax: 100_000 }).truncated).toBe(true);
    expect(elementaryCycles(graph, { countMax: 1e9, lengthMax: 2 }).truncated).toBe(false);
  });

  test('the shortest cycle through each heavy edge comes heaviest first, each once', () => {
    const graph = graphOf(4, [0, 1, 2, 2, 3], [1, 2, 0, 3, 2], [9, 9, 1, 5, 7]);
    expect(heavyCycles(graph, 3).map((cycle) => [...cycle])).toEqual([
      [0, 1, 2],
      [2, 3],
    ]);
    expect([...canonicalCycle(Int32Array.of(2, 0, 1))]).toEqual([0, 1, 2]);
    expect(shortestPath(graph, 3, 1)).toEqual(Int32Array.of(3, 2, 0, 1));
    expect(shortestPath(graphOf(2, [0], [1]), 1, 0)).toBeNull();
  });

  test('the cut takes the light edge of a cycle', () => {
    const { edges, weight } = proposeCut(graphOf(3, [0, 1, 2], [1, 2, 0], [100, 50, 3]));
    expect([edges, weight]).toEqual([[{ from: 2, to: 0, weight: 3 }], 3]);
  });
});

describe('results of networkx (golden/networkx.json, made by golden/make-networkx.py)', () => {
  interface Golden {
    readonly networkx: string;
    readonly graphs: readonly {
      readonly vertexCount: number;
      readonly edges: readonly (readonly [number, number])[];
      readonly components: readonly (readonly number[])[];
      readonly cycles: readonly (readonly number[])[];
      readonly bounded4: number;
      readonly order: readonly number[] | null;
    }[];
  }
  const golden = JSON.parse(fs.readFileSync(new URL('golden/networkx.json', import.meta.url), 'utf8')) as Golden;

  test(`are ours: components, cycles, bounded cycles and the smallest topological order (networkx ${golden.networkx})`, () => {
    for (const { vertexCount, edges, components, cycles, bounded4, order } of golden.graphs) {
      const graph = graphOf(vertexCount, edges.map(([a]) => a), edges.map(([, b]) => b)); // biome-ignore format: as above
      const ours = cyclicComponents(graph).map((vertices) => [...vertices]);
      expect(ours).toEqual(components);
      expect(texts(elementaryCycles(graph, ALL).cycles)).toEqual(cycles.map((cycle) => cycle.join(',')).sort());
      expect(elementaryCycles(graph, { ...ALL, lengthMax: 4 }).cycles.length).toBe(bounded4);
      const { isCyclic, vertices } = topologicalOrder(graph);
      expect(isCyclic ? null : [...vertices]).toEqual(order);
    }
  });
});
