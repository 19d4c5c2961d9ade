/** Many small requests beside large ones, in one run of one Clew: requests a second, and what a span costs the receivers in each. */
import net from 'node:net';
import { type RunningClew, startClew } from '../test/support/clew.ts';
import { countSpans, statusOf, waitForSpans } from './ingest.ts';
import type { LoadResult } from './load.ts';
import { ownCpuSeconds } from './processes.ts';
import type { SpawnedLoad } from './spawn-load.ts';

export interface SmallOptions {
  /** Of each load. */
  readonly seconds: number;
  readonly connections: number;
  /** Connections that are kept open and say nothing. */
  readonly idle: number;
  readonly receivers: number;
  /** Sends a load: from a process of its own where its time must not be counted. */
  readonly send: (load: SpawnedLoad) => Promise<LoadResult>;
  /** Waits until a Clew, by its process, is idle: its merges have settled. */
  readonly settle: (pid: number) => Promise<void>;
  readonly log: (line: string) => void;
}

export interface SmallResult {
  readonly receivers: number;
  readonly loads: readonly SmallLoad[];
  /** Resident memory of all receivers, MiB, before the idle connections were opened and while they were open. */
  readonly idle: { readonly connections: number; readonly beforeMiB: number; readonly openMiB: number };
}

interface SmallLoad {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly spansPerSecond: number;
  readonly receiverCpuMicrosPerSpan: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly codes: Readonly<Record<string, number>>;
}

/** The large requests come first and warm the receivers up for both. */
const LOADS: readonly { readonly name: string; readonly load: SpawnedLoad; readonly isSmall: boolean }[] = [
  { name: 'warm-up', load: { per: 500, inflight: 16 }, isSmall: false },
  { name: '500 spans, 16 in flight', load: { per: 500, inflight: 16 }, isSmall: false },
  { name: '10 spans of 5 resources', load: { per: 10 }, isSmall: true },
  { name: '10 spans of 1 resource', load: { per: 10, resources: 1 }, isSmall: true },
];

/** Starts a Clew that may use every core, sends each load in turn, then opens the idle connections. */
export async function measureSmall(options: SmallOptions): Promise<SmallResult> {
  const { send, settle, log } = options;
  const clew = await startClew({ flags: ['--receivers', `${options.receivers}`] });
  try {
    const loads: SmallLoad[] = [];
    for (const [run, { name, load, isSmall }] of LOADS.entries()) {
      const inflight = isSmall ? { inflight: options.connections } : {};
      const measured = await measureLoad(clew, name, send, {
        ...load,
        ...inflight,
        run: run + 1,
        seconds: options.seconds,
      });
      await settle(clew.pid);
      if (name === 'warm-up') continue;
      loads.push(measured);
      log(
        `${options.receivers} receivers  ${name.padEnd(24)} ${measured.requestsPerSecond} requests/s  ${measured.spansPerSecond} spans/s  ` +
          `receivers ${measured.receiverCpuMicrosPerSpan} CPU-µs a span  p50 ${measured.p50Ms} p99 ${measured.p99Ms} ms`,
      );
    }
    const idle = await measureIdle(clew, options.idle);
    log(`${idle.connections} idle connections: receivers ${idle.beforeMiB} MiB before, ${idle.openMiB} MiB with them`);
    return { receivers: options.receivers, loads, idle };
  } finally {
    await clew.stop();
  }
}

/** One load; what it left is stored, and then merged, before the next begins, so that none pays for another. */
async function measureLoad(
  clew: RunningClew,
  name: string,
  send: SmallOptions['send'],
  load: SpawnedLoad,
): Promise<SmallLoad> {
  const before = await countSpans(clew);
  const cpu = await receiverCpuSeconds(clew);
  const result = await send({ ...load, port: clew.ports.http, spans: Number.MAX_SAFE_INTEGER });
  const spent = (await receiverCpuSeconds(clew)) - cpu;
  await waitForSpans(clew, before + result.acknowledgedSpans);
  const requests = Object.values(result.codes).reduce((sum, count) => sum + count, 0);
  return {
    name,
    requestsPerSecond: Math.round(requests / result.wallSeconds),
    spansPerSecond: result.spansPerSecond,
    receiverCpuMicrosPerSpan: Number(((spent / result.acknowledgedSpans) * 1e6).toFixed(2)),
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    codes: result.codes,
  };
}

async function receiverCpuSeconds(clew: RunningClew): Promise<number> {
  const { receivers } = await statusOf(clew);
  return receivers.reduce((sum, { pid }) => sum + ownCpuSeconds(pid), 0);
}

/** Vitals are sent once a second. */
const VITALS_MS = 2_000;

async function receiverMiB(clew: RunningClew): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, VITALS_MS));
  const { receivers } = await statusOf(clew);
  return Math.round(receivers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0) / 2 ** 20);
}

const PROBE = 'GET / HTTP/1.1\r\nhost: idle\r\n\r\n';

/** Opens connections, has each answered once so that it is kept alive, and reads the receivers' memory while they are open. */
async function measureIdle(clew: RunningClew, count: number): Promise<SmallResult['idle']> {
  const beforeMiB = await receiverMiB(clew);
  const sockets: net.Socket[] = [];
  try {
    for (let opened = 0; opened < count; opened += OPENED_AT_ONCE) {
      const some = Math.min(OPENED_AT_ONCE, count - opened);
      sockets.push(...(await Promise.all(Array.from({ length: some }, () => openIdle(clew.ports.http)))));
    }
    const openMiB = await receiverMiB(clew);
    return { connections: sockets.filter((socket) => !socket.destroyed).length, beforeMiB, openMiB };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Below what a listening socket queues. */
const OPENED_AT_ONCE = 100;

function openIdle(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(PROBE));
    socket.once('data', () => resolve(socket));
    socket.on('error', reject);
  });
}
