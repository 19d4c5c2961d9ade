import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startClickHouse } from '../../test/support/clickhouse-server.ts';
import { ALL_TABLES } from '../columns/tables.ts';
import { ColumnsOnDemand, columnsOf } from './columns-on-demand.ts';
import { openEmbedded } from './embedded.ts';
import type { Engine } from './engine.ts';
import { identifier } from './literal.ts';
import { migrate } from './migrations.ts';
import { openServer } from './server.ts';

interface Opened {
  readonly engine: Engine;
  close(): Promise<void>;
}

function columnsOnDemandSuite(name: string, open: () => Promise<Opened>): void {
  describe(`columns on demand, ${name} engine`, () => {
    let opened: Opened;
    let engine: Engine;
    beforeAll(async () => {
      opened = await open();
      engine = opened.engine;
      await migrate(engine);
    });
    afterAll(() => opened?.close());

    const kindOf = async (table: string, column: string): Promise<unknown> => {
      const sql =
        'SELECT default_kind FROM system.columns WHERE database = currentDatabase() AND table = {table:String} AND name = {column:String}';
      return (await engine.query(sql, { params: { table, column } })).rows[0]?.[0];
    };

    it('every column on demand can be selected before it is stored, and costs nothing until then', async () => {
      for (const { name: table, columns } of ALL_TABLES) {
        const names = columns.filter(({ onDemand }) => onDemand).map((column) => column.name);
        for (const column of names) expect(await kindOf(table, column), `${table}.${column}`).toBe('ALIAS');
        if (names.length > 0)
          await engine.query(`SELECT ${names.map(identifier).join(', ')} FROM ${identifier(table)}`);
      }
    });

    it('rows from before answer the default, rows from after what they hold, as often as a Nested has elements', async () => {
      const insert = (columns: string, values: string) =>
        engine.command(
          `INSERT INTO otel_traces (Timestamp, TraceId, Links.TraceId${columns}) VALUES (now64(9), ${values})`,
        );
      await columnsOf(engine).ensure('otel_traces', ['Links.TraceId']);
      await insert('', "'a', ['x', 'y']");
      await columnsOf(engine).ensure('otel_traces', [
        'TraceId',
        'Flags',
        'Links.Flags',
        'Baggage',
        'SpanAttributesTypes',
      ]);
      expect(await kindOf('otel_traces', 'Flags')).toBe('');
      const stored = await columnsOf(engine).stored('otel_traces');
      expect([stored.has('Flags'), stored.has('DroppedLinksCount'), stored.has('TraceId')]).toEqual([
        true,
        false,
        true,
      ]);
      expect(await kindOf('otel_traces', 'DroppedLinksCount')).toBe('ALIAS');
      await insert(
        ', Flags, Links.Flags, Baggage, SpanAttributesTypes',
        "'b', ['x', 'y'], 257, [1, 2], map('k', 'v'), 'si'",
      );
      const read = () =>
        engine.query(
          'SELECT TraceId, Flags, Links.Flags, Baggage, SpanAttributesTypes, Links.DroppedAttributesCount FROM otel_traces ORDER BY TraceId',
        );
      const expected = [
        ['a', 0, [0, 0], {}, '', [0, 0]],
        ['b', 257, [1, 2], { k: 'v' }, 'si', [0, 0]],
      ];
      expect((await read()).rows).toEqual(expected);
      await engine.command('OPTIMIZE TABLE otel_traces FINAL');
      expect((await read()).rows).toEqual(expected);
    });

    it('a column is searched through its index from then on', async () => {
      const { rows } = await engine.query(
        "EXPLAIN indexes = 1 SELECT count() FROM otel_traces WHERE has(BaggageHashes, cityHash64('k', 'v'))",
      );
      expect(rows.join('\n')).toContain('idx_baggage_hashes');
    });

    it('two that do not know of one another may need the same columns at once', async () => {
      const columns = ['Flags', 'BodyType', 'ObservedTimestamp', 'TimeUnset'];
      await Promise.all([1, 2, 3, 4].map(() => new ColumnsOnDemand(engine).ensure('otel_logs', columns)));
      for (const column of columns) expect(await kindOf('otel_logs', column)).toBe('');
    });
  });
}

columnsOnDemandSuite('embedded', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-columns-'));
  const engine = await openEmbedded({ path: directory });
  return {
    engine,
    async close() {
      await engine.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
});

columnsOnDemandSuite('server', async () => {
  const server = await startClickHouse();
  const engine = await openServer({ url: server.url, database: 'clew_columns' });
  return {
    engine,
    async close() {
      await engine.close();
      await server.stop();
    },
  };
});
