/** How soon a Clew that was killed under full load takes in again, and how fast a backlog of its journal reaches the store. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type RunningClew, startClew, waitUntil } from '../test/support/clew.ts';
import { CLEW_CORE, LOAD_CORE } from './cores.ts';
import { countSpans, statusOf, waitForSpans } from './ingest.ts';
import { makeTemplates, stamp } from './payload.ts';
import { processTree } from './processes.ts';
import { spawnLoad } from './spawn-load.ts';

export interface RecoveryResult {
  /** Spans a second that were stored at full load, from the first request until all could be found. */
  readonly fullLoadSpansPerSecond: number;
  readonly backlogSpans: number;
  /** Bytes of the requests in the backlog. */
  readonly backlogBytes: number;
  /** From the start of the killed Clew until it acknowledged a request. */
  readonly acceptingAfterMs: number;
  /** From that start until all of the backlog was found, as spans a second. */
  readonly drainSpansPerSecond: number;
  readonly lostSpans: number;
}

const BYTES_A_SPAN = 421;
const WARM_UP_SPANS = 200_000;

/**
 * Fills the journal with `backlogBytes` of requests while the store stands still, kills every process in the middle of the load, starts
 * anew on the same directory and counts.
 */
export async function measureRecovery(backlogBytes: number): Promise<RecoveryResult> {
  const dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-recovery-'));
  const start = () => startClew({ dataDirectory, prefix: CLEW_CORE, readyMs: 60_000 });
  try {
    const first = await start();
    await load(first, WARM_UP_SPANS, 1);
    await waitForSpans(first, WARM_UP_SPANS);
    const fullLoadSpansPerSecond = await fullRate(first);
    const before = await countSpans(first);
    const backlogSpans = await fillAndKill(first, Math.ceil(backlogBytes / BYTES_A_SPAN));
    const startedAt = performance.now();
    const second = await start();
    const acceptingAfterMs = await untilAccepting(second, startedAt);
    await waitForSpans(second, before + backlogSpans);
    const drainMs = performance.now() - startedAt;
    // What was in flight when it was killed may be there as well.
    const found = (await countSpans(second)) - before;
    await second.stop();
    return {
      fullLoadSpansPerSecond,
      backlogSpans,
      backlogBytes: backlogSpans * BYTES_A_SPAN,
      acceptingAfterMs: Math.round(acceptingAfterMs),
      drainSpansPerSecond: Math.round((backlogSpans / drainMs) * 1000),
      lostSpans: Math.max(0, backlogSpans - found),
    };
  } finally {
    fs.rmSync(dataDirectory, { recursive: true, force: true });
  }
}

function load(clew: RunningClew, spans: number, run: number) {
  return spawnLoad({ protocol: 'http', port: clew.ports.http, spans, seconds: 300, inflight: 16, run }, LOAD_CORE);
}

const FULL_LOAD_SPANS = 1_000_000;

async function fullRate(clew: RunningClew): Promise<number> {
  const before = await countSpans(clew);
  const startedAt = performance.now();
  const { acknowledgedSpans } = await load(clew, FULL_LOAD_SPANS, 2);
  await waitForSpans(clew, before + acknowledgedSpans);
  return Math.round((acknowledgedSpans / (performance.now() - startedAt)) * 1000);
}

/** Spans that were acknowledged while the store stood still, the last of them just before everything was killed. */
async function fillAndKill(clew: RunningClew, spans: number): Promise<number> {
  const receivers = new Set((await statusOf(clew)).receivers.map(({ pid }) => pid));
  const pids = processTree(clew.pid);
  const stores = pids.filter((pid) => pid !== clew.pid && !receivers.has(pid));
  for (const pid of stores) process.kill(pid, 'SIGSTOP');
  const { acknowledgedSpans } = await load(clew, spans, 3);
  // A second load is under way when the kill comes; what it has sent is not counted on.
  const interrupted = load(clew, spans, 4);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await clew.kill();
  await interrupted;
  return acknowledgedSpans;
}

async function untilAccepting(clew: RunningClew, startedAt: number): Promise<number> {
  const [template] = makeTemplates(1, 1, 1);
  await waitUntil('a request is acknowledged', 60_000, async () => {
    const response = await fetch(`${clew.url.http}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: new Uint8Array(stamp(template, 5, 1, Date.now())),
    });
    return response.status === 200 ? true : null;
  });
  return performance.now() - startedAt;
}
