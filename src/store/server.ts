import { ClickHouseError, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { randomHex } from '../host/random.ts';
import { readStream } from '../host/tree.ts';
import { type Engine, EngineError, type NativeInsert, type QueryOptions } from './engine.ts';
import { parseJsonCompact } from './json-compact.ts';
import { identifier } from './literal.ts';
import { DEDUPLICATING_INSERT, EXACT_TEXT } from './settings.ts';

export interface ServerOptions {
  /** `http://host:8123` or `https://…`. */
  readonly url: string;
  readonly database?: string;
  readonly username?: string;
  readonly password?: string;
  /** How long a statement without a time of its own may take. Default 60 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;
/** The status is sent when the answer is whole, so that a late error is an error and not a cut answer. */
const WHOLE_ANSWER = { wait_end_of_query: 1 };
/** Beyond the server's own limit on a statement, for the answer to arrive. */
const NETWORK_GRACE_MS = 5_000;

/** A ClickHouse server over HTTP. Makes the database when it is absent. */
export async function openServer(options: ServerOptions): Promise<Engine> {
  const database = options.database ?? 'default';
  const connection = {
    url: options.url,
    username: options.username ?? 'default',
    password: options.password ?? '',
    request_timeout: (options.timeoutMs ?? TIMEOUT_MS) + NETWORK_GRACE_MS,
    // Errors are thrown to the caller, who knows what to say about them.
    log: { level: 127 as const },
  };
  if (database !== 'default') {
    const admin = createClient(connection);
    try {
      await admin.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(database)}` });
    } catch (error) {
      throw engineError(error);
    } finally {
      await admin.close();
    }
  }
  const client = createClient({ ...connection, database });

  const run = async (sql: string, options: QueryOptions): Promise<string> => {
    options.signal?.throwIfAborted();
    const queryId = randomHex(16);
    // Closing the connection does not end a statement whose answer is held back until it is whole.
    const kill = () => killStatement(client, queryId);
    options.signal?.addEventListener('abort', kill, { once: true });
    try {
      const { stream } = await client.exec({ query: sql, query_id: queryId, ...requestOf(options) });
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString();
    } catch (error) {
      options.signal?.throwIfAborted();
      throw engineError(error);
    } finally {
      options.signal?.removeEventListener('abort', kill);
    }
  };

  const [[version]] = parseJsonCompact(await run('SELECT version() FORMAT JSONCompact', {})).rows;
  return {
    kind: 'server',
    version: String(version),
    async query(sql, options = {}) {
      return parseJsonCompact(await run(`${sql}\nFORMAT JSONCompact`, options));
    },
    async command(sql, options = {}) {
      await run(sql, options);
    },
    async insertNative(insert) {
      await insertFile(client, insert);
    },
    close: () => client.close(),
  };
}

function requestOf(options: QueryOptions) {
  const settings: Record<string, string | number> = { ...EXACT_TEXT, session_timezone: 'UTC', ...options.settings };
  if (options.timeoutMs !== undefined) settings['max_execution_time'] = options.timeoutMs / 1000;
  const abort = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs + NETWORK_GRACE_MS);
  const signals = [options.signal, abort].filter((signal) => signal !== undefined);
  return {
    clickhouse_settings: settingsOf({ ...settings, ...WHOLE_ANSWER }),
    ...(options.params && { query_params: { ...options.params } }),
    ...(signals.length > 0 && { abort_signal: AbortSignal.any(signals) }),
  };
}

/** The client's type lists its own generation's settings one by one; the server is the judge of ours. */
function settingsOf(settings: Readonly<Record<string, string | number>>): ClickHouseSettings {
  return settings as ClickHouseSettings;
}

function killStatement(client: ReturnType<typeof createClient>, queryId: string): void {
  client
    .command({ query: 'KILL QUERY WHERE query_id = {id:String} ASYNC', query_params: { id: queryId } })
    // The statement may have ended by itself meanwhile.
    .catch(() => undefined);
}

async function insertFile(client: ReturnType<typeof createClient>, insert: NativeInsert): Promise<void> {
  const columns = insert.columns.map(identifier).join(', ');
  const file = await readStream(insert.path);
  try {
    const { stream } = await client.exec({
      query: `INSERT INTO ${identifier(insert.table)} (${columns}) FORMAT Native`,
      values: file,
      clickhouse_settings: settingsOf({ ...DEDUPLICATING_INSERT, insert_deduplication_token: insert.token }),
    });
    stream.resume();
  } catch (error) {
    throw engineError(error);
  } finally {
    file.destroy();
  }
}

function engineError(error: unknown): EngineError {
  if (error instanceof ClickHouseError) return new EngineError(error.message, Number(error.code) || 0);
  return new EngineError(`the ClickHouse server cannot be reached: ${(error as Error).message}`, 0);
}
