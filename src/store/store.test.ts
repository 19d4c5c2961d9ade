import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startClickHouse } from '../../test/support/clickhouse-server.ts';
import { sealTestSegment, TEST_DAY } from '../../test/support/segments.ts';
import { TABLES } from '../base/names.ts';
import { ALL_TABLES } from '../columns/tables.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { attributeKeysOf } from './attribute-keys.ts';
import { restore } from './backup.ts';
import { insertToken } from './load-plan.ts';
import type { RetentionRules } from './retention.ts';
import { openStore, type Store } from './store.ts';

const DAY_MS = 86_400_000;

describe('the store', () => {
  let directory: string;
  let store: Store;
  const dataOf = (name: string) => path.join(directory, name);
  const journalOf = (name: string) => path.join(dataOf(name), 'journal');
  const open = (name: string, retention: RetentionRules = {}, report: (text: string) => void = () => {}) =>
    openStore({
      engine: { path: path.join(dataOf(name), 'store') },
      disk: nodeDisk,
      clock: systemClock,
      journalDirectory: journalOf(name),
      retention,
      report,
    });
  const spans = async () => (await store.engine.query('SELECT SpanId FROM otel_traces ORDER BY SpanId')).rows.flat();

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-store-'));
    fs.mkdirSync(dataOf('a'));
    fs.writeFileSync(path.join(dataOf('a'), 'instance'), '0123456789abcdef\n');
  });
  afterEach(async () => {
    await store.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  it('makes every table with every column and tells what they hold', async () => {
    store = await open('a');
    const { rows } = await store.engine.query(
      'SELECT table, name, type FROM system.columns WHERE database = currentDatabase()',
    );
    const made = new Set(rows.map(([table, name, type]) => `${table}.${name} ${type}`));
    for (const table of ALL_TABLES) {
      for (const { name, type } of table.columns) expect(made).toContain(`${table.name}.${name} ${type}`);
    }
    await sealTestSegment({ journalDirectory: journalOf('a'), sequence: 0, spans: 5 });
    store.notify(0, '0000000100000000');
    await waitFor(async () => (await store.status()).loadedSegments === 1);
    const status = await store.status();
    expect(status.kind).toBe('embedded');
    expect(status.memoryBytes).toBeGreaterThan(0);
    expect(status.tables.map(({ table }) => table)).toEqual(ALL_TABLES.map(({ name }) => name));
    expect(status.tables[0]).toMatchObject({
      table: TABLES.traces,
      rows: 5,
      parts: 2,
      oldest: '2026-01-01 00:00:00.000000000',
      newest: '2026-01-02 00:00:00.003000000',
    });
    expect(status.tables.at(-1)).toMatchObject({ table: TABLES.summary, rows: 0, oldest: null, newest: null });
  });

  it('answers searches by trace id, attribute and text from their indexes', async () => {
    store = await open('a');
    for (const [sql, index] of [
      ["SELECT count() FROM otel_traces WHERE TraceId = 'x'", 'idx_trace_id'],
      ["SELECT count() FROM otel_traces WHERE has(SpanAttributeHashes, cityHash64('k', 'v'))", 'idx_span_attr_hashes'],
      [
        "SELECT count() FROM otel_traces WHERE has(ResourceAttributeHashes, cityHash64('k', 'v'))",
        'idx_res_attr_hashes',
      ],
      ['SELECT count() FROM otel_traces WHERE Duration > 5', 'idx_duration'],
      ["SELECT count() FROM otel_logs WHERE TraceId = 'x'", 'idx_trace_id'],
      ["SELECT count() FROM otel_logs WHERE has(LogAttributeHashes, cityHash64('k', 'v'))", 'idx_log_attr_hashes'],
      ["SELECT count() FROM otel_logs WHERE hasToken(lower(Body), 'x')", 'idx_lower_body'],
      ["SELECT count() FROM otel_logs WHERE hasAllTokens(lower(Body), ['x', 'y'])", 'idx_lower_body'],
    ]) {
      // With no rows there is nothing to explain.
      await store.engine.command(`INSERT INTO ${/FROM (\w+)/.exec(sql)?.[1]} (Timestamp) SELECT toDateTime64(0, 9)`);
      const { rows } = await store.engine.query(`EXPLAIN indexes = 1 ${sql}`);
      expect(rows.join('\n'), sql).toContain(index);
    }
  });

  it('merges young parts with one another, and leaves alone what is merged already', async () => {
    store = await open('a');
    const levels = async (): Promise<number[]> => {
      const parts = `SELECT level FROM system.parts WHERE table = '${TABLES.traces}' AND level > 0`;
      return (await store.engine.query(parts)).rows.map(([level]) => Number(level));
    };
    let merged = await levels();
    // Until there is a second part of young ones, or one of merged ones.
    for (let parts = 0; parts < 60 && merged.length < 2; parts++) {
      await store.engine.command(
        `INSERT INTO ${TABLES.traces} (Timestamp, SpanId, SpanName) SELECT '2026-01-01 00:00:00', toString(number), randomString(500) FROM numbers(1000)`,
      );
      await waitFor(async () => (await store.engine.query('SELECT count() FROM system.merges')).rows[0][0] === '0');
      merged = await levels();
    }
    expect(merged).toEqual([1, 1]);
  });

  it('drops days that are too old, of one signal, and says which', async () => {
    const reports: string[] = [];
    store = await open('a', { traces: { days: 3 } }, (text) => reports.push(text));
    const journalDirectory = journalOf('a');
    const ages = [0, 2, 4, 400];
    for (const [sequence, age] of ages.entries()) {
      const day = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS - age * DAY_MS);
      store.notify(0, (await sealTestSegment({ journalDirectory, sequence, spans: 2, day })).segment);
    }
    await waitFor(async () => (await store.status()).loadedSegments === ages.length);
    const dropped = await store.applyRetention();
    // Each segment lies on its day and the day before it: -1, 0 | -3, -2 | -5, -4 | -401, -400. Day -3 ended less than three days ago.
    expect(dropped.map(({ table, rows }) => [table, rows])).toEqual(
      [-401, -400, -5, -4].flatMap(() => [
        [TABLES.traces, 1],
        [TABLES.traceIds, 1],
      ]),
    );
    expect((await spans()).length).toBe(4);
    expect((await store.engine.query('SELECT count() FROM otel_logs')).rows).toEqual([['8']]);
    expect(reports.filter((text) => text.includes('retention dropped'))).toHaveLength(8);
    expect(await store.applyRetention()).toEqual([]);
  });

  it('goes on from a backup that was taken while segments came in: every row once', async () => {
    store = await open('a');
    const journalDirectory = journalOf('a');
    const sequences = Array.from({ length: 12 }, (_, i) => i);
    for (const sequence of sequences.slice(0, 6)) {
      store.notify(0, (await sealTestSegment({ journalDirectory, sequence, spans: 4 })).segment);
    }
    await attributeKeysOf(store.engine).ensure(TABLES.traces, ['SpanAttributes'], { SpanAttributes: ['user'] });
    // Six more are sealed behind the loader's back: neither stored nor known to it.
    for (const sequence of sequences.slice(6)) await sealTestSegment({ journalDirectory, sequence, spans: 4 });
    const report = await store.backup(dataOf('backup'));
    expect(report.segments).toBeGreaterThanOrEqual(6);
    await store.idle();
    await store.close();

    await restore(nodeDisk, dataOf('backup'), dataOf('b'));
    store = await open('b');
    await store.idle();
    const expected = sequences.flatMap((sequence) => [0, 1, 2, 3].map((i) => `0-${sequence}-${i}`)).sort();
    expect(await spans()).toEqual(expected);
    const keys = attributeKeysOf(store.engine);
    const held = ['user', 'host'].map((key) => keys.mayHold(TABLES.traces, 'SpanAttributes', key));
    expect(held).toEqual([true, false]);
    expect(
      fs.existsSync(path.join(dataOf('a'), 'store/shadow')) && fs.readdirSync(path.join(dataOf('a'), 'store/shadow')),
    ).toEqual(['increment.txt']);
    expect(fs.readFileSync(path.join(dataOf('b'), 'instance'), 'utf8')).toBe('0123456789abcdef\n');
  });

  it('refuses to restore a damaged, unfinished or misplaced backup', async () => {
    store = await open('a');
    const journalDirectory = journalOf('a');
    store.notify(0, (await sealTestSegment({ journalDirectory, sequence: 0, spans: 4, day: TEST_DAY })).segment);
    await store.idle();
    const backup = dataOf('backup');
    const { files } = await store.backup(backup);
    await expect(store.backup(backup)).rejects.toThrow('not empty');
    await store.close();

    await expect(restore(nodeDisk, backup, dataOf('a'))).rejects.toThrow('not empty');
    const victim = path.join(backup, files.find((file) => file.path.endsWith('data.bin'))?.path ?? '');
    const bytes = fs.readFileSync(victim);
    bytes[bytes.length >> 1] ^= 1;
    fs.writeFileSync(victim, bytes);
    await expect(restore(nodeDisk, backup, dataOf('b'))).rejects.toThrow(`${victim} is damaged`);
    fs.rmSync(path.join(backup, 'backup.json'));
    await expect(restore(nodeDisk, backup, dataOf('b'))).rejects.toThrow('no finished backup');
    expect(fs.existsSync(dataOf('b'))).toBe(false);
  });
});

it('keeps the same promises on a ClickHouse server', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-store-'));
  const server = await startClickHouse();
  const journalDirectory = path.join(directory, 'journal');
  const store = await openStore({
    engine: { url: server.url, database: 'clew' },
    disk: nodeDisk,
    clock: systemClock,
    journalDirectory,
  });
  const sealed = await sealTestSegment({ journalDirectory, sequence: 0, spans: 7 });
  // Loaded in part, as by a process that was killed.
  const { table, columns, file } = sealed.tables[0];
  const token = insertToken(sealed, table);
  await store.engine.insertNative({ table, columns, token, path: path.join(journalDirectory, 'r0', file) });
  store.notify(0, sealed.segment);
  await store.idle();
  await store.waitForMerges();
  const status = await store.status();
  expect(status).toMatchObject({ kind: 'server', loadedSegments: 1, loadFailures: 0 });
  expect(status.tables.slice(0, 3).map(({ rows }) => rows)).toEqual([7, 7, 7]);
  await expect(store.backup(path.join(directory, 'backup'))).rejects.toThrow("are its operator's");
  await store.close();
  await server.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
