/**
 * node tools/run.mjs bench/graphs-main.ts [--rounds 3] [--limit-seconds 100] [--scale 1]
 * The graph algorithms beside npm packages, networkx and petgraph: the same graphs from the same files, each run in a process of its own,
 * CPU time without building the graph. The rivals are installed into a temporary folder; one that cannot be had is skipped, and why is said.
 */
import { type ExecFileException, execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { elementaryCycles } from '../src/analysis/cycles.ts';
import { graphOf } from '../src/analysis/graph.ts';
import { type Edges, randomEdges, ringEdges, tangleEdges } from '../src/analysis/large-graphs-world.ts';
import { OnlineOrder } from '../src/analysis/online-order.ts';
import { topologicalOrder } from '../src/analysis/order.ts';
import { stronglyConnected } from '../src/analysis/scc.ts';

type Job = 'components' | 'order' | 'cyclic order' | 'cycles' | 'online';

interface Shape {
  readonly name: string;
  readonly jobs: readonly Job[];
  readonly edges: Edges;
}

interface Rival {
  readonly name: string;
  readonly jobs: readonly Job[];
  /** Makes the rival ready in `directory`; the command that does one job. Rejects with why it cannot. */
  prepare(directory: string): Promise<(job: Job, file: string) => readonly string[]>;
}

type Outcome = { readonly cpuMs: number; readonly answer: number } | { readonly problem: string };

const RIVALS = path.join(process.cwd(), 'bench/graph-rivals');
const INSTALL_MS = 300_000;
const HEAP_MIB = 8_192;

const NPM = {
  'graphology-components': { jobs: ['components', 'order'], packages: ['graphology@0.26.0', 'graphology-types@0.24.8', 'graphology-components@1.5.4', 'graphology-dag@0.4.1'] }, // biome-ignore format: a row each
  'tarjan-graph': { jobs: ['components'], packages: ['tarjan-graph@3.0.0'] },
  '@dagrejs/graphlib': { jobs: ['components', 'order'], packages: ['@dagrejs/graphlib@4.0.6'] },
  'incremental-cycle-detect': { jobs: ['online'], packages: ['incremental-cycle-detect@0.4.0', 'tslib@2.8.1'] },
} as const satisfies Record<string, { jobs: readonly Job[]; packages: readonly string[] }>;

const ALL: readonly Rival[] = [
  ...Object.entries(NPM).map(([name, { jobs, packages }]) => npmRival(name, jobs, packages)),
  {
    name: 'networkx',
    jobs: ['components', 'order', 'cyclic order', 'cycles', 'online'],
    async prepare() {
      await run(['python3', '-c', 'import networkx'], os.tmpdir(), INSTALL_MS);
      return (job, file) => ['python3', path.join(RIVALS, 'networkx.py'), job, file];
    },
  },
  {
    name: 'petgraph',
    jobs: ['components', 'order', 'cyclic order', 'online'],
    async prepare(directory) {
      fs.cpSync(path.join(RIVALS, 'petgraph'), directory, { recursive: true });
      await run(['cargo', 'build', '--release', '--quiet'], directory, INSTALL_MS);
      return (job, file) => [path.join(directory, 'target/release/graph-rival'), job, file];
    },
  },
];

function npmRival(name: string, jobs: readonly Job[], packages: readonly string[]): Rival {
  return {
    name,
    jobs,
    async prepare(directory) {
      fs.writeFileSync(path.join(directory, 'package.json'), '{"private": true}\n');
      await run(['npm', 'install', '--no-audit', '--no-fund', '--silent', ...packages], directory, INSTALL_MS);
      const script = path.join(directory, 'npm.mjs');
      fs.copyFileSync(path.join(RIVALS, 'npm.mjs'), script);
      return (job, file) => [process.execPath, `--max-old-space-size=${HEAP_MIB}`, script, name, job, file];
    },
  };
}

/** What a command prints. Rejects with the last line of what it complains of. */
function run(command: readonly string[], cwd: string, timeoutMs: number): Promise<string> {
  const [program, ...rest] = command;
  return new Promise((resolve, reject) => {
    const options = { cwd, timeout: timeoutMs, maxBuffer: 1 << 24 };
    execFile(program ?? '', rest, options, (error: ExecFileException | null, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.killed) reject(new Error(`not within ${timeoutMs / 1000} s`));
      else
        reject(
          new Error(/heap out of memory/.test(stderr) ? `more than ${HEAP_MIB} MiB of heap` : lastLine(stderr, error)),
        );
    });
  });
}

const lastLine = (stderr: string, error: ExecFileException): string =>
  stderr.trim().split('\n').at(-1) || error.message.split('\n')[0] || 'it failed';

async function outcomeOf(command: readonly string[], timeoutMs: number): Promise<Outcome> {
  try {
    return JSON.parse(await run(command, process.cwd(), timeoutMs)) as Outcome;
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The best of some rounds, as many as fit into the limit of one. */
async function best(command: readonly string[], rounds: number, limitMs: number): Promise<Outcome> {
  const startedMs = performance.now();
  let found: Outcome = { problem: 'not run' };
  for (let round = 0; round < rounds && (round === 0 || performance.now() - startedMs < limitMs / 4); round++) {
    const outcome = await outcomeOf(command, limitMs);
    if ('problem' in outcome) return outcome;
    if ('problem' in found || outcome.cpuMs < found.cpuMs) found = outcome;
  }
  return found;
}

/** One job of Clew, in this process. */
function clewJob(job: Job, file: string): Outcome {
  const { vertexCount, sources, targets } = readEdges(file);
  const graph = graphOf(vertexCount, sources, targets);
  const online = new OnlineOrder();
  if (job === 'online') for (let v = 0; v < vertexCount; v++) online.addVertex();
  const jobs: Readonly<Record<Job, () => number>> = {
    components: () => stronglyConnected(graph).count,
    order: () => topologicalOrder(graph).vertices.length,
    'cyclic order': () => topologicalOrder(graph).components.count,
    cycles: () => elementaryCycles(graph, { countMax: 1000, lengthMax: 6 }).cycles.length,
    online: () => sources.reduce((refused, from, e) => refused + Number(online.insert(from, targets[e]) !== null), 0),
  };
  const before = process.cpuUsage();
  const answer = jobs[job]();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, answer };
}

function writeEdges(file: string, { vertexCount, sources, targets }: Edges): void {
  const numbers = Int32Array.of(vertexCount, sources.length);
  fs.writeFileSync(file, Buffer.concat([numbers, sources, targets].map((list) => Buffer.from(list.buffer))));
}

function readEdges(file: string): Edges {
  const numbers = new Int32Array(new Uint8Array(fs.readFileSync(file)).buffer);
  const end = 2 + (numbers[1] ?? 0);
  return { vertexCount: numbers[0] ?? 0, sources: numbers.slice(2, end), targets: numbers.slice(end) };
}

function shapes(scale: number): Shape[] {
  const million = Math.round(1_000_000 * scale);
  const at = (count: number): string => count.toLocaleString('en-US');
  const size = `${at(million)} vertices, ${at(5 * million)} edges`;
  return [
    { name: `ring of ${at(million)}`, jobs: ['components'], edges: ringEdges(million) },
    { name: size, jobs: ['components', 'cyclic order'], edges: randomEdges(million, 5 * million) },
    { name: `acyclic, ${size}`, jobs: ['order'], edges: randomEdges(million, 5 * million, true) },
    { name: '1,238 services, 4,271 edges', jobs: ['components', 'cycles'], edges: tangleEdges() },
    { name: '5,000 vertices, 25,000 edges one by one', jobs: ['online'], edges: randomEdges(5_000, 25_000) },
  ];
}

const show = (outcome: Outcome): string =>
  'problem' in outcome ? outcome.problem : `${outcome.cpuMs.toFixed(1).padStart(9)} ms  #${outcome.answer}`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      'limit-seconds': { type: 'string', default: '100' },
      scale: { type: 'string', default: '1' },
    },
  });
  const [rounds, limitMs] = [Number(values.rounds), Number(values['limit-seconds']) * 1000];
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-graphs-'));
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    const ready: { name: string; jobs: readonly Job[]; command: (job: Job, file: string) => readonly string[] }[] = [];
    for (const [number, rival] of ALL.entries()) {
      const own = path.join(directory, String(number));
      fs.mkdirSync(own);
      try {
        ready.push({ ...rival, command: await rival.prepare(own) });
      } catch (error) {
        print(`skipped: ${rival.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    for (const shape of shapes(Number(values.scale))) {
      const file = path.join(directory, 'edges');
      writeEdges(file, shape.edges);
      for (const job of shape.jobs) {
        const clew = [process.execPath, process.argv[1] ?? '', '--clew', job, file];
        print(`${job}: ${shape.name}`);
        print(`  ${'Clew'.padEnd(26)} ${show(await best(clew, rounds, limitMs))}`);
        for (const { name, jobs, command } of ready) {
          if (jobs.includes(job))
            print(`  ${name.padEnd(26)} ${show(await best(command(job, file), rounds, limitMs))}`);
        }
      }
    }
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

const [flag, job, file] = process.argv.slice(2);
if (flag === '--clew') process.stdout.write(JSON.stringify(clewJob(job as Job, file ?? '')));
else await main();
