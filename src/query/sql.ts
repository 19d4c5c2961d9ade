import { LIMITS } from '../base/limits.ts';
import { type Engine, EngineError, type QueryOptions } from '../store/engine.ts';
import type { SqlResult } from './api.ts';
import { ApiError } from './problem.ts';
import { statementOptions } from './sql-text.ts';
import { judge } from './sql-wall.ts';

/** System tables that tell about the store and nothing about the machine. */
const SYSTEM_TABLES: ReadonlySet<string> = new Set(
  [
    'one',
    'numbers',
    'tables',
    'columns',
    'parts',
    'merges',
    'functions',
    'metrics',
    'events',
    'data_skipping_indices',
  ].map((name) => `system.${name}`),
);

/**
 * POST /api/v1/sql: one read-only statement. Two walls: its syntax tree may hold only what sql-wall.ts allows and name only tables of this
 * database (and a few system tables), and the engine runs it with readonly = 1, which refuses writes, changes of settings and table
 * functions that reach outside. Over a limit of rows the answer is cut and says so; over one of bytes, time or memory it is a problem.
 */
export async function runSql(engine: Engine, query: unknown, signal?: AbortSignal): Promise<SqlResult> {
  if (typeof query !== 'string' || query.trim() === '') throw refused('the body must be {"query": "SELECT …"}', 400);
  const statement = query.trim().replace(/\s*;$/, '');
  if (statement.includes(';')) throw refused('one statement without ";" is allowed (write char(59) for it in a text)');
  const options = { ...statementOptions({}, signal), settings: { readonly: 1 } };
  const { problem, names } = judge(await syntaxTree(engine, statement, options));
  if (problem !== undefined) throw refused(problem);
  const unreadable = await firstUnreadable(engine, names, options);
  if (unreadable !== undefined) throw refused(`${unreadable} may not be read; tables of this database may`);
  const result = await engine.query(statement, {
    ...options,
    settings: {
      limit: LIMITS.apiRowsMax + 1,
      max_result_bytes: LIMITS.sqlResultBytesMax,
      result_overflow_mode: 'throw',
      max_memory_usage: LIMITS.queryMemoryBytesMax,
      readonly: 1,
    },
  });
  return {
    columns: result.columns,
    rows: result.rows.slice(0, LIMITS.apiRowsMax),
    elapsedMs: result.elapsedMs,
    rowsRead: result.rowsRead,
    bytesRead: result.bytesRead,
    truncated: result.rows.length > LIMITS.apiRowsMax,
  };
}

const refused = (detail: string, status = 403): ApiError =>
  new ApiError(status, status === 400 ? 'Bad request' : 'Query is not allowed', detail, 'query');

/** EXPLAIN AST prints the tree of a statement without resolving or running anything in it. */
async function syntaxTree(engine: Engine, statement: string, options: QueryOptions): Promise<string[]> {
  try {
    const { rows } = await engine.query(`EXPLAIN AST ${statement}`, options);
    return rows.map(([line]) => String(line));
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === 0) throw error;
    throw new ApiError(400, 'Query is not valid', error.message.slice(0, 2000), 'query');
  }
}

/**
 * The first name that is no table of this database. The embedded ClickHouse takes any other name for a path of a file, so a plain word is
 * taken for a name of the statement's own (WITH) only when there is nothing by that name.
 */
async function firstUnreadable(
  engine: Engine,
  names: readonly string[],
  options: QueryOptions,
): Promise<string | undefined> {
  const asked = names.filter((name) => !SYSTEM_TABLES.has(name));
  if (asked.length === 0) return undefined;
  const { rows } = await engine.query(
    'SELECT currentDatabase(), name FROM system.tables WHERE database = currentDatabase()',
    options,
  );
  const tables = new Set(rows.flatMap(([database, name]) => [String(name), `${database}.${name}`]));
  for (const name of asked.filter((other) => !tables.has(other))) {
    if (!/^[A-Za-z_]\w*$/.test(name) || (await isThere(engine, name, options))) return name;
  }
  return undefined;
}

async function isThere(engine: Engine, word: string, options: QueryOptions): Promise<boolean> {
  const { rows } = await engine.query(`EXISTS TABLE \`${word}\``, options);
  return Number(rows[0]?.[0]) !== 0;
}
