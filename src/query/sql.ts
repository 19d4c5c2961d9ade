import { LIMITS } from '../base/limits.ts';
import { type Engine, EngineError } from '../store/engine.ts';
import type { SqlResult } from './api.ts';
import { ApiError } from './problem.ts';

/** Table functions that make rows from nothing. All others reach files, networks or other servers. */
const TABLE_FUNCTIONS = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'generateSeries',
  'generate_series',
  'values',
]);
/** Plain functions that read files or stop the query on purpose. */
const REFUSED_FUNCTIONS = new Set([
  'file',
  'sleep',
  'sleepEachRow',
  'catboostEvaluate',
  'executable',
  'showCertificate',
]);
const SYSTEM_TABLES = new Set([
  'one',
  'numbers',
  'tables',
  'columns',
  'parts',
  'merges',
  'functions',
  'metrics',
  'events',
  'asynchronous_metrics',
]);
const ALLOWED_ROOTS = new Set([
  'SelectWithUnionQuery',
  'DescribeQuery',
  'ShowTables',
  'ShowColumns',
  'ExistsTableQuery',
  'ExistsDatabaseQuery',
]);

/**
 * POST /api/v1/sql: one read-only statement. Two walls: the statement's syntax tree may only read tables of this database (and a few system
 * tables), and the engine runs it with readonly = 1, which refuses writes and changes of settings.
 */
export async function runSql(engine: Engine, query: unknown, signal?: AbortSignal): Promise<SqlResult> {
  if (typeof query !== 'string' || query.trim() === '') {
    throw new ApiError(400, 'Bad request', 'the body must be {"query": "SELECT …"}', 'query');
  }
  const statement = query.trim().replace(/;\s*$/, '');
  const problem = statement.includes(';') ? SEMICOLON : sqlProblem(await syntaxTree(engine, statement));
  if (problem !== undefined) throw new ApiError(403, 'Query is not allowed', problem, 'query');
  const settings = {
    max_result_rows: LIMITS.apiRowsMax + 1,
    max_result_bytes: LIMITS.sqlResultBytesMax,
    result_overflow_mode: 'break',
    max_execution_time: LIMITS.queryTimeMsMax / 1000,
    max_memory_usage: LIMITS.queryMemoryBytesMax,
    readonly: 1,
  };
  const result = await engine.query(statement, { settings, ...(signal && { signal }) });
  return {
    columns: result.columns,
    rows: result.rows.slice(0, LIMITS.apiRowsMax),
    elapsedMs: result.elapsedMs,
    rowsRead: result.rowsRead,
    bytesRead: result.bytesRead,
    truncated: result.rows.length > LIMITS.apiRowsMax,
  };
}

const SEMICOLON = 'one statement without ";" is allowed (write char(59) for the character in a text)';

/** EXPLAIN AST prints the tree of a statement without resolving or running anything in it. */
async function syntaxTree(engine: Engine, statement: string): Promise<string[]> {
  try {
    const { rows } = await engine.query(`EXPLAIN AST ${statement}`, { settings: { readonly: 1 } });
    return rows.map(([line]) => String(line));
  } catch (error) {
    if (error instanceof EngineError)
      throw new ApiError(400, 'Query is not valid', error.message.slice(0, 2000), 'query');
    throw error;
  }
}

const depthOf = (line: string): number => line.length - line.trimStart().length;

/** Why a statement with this syntax tree is not allowed, or undefined. One line a node, children indented. Exported for its test. */
export function sqlProblem(tree: readonly string[]): string | undefined {
  const [root] = (tree[0] ?? '').trim().split(' ');
  if (!ALLOWED_ROOTS.has(root)) return `only SELECT, DESCRIBE, SHOW and EXISTS are allowed, not ${root}`;
  const topLevel = tree.slice(1).filter((line) => depthOf(line) <= 1);
  if (root === 'SelectWithUnionQuery' && topLevel.length > 1)
    return 'FORMAT and INTO OUTFILE are not allowed: the answer is JSON';
  for (const [i, line] of tree.entries()) {
    const [node, name = ''] = line.trim().split(' ');
    if (node === 'Set') return 'SETTINGS are not allowed';
    if (node === 'Function') {
      const isTable = i > 0 && tree[i - 1].trim().startsWith('TableExpression');
      if (isTable && !TABLE_FUNCTIONS.has(name)) return `table function ${name} is not allowed`;
      if (REFUSED_FUNCTIONS.has(name)) return `function ${name} is not allowed`;
    }
    if ((node === 'Identifier' || node === 'TableIdentifier') && !isReadable(name)) return `${name} may not be read`;
  }
  return undefined;
}

/** Columns and tables of the current database, and the listed system tables. */
function isReadable(name: string): boolean {
  const [database, table = ''] = name.split('.');
  if (database === 'system') return SYSTEM_TABLES.has(table);
  return database.toLowerCase() !== 'information_schema';
}
