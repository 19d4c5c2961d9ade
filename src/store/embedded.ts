import { createRequire } from 'node:module';
import path from 'node:path';
import type { Session } from 'chdb';
import { assert } from '../base/assert.ts';
import { LIMITS } from '../base/limits.ts';
import { type StoreParallelism, storeParallelism } from '../base/parallelism.ts';
import { pause, systemClock } from '../host/clock.ts';
import { makeDirectoryDurably, replaceDurably } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { COMPRESSION_CONFIG } from './codecs.ts';
import { dropDanglingTokens } from './dangling-tokens.ts';
import { type Engine, EngineError, type NativeInsert, type QueryOptions, type QueryResult } from './engine.ts';
import { parseJsonCompact } from './json-compact.ts';
import { Lane } from './lane.ts';
import { identifier, literal, parameterLiteral } from './literal.ts';
import { DEDUPLICATING_INSERT, EXACT_TEXT } from './settings.ts';

export interface EmbeddedOptions {
  /** Directory of the database; made when absent. One process, one directory (chDB's rule). */
  readonly path: string;
  /** Statements that run at once, besides loads. Default LIMITS.queriesInParallel. */
  readonly queriesInParallel?: number;
  /** Default: as on a small machine. */
  readonly parallelism?: StoreParallelism;
}

type Chdb = typeof import('chdb');

/**
 * ClickHouse in this process, through chDB: real MergeTree tables below `path`. The one place that loads the package.
 *
 * A statement has a session to itself while it runs, so statements run in parallel. Sessions are used again (to open one for each
 * statement is a third of what a small one takes), but not after a cancelled statement, whose rows chDB would put before the next answer, and not after
 * settings that would stay.
 * Needs UV_THREADPOOL_SIZE >= `parallelism.threads`, set before the process starts: a running statement holds a thread.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Engine> {
  const chdb = loadChdb();
  await dropDanglingTokens(nodeDisk, path.resolve(options.path));
  const { loads: loadsInParallel, merges } = options.parallelism ?? storeParallelism(1);
  const args = [...serverArguments(merges), `--config-file=${await writeConfig(options.path)}`];
  const sessions = new Sessions(() => new chdb.Session(options.path, { connectionArgs: args }));
  // Keeps the engine alive between statements.
  const { session: anchor } = sessions.take(UNUSED);
  const queries = new Lane(options.queriesInParallel ?? LIMITS.queriesInParallel);
  const loads = new Lane(loadsInParallel);
  const running = new Set<Promise<unknown>>();
  const closing = new AbortController();
  let closed = false;

  const statement = (lane: Lane, sql: string, options: QueryOptions): Promise<string> => {
    if (closed) return Promise.reject(new EngineError('the store is closed', 0));
    const work = lane.run(() => runStatement(sessions, sql, options));
    running.add(work);
    const done = () => running.delete(work);
    work.then(done, done);
    return work;
  };

  const [[version]] = parseJsonCompact(await runStatement(sessions, 'SELECT version()', {})).rows;
  return {
    kind: 'embedded',
    version: String(version),
    async query(sql, options = {}): Promise<QueryResult> {
      const signals = options.signal ? [options.signal, closing.signal] : [closing.signal];
      return parseJsonCompact(await statement(queries, sql, { ...options, signal: AbortSignal.any(signals) }));
    },
    async command(sql, options = {}) {
      await statement(queries, sql, options);
    },
    async insertNative(insert) {
      await statement(loads, insertFromFile(insert), {
        settings: { ...DEDUPLICATING_INSERT, insert_deduplication_token: insert.token },
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      // Queries are ended, what writes is waited for.
      closing.abort(new EngineError('the store is closing', 0));
      await Promise.allSettled(running);
      await chdb.drainPending();
      sessions.close();
      anchor.close();
      await chdb.drainPending();
    },
  };
}

function loadChdb(): Chdb {
  try {
    return createRequire(import.meta.url)('chdb') as Chdb;
  } catch (error) {
    throw new Error(
      'the embedded ClickHouse is not available: the optional package `chdb` could not be loaded ' +
        '(install it with `npm install chdb`, on Linux or macOS), or set `store.url` to a ClickHouse server. ' +
        `Cause: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** What cannot be said by arguments; written at each start, beside what ClickHouse keeps there. */
async function writeConfig(directory: string): Promise<string> {
  const whole = path.resolve(directory);
  await makeDirectoryDurably(nodeDisk, whole);
  await replaceDurably(nodeDisk, whole, CONFIG_FILE, Buffer.from(COMPRESSION_CONFIG), `${CONFIG_FILE}.tmp`);
  return path.join(whole, CONFIG_FILE);
}

const CONFIG_FILE = 'clew-config.xml';

/** Server configuration of the embedded engine: bounded memory, caches and background threads. */
function serverArguments(merges: number): string[] {
  const values: Record<string, string | number> = {
    timezone: 'UTC',
    max_server_memory_usage: LIMITS.storeMemoryBytesMax,
    background_pool_size: merges,
    mark_cache_size: LIMITS.storeCacheBytesMax,
    index_mark_cache_size: LIMITS.storeCacheBytesMax,
    primary_index_cache_size: LIMITS.storeCacheBytesMax,
    index_uncompressed_cache_size: LIMITS.storeFilterCacheBytesMax,
  };
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

/** Numbers the sessions of this process, to find the statement that is to be ended. */
let opened = 0;

/** A session of chDB, and the comment by which ClickHouse knows the statement that runs in it. */
interface Held {
  readonly session: Session;
  readonly mark: string;
  /** Whether its settings were made: they stay, and are a fifth of what a small statement takes. */
  isSet: boolean;
}

/** Sessions that nobody uses now, by the settings that were made in them: as many as ever were used at once. */
class Sessions {
  readonly #open: () => Session;
  readonly #spare = new Map<string, Held[]>();

  constructor(open: () => Session) {
    this.#open = open;
  }

  take(settings: string): Held {
    return (
      this.#spare.get(settings)?.pop() ?? { session: this.#open(), mark: `clew session ${++opened}`, isSet: false }
    );
  }

  giveBack(held: Held, settings: string): void {
    const spare = this.#spare.get(settings) ?? [];
    spare.push(held);
    this.#spare.set(settings, spare);
  }

  close(): void {
    for (const { session } of [...this.#spare.values()].flat()) session.close();
    this.#spare.clear();
  }
}

/** What a session is used again for; undefined where its settings would not be needed twice, or could not be changed any more. */
function settingsKey({ settings, timeoutMs }: QueryOptions): string | undefined {
  if (settings?.readonly !== undefined || settings?.['insert_deduplication_token'] !== undefined) return undefined;
  return JSON.stringify([settings ?? {}, timeoutMs ?? 0]);
}

async function runStatement(sessions: Sessions, sql: string, options: QueryOptions): Promise<string> {
  options.signal?.throwIfAborted();
  const key = settingsKey(options);
  const held = sessions.take(key ?? UNUSED);
  const text = setStatement(options, held) + withParameters(sql, options.params ?? {});
  const statement = { mark: held.mark, hasEnded: false };
  const kill = () => void killStatement(sessions, statement);
  let isClean = false;
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const result = await held.session.queryAsync(text, { format: 'JSONCompact' });
    isClean = options.signal?.aborted !== true;
    held.isSet = true;
    return result.text();
  } catch (error) {
    options.signal?.throwIfAborted();
    throw engineError(error);
  } finally {
    statement.hasEnded = true;
    options.signal?.removeEventListener('abort', kill);
    if (isClean && key !== undefined) sessions.giveBack(held, key);
    else held.session.close();
  }
}

/** The settings of sessions that are never given back. */
const UNUSED = '';

/** What has to be set in a new session before its first statement. `readonly` comes last, because nothing can be set after it. */
function setStatement(options: QueryOptions, { mark, isSet }: Held): string {
  if (isSet) return '';
  const { readonly, ...settings } = options.settings ?? {};
  const all: [string, string | number][] = [
    ...Object.entries({ ...EXACT_TEXT, ...ONE_THREAD_OF_TEXT, ...settings }),
    ['max_execution_time', (options.timeoutMs ?? 0) / 1000],
    ['log_comment', mark],
  ];
  if (readonly !== undefined) all.push(['readonly', readonly]);
  return `SET ${all.map(([name, value]) => `${settingName(name)} = ${settingValue(value)}`).join(', ')};\n`;
}

/**
 * The statement with its parameters as ClickHouse would put them in: a text as it is, all else made the type that the placeholder names. To set them first would
 * be a statement of its own, 0.4 ms; the binding runs bound parameters one at a time in the whole process.
 */
function withParameters(sql: string, params: NonNullable<QueryOptions['params']>): string {
  return sql.replace(/\{(\w+):([\w(), ]+)\}/g, (placeholder: string, name: string, type: string) => {
    // Not what every object has, such as toString.
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined) return placeholder;
    const text = parameterLiteral(value);
    return type === 'String' ? text : `CAST(${text}, ${literal(type)})`;
  });
}

/** Answers are small: two threads to write their text would cost each statement 0.1 ms. */
const ONE_THREAD_OF_TEXT = { output_format_parallel_formatting: 0 };

function settingName(name: string): string {
  assert(/^\w+$/.test(name), `a setting or parameter has a plain name, not ${JSON.stringify(name)}`);
  return name;
}

function settingValue(value: string | number): string {
  return typeof value === 'number' ? String(value) : literal(value);
}

const KILL_AGAIN_MS = 50;

/**
 * chDB cannot interrupt a statement; ClickHouse can, at the end of a block. Its caller learns it from the abort signal. Repeated,
 * because a statement that has only begun is not known to ClickHouse yet.
 */
async function killStatement(sessions: Sessions, statement: { readonly mark: string; readonly hasEnded: boolean }) {
  const { session } = sessions.take(UNUSED);
  try {
    while (!statement.hasEnded) {
      await session.queryAsync(`KILL QUERY WHERE Settings['log_comment'] = ${literal(statement.mark)} ASYNC`);
      await pause(systemClock, KILL_AGAIN_MS);
    }
  } catch {
    // It then ends by itself, or by its time limit.
  } finally {
    session.close();
  }
}

function insertFromFile(insert: NativeInsert): string {
  // file() reads these as wildcards, and has no way to escape them.
  assert(!/[*?{}[\]]/.test(insert.path), `the data directory has no wildcard in its path: ${insert.path}`);
  const columns = insert.columns.map(identifier).join(', ');
  return (
    `INSERT INTO ${identifier(insert.table)} (${columns}) ` +
    `SELECT ${columns} FROM file(${literal(insert.path)}, 'Native', 'auto', 'none')`
  );
}

function engineError(error: unknown): EngineError {
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { clickhouseCode?: unknown }).clickhouseCode;
  return new EngineError(message, typeof code === 'number' ? code : 0);
}
