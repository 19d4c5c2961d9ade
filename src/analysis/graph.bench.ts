/**
 * What the graph algorithms cost: `node tools/run.mjs src/analysis/graph.bench.ts`. Each line is CPU time, the best of a few runs; the
 * number behind # is a digest of the answer, the same for the same code on every machine.
 */

import { cyclesAnswer, numberGraph, orderAnswer } from '../query/graph-answers.ts';
import { type CallEdge, serviceEdges } from './call-graph.ts';
import { CallSpansBuilder, KIND } from './call-spans.ts';
import { elementaryCycles, heavyCycles } from './cycles.ts';
import { spanOf } from './drawn-spans-world.ts';
import { proposeCut } from './feedback.ts';
import { type Graph, graphOf } from './graph.ts';
import { type Edges, randomEdges, ringEdges, tangleEdges } from './large-graphs-world.ts';
import { depthFirstOrder, topologicalOrder } from './order.ts';
import { pairCalls } from './pairing.ts';
import { cyclicComponents, stronglyConnected } from './scc.ts';

const RUNS = Number(process.argv[2] ?? 3);

function time(name: string, run: () => number): void {
  let best = Number.POSITIVE_INFINITY;
  let digest = 0;
  for (let i = 0; i < RUNS; i++) {
    const before = process.cpuUsage();
    digest = run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  process.stdout.write(`${name.padEnd(72)} ${best.toFixed(1).padStart(9)} ms  #${digest}\n`);
}

const made = ({ vertexCount, sources, targets }: Edges): Graph => graphOf(vertexCount, sources, targets);

const MILLION = 1_000_000;
const circle = made(ringEdges(MILLION));
time('components of a ring of 10^6', () => stronglyConnected(circle).count);
time('order of a ring of 10^6', () => topologicalOrder(circle).vertices.length);
const large = made(randomEdges(MILLION, 5 * MILLION));
time('components of 10^6 vertices, 5·10^6 edges', () => stronglyConnected(large).count);
time('order of its condensation', () => topologicalOrder(large).components.count);
const forward = made(randomEdges(MILLION, 5 * MILLION, true));
time('Kahn order of an acyclic one of the same size', () => topologicalOrder(forward).vertices[MILLION - 1] ?? 0);
time('depth-first order of it', () => depthFirstOrder(forward)?.[0] ?? -1);

const tangle = tangleEdges();
const services = graphOf(tangle.vertexCount, tangle.sources, tangle.targets, tangle.weights);
const largest = Math.max(...cyclicComponents(services).map((vertices) => vertices.length));
time(`services: components (largest ${largest})`, () => cyclicComponents(services).length);
time('services: 1,000 cycles of any length', () => elementaryCycles(services, { countMax: 1000 }).cycles.length);
time(
  'services: 1,000 cycles of at most 6',
  () => elementaryCycles(services, { countMax: 1000, lengthMax: 6 }).cycles.length,
);
time('services: shortest cycle through the 50 heaviest edges', () => heavyCycles(services, 50).length);
time('services: proposed cut', () => proposeCut(services).edges.length);

/** The same graph as calls, for the whole answer of the API. */
const edges: CallEdge[] = Array.from(tangle.sources, (from, i) => ({
  client: `service-${from}`,
  clientOperation: '',
  server: `service-${tangle.targets[i]}`,
  serverOperation: '',
  connection: '',
  calls: tangle.weights[i],
  failed: 0,
  waitNs: 1e6,
  serverNs: 1e6,
  histogram: new Map([[160, tangle.weights[i]]]),
  slowestNs: 1e6,
  slowestTraceId: String(i).padStart(32, '0'),
}));
const calls = { edges: serviceEdges(edges), reentrances: [], unpairedClients: 0, unpairedServers: 0, duplicates: 0 };
const question = { level: 'service', lengthMax: 6, limit: 10_000 } as const;
const { truncated } = cyclesAnswer(calls, question);
time(`services: the whole answer with 10,000 cycles (truncated: ${truncated})`, () => {
  const { cycles, components, cut } = cyclesAnswer(calls, question);
  return cycles.length + components.length + cut.edges.length;
});
time(
  'services: the whole answer about the order',
  () => orderAnswer('service', 'kahn', numberGraph(calls.edges)).order.length,
);

/** Traces of eleven spans: a server, four calls of another service with the client's and the server's side, two spans inside. */
function shopSpans(traces: number): CallSpansBuilder {
  const builder = new CallSpansBuilder(traces * 11);
  for (let t = 0; t < traces; t++) {
    const traceId = `trace${t}`;
    const base = t * 16 + 1;
    builder.add(spanOf({ traceId, id: base, service: `s${t % 40}`, kind: KIND.server, peer: 'user' }));
    builder.add(spanOf({ traceId, id: base + 1, parent: base, service: `s${t % 40}` }));
    builder.add(spanOf({ traceId, id: base + 2, parent: base + 1, service: `s${t % 40}` }));
    for (let c = 0; c < 4; c++) {
      const id = base + 3 + 2 * c;
      const callee = `s${(t * 7 + c * 3) % 40}`;
      builder.add(
        spanOf({ traceId, id, parent: base + 2, service: `s${t % 40}`, kind: KIND.client, durationNs: t * 977 }),
      );
      builder.add(spanOf({ traceId, id: id + 1, parent: id, service: callee, kind: KIND.server, durationNs: t * 500 }));
    }
  }
  return builder;
}

const TRACES = 50_000;
const spans = shopSpans(TRACES).finish();
time(`pairing of ${spans.count} spans (columns to edges)`, () => pairCalls(spans).edges.length);
time(`columns of ${spans.count} spans from text, ids in hexadecimal`, () => shopSpans(TRACES).finish().traceIds.length);
