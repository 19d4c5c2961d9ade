import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEmbedded } from './embedded.ts';
import type { Engine } from './engine.ts';
import { appliedMigration, MIGRATIONS, type Migration, migrate } from './migrations.ts';

describe('migrations', () => {
  let directory: string;
  let engine: Engine;
  beforeEach(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-migrations-'));
    engine = await openEmbedded({ path: directory });
  });
  afterEach(async () => {
    await engine.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  const create: Migration = {
    number: 1,
    name: 'make',
    statements: () => ['CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = Log'],
  };
  const widen: Migration = {
    number: 2,
    name: 'widen',
    statements: () => ['CREATE TABLE IF NOT EXISTS u (a UInt8) ENGINE = Log'],
  };
  const broken: Migration = {
    number: 2,
    name: 'widen',
    statements: () => [...widen.statements({ kind: 'embedded', textIndex: false }), 'SELEC 1'],
  };

  it('are numbered without gaps', () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  });

  it('are applied once, in order, and remembered', async () => {
    expect(await migrate(engine, [create])).toEqual([1]);
    expect(await migrate(engine, [create])).toEqual([]);
    expect(await migrate(engine, [create, widen])).toEqual([2]);
    expect(await appliedMigration(engine)).toBe(2);
  });

  it('start over where one was cut short', async () => {
    await expect(migrate(engine, [create, broken])).rejects.toThrow();
    expect(await appliedMigration(engine)).toBe(1);
    expect(await migrate(engine, [create, widen])).toEqual([2]);
  });

  it('of a newer program stop an older one', async () => {
    await migrate(engine, [create, widen]);
    await expect(migrate(engine, [create])).rejects.toThrow('written by a newer Clew');
  });

  it('give a store from before the column of summaries', async () => {
    await engine.command(
      'CREATE TABLE otel_traces_trace_id_ts (TraceId String, Start DateTime, End DateTime) ENGINE = MergeTree ORDER BY (TraceId, Start)',
    );
    await engine.command("INSERT INTO otel_traces_trace_id_ts SELECT 'a', now(), now()");
    await migrate(engine);
    expect((await engine.query('SELECT Summary FROM otel_traces_trace_id_ts')).rows).toEqual([['']]);
  });

  it('of this program may all be repeated', async () => {
    await migrate(engine);
    await engine.command('TRUNCATE TABLE clew_migrations');
    expect(await migrate(engine)).toEqual(MIGRATIONS.map(({ number }) => number));
  });
});
