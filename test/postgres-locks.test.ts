/** Locks of a PostgreSQL that runs: the statement of docs/lock-sources.md, and what the server writes into its log. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LockBook } from '../src/analysis/lock-book.ts';
import { deadlocksInLog } from '../src/analysis/postgres-log.ts';
import type { LocksAnswer } from '../src/query/api-locks.ts';
import { answerNow } from '../src/query/lock-answers.ts';
import { readSnapshot } from '../src/query/lock-snapshot.ts';
import { postgresPrograms, type RunningPostgres, startPostgres } from './support/postgres.ts';

const programs = postgresPrograms();
if (programs === undefined) console.log('skipped: no PostgreSQL is installed (initdb, postgres, psql)');

const page = fs.readFileSync(path.join(import.meta.dirname, '../docs/lock-sources.md'), 'utf8');
const [, STATEMENT = ''] = /```sql\n([\s\S]*?)```/.exec(page) ?? [];
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe.skipIf(programs === undefined)('locks of a PostgreSQL that runs', { timeout: 120_000 }, () => {
  let server: RunningPostgres;
  beforeAll(async () => {
    server = await startPostgres(programs ?? '', { deadlock_timeout: '10min', cluster_name: 'shop' });
    server.query('CREATE TABLE account (id int PRIMARY KEY, v int); CREATE TABLE ledger (id int)');
    server.query('INSERT INTO account VALUES (1, 0), (2, 0), (3, 0)');
  }, 120_000);
  afterAll(() => server?.stop());

  /** Waits until so many sessions wait for a lock. */
  const waiting = async (count: number): Promise<void> => {
    const sql = 'SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted';
    for (let tries = 0; server.query(sql) !== String(count); tries++) {
      if (tries > 1_000) throw new Error(`never did ${count} sessions wait`);
    }
  };
  /** Waits until a session holds a lock that tells it has done a step. */
  const holding = async (advisory: number): Promise<void> => {
    const sql = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = ${advisory} AND granted`;
    for (let tries = 0; server.query(sql) !== '1'; tries++) if (tries > 1_000) throw new Error('a session is late');
  };
  const answer = (): LocksAnswer => {
    const { source, snapshot } = readSnapshot(JSON.parse(server.query(STATEMENT)), 1n);
    const book = new LockBook();
    book.takeSnapshot(source, snapshot);
    return answerNow(book, 1n);
  };

  test('a circle through row, table and advisory locks is found, with trace and statements, and who only waits behind it', async () => {
    expect(answer().owners).toEqual([]);
    const [one, two, three, behind] = ['cart', 'stock', 'audit', 'report'].map((name) => server.session(name));
    one.run('BEGIN; UPDATE account SET v = 1 WHERE id = 1; SELECT pg_advisory_lock(101);');
    two.run('BEGIN; LOCK TABLE ledger IN SHARE MODE; SELECT pg_advisory_lock(102);');
    three.run('BEGIN; SELECT pg_advisory_lock(7); SELECT pg_advisory_lock(103);');
    for (const step of [101, 102, 103]) await holding(step);
    one.run(`INSERT INTO ledger VALUES (1) /* traceparent='00-${TRACE}-00f067aa0ba902b7-01' */;`);
    await waiting(1);
    two.run('SELECT pg_advisory_lock(7);');
    await waiting(2);
    expect(answer().deadlocks).toEqual([]);
    three.run('UPDATE account SET v = 3 WHERE id = 1;');
    await waiting(3);
    // Who comes later for the row waits for the tuple lock of the one ahead.
    behind.run('BEGIN; UPDATE account SET v = 4 WHERE id = 1;');
    await waiting(4);
    const { deadlocks } = answer();
    expect(deadlocks.map(({ kind, members }) => [kind, members.map(({ service }) => service).sort()])).toEqual([
      ['cycle', ['audit', 'cart', 'stock']],
    ]);
    const [{ members, cycle, bystanders }] = deadlocks;
    expect(members.find(({ service }) => service === 'cart')).toMatchObject({ owner: TRACE, traceId: TRACE });
    expect(members.find(({ service }) => service === 'stock')?.doing).toBe('SELECT pg_advisory_lock(7);');
    expect(cycle.map(({ resource }) => resource.split(' ').slice(0, 2).join(' ')).sort()).toEqual([
      'shop advisory',
      'shop relation',
      'shop transactionid',
    ]);
    expect(bystanders).toHaveLength(1);
  });

  test('what PostgreSQL ends by itself is in its log, as it is read', async () => {
    const [one, two] = ['first', 'second'].map((name) => server.session(name));
    for (const session of [one, two]) session.run("SET deadlock_timeout = '50ms';");
    one.run('BEGIN; UPDATE account SET v = 1 WHERE id = 2; SELECT pg_advisory_lock(201);');
    two.run('BEGIN; UPDATE account SET v = 1 WHERE id = 3; SELECT pg_advisory_lock(202);');
    for (const step of [201, 202]) await holding(step);
    one.run('UPDATE account SET v = 2 WHERE id = 3;');
    two.run('UPDATE account SET v = 2 WHERE id = 2;');
    while (!server.log().includes('STATEMENT:  UPDATE account SET v = 2')) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const found = deadlocksInLog(server.log(), 1n);
    expect(found).toHaveLength(1);
    expect([...found[0].statements.values()].sort()).toEqual([
      'UPDATE account SET v = 2 WHERE id = 2;',
      'UPDATE account SET v = 2 WHERE id = 3;',
    ]);
  });
});
