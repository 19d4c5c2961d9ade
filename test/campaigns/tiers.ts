/**
 * Edge → regional → central as separate programs under load at the edge, with SIGKILL of any process of any of them at random moments, and
 * a proxy on each hop that cuts connections, also between a request and its answer. At the end every span that the edge acknowledged is
 * compared with every span at the centre, and the order in which the centre took things in with the order in which they were sent.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { processTree } from '../../bench/processes.ts';
import { seededChance } from '../../src/host/seeded-chance.ts';
import type { FleetNode } from '../../src/query/api-fleet.ts';
import { freePorts, type Ports, type RunningClew, startClew, waitUntil } from '../support/clew.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { type OrderComparison, startOrderProbe } from './order-probe.ts';
import { type Comparison, startLoad } from './span-ledger.ts';

export interface TiersOptions {
  readonly kills: number;
  readonly seed: number;
  /** Receivers of the regional and the central Clew, so that streams move between processes. */
  readonly receivers: number;
  readonly rate: number;
  readonly pauseMsMax: number;
  readonly transport: 'http' | 'grpc';
  readonly compression: string;
  readonly log: (line: string) => void;
}

export interface TiersReport extends Comparison, OrderComparison {
  readonly kills: number;
  readonly cuts: number;
  /** Batches that a tier was sent again and did not store again, since its processes were last started. */
  readonly repeatedBatches: number;
  /** Whether received = forwarded + queued + dead + dropped + lost with nothing queued, at edge and regional. */
  readonly accountsClosed: boolean;
}

/** Nothing lost, nothing doubled, nothing out of its order, and the accounts say so. */
export const isTiersWell = (report: TiersReport): boolean =>
  report.lostSpans + report.doubledSpans + report.lostRecords + report.doubledRecords + report.outOfOrder === 0 &&
  report.accountsClosed;

const RUN = 0x00c1e4;
const READY_MS_MAX = 40_000;
const SETTLE_MS_MAX = 180_000;

type Tier = 'edge' | 'regional' | 'central';
const TIERS: readonly Tier[] = ['edge', 'regional', 'central'];

interface Node {
  readonly tier: Tier;
  readonly ports: Ports;
  readonly directory: string;
  readonly flags: readonly string[];
  clew: RunningClew;
}

const start = (node: Omit<Node, 'clew'>): Promise<RunningClew> =>
  startClew({ dataDirectory: node.directory, ports: node.ports, flags: node.flags, readyMs: READY_MS_MAX });

async function fleetOf(node: Node): Promise<FleetNode> {
  const answer = await fetch(`${node.clew.url.api}/api/v1/fleet`, { signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`${node.tier} answered ${answer.status}`);
  return (await answer.json()) as FleetNode;
}

/** Sums of one forwarding tier. */
async function account(node: Node): Promise<{ received: number; settled: number; queued: number; repeated: number }> {
  const fleet = await fleetOf(node);
  const accounts = fleet.destinations.flatMap((destination) => destination.accounts);
  const sum = (of: (entry: (typeof accounts)[number]) => number): number =>
    accounts.reduce((total, entry) => total + of(entry), 0);
  return {
    received: sum((entry) => entry.received),
    settled: sum((entry) => entry.forwarded + entry.dead + entry.dropped + entry.lost),
    queued: sum((entry) => entry.queued),
    repeated: fleet.receivers.reduce((total, receiver) => total + receiver.repeated, 0),
  };
}

/** Nothing is queued anywhere and the number of rows stands still. */
async function settle(nodes: readonly Node[], central: Node): Promise<void> {
  let last = '';
  await waitUntil('everything is at the centre', SETTLE_MS_MAX, async () => {
    const forwarding = await Promise.all(nodes.filter((node) => node !== central).map(account));
    const [row] = await central.clew.sql('SELECT (SELECT count() FROM otel_traces) + (SELECT count() FROM otel_logs)');
    const state = JSON.stringify([forwarding, row]);
    const still = state === last && forwarding.every(({ queued }) => queued === 0);
    last = state;
    if (!still) await new Promise((resolve) => setTimeout(resolve, 2_500));
    return still ? true : null;
  });
}

/** Kills the whole Clew or one of its processes; resolves when it is up again. */
async function kill(node: Node, random: () => number): Promise<string> {
  const tree = processTree(node.clew.pid);
  const victim = tree[Math.floor(random() * tree.length)] ?? node.clew.pid;
  if (victim === node.clew.pid) {
    await node.clew.kill();
    node.clew = await start(node);
    return 'supervisor';
  }
  try {
    process.kill(victim, 'SIGKILL');
  } catch {
    // It ended by itself a moment ago.
  }
  return `child ${victim}`;
}

async function disturb(proxies: readonly CuttingProxy[], random: () => number): Promise<void> {
  const proxy = proxies[Math.floor(random() * proxies.length)];
  const kind = random();
  if (kind < 0.4) proxy?.cut(true);
  else if (kind < 0.7) proxy?.cut(false);
  else {
    proxy?.down(true);
    await new Promise((resolve) => setTimeout(resolve, random() * 400));
    proxy?.down(false);
  }
}

/** Starts all three, each hop through a proxy. */
async function startTiers(options: TiersOptions, root: string): Promise<{ nodes: Node[]; proxies: CuttingProxy[] }> {
  const { transport } = options;
  const ports = { edge: await freePorts(), regional: await freePorts(), central: await freePorts() };
  const proxies = [new CuttingProxy(ports.regional[transport]), new CuttingProxy(ports.central[transport])];
  const [toRegional, toCentral] = await Promise.all(proxies.map((proxy) => proxy.listen()));
  const forward = (port: number | undefined): string[] => [
    '--forward',
    `${transport}://127.0.0.1:${port}`,
    '--send-compression',
    options.compression,
    '--send-timeout',
    '5s',
  ];
  const receivers = ['--receivers', String(options.receivers)];
  const flags: Record<Tier, string[]> = {
    edge: ['edge', '--receivers', '1', ...forward(toRegional)],
    regional: ['regional', ...receivers, ...forward(toCentral)],
    central: ['central', ...receivers],
  };
  const nodes: Node[] = [];
  for (const tier of TIERS) {
    const node = { tier, ports: ports[tier], directory: path.join(root, tier), flags: flags[tier] };
    nodes.push({ ...node, clew: await start(node) });
  }
  return { nodes, proxies };
}

/** One whole campaign. Data directories are removed when all is well, and kept and named otherwise. */
export async function runTiersCampaign(options: TiersOptions): Promise<TiersReport> {
  const { log } = options;
  const random = seededChance(options.seed);
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-tiers-'));
  const { nodes, proxies } = await startTiers(options, root);
  const [edge, , central] = nodes as [Node, Node, Node];
  const load = startLoad({ port: edge.ports.http, rate: options.rate, run: RUN });
  const probe = startOrderProbe(edge.ports.http);
  for (let i = 0; i < options.kills; i++) {
    await new Promise((resolve) => setTimeout(resolve, random() * options.pauseMsMax));
    await disturb(proxies, random);
    const node = nodes[Math.floor(random() * nodes.length)] as Node;
    log(`kill ${i + 1}: ${node.tier}, ${await kill(node, random)}`);
  }
  await Promise.all([load.stop(), probe.stop()]);
  await settle(nodes, central);
  const accounts = await Promise.all(nodes.slice(0, 2).map(account));
  const repeated = await Promise.all(nodes.slice(1).map(async (node) => (await fleetOf(node)).receivers));
  const report: TiersReport = {
    kills: options.kills,
    cuts: proxies.reduce((sum, proxy) => sum + proxy.cuts, 0),
    ...(await load.compare(central.clew)),
    ...(await probe.compare(central.clew)),
    repeatedBatches: repeated.flat().reduce((sum, receiver) => sum + receiver.repeated, 0),
    accountsClosed: accounts.every(({ received, settled, queued }) => queued === 0 && received === settled),
  };
  for (const proxy of proxies) proxy.close();
  for (const node of nodes) await node.clew.stop();
  if (isTiersWell(report)) fs.rmSync(root, { recursive: true, force: true });
  else log(`kept: ${root}`);
  return report;
}
