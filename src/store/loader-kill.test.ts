import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sealTestSegment } from '../../test/support/segments.ts';
import { TABLES } from '../base/names.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { openStore } from './store.ts';

/** More kills for a campaign: CLEW_KILLS=500. */
const KILLS = Number(process.env['CLEW_KILLS'] ?? 12);
const SEGMENTS_A_ROUND = 12;
const SPANS = 40;
/** Loading a round takes about this long, so that kills fall anywhere in it. */
const ROUND_MS = 600;
/** Below the repository, so that the compiled child finds its packages. */
const BUILD = path.join(process.cwd(), '.build', `loader-kill-${process.pid}`);
const CHILD = path.join(process.cwd(), 'test/support/loader-child.mjs');

let directory: string;

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-kill-'));
  const compiler = path.join(process.cwd(), 'node_modules/typescript/bin/tsc');
  const flags = ['--noCheck', '--outDir', BUILD, '--sourceMap', 'false'];
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.json', ...flags]);
  expect(status, String(stdout)).toBe(0);
});
afterAll(() => {
  fs.rmSync(directory, { recursive: true, force: true });
  fs.rmSync(BUILD, { recursive: true, force: true });
});

it(`${KILLS} kills at random moments of loading lose no row and double none`, {
  timeout: 60_000 + KILLS * 5000,
}, async () => {
  const journalDirectory = path.join(directory, 'journal');
  let segments = 0;
  let killedInTheMiddle = 0;
  for (let round = 0; round < KILLS; round++) {
    for (let i = 0; i < SEGMENTS_A_ROUND; i++) {
      await sealTestSegment({ journalDirectory, receiver: i % 2, sequence: segments++, spans: SPANS });
    }
    const child = spawn(process.execPath, [CHILD, BUILD, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await opened(child);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * ROUND_MS));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    if (sealedLeft(journalDirectory) > 0) killedInTheMiddle++;
  }
  // Else the kills came when all was loaded, and the test proves nothing.
  expect(killedInTheMiddle).toBeGreaterThan(KILLS / 4);

  const store = await openStore({
    engine: { path: path.join(directory, 'store') },
    disk: nodeDisk,
    clock: systemClock,
    journalDirectory,
  });
  await store.idle();
  for (const [table, unique] of [
    [TABLES.traces, 'SpanId'],
    [TABLES.traceIds, 'TraceId'],
    [TABLES.logs, 'Body'],
  ]) {
    const { rows } = await store.engine.query(`SELECT count(), uniqExact(${unique}) FROM ${table}`);
    expect(rows, table).toEqual([[String(segments * SPANS), String(segments * SPANS)]]);
  }
  expect(sealedLeft(journalDirectory)).toBe(0);
  await store.close();
});

function opened(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the loading process ended by itself with ${code}`)));
    child.stdout?.once('data', () => resolve());
  });
}

function sealedLeft(journalDirectory: string): number {
  const names = fs.readdirSync(journalDirectory, { recursive: true }).map(String);
  return names.filter((name) => name.endsWith('.sealed')).length;
}
