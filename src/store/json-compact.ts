import { EngineError, type QueryResult } from './engine.ts';

interface JsonCompact {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly (readonly unknown[])[];
  readonly rows_before_limit_at_least?: number;
  readonly statistics: { readonly elapsed: number; readonly rows_read: number; readonly bytes_read: number };
}

/** Reads ClickHouse's JSONCompact. A statement without an answer (DDL) is an empty result. */
export function parseJsonCompact(text: string): QueryResult {
  if (text.trim() === '') return { columns: [], rows: [], rowsBeforeLimit: 0, elapsedMs: 0, rowsRead: 0, bytesRead: 0 };
  let answer: JsonCompact;
  try {
    answer = JSON.parse(text) as JsonCompact;
  } catch {
    answer = {} as JsonCompact;
  }
  if (!Array.isArray(answer.meta) || !Array.isArray(answer.data)) {
    throw new EngineError('the answer is not one JSONCompact result: send one statement without a FORMAT clause', 0);
  }
  return {
    columns: answer.meta,
    rows: answer.data,
    rowsBeforeLimit: answer.rows_before_limit_at_least ?? answer.data.length,
    elapsedMs: answer.statistics.elapsed * 1000,
    rowsRead: answer.statistics.rows_read,
    bytesRead: answer.statistics.bytes_read,
  };
}
