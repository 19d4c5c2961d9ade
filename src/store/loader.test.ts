import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealTestSegment } from '../../test/support/segments.ts';
import { LIMITS } from '../base/limits.ts';
import { TABLES } from '../base/names.ts';
import { ManualClock } from '../host/manual-clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { markLoaded } from '../journal/forget.ts';
import { sealSegment } from '../journal/seal.ts';
import { segmentId } from '../journal/segment-files.ts';
import { freezeWhole, SegmentColumns, transcode } from '../transcode/transcode.ts';
import { jsonToProtobuf } from '../wire/json.ts';
import { AttributeKeys, attributeKeysOf } from './attribute-keys.ts';
import { openEmbedded } from './embedded.ts';
import { type Engine, EngineError, type NativeInsert } from './engine.ts';
import { insertToken } from './load-plan.ts';
import { Loader, type LoaderOptions } from './loader.ts';
import { migrate } from './migrations.ts';

const LOADED = [TABLES.traces, TABLES.traceIds, TABLES.logs] as const;

describe('the loader', () => {
  let directory: string;
  let journalDirectory: string;
  let receiver: string;
  let engine: Engine;
  const open = () => openEmbedded({ path: path.join(directory, 'store') });
  const makeLoader = (options: Partial<LoaderOptions> = {}) =>
    new Loader({ engine, disk: nodeDisk, clock: new ManualClock(), journalDirectory, ...options });
  const counts = async () => {
    const found: number[] = [];
    for (const table of LOADED) {
      const unique = table === TABLES.logs ? 'Body' : 'TraceId';
      const { rows } = await engine.query(`SELECT count(), uniqExact(${unique}) FROM ${table}`);
      expect(rows[0][0], table).toBe(rows[0][1]);
      found.push(Number(rows[0][0]));
    }
    return found;
  };

  beforeEach(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-loader-'));
    journalDirectory = path.join(directory, 'journal');
    receiver = path.join(journalDirectory, 'r0');
    fs.mkdirSync(receiver, { recursive: true });
    engine = await open();
    await migrate(engine);
  });
  afterEach(async () => {
    await engine.close();
    // The engine's threads may still be writing.
    fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  it('writes down which keys the attributes of a segment have', async () => {
    const columns = new SegmentColumns();
    const resource = { attributes: [{ key: 'host.name', value: { stringValue: 'a' } }] };
    const span = {
      traceId: '01'.repeat(16),
      spanId: '02'.repeat(8),
      attributes: [{ key: 'user', value: { intValue: '1' } }],
    };
    const request = { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] };
    const body = jsonToProtobuf('traces', Buffer.from(JSON.stringify(request)));
    expect(transcode(columns, 'traces', body, '', 1n)).toMatchObject({ accepted: 1 });
    const identity = { instance: '0123456789abcdef', receiver: 0, segment: segmentId(1, 0) };
    await sealSegment(nodeDisk, receiver, identity, { bytes: 21, records: 1 }, freezeWhole(columns));
    await attributeKeysOf(engine).read();
    const loader = makeLoader();
    await loader.start();
    await loader.idle();
    await loader.close();
    const restarted = new AttributeKeys(engine);
    await restarted.read();
    for (const keys of [attributeKeysOf(engine), restarted]) {
      const places = ['user', 'host.name', 'nothing'].map((key) =>
        ['SpanAttributes', 'ResourceAttributes'].filter((column) => keys.mayHold(TABLES.traces, column, key)),
      );
      expect(places).toEqual([['SpanAttributes'], ['ResourceAttributes'], []]);
    }
  });

  it('loads every table of a segment that spans midnight, forgets it and says so', async () => {
    const { segment } = await sealTestSegment({ journalDirectory, sequence: 0, spans: 11 });
    const forgotten: string[] = [];
    const loader = makeLoader({ onForgotten: (index, name) => forgotten.push(`${index}/${name}`) });
    await loader.start();
    await loader.idle();
    expect(await counts()).toEqual([11, 11, 11]);
    expect(fs.readdirSync(receiver)).toEqual([]);
    expect(forgotten).toEqual([`0/${segment}`]);
    expect(loader.status()).toMatchObject({
      loadedSegments: 1,
      loadFailures: 0,
      pendingSegments: 0,
      lastLoadError: null,
    });
    const days = await engine.query('SELECT DISTINCT toString(toDate(Timestamp)) AS d FROM otel_traces ORDER BY d');
    expect(days.rows).toEqual([['2026-01-01'], ['2026-01-02']]);
    await loader.close();
  });

  it('loads a backlog of many segments of several receivers, oldest first', async () => {
    const segments = new Set<string>();
    for (let sequence = 0; sequence < 12; sequence++) {
      for (const index of [0, 1]) {
        segments.add((await sealTestSegment({ journalDirectory, receiver: index, sequence, spans: 3 })).segment);
      }
    }
    const begun = new Map<string, Set<string>>();
    const overtaken: number[] = [];
    const watched: Engine = {
      ...engine,
      async insertNative(insert: NativeInsert) {
        const [, receiver = '', segment = ''] = /(r\d)\/([0-9a-f]{16})[^/]*$/.exec(insert.path) ?? [];
        begun.set(segment, (begun.get(segment) ?? new Set()).add(receiver));
        const older = [...segments].filter((other) => other < segment);
        overtaken.push(older.reduce((sum, other) => sum + 2 - (begun.get(other)?.size ?? 0), 0));
        await engine.insertNative(insert);
      },
    };
    const loader = makeLoader({ engine: watched });
    await loader.start();
    await loader.idle();
    expect(await counts()).toEqual([72, 72, 72]);
    // Of those that are under way at once, one may be quicker than those before it.
    expect(Math.max(...overtaken)).toBeLessThan(LIMITS.loadsInParallel);
    await loader.close();
  });

  it('loads a segment when it is told of it', async () => {
    const loader = makeLoader();
    await loader.start();
    const { segment } = await sealTestSegment({ journalDirectory, sequence: 5, spans: 2 });
    await loader.notify(0, segment);
    await loader.notify(0, segment);
    await loader.notify(0, 'ffffffffffffffff');
    await loader.idle();
    expect(await counts()).toEqual([2, 2, 2]);
    expect(loader.status().loadFailures).toBe(0);
    await loader.close();
  });

  it('finds a segment that it was not told of', async () => {
    const clock = new ManualClock();
    const loader = makeLoader({ clock });
    await loader.start();
    await sealTestSegment({ journalDirectory, sequence: 6, spans: 2 });
    clock.advance(LIMITS.loadRescanMs);
    await until(() => loader.status().loadedSegments === 1);
    await loader.close();
  });

  it('inserts nothing twice when a segment is loaded again after a restart, whole or in part', async () => {
    const whole = await sealTestSegment({ journalDirectory, sequence: 0, spans: 8 });
    const part = await sealTestSegment({ journalDirectory, sequence: 1, spans: 8 });
    for (const sealed of [whole, part]) {
      for (const { table, columns, file } of sealed.tables) {
        if (sealed === part && table !== TABLES.traces) continue;
        const token = insertToken(sealed, table);
        await engine.insertNative({ table, columns, path: path.join(receiver, file), token });
      }
    }
    await engine.close();
    engine = await open();
    const loader = makeLoader();
    await loader.start();
    await loader.idle();
    expect(await counts()).toEqual([16, 16, 16]);
    await loader.close();
  });

  it('completes a segment of which only the first of two days was inserted', async () => {
    const sealed = await sealTestSegment({ journalDirectory, sequence: 0, spans: 8 });
    const loader = makeLoader();
    for (const { table, columns, file } of sealed.tables) {
      const insert = { table, columns, path: path.join(receiver, file), token: insertToken(sealed, table) };
      await engine.insertNative(insert);
      // As after a kill between the parts of the two days: one part, and its mark, are not there.
      await engine.command(`ALTER TABLE ${table} DROP PARTITION ID '20260102'`);
    }
    expect(await counts()).toEqual([4, 4, 4]);
    await loader.start();
    await loader.idle();
    expect(await counts()).toEqual([8, 8, 8]);
    await loader.close();
  });

  it('forgets without loading what was marked as loaded before a crash', async () => {
    const { segment } = await sealTestSegment({ journalDirectory, sequence: 0, spans: 8 });
    await markLoaded(nodeDisk, receiver, segment);
    const forgotten: string[] = [];
    const loader = makeLoader({ onForgotten: (_, name) => forgotten.push(name) });
    await loader.start();
    await loader.idle();
    expect(await counts()).toEqual([0, 0, 0]);
    expect([forgotten, fs.readdirSync(receiver)]).toEqual([[segment], []]);
    await loader.close();
  });

  it('tries again for ever when the store fails, and goes on with the tables that are missing', async () => {
    await sealTestSegment({ journalDirectory, sequence: 0, spans: 4 });
    const clock = new ManualClock();
    const inserted: string[] = [];
    let failures = 20;
    const failing: Engine = {
      ...engine,
      async insertNative(insert: NativeInsert) {
        if (insert.table === TABLES.logs && failures-- > 0) throw new EngineError('no memory', 241);
        inserted.push(insert.table);
        await engine.insertNative(insert);
      },
    };
    const loader = makeLoader({ engine: failing, clock });
    await loader.start();
    await until(() => {
      clock.advance(1000);
      return loader.status().loadedSegments === 1;
    });
    expect(inserted).toEqual(LOADED);
    expect(loader.status()).toMatchObject({ loadFailures: 20, damagedSegments: 0 });
    expect(await counts()).toEqual([4, 4, 4]);
    await loader.close();
  });

  it('stores once what was inserted without its answer coming back', async () => {
    await sealTestSegment({ journalDirectory, sequence: 0, spans: 4 });
    const clock = new ManualClock();
    let lost = 3;
    const cut: Engine = {
      ...engine,
      async insertNative(insert: NativeInsert) {
        await engine.insertNative(insert);
        if (insert.table === TABLES.logs && lost-- > 0) throw new EngineError('connection reset', 0);
      },
    };
    const loader = makeLoader({ engine: cut, clock });
    await loader.start();
    await until(() => {
      clock.advance(1000);
      return loader.status().loadedSegments === 1;
    });
    expect(loader.status().loadFailures).toBe(3);
    expect(await counts()).toEqual([4, 4, 4]);
    await loader.close();
  });

  it('sets a damaged segment aside with everything it has, and loads the others meanwhile', async () => {
    const damaged = await sealTestSegment({ journalDirectory, sequence: 0, spans: 4 });
    const file = path.join(receiver, damaged.tables[0].file);
    const bytes = fs.readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    fs.writeFileSync(file, bytes);
    await sealTestSegment({ journalDirectory, sequence: 1, spans: 3 });
    const before = fs.readdirSync(receiver).filter((name) => name.startsWith(damaged.segment));
    const clock = new ManualClock();
    const reports: string[] = [];
    const toRebuild: string[] = [];
    const loader = makeLoader({
      clock,
      report: (text) => reports.push(text),
      onDamaged: (index, name) => toRebuild.push(`${index}/${name}`),
    });
    await loader.start();
    await until(() => loader.status().loadedSegments === 1);
    expect(toRebuild).toEqual([`0/${damaged.segment}`]);
    await until(() => {
      clock.advance(1000);
      return loader.status().damagedSegments === 1;
    });
    expect(toRebuild.length, 'its receiver is asked at each try').toBe(LIMITS.loadTriesMax);
    expect(await counts()).toEqual([3, 3, 3]);
    const after = fs.readdirSync(receiver);
    expect(after).toEqual(before.map((name) => name.replace('.sealed', '.damaged')).sort());
    expect(reports.at(-1)).toContain('fails its checksum');
    await loader.idle();
    await loader.close();
  });

  it('loads a damaged segment that was rebuilt in time', async () => {
    const damaged = await sealTestSegment({ journalDirectory, sequence: 0, spans: 4 });
    fs.truncateSync(path.join(receiver, damaged.tables[1].file), 5);
    const clock = new ManualClock();
    const loader = makeLoader({
      clock,
      onDamaged: () => void sealTestSegment({ journalDirectory, sequence: 0, spans: 4 }),
    });
    await loader.start();
    await until(() => {
      clock.advance(LIMITS.loadRetryMsMin);
      return loader.status().loadedSegments === 1;
    });
    expect(await counts()).toEqual([4, 4, 4]);
    expect(loader.status().damagedSegments).toBe(0);
    await loader.close();
  });

  it('begins no load while it is paused', async () => {
    const loader = makeLoader();
    await loader.start();
    await loader.paused(async () => {
      const { segment } = await sealTestSegment({ journalDirectory, sequence: 0, spans: 4 });
      await loader.notify(0, segment);
      expect(await counts()).toEqual([0, 0, 0]);
    });
    await loader.idle();
    expect(await counts()).toEqual([4, 4, 4]);
    await loader.close();
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
