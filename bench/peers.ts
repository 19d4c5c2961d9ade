/** Clew beside its peers: the same load, in turn, several rounds in one run, so that what else the machine does hits all alike. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePortList, listens, waitUntil } from '../test/support/clew.ts';
import { type Contender, type ContenderPorts, findContenders, type Job, jobOfClew, packingOf } from './contenders.ts';
import { CLEW_CORE, LOAD_CORE } from './cores.ts';
import type { LoadResult } from './load.ts';
import { cpuSeconds, peakMiB, waitForQuiet } from './processes.ts';
import { spawnLoad } from './spawn-load.ts';

export interface PeerRound {
  readonly spansPerCpuSecond: number;
  readonly spansPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all its processes together. */
  readonly peakMiB: number;
  /** Spans that were not acknowledged. */
  readonly refusedSpans: number;
  /** How long an answer takes at half of `spansPerSecond`, in requests of 100 spans, once the program is warm. */
  readonly half: { readonly spansPerSecond: number; readonly p50Ms: number; readonly p99Ms: number };
}

export interface PeerResult {
  readonly name: string;
  readonly job: Job;
  readonly rounds: readonly PeerRound[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

const START_MS_MAX = 30_000;
const HALF_LOAD_SECONDS = 8;
const STOP_MS_MAX = 20_000;

export interface PeerOptions {
  readonly spans: number;
  readonly peerRounds: number;
  /** None named: all. */
  readonly peerJobs: readonly string[];
  readonly log: (line: string) => void;
}

/** Runs every contender that is found `peerRounds` times with `spans` spans over gRPC, alternating. */
export async function measurePeers({ spans, peerRounds, peerJobs, log }: PeerOptions): Promise<PeerResult[]> {
  const contenders = findContenders(log).filter(({ job }) => peerJobs.length === 0 || peerJobs.includes(job));
  const results = contenders.map(() => [] as PeerRound[]);
  for (let round = 1; round <= peerRounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const measured = await measureContender(contender, spans);
      results[i].push(measured);
      log(
        `round ${round}  ${contender.job.padEnd(16)} ${contender.name.padEnd(24)} ${String(measured.spansPerCpuSecond).padStart(8)} spans/CPU-s  ` +
          `${String(measured.spansPerSecond).padStart(8)} spans/s  p50 ${measured.p50Ms} p99 ${measured.p99Ms} ms  ${measured.peakMiB} MiB` +
          `  at half of that p50 ${measured.half.p50Ms} p99 ${measured.half.p99Ms} ms` +
          (measured.refusedSpans > 0 ? `  ${measured.refusedSpans} spans refused` : ''),
      );
    }
  }
  return contenders.map(({ name, job }, i) => summaryOf(name, job, results[i]));
}

function summaryOf(name: string, job: Job, rounds: readonly PeerRound[]): PeerResult {
  const sorted = rounds.map((round) => round.spansPerCpuSecond).sort((a, b) => a - b);
  return {
    name,
    job,
    rounds,
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    min: sorted[0] ?? 0,
    max: sorted[sorted.length - 1] ?? 0,
  };
}

async function measureContender(contender: Contender, spans: number): Promise<PeerRound> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-peers-'));
  const sink = await startSink();
  const [grpc, http, ...other] = await freePortList(4);
  const ports: ContenderPorts = { grpc, http, other, sink: sink.port };
  const command = [...CLEW_CORE, ...contender.command(directory, ports)];
  const child = spawn(command[0], command.slice(1), { stdio: 'ignore', env: { ...process.env, GOMAXPROCS: '1' } });
  try {
    await listening(child, grpc);
    await sleep(1_000);
    const pid = child.pid ?? 0;
    const before = cpuSeconds(pid);
    const door = { protocol: 'grpc', port: grpc, encoding: packingOf(contender.job) } as const;
    const load = await spawnLoad({ ...door, spans, inflight: 16, seconds: 300 }, LOAD_CORE);
    await waitForQuiet(pid);
    const cpu = cpuSeconds(pid) - before;
    const rate = Math.round(load.spansPerSecond / 2);
    const slower = { rate, spans: rate * HALF_LOAD_SECONDS, seconds: 60, inflight: 64, run: 2, per: 100 };
    return roundOf(load, cpu, pid, await spawnLoad({ ...door, ...slower }, LOAD_CORE));
  } finally {
    await stop(child);
    sink.close();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function roundOf(load: LoadResult, cpu: number, pid: number, half: LoadResult): PeerRound {
  return {
    spansPerCpuSecond: Math.round(load.acknowledgedSpans / cpu),
    spansPerSecond: load.spansPerSecond,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    peakMiB: [...peakMiB(pid).values()].reduce((sum, mib) => sum + mib, 0),
    refusedSpans: load.sentSpans - load.acknowledgedSpans,
    half: { spansPerSecond: half.spansPerSecond, p50Ms: half.p50Ms, p99Ms: half.p99Ms },
  };
}

/** Resolves when something listens on the port; rejects when the program has ended before. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  const isOpen = await waitUntil(`${child.spawnfile} listens on port ${port}`, START_MS_MAX, async () =>
    child.exitCode === null ? listens(port) : false,
  );
  if (!isOpen) throw new Error(`${child.spawnfile} ended with ${child.exitCode} before it listened`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}

/** A next hop that takes everything and answers at once, in this process: its time is nobody's. */
async function startSink(): Promise<{ readonly port: number; close(): void }> {
  const server = http2.createServer({ settings: { initialWindowSize: 1 << 24 } });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.setLocalWindowSize(1 << 24);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.resume();
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

/** The medians with their ratios to Clew's. */
export function peerTable(results: readonly PeerResult[]): string[] {
  return results.map(({ name, job, median, min, max }) => {
    const own = results.find((other) => other.job === jobOfClew(job) && other.name === 'Clew')?.median ?? 0;
    const ratio = name === 'Clew' || own === 0 ? '' : `  Clew is ${(own / median).toFixed(2)} times that`;
    return `${job.padEnd(16)} ${name.padEnd(24)} min ${min}, median ${median}, max ${max} spans/CPU-s${ratio}`;
  });
}
