/** What every engine must do, embedded or a server: one suite, run against each real thing. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startClickHouse } from '../../test/support/clickhouse-server.ts';
import { openEmbedded } from './embedded.ts';
import { type Engine, EngineError } from './engine.ts';
import { openServer } from './server.ts';

interface EngineUnderTest {
  readonly engine: Engine;
  close(): Promise<void>;
}

function engineContract(name: string, open: () => Promise<EngineUnderTest>): void {
  describe(`${name} engine`, () => {
    let under: EngineUnderTest;
    let engine: Engine;
    let directory: string;
    beforeAll(async () => {
      under = await open();
      engine = under.engine;
      directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-engine-'));
    });
    afterAll(async () => {
      await under?.close();
      fs.rmSync(directory, { recursive: true, force: true });
    });

    it('tells its version', () => {
      expect(engine.version).toMatch(/^\d+\.\d+\.\d+/);
    });

    it('gives 64-bit integers, decimals, times and special doubles as exact text', async () => {
      const { columns, rows } = await engine.query(
        "SELECT toUInt64(18446744073709551615) AS u, toInt64(-9223372036854775808) AS i, toDateTime64('2024-05-06 07:08:09.123456789', 9, 'UTC') AS t, " +
          "toDecimal64('1.10', 2) AS d, nan AS n, -inf AS m, 0.1 AS f, 'a/b\\0c' AS s",
      );
      expect(rows).toEqual([
        [
          '18446744073709551615',
          '-9223372036854775808',
          '2024-05-06 07:08:09.123456789',
          '1.1',
          'nan',
          '-inf',
          0.1,
          'a/b\0c',
        ],
      ]);
      expect(columns[0]).toEqual({ name: 'u', type: 'UInt64' });
    });

    it('carries any text through parameters unchanged', async () => {
      const texts = [
        '',
        "'",
        '\\',
        "\\' OR 1=1 --",
        '`x`',
        '\0',
        'a\tb\nc\rd\be\f',
        '\\N',
        '{x:String}',
        'ünïcødé 🧵',
        "'); DROP TABLE t; --",
      ];
      for (const text of texts) {
        const { rows } = await engine.query('SELECT {text:String}, {list:Array(String)}', {
          params: { text, list: [text, 'z', text] },
        });
        expect(rows).toEqual([[text, [text, 'z', text]]]);
      }
    });

    it('carries numbers and booleans through parameters', async () => {
      const { rows } = await engine.query('SELECT {n:Int32} + 1, {b:Bool}, {u:UInt64}', {
        params: { n: -42, b: true, u: '18446744073709551615' },
      });
      expect(rows).toEqual([['-41', true, '18446744073709551615']]);
    });

    it('leaves alone what has the form of a parameter and is none', async () => {
      const { rows } = await engine.query("SELECT '{toString:String}', '{other:String}', {own:String}", {
        params: { own: 'x' },
      });
      expect(rows).toEqual([['{toString:String}', '{other:String}', 'x']]);
    });

    it('keeps parameters and settings of parallel statements apart', async () => {
      const answers = await Promise.all(
        Array.from({ length: 24 }, async (_, i) => {
          const { rows } = await engine.query("SELECT {i:UInt32}, getSetting('max_threads') FROM numbers(1)", {
            params: { i },
            settings: { max_threads: (i % 7) + 1 },
          });
          return rows[0];
        }),
      );
      expect(answers.map(([i, threads]) => [i, Number(threads)])).toEqual(answers.map((_, i) => [i, (i % 7) + 1]));
      await expect(engine.query('SELECT {i:UInt32}')).rejects.toThrow(EngineError);
    });

    it("fails with ClickHouse's code and message", async () => {
      await expect(engine.query('SELEC 1')).rejects.toMatchObject({ name: 'EngineError', code: 62 });
      await expect(engine.query('SELECT nope')).rejects.toMatchObject({
        code: 47,
        message: expect.stringContaining('nope'),
      });
    });

    it('ends a statement that takes longer than its time', async () => {
      const slow = engine.query('SELECT sleepEachRow(0.1) FROM numbers(100) SETTINGS max_block_size = 1', {
        timeoutMs: 1000,
      });
      await expect(slow).rejects.toMatchObject({ code: 159 });
      // Nothing of the ended statement shows in the next answer.
      expect((await engine.query('SELECT 1')).rows).toEqual([[1]]);
    });

    it('ends a statement when its caller gives up', async () => {
      const controller = new AbortController();
      const slow = engine.query(
        "SELECT sleepEachRow(0.1), 'given up' FROM numbers(250) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 100000000",
        { signal: controller.signal },
      );
      const outcome = slow.then(
        () => 'answered',
        () => 'rejected',
      );
      await until(async () => (await running(engine)) === 1);
      controller.abort();
      expect(await outcome).toBe('rejected');
      await until(async () => (await running(engine)) === 0);
    });

    it('refuses to write, to change settings and to read files when readonly is set', async () => {
      const settings = { readonly: 1 };
      await engine.command('CREATE TABLE IF NOT EXISTS guarded (a UInt8) ENGINE = Memory');
      for (const sql of [
        'INSERT INTO guarded SELECT 1',
        'DROP TABLE guarded',
        'SELECT 1 SETTINGS readonly = 0, max_threads = 3',
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
      ]) {
        await expect(engine.query(sql, { settings }), sql).rejects.toMatchObject({ code: 164 });
      }
      expect((await engine.query('SELECT count() FROM guarded', { settings })).rows).toEqual([['0']]);
    });

    it('inserts a Native file once for each token, into the columns named, defaults elsewhere', async () => {
      await engine.command(
        'CREATE TABLE landing (Day Date, Text String, Extra UInt8 DEFAULT 7) ENGINE = MergeTree PARTITION BY Day ORDER BY Text ' +
          'SETTINGS non_replicated_deduplication_window = 100',
      );
      const file = path.join(directory, 'landing.native');
      fs.writeFileSync(file, TWO_DAYS);
      const insert = { table: 'landing', columns: ['Day', 'Text'], path: file };
      await engine.insertNative({ ...insert, token: 'a/r0/1/landing' });
      await engine.insertNative({ ...insert, token: 'a/r0/1/landing' });
      const rows = async () => (await engine.query('SELECT Day, Text, Extra FROM landing ORDER BY Day')).rows;
      expect(await rows()).toEqual([
        ['2024-01-01', 'x', 7],
        ['2024-01-02', "y'\0", 7],
      ]);
      await engine.insertNative({ ...insert, token: 'a/r0/2/landing' });
      expect(await rows()).toHaveLength(4);
    });

    it('rejects a file that is not Native and stays usable', async () => {
      const file = path.join(directory, 'broken.native');
      fs.writeFileSync(file, TWO_DAYS.subarray(0, TWO_DAYS.length - 2));
      const insert = { table: 'landing', columns: ['Day', 'Text'], path: file, token: 'a/r0/3/landing' };
      await expect(engine.insertNative(insert)).rejects.toThrow(EngineError);
      await expect(engine.insertNative({ ...insert, path: path.join(directory, 'absent') })).rejects.toThrow();
      expect((await engine.query('SELECT count() FROM landing')).rows).toEqual([['4']]);
    });
  });
}

async function running(engine: Engine): Promise<number> {
  const sql =
    "SELECT count() FROM system.processes WHERE query LIKE '%given up%' AND query NOT LIKE '%system.processes%'";
  return Number((await engine.query(sql)).rows[0][0]);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A Native block of two rows: Day Date = 2024-01-01, 2024-01-02; Text String = "x", "y'\0". */
const TWO_DAYS = Buffer.concat([
  Buffer.from([2, 2]),
  named('Day', 'Date'),
  Buffer.from(Uint16Array.of(19_723, 19_724).buffer),
  named('Text', 'String'),
  Buffer.from([1, 0x78, 3, 0x79, 0x27, 0]),
]);

function named(name: string, type: string): Buffer {
  return Buffer.concat([name, type].map((text) => Buffer.from([text.length, ...Buffer.from(text)])));
}

engineContract('embedded', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-embedded-'));
  const engine = await openEmbedded({ path: path.join(directory, 'store') });
  return {
    engine,
    async close() {
      await engine.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
});

it('ends running and waiting queries when the embedded engine is closed', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-embedded-'));
  const engine = await openEmbedded({ path: path.join(directory, 'store'), queriesInParallel: 2 });
  const sql =
    'SELECT sleepEachRow(0.05) FROM numbers(10000) ' +
    'SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 1000000000';
  const outcomes = Promise.allSettled([1, 2, 3, 4].map(() => engine.query(sql)));
  await engine.close();
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'EngineError' } });
  await expect(engine.query('SELECT 1')).rejects.toThrow('the store is closed');
  fs.rmSync(directory, { recursive: true, force: true });
});

engineContract('server', async () => {
  const server = await startClickHouse();
  const engine = await openServer({ url: server.url, database: 'clew test' });
  return {
    engine,
    async close() {
      await engine.close();
      await server.stop();
    },
  };
});
