import path from 'node:path';
import { LIMITS } from '../base/limits.ts';
import { type StoreParallelism, storeParallelism } from '../base/parallelism.ts';
import { ALL_TABLES } from '../columns/tables.ts';
import type { Clock } from '../host/clock.ts';
import { pause } from '../host/clock.ts';
import type { Disk } from '../host/disk.ts';
import { errorText } from '../host/disk.ts';
import { removeTree } from '../host/tree.ts';
import { attributeKeysOf } from './attribute-keys.ts';
import { type BackupReport, backup } from './backup.ts';
import type { Engine } from './engine.ts';
import { identifier } from './literal.ts';
import { Loader, type LoaderOptions, type LoaderStatus } from './loader.ts';
import { migrate } from './migrations.ts';
import { type EngineOptions, openEngine } from './open.ts';
import { applyRetention, type DayPartition, type RetentionRules } from './retention.ts';

export interface StoreOptions {
  readonly engine: EngineOptions;
  readonly disk: Disk;
  readonly clock: Clock;
  /** `<data>/journal`. */
  readonly journalDirectory: string;
  readonly retention?: RetentionRules;
  /** Default: as on a small machine. */
  readonly parallelism?: StoreParallelism;
  readonly onInserted?: NonNullable<LoaderOptions['onInserted']>;
  readonly onForgotten?: (receiver: number, segment: string) => void;
  readonly onDamaged?: (receiver: number, segment: string) => void;
  /** One line about something an operator should know. */
  readonly report?: (text: string) => void;
}

export interface StoreStatus extends LoaderStatus {
  readonly kind: Engine['kind'];
  readonly version: string;
  /** Memory that ClickHouse has allocated. */
  readonly memoryBytes: number;
  readonly tables: readonly TableStatus[];
}

export interface TableStatus {
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
  readonly parts: number;
  /** Times of the oldest and the newest row, `YYYY-MM-DD hh:mm:ss…` in UTC; null when the table is empty. */
  readonly oldest: string | null;
  readonly newest: string | null;
}

export interface Store {
  readonly engine: Engine;
  /** A receiver has sealed a segment. */
  notify(receiver: number, segment: string): void;
  status(): Promise<StoreStatus>;
  /** Resolves when every segment known is loaded. */
  idle(): Promise<void>;
  /** Resolves when nothing is waiting to be loaded and no merge has run for a second. For benches and tests. */
  waitForMerges(): Promise<void>;
  applyRetention(): Promise<DayPartition[]>;
  /** Copies everything stored or sealed by now into `directory`, which must not exist or be empty. Goes on taking in data meanwhile. */
  backup(directory: string): Promise<BackupReport>;
  /** Finishes the loads under way and closes the engine. */
  close(): Promise<void>;
}

/** Opens the engine, brings its tables up to date and begins to load sealed segments. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { clock, disk, journalDirectory } = options;
  // What a backup that was cut short left: hard links that would keep dropped data on the disk.
  if (options.engine.url === undefined) await removeTree(path.join(options.engine.path, 'shadow'));
  const parallelism = options.parallelism ?? storeParallelism(1);
  const { engine: place } = options;
  const engine = await openEngine(place.url === undefined ? { ...place, parallelism } : place);
  const loader = new Loader({ ...options, engine, loadsInParallel: parallelism.loads });
  try {
    await migrate(engine);
    await attributeKeysOf(engine).read();
    await loader.start();
  } catch (error) {
    await engine.close();
    throw error;
  }
  const report = options.report ?? (() => {});
  const retain = async () => {
    const nowMs = Number(clock.unixNano() / 1_000_000n);
    const dropped = await applyRetention(engine, options.retention ?? {}, nowMs);
    for (const day of dropped)
      report(`retention dropped ${day.id} of ${day.table}: ${day.rows} rows, ${day.bytes} bytes`);
    return dropped;
  };
  const stopRetention = repeat(clock, LIMITS.retentionIntervalMs, () =>
    retain().then(
      () => {},
      (error: unknown) => report(`retention failed: ${errorText(error)}`),
    ),
  );
  return {
    engine,
    notify: (receiver, segment) => void loader.notify(receiver, segment),
    async status() {
      return { ...loader.status(), ...(await engineStatus(engine)) };
    },
    idle: () => loader.idle(),
    async waitForMerges() {
      await loader.idle();
      await mergesSettled(engine, clock);
    },
    applyRetention: retain,
    backup: (directory) =>
      backup({ engine, disk, clock, journalDirectory, directory, paused: (task) => loader.paused(task) }),
    async close() {
      await stopRetention();
      await loader.close();
      await engine.close();
    },
  };
}

/** Runs `task` now and again `intervalMs` after it ended. The returned function ends that and waits for a run under way. */
function repeat(clock: Clock, intervalMs: number, task: () => Promise<void>): () => Promise<void> {
  let isStopped = false;
  let cancel = () => {};
  let running: Promise<void> = Promise.resolve();
  const run = () => {
    running = task().then(() => {
      if (!isStopped) cancel = clock.after(intervalMs, run);
    });
  };
  run();
  return async () => {
    isStopped = true;
    cancel();
    await running;
  };
}

async function engineStatus(engine: Engine): Promise<Pick<StoreStatus, 'kind' | 'version' | 'memoryBytes' | 'tables'>> {
  const parts = await engine.query(
    'SELECT table, sum(rows), sum(bytes_on_disk), count() FROM system.parts ' +
      'WHERE active AND database = currentDatabase() GROUP BY table',
  );
  const tables = await Promise.all(
    ALL_TABLES.map(async ({ name, partitionBy }) => {
      const [, rows, bytes, count] = parts.rows.find(([table]) => table === name) ?? [name, 0, 0, 0];
      // Answered from the partitions' own minima and maxima, without reading rows.
      const time = /\((\w+)\)/.exec(partitionBy)?.[1] ?? '';
      const range = await engine.query(
        `SELECT toString(min(${identifier(time)})), toString(max(${identifier(time)})) FROM ${identifier(name)}`,
      );
      const [oldest, newest] = Number(rows) > 0 ? range.rows[0].map(String) : [null, null];
      return { table: name, rows: Number(rows), bytes: Number(bytes), parts: Number(count), oldest, newest };
    }),
  );
  const memory = await engine.query("SELECT value FROM system.metrics WHERE metric = 'MemoryTracking'");
  return {
    kind: engine.kind,
    version: engine.version,
    memoryBytes: Math.max(0, Number(memory.rows[0]?.[0] ?? 0)),
    tables,
  };
}

const SETTLED_CHECKS = 10;
const SETTLED_CHECK_MS = 100;

async function mergesSettled(engine: Engine, clock: Clock): Promise<void> {
  for (let quiet = 0; quiet < SETTLED_CHECKS; ) {
    const { rows } = await engine.query('SELECT count() FROM system.merges WHERE database = currentDatabase()');
    quiet = Number(rows[0][0]) === 0 ? quiet + 1 : 0;
    await pause(clock, SETTLED_CHECK_MS);
  }
}
