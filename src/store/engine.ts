/**
 * ClickHouse behind one interface: embedded (chDB, in this process) or a server over HTTP. Same SQL, same schema, same Native blocks.
 * Values never enter SQL text: use `{name:Type}` parameters.
 */
export interface Engine {
  readonly kind: 'embedded' | 'server';
  /** ClickHouse version, for example `26.7.1.1`. */
  readonly version: string;
  query(sql: string, options?: QueryOptions): Promise<QueryResult>;
  /** A statement without rows (DDL, ALTER, SYSTEM). */
  command(sql: string, options?: QueryOptions): Promise<void>;
  /** Inserts one Native file. Resolves when the rows are durable; a second call with the same token inserts nothing. */
  insertNative(insert: NativeInsert): Promise<void>;
  close(): Promise<void>;
}

export interface QueryOptions {
  readonly params?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Rows in JSONCompact form: 64-bit integers, Decimals and DateTime64 as text, so that nothing is rounded. */
export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
  /** How many rows there would have been without LIMIT, at least. */
  readonly rowsBeforeLimit: number;
  readonly elapsedMs: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

export interface NativeInsert {
  readonly table: string;
  readonly columns: readonly string[];
  /** Absolute path of the file. */
  readonly path: string;
  readonly token: string;
}

/** A failed statement: `code` is ClickHouse's error code (62 SYNTAX_ERROR, 159 TIMEOUT_EXCEEDED, 241 MEMORY_LIMIT_EXCEEDED, …), 0 when unknown. */
export class EngineError extends Error {
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
  }
}

/** One of each engine's own, made when it is first asked for: what all who use the engine in this process share. */
export function ofEachEngine<T extends object>(make: (engine: Engine) => T): (engine: Engine) => T {
  const made = new WeakMap<Engine, T>();
  return (engine) => {
    const own = made.get(engine) ?? make(engine);
    made.set(engine, own);
    return own;
  };
}
