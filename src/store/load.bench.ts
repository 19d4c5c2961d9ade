/**
 * What a span costs inside the store: `node tools/run.mjs src/store/load.bench.ts [spans]`. Real requests through the transcoder,
 * sealed, loaded, merged; then searches. Processor time is the whole process's, so the merges that ran meanwhile are in it.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeTemplates, stamp } from '../../bench/payload.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { sealSegment } from '../journal/seal.ts';
import { receiverDirectory, segmentId } from '../journal/segment-files.ts';
import { freeze, SegmentColumns, transcode } from '../transcode/transcode.ts';
import { openStore, type Store } from './store.ts';

const SPANS = Number(process.argv[2] ?? 2_000_000);
const SEGMENT_SPANS = 100_000;
const REQUEST_SPANS = 500;
const SEARCHES = 41;

// The clock's timers do not keep a process alive.
const alive = setInterval(() => {}, 1000);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-load-bench-'));
const journalDirectory = path.join(directory, 'journal');
await sealAll();
const store = await openStore({
  engine: { path: path.join(directory, 'store') },
  disk: nodeDisk,
  clock: systemClock,
  journalDirectory,
  report: (text) => console.log(text),
});
const loading = await measured(() => store.idle());
const settling = await measured(() => store.waitForMerges());
print('load, with the merges that ran meanwhile', loading);
print('merges until quiet', settling);
await describeTables();
await searchAll(`settled`);
const full = await measured(() => store.engine.command('OPTIMIZE TABLE otel_traces FINAL'));
print('one full merge', full);
await describeTables();
await searchAll('one part');
console.log(`memory ${Math.round(process.memoryUsage.rss() / 1e6)} MB`);
await store.close();
clearInterval(alive);
fs.rmSync(directory, { recursive: true, force: true });

async function sealAll(): Promise<void> {
  const receiver = receiverDirectory(journalDirectory, 0);
  fs.mkdirSync(receiver, { recursive: true });
  const templates = makeTemplates(500, REQUEST_SPANS);
  const startMs = Date.now() - (SPANS / SEGMENT_SPANS) * 1000;
  for (let segment = 0; segment * SEGMENT_SPANS < SPANS; segment++) {
    const columns = new SegmentColumns();
    for (let i = 0; i * REQUEST_SPANS < SEGMENT_SPANS; i++) {
      const sequence = (segment * SEGMENT_SPANS) / REQUEST_SPANS + i;
      const body = stamp(templates[sequence % templates.length], 1, sequence, startMs + segment * 1000);
      const result = transcode(columns, 'traces', body, '', BigInt(Date.now()) * 1_000_000n);
      if (result.kind !== 'ok') throw new Error(result.message);
    }
    const id = segmentId(1, segment);
    const identity = { instance: '0123456789abcdef', receiver: 0, segment: id };
    await sealSegment(nodeDisk, receiver, identity, { bytes: 0, records: 0 }, freeze(columns));
  }
}

interface Cost {
  readonly cpuUs: number;
  readonly wallMs: number;
}

async function measured(work: () => Promise<unknown>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpuUs: user + system, wallMs: performance.now() - start };
}

function print(name: string, { cpuUs, wallMs }: Cost): void {
  console.log(`${name}: ${(cpuUs / SPANS).toFixed(2)} CPU-us a span, ${(wallMs / 1000).toFixed(1)} s`);
}

async function describeTables(): Promise<void> {
  for (const { table, rows, bytes, parts } of (await store.status()).tables) {
    if (rows > 0) console.log(`  ${table}: ${rows} rows in ${parts} parts, ${(bytes / SPANS).toFixed(1)} B a span`);
  }
}

async function searchAll(state: string): Promise<void> {
  const { rows } = await store.engine.query(
    `SELECT TraceId, SpanAttributes['enduser.id'], SpanAttributes['url.path'] FROM otel_traces ORDER BY cityHash64(SpanId) LIMIT ${SEARCHES}`,
  );
  const texts = rows.map((row) => row.map(String));
  const search = (name: string, sql: string, values: readonly string[]) =>
    report(store, `${state}: ${name}`, sql, values);
  await search(
    'by id, all columns',
    'SELECT * FROM otel_traces WHERE TraceId = {value:String} SETTINGS max_threads = 1, max_read_buffer_size_local_fs = 16384',
    texts.map(([id]) => id),
  );
  const byItem = 'SELECT DISTINCT TraceId FROM otel_traces WHERE has(SpanAttributeItems, {value:String}) LIMIT 20';
  await search(
    'enduser.id',
    byItem,
    texts.map(([, user]) => `enduser.id=${user}`),
  );
  await search(
    'url.path',
    byItem,
    texts.map(([, , url]) => `url.path=${url}`),
  );
  await search(
    'status code (common)',
    byItem,
    texts.map(() => 'http.response.status_code=500'),
  );
}

async function report(store: Store, name: string, sql: string, values: readonly string[]): Promise<void> {
  const times: number[] = [];
  for (const value of values) {
    const start = performance.now();
    await store.engine.query(sql, { params: { value } });
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))].toFixed(1);
  console.log(`  ${name}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`);
}
