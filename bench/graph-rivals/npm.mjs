// One job of one npm package: node npm.mjs PACKAGE JOB EDGES. The packages are looked for beside this file, where the bench has put a copy.
// Prints one JSON line: CPU milliseconds without building the graph, and a number that tells whether the answer is the same.
import fs from 'node:fs';

const [name, job, file] = process.argv.slice(2);
const numbers = new Int32Array(new Uint8Array(fs.readFileSync(file)).buffer);
const [vertexCount, edgeCount] = numbers;
const sources = numbers.subarray(2, 2 + edgeCount);
const targets = numbers.subarray(2 + edgeCount);

function measured(run) {
  const before = process.cpuUsage();
  const answer = run();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, answer };
}

async function graphology() {
  const { DirectedGraph } = (await import('graphology')).default;
  const { stronglyConnectedComponents } = (await import('graphology-components')).default;
  const graph = new DirectedGraph({ allowSelfLoops: true });
  for (let v = 0; v < vertexCount; v++) graph.addNode(v);
  for (let e = 0; e < edgeCount; e++) graph.mergeEdge(sources[e], targets[e]);
  if (job === 'components') return measured(() => stronglyConnectedComponents(graph).length);
  const { topologicalSort } = (await import('graphology-dag')).default;
  return measured(() => topologicalSort(graph).length);
}

async function tarjan() {
  const Graph = (await import('tarjan-graph')).default;
  const graph = new Graph.default();
  const out = Array.from({ length: vertexCount }, () => []);
  for (let e = 0; e < edgeCount; e++) out[sources[e]].push(String(targets[e]));
  for (let v = 0; v < vertexCount; v++) graph.add(String(v), out[v]);
  return measured(() => graph.getStronglyConnectedComponents().length);
}

async function graphlib() {
  const library = await import('@dagrejs/graphlib');
  const { Graph, alg } = library.default ?? library;
  const graph = new Graph({ directed: true });
  for (let v = 0; v < vertexCount; v++) graph.setNode(String(v));
  for (let e = 0; e < edgeCount; e++) graph.setEdge(String(sources[e]), String(targets[e]));
  return measured(() => (job === 'components' ? alg.tarjan(graph) : alg.topsort(graph)).length);
}

async function incremental() {
  const { default: library } = await import('incremental-cycle-detect');
  const graph = library.GenericGraphAdapter.create();
  for (let v = 0; v < vertexCount; v++) graph.addVertex(v);
  return measured(() => {
    let refused = 0;
    for (let e = 0; e < edgeCount; e++) if (!graph.addEdge(sources[e], targets[e])) refused++;
    return refused;
  });
}

const RIVALS = {
  'graphology-components': graphology,
  'tarjan-graph': tarjan,
  '@dagrejs/graphlib': graphlib,
  'incremental-cycle-detect': incremental,
};

try {
  console.log(JSON.stringify(await RIVALS[name]()));
} catch (error) {
  console.log(JSON.stringify({ problem: String(error.message).split('\n')[0] }));
}
