/**
 * What a span costs inside the store, alone: real requests through the transcoder, sealed before the clock starts; then loaded and merged.
 * `node tools/run.mjs src/store/load.bench.ts [spans]`. Processor time is the whole process's, so the merges that ran meanwhile are in it.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeTemplates, stamp } from '../../bench/payload.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { sealSegment } from '../journal/seal.ts';
import { receiverDirectory, segmentId } from '../journal/segment-files.ts';
import { freezeWhole, SegmentColumns, transcode } from '../transcode/transcode.ts';
import { openStore } from './store.ts';

export interface LoadBenchResult {
  readonly spans: number;
  /** Loading, with the merges that ran meanwhile. */
  readonly loadCpuMicrosPerSpan: number;
  /** Merges from then until quiet. */
  readonly settleCpuMicrosPerSpan: number;
  /** Of the two trace tables. */
  readonly bytesPerSpan: number;
  readonly parts: number;
}

const SEGMENT_SPANS = 75_000;
const REQUEST_SPANS = 500;

/** Seals `spans` spans (at least one segment), loads them into a new embedded store, waits for the merges. */
export async function benchLoad(spans: number): Promise<LoadBenchResult> {
  // The clock's timers do not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-load-bench-'));
  const journalDirectory = path.join(directory, 'journal');
  const sealed = await sealAll(journalDirectory, spans);
  const store = await openStore({
    engine: { path: path.join(directory, 'store') },
    disk: nodeDisk,
    clock: systemClock,
    journalDirectory,
  });
  try {
    const loadMicros = await cpuOf(() => store.idle());
    const settleMicros = await cpuOf(() => store.waitForMerges());
    const tables = (await store.status()).tables.filter(({ table }) => table.startsWith('otel_traces'));
    return {
      spans: sealed,
      loadCpuMicrosPerSpan: loadMicros / sealed,
      settleCpuMicrosPerSpan: settleMicros / sealed,
      bytesPerSpan: tables.reduce((sum, { bytes }) => sum + bytes, 0) / sealed,
      parts: tables.reduce((sum, { parts }) => sum + parts, 0),
    };
  } finally {
    await store.close();
    clearInterval(alive);
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

async function sealAll(journalDirectory: string, spans: number): Promise<number> {
  const receiver = receiverDirectory(journalDirectory, 0);
  fs.mkdirSync(receiver, { recursive: true });
  const templates = makeTemplates(200, REQUEST_SPANS);
  const columns = new SegmentColumns();
  const segments = Math.max(1, Math.round(spans / SEGMENT_SPANS));
  const startMs = Date.now() - segments * 1000;
  for (let segment = 0; segment < segments; segment++) {
    for (let i = 0; i * REQUEST_SPANS < SEGMENT_SPANS; i++) {
      const sequence = (segment * SEGMENT_SPANS) / REQUEST_SPANS + i;
      const body = stamp(templates[sequence % templates.length], 1, sequence, startMs + segment * 1000);
      const result = transcode(columns, 'traces', body, '', BigInt(startMs) * 1_000_000n);
      if (result.kind !== 'ok') throw new Error(result.message);
    }
    const identity = { instance: '0123456789abcdef', receiver: 0, segment: segmentId(1, segment) };
    await sealSegment(nodeDisk, receiver, identity, { bytes: 0, records: 0 }, freezeWhole(columns));
    columns.reset();
  }
  return segments * SEGMENT_SPANS;
}

async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

if (process.argv[1]?.endsWith('load.bench.js')) {
  console.log(await benchLoad(Number(process.argv[2] ?? 2_000_000)));
}
