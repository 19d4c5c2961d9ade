/**
 * Kills processes of a running Clew with SIGKILL at random moments while it takes in load, starts the supervisor again when it was the one,
 * and at the end compares every span that was acknowledged with every span that is stored.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { processTree } from '../../bench/processes.ts';
import { seededChance } from '../../src/host/seeded-chance.ts';
import type { Status } from '../../src/query/api.ts';
import { freePorts, type RunningClew, startClew, waitUntil } from '../support/clew.ts';
import { type Comparison, startLoad } from './span-ledger.ts';

export type Target = 'receiver' | 'store' | 'supervisor';

export interface CrashOptions {
  readonly kills: number;
  readonly seed: number;
  readonly receivers: number;
  /** Spans a second of the load. */
  readonly rate: number;
  /** Time between a recovery and the next kill, at most. */
  readonly pauseMsMax: number;
  readonly log: (line: string) => void;
}

export interface CrashReport extends Comparison {
  readonly kills: readonly { readonly target: Target; readonly recoveryMs: number }[];
  readonly recoveryMsMax: number;
}

const RUN = 0x00c1e3;
const RECOVERY_MS_MAX = 30_000;
/** A question to a process that was killed meanwhile may never be answered. */
const ANSWER_MS_MAX = 2_000;

async function status(clew: RunningClew): Promise<Status> {
  const response = await fetch(`${clew.url.api}/api/v1/status`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  if (!response.ok) throw new Error(`status answered ${response.status}`);
  return (await response.json()) as Status;
}

/** Pids of the direct children of the supervisor, by role. Receivers say their pid in the status; the other child is the store. */
async function children(clew: RunningClew, receivers: number): Promise<{ receivers: number[]; store: number }> {
  return waitUntil('all processes are up', RECOVERY_MS_MAX, async () => {
    const living = new Set(processTree(clew.pid).slice(1));
    const known = (await status(clew)).receivers.filter((r) => r.up && living.has(r.pid)).map((r) => r.pid);
    const others = [...living].filter((pid) => !known.includes(pid));
    return known.length === receivers && others.length === 1 ? { receivers: known, store: others[0] as number } : null;
  });
}

async function accepts(clew: RunningClew): Promise<true | null> {
  const answer = await fetch(`${clew.url.http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: new Uint8Array(0),
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  return answer.status === 200 ? true : null;
}

/** Everything acknowledged is in the store: no segment is waiting and the number of rows stands still. */
async function settled(clew: RunningClew): Promise<void> {
  let last = -1;
  await waitUntil('the store has everything', 120_000, async () => {
    const waiting = (await status(clew)).journal.sealedSegments;
    const [row] = await clew.sql('SELECT count() FROM otel_traces');
    const count = Number(row?.[0]);
    const still = waiting === 0 && count === last;
    last = count;
    if (!still) await new Promise((resolve) => setTimeout(resolve, 1_500));
    return still ? true : null;
  });
}

/** One whole campaign. The data directory is temporary and removed when all is well; it is kept, and named, when something was lost or doubled. */
export async function runCrashCampaign(options: CrashOptions): Promise<CrashReport> {
  const random = seededChance(options.seed);
  const dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-crash-'));
  const ports = await freePorts();
  const start = (): Promise<RunningClew> =>
    startClew({ dataDirectory, ports, flags: ['--receivers', String(options.receivers)], readyMs: RECOVERY_MS_MAX });
  let clew = await start();
  const load = startLoad({ port: ports.http, rate: options.rate, run: RUN });
  const kills: { target: Target; recoveryMs: number }[] = [];
  const targets: readonly Target[] = ['receiver', 'store', 'supervisor'];
  for (let i = 0; i < options.kills; i++) {
    const pids = await children(clew, options.receivers);
    await new Promise((resolve) => setTimeout(resolve, random() * options.pauseMsMax));
    const target = targets[i % targets.length] as Target;
    const killedAt = performance.now();
    if (target === 'supervisor') {
      await clew.kill();
      clew = await start();
    } else {
      const pid =
        target === 'store' ? pids.store : (pids.receivers[Math.floor(random() * pids.receivers.length)] as number);
      process.kill(pid, 'SIGKILL');
    }
    await waitUntil('a receiver accepts', RECOVERY_MS_MAX, () => accepts(clew));
    if (target === 'receiver') await children(clew, options.receivers);
    const recoveryMs = Math.round(performance.now() - killedAt);
    kills.push({ target, recoveryMs });
    options.log(
      `kill ${i + 1}/${options.kills}: ${target}, accepting again after ${recoveryMs} ms, ${load.acknowledged.size} requests acknowledged`,
    );
  }
  await load.stop();
  await settled(clew);
  const result = await load.compare(clew);
  await clew.stop();
  if (result.lostSpans === 0 && result.doubledSpans === 0) fs.rmSync(dataDirectory, { recursive: true, force: true });
  else options.log(`kept for a look: ${dataDirectory}`);
  return {
    kills,
    ...result,
    recoveryMsMax: Math.max(...kills.map((kill) => kill.recoveryMs)),
  };
}
