import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startClickHouse } from '../../test/support/clickhouse-server.ts';
import { LIMITS } from '../base/limits.ts';
import { KEYS_TABLE, TABLES } from '../base/names.ts';
import { AttributeKeys } from './attribute-keys.ts';
import { openEmbedded } from './embedded.ts';
import type { Engine } from './engine.ts';
import { MIGRATIONS, migrate } from './migrations.ts';
import { openServer } from './server.ts';

const COLUMNS = ['Timestamp', 'SpanAttributes', 'ResourceAttributes'];

describe('keys of attributes, embedded engine', () => {
  let directory: string;
  let engine: Engine;
  beforeEach(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-keys-'));
    engine = await openEmbedded({ path: path.join(directory, 'store') });
  });
  afterEach(async () => {
    await engine.close();
    // The engine's threads may still be writing.
    fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  async function opened(): Promise<AttributeKeys> {
    const keys = new AttributeKeys(engine);
    await keys.read();
    return keys;
  }
  const held = (keys: AttributeKeys, key: string, table: string = TABLES.traces): string[] =>
    ['SpanAttributes', 'ResourceAttributes', 'LogAttributes'].filter((column) => keys.mayHold(table, column, key));

  it('a key may be in those columns of which it was said, also after a restart, and anywhere before they were read', async () => {
    await migrate(engine);
    const keys = await opened();
    expect(held(keys, 'user')).toEqual([]);
    await keys.ensure(TABLES.traces, COLUMNS, {
      SpanAttributes: ['user', "it's {a:String}", ''],
      ResourceAttributes: ['host'],
    });
    await Promise.all([
      keys.ensure(TABLES.traces, COLUMNS, { SpanAttributes: ['user', 'late'], ResourceAttributes: ['host'] }),
      keys.ensure(TABLES.traces, COLUMNS, { SpanAttributes: ['late'], ResourceAttributes: ['user'] }),
    ]);
    const unread = new AttributeKeys(engine);
    expect(held(unread, 'nowhere')).toHaveLength(3);
    for (const known of [keys, await opened()]) {
      expect(held(known, 'host')).toEqual(['ResourceAttributes']);
      expect(held(known, 'late')).toEqual(['SpanAttributes']);
      expect(held(known, '')).toEqual(['SpanAttributes']);
      expect(held(known, "it's {a:String}")).toEqual(['SpanAttributes']);
      expect(held(known, 'user')).toEqual(['SpanAttributes', 'ResourceAttributes']);
      expect(held(known, 'User')).toEqual([]);
      expect(held(known, 'user', TABLES.logs)).toEqual([]);
    }
    expect((await engine.query(`SELECT count() FROM ${KEYS_TABLE}`)).rows).toEqual([['6']]);
  });

  it('a column whose keys a segment does not name may hold any from then on', async () => {
    await migrate(engine);
    const keys = await opened();
    await keys.ensure(TABLES.traces, COLUMNS, { ResourceAttributes: ['host'] });
    await keys.ensure(TABLES.logs, ['Timestamp', 'LogAttributes'], undefined);
    await keys.ensure(TABLES.traces, COLUMNS, { SpanAttributes: ['user'], ResourceAttributes: ['host'] });
    for (const known of [keys, await opened()]) {
      expect(held(known, 'anything')).toEqual(['SpanAttributes']);
      expect(held(known, 'anything', TABLES.logs)).toEqual(['LogAttributes']);
    }
  });

  it('a column with more keys than are kept, or more bytes of them, may hold any', async () => {
    await migrate(engine);
    const keys = await opened();
    const many = Array.from({ length: LIMITS.storeKeysMax }, (_, i) => `key ${i}`);
    await keys.ensure(TABLES.traces, COLUMNS, { SpanAttributes: many, ResourceAttributes: [] });
    for (let bytes = 0; bytes < LIMITS.storeKeyBytesMax; bytes += LIMITS.segmentKeyBytesMax) {
      const long = `${bytes}`.padEnd(LIMITS.segmentKeyBytesMax, "'");
      await keys.ensure(TABLES.traces, COLUMNS, { SpanAttributes: [], ResourceAttributes: [long] });
    }
    expect(held(keys, 'anything')).toEqual([]);
    await keys.ensure(TABLES.traces, COLUMNS, { SpanAttributes: ['key 1', 'one more'], ResourceAttributes: [] });
    for (const known of [keys, await opened()]) expect(held(known, 'anything')).toEqual(['SpanAttributes']);
    await keys.ensure(TABLES.traces, COLUMNS, { SpanAttributes: [], ResourceAttributes: ['c'] });
    for (const known of [keys, await opened()])
      expect(held(known, 'anything')).toEqual(['SpanAttributes', 'ResourceAttributes']);
  });

  it('tables that had rows before keys were named may hold any', async () => {
    await migrate(engine, MIGRATIONS.slice(0, 3));
    await engine.command(`INSERT INTO ${TABLES.logs} (Timestamp, Body) VALUES (now64(9), 'old')`);
    await migrate(engine);
    const keys = await opened();
    expect(held(keys, 'anything')).toEqual([]);
    expect(held(keys, 'anything', TABLES.logs)).toEqual(['ResourceAttributes', 'LogAttributes']);
  });
});

it('on a server, to which others write as well, every column may hold any key', async () => {
  const server = await startClickHouse();
  const engine = await openServer({ url: server.url });
  try {
    await migrate(engine);
    const keys = new AttributeKeys(engine);
    await keys.read();
    await keys.ensure(TABLES.traces, COLUMNS, { SpanAttributes: ['user'], ResourceAttributes: [] });
    expect(keys.mayHold(TABLES.traces, 'ResourceAttributes', 'user')).toBe(true);
  } finally {
    await engine.close();
    await server.stop();
  }
});
