/** Read-only SQL against a real embedded ClickHouse: every way round the walls that is known, each refused and without effect. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../base/limits.ts';
import { openEmbedded } from '../store/embedded.ts';
import type { Engine } from '../store/engine.ts';
import { type ApiError, problemOf } from './problem.ts';
import { runSql } from './sql.ts';
import { judge } from './sql-wall.ts';

let directory: string;
let engine: Engine;
/** A file with a plain word for a name in the working directory: the embedded ClickHouse would read it as a table. */
const WORD = `secret_${process.pid}`;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-sql-'));
  fs.writeFileSync(WORD, 'a,b\n1,2\n');
  fs.writeFileSync(path.join(directory, 'secret.csv'), 'a,b\n1,2\n');
  engine = await openEmbedded({ path: path.join(directory, 'store') });
  await engine.command('CREATE TABLE events (id UInt64, service String) ENGINE = MergeTree ORDER BY id');
  await engine.command("INSERT INTO events SELECT number, if(number % 2 = 0, 'cart', 'shop') FROM numbers(20000)");
});

afterAll(async () => {
  await engine?.close();
  fs.rmSync(directory, { recursive: true, force: true });
  fs.rmSync(WORD, { force: true });
});

const ask = (query: unknown) => runSql(engine, query);

async function refusal(query: unknown): Promise<ApiError> {
  try {
    await ask(query);
  } catch (error) {
    return problemOf(error);
  }
  throw new Error(`${String(query)} was answered`);
}

describe('what may be asked', () => {
  it.each([
    ['SELECT count() FROM events', [['20000']]],
    [
      'SELECT service, count() FROM events GROUP BY service ORDER BY service -- which?\n',
      [
        ['cart', '10000'],
        ['shop', '10000'],
      ],
    ],
    ['SELECT count() FROM default.events;', [['20000']]],
    [
      'WITH few AS (SELECT id FROM events WHERE id < 3) SELECT id FROM few WHERE id IN few ORDER BY id',
      [['0'], ['1'], ['2']],
    ],
    ['SELECT 1 UNION ALL SELECT 1', [[1], [1]]],
    ['SELECT number FROM numbers(3) EXCEPT SELECT 1', [['0'], ['2']]],
    ['WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(n) FROM r', [['3']]],
    ['EXISTS TABLE events', [[1]]],
    ['SHOW TABLES', [['events']]],
    [
      "SELECT name FROM system.columns WHERE table = 'events' AND database = currentDatabase() ORDER BY name",
      [['id'], ['service']],
    ],
    [
      "SELECT e.service FROM events AS e JOIN (SELECT 4 AS id) AS f ON e.id = f.id WHERE e.service IN ('cart')",
      [['cart']],
    ],
  ])('%s', async (query, rows) => {
    expect((await ask(query)).rows).toEqual(rows);
  });

  it.each(['DESCRIBE events', 'EXPLAIN indexes = 1 SELECT * FROM events WHERE id = 3', 'DESCRIBE (SELECT 1)'])(
    '%s',
    async (query) => {
      expect((await ask(query)).rows.length).toBeGreaterThan(0);
    },
  );

  it('cuts rows at the limit and says so', async () => {
    const cut = await ask('SELECT id FROM events ORDER BY id');
    expect([cut.rows.length, cut.truncated]).toEqual([LIMITS.apiRowsMax, true]);
    expect(cut.rows[LIMITS.apiRowsMax - 1]).toEqual([String(LIMITS.apiRowsMax - 1)]);
    expect((await ask('SELECT id FROM events LIMIT 10')).truncated).toBe(false);
  });
});

describe('what is refused', () => {
  const statements = [
    "INSERT INTO FUNCTION file('OUT', 'CSV', 'a Int') SELECT 1",
    'INSERT INTO events VALUES (1, 2)',
    'DROP TABLE events',
    'CREATE TABLE x (a Int) ENGINE = Memory',
    'CREATE TEMPORARY TABLE x (a Int)',
    'ALTER TABLE events DELETE WHERE 1',
    'OPTIMIZE TABLE events FINAL',
    'TRUNCATE TABLE events',
    'SYSTEM RELOAD CONFIG',
    'KILL QUERY WHERE 1',
    'SET max_memory_usage = 0',
    'USE system',
    "ATTACH TABLE x FROM 'y' (a Int) ENGINE = Memory",
    "BACKUP TABLE events TO Disk('d', 'x')",
    'SHOW CREATE TABLE events',
    'SHOW PROCESSLIST',
    'SHOW COLUMNS FROM events',
    'SELECT 1; SELECT 2',
    'SELECT 1 PARALLEL WITH SELECT 2',
    "SELECT * FROM file('SECRET')",
    "SELECT * FROM File('SECRET')",
    "SELECT file('SECRET')",
    "SELECT (SELECT file('SECRET'))",
    "SELECT * FROM 'SECRET'",
    'SELECT * FROM `SECRET`',
    'SELECT * FROM default.`SECRET`',
    'SELECT 1 IN `SECRET`',
    'SELECT 1 GLOBAL NOT IN `SECRET`',
    'SELECT in(1, `SECRET`)',
    'SELECT count() FROM events AS e JOIN `SECRET` AS s ON 1 = 1',
    'SELECT (SELECT count() FROM `SECRET`)',
    'WITH x AS (SELECT * FROM `SECRET`) SELECT * FROM x',
    'WITH WORD AS (SELECT 1) SELECT * FROM WORD',
    'SELECT * FROM WORD',
    'SELECT 1 IN WORD',
    'DESCRIBE TABLE `SECRET`',
    "DESCRIBE TABLE file('SECRET')",
    'EXISTS TABLE `SECRET`',
    'EXPLAIN SELECT * FROM `SECRET`',
    "EXPLAIN ESTIMATE SELECT * FROM file('SECRET')",
    "EXPLAIN QUERY TREE SELECT file('SECRET')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a Int')",
    "SELECT * FROM s3('http://127.0.0.1:1/b/x', 'CSV', 'a Int')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
    "SELECT * FROM mongodb('127.0.0.1:1', 'd', 't', 'u', 'p', 'a Int')",
    "SELECT * FROM sqlite('SECRET', 't')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM merge('system', '.*')",
    'SELECT * FROM view(SELECT 1)',
    "SELECT * FROM cluster('default', system.one)",
    "SELECT * FROM input('a Int')",
    "SELECT * FROM python('x')",
    "SELECT * FROM loop('system', 'one')",
    'SELECT * FROM system.users',
    'SELECT * FROM system.processes',
    'SELECT * FROM system.query_log',
    'SELECT 1 IN system.users',
    'SELECT * FROM information_schema.tables',
    'SELECT * FROM INFORMATION_SCHEMA.tables',
    'SHOW TABLES FROM system',
    'SELECT * FROM other.events',
    "SELECT dictGet('d', 'a', 1)",
    "SELECT joinGet('events', 'service', 1)",
    "SELECT aiGenerate('x')",
    'SELECT sleep(3)',
    'SELECT SLEEP(3)',
    "SELECT getServerSetting('max_connections')",
    'SELECT 1 SETTINGS max_memory_usage = 0',
    'SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)',
    'SELECT 1 UNION ALL SELECT 1 SETTINGS readonly = 0',
    'DESCRIBE events SETTINGS describe_compact_output = 1',
    'SELECT 1 FORMAT CSV',
    "SELECT 1 INTO OUTFILE 'OUT'",
    "SELECT 1 INTO OUTFILE 'OUT' FORMAT CSV",
    "EXPLAIN SELECT 1 INTO OUTFILE 'OUT'",
    "SHOW TABLES INTO OUTFILE 'OUT'",
    "SHOW TABLES FROM default INTO OUTFILE 'OUT'",
    "EXISTS TABLE events INTO OUTFILE 'OUT'",
    "DESCRIBE events INTO OUTFILE 'OUT'",
    'SHOW TABLES FORMAT CSV',
    'EXISTS TABLE events FORMAT CSV',
  ];

  it.each(statements)('%s', async (statement) => {
    const out = path.join(directory, 'out');
    const secret = path.join(directory, 'secret.csv');
    const { problem } = await refusal(
      statement.replaceAll('SECRET', secret).replaceAll('WORD', WORD).replaceAll('OUT', out),
    );
    expect([400, 403]).toContain(problem.status);
    expect(problem.parameter).toBe('query');
    expect(fs.existsSync(out)).toBe(false);
    expect((await ask('SELECT count() FROM events')).rows).toEqual([['20000']]);
  });

  it.each([undefined, null, 1, '', '  ', {}])('a query that is no text: %j', async (query) => {
    expect((await refusal(query)).problem).toMatchObject({ status: 400, parameter: 'query' });
  });

  it('text that is no SQL, with what ClickHouse says about it', async () => {
    const { problem } = await refusal('SELECT FROM WHERE');
    expect(problem).toMatchObject({ status: 400, parameter: 'query' });
    expect(problem.detail).toContain('Syntax error');
  });
});

describe('what costs too much', () => {
  it('memory: 507', async () => {
    const { problem } = await refusal('SELECT groupArray(number) FROM numbers(1000000000)');
    expect(problem).toMatchObject({ status: 507 });
  });

  it('bytes of the answer: 413', async () => {
    const { problem } = await refusal('SELECT repeat(toString(number), 10000) FROM numbers(5000)');
    expect(problem).toMatchObject({ status: 413 });
  });

  it('the caller goes away: the query ends', async () => {
    const abort = new AbortController();
    const asked = runSql(engine, 'SELECT sum(cityHash64(number)) FROM numbers(1000000000000)', abort.signal);
    setTimeout(() => abort.abort(new Error('gone')), 200);
    await expect(asked).rejects.toThrow('gone');
  });
});

describe('the verdict on a syntax tree', () => {
  it('names every table, and operands of IN', () => {
    const tree = [
      'SelectWithUnionQuery (children 1)',
      ' ExpressionList (children 1)',
      '  SelectQuery (children 2)',
      '   ExpressionList (children 1)',
      '    Function notIn (children 1)',
      '     ExpressionList (children 2)',
      '      Literal UInt64_1',
      '      Identifier a.b',
      '   TablesInSelectQuery (children 1)',
      '    TablesInSelectQueryElement (children 1)',
      '     TableExpression (children 1)',
      '      TableIdentifier x (alias y)',
    ];
    expect(judge(tree)).toEqual({ problem: undefined, names: ['a.b', 'x'] });
  });
});
