/** Ingest into the queryable store: spans per CPU-second of the whole process tree, durable acknowledgement latency, memory, bytes at rest. */
import type { Status } from '../src/query/api.ts';
import { type RunningClew, startClew } from '../test/support/clew.ts';
import { CLEW_CORE, LOAD_CORE } from './cores.ts';
import type { LoadResult } from './load.ts';
import { cpuSeconds, ownCpuSeconds, peakMiB, processTree, waitForQuiet } from './processes.ts';
import { type SpawnedLoad, spawnLoad } from './spawn-load.ts';

export interface IngestResult {
  readonly name: string;
  readonly load: LoadResult;
  /** CPU seconds of supervisor, receivers and store, from the first request until merges have settled. */
  readonly cpuSeconds: number;
  readonly spansPerCpuSecond: number;
  /** The same without waiting for merges: what a fixed pause of 3 s after the load sees (as shared peers measurements do). */
  readonly spansPerCpuSecondAfter3s: number;
  readonly storedSpans: number;
  /** Bytes of the active parts of otel_traces and otel_traces_trace_id_ts, merged. */
  readonly bytesPerSpan: number;
  /** From the last acknowledgement until all spans are found by a query. */
  readonly visibleAfterMs: number;
  /** CPU microseconds a span by process. */
  readonly cpuMicrosPerSpan: Readonly<Record<string, number>>;
  /** Peak resident memory by process, MiB. */
  readonly peakMiB: Readonly<Record<string, number>>;
}

const SETTLE_MS_MAX = 180_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function statusOf(clew: RunningClew): Promise<Status> {
  const response = await fetch(`${clew.url.api}/api/v1/status`);
  return (await response.json()) as Status;
}

export async function countSpans(clew: RunningClew): Promise<number> {
  const [row] = await clew.sql('SELECT count() FROM otel_traces');
  return Number(row?.[0] ?? 0);
}

/** Waits until `expected` spans are found, and answers how long that took. */
export async function waitForSpans(clew: RunningClew, expected: number): Promise<number> {
  const started = performance.now();
  while ((await countSpans(clew)) < expected) {
    if (performance.now() - started > SETTLE_MS_MAX)
      throw new Error(`only ${await countSpans(clew)} of ${expected} spans arrived`);
    await sleep(100);
  }
  return Math.round(performance.now() - started);
}

/** Which process of the tree is what: `supervisor`, `receiver 0`, …, `store`. */
async function rolesOf(clew: RunningClew): Promise<ReadonlyMap<number, string>> {
  const receivers = new Map((await statusOf(clew)).receivers.map((r) => [r.pid, `receiver ${r.receiver}`]));
  const role = (pid: number): string => (pid === clew.pid ? 'supervisor' : (receivers.get(pid) ?? 'store'));
  return new Map(processTree(clew.pid).map((pid) => [pid, role(pid)]));
}

/** A figure of each process, by its role. */
function byRole(roles: ReadonlyMap<number, string>, figure: (pid: number) => number): Record<string, number> {
  return Object.fromEntries([...roles].map(([pid, role]) => [role, figure(pid)]));
}

/** Bytes a span at rest: every active part of the two trace tables over the spans in them. */
export async function bytesPerSpan(clew: RunningClew, spans: number): Promise<number> {
  const { store } = await statusOf(clew);
  const bytes = store.tables
    .filter((table) => table.table.startsWith('otel_traces'))
    .reduce((sum, table) => sum + table.bytes, 0);
  return Number((bytes / Math.max(1, spans)).toFixed(1));
}

/**
 * Starts a fresh Clew, sends one load, waits for everything to settle, measures.
 * @param keep called with the running Clew before it is stopped, for measurements on what it now holds
 */
export async function measureIngest(
  name: string,
  load: SpawnedLoad,
  keep?: (clew: RunningClew) => Promise<void>,
): Promise<IngestResult> {
  const clew = await startClew({ prefix: CLEW_CORE });
  try {
    const port = load.protocol === 'grpc' ? clew.ports.grpc : clew.ports.http;
    await sleep(1_000);
    const roles = await rolesOf(clew);
    const cpuBefore = cpuSeconds(clew.pid);
    const ownBefore = new Map([...roles.keys()].map((pid) => [pid, ownCpuSeconds(pid)]));
    const result = await spawnLoad({ ...load, port }, LOAD_CORE);
    const [visibleAfterMs, cpuAfter3s] = await Promise.all([
      waitForSpans(clew, result.acknowledgedSpans),
      sleep(3_000).then(() => cpuSeconds(clew.pid)),
    ]);
    await waitForQuiet(clew.pid);
    const cpu = cpuSeconds(clew.pid) - cpuBefore;
    const storedSpans = await countSpans(clew);
    const microsOf = (pid: number): number =>
      Number((((ownCpuSeconds(pid) - (ownBefore.get(pid) ?? 0)) / result.acknowledgedSpans) * 1e6).toFixed(2));
    const peaks = peakMiB(clew.pid);
    const measured = {
      name,
      load: result,
      cpuSeconds: Number(cpu.toFixed(2)),
      spansPerCpuSecond: Math.round(result.acknowledgedSpans / cpu),
      spansPerCpuSecondAfter3s: Math.round(result.acknowledgedSpans / (cpuAfter3s - cpuBefore)),
      storedSpans,
      bytesPerSpan: await bytesPerSpan(clew, storedSpans),
      visibleAfterMs,
      cpuMicrosPerSpan: byRole(roles, microsOf),
      peakMiB: byRole(roles, (pid) => peaks.get(pid) ?? 0),
    };
    await keep?.(clew);
    return measured;
  } finally {
    await clew.stop();
  }
}
