import path from 'node:path';
import { DIRECTORIES, INSTANCE_FILE, KEYS_TABLE } from '../base/names.ts';
import { ALL_TABLES } from '../columns/tables.ts';
import type { Clock } from '../host/clock.ts';
import { type Disk, makeDirectoryDurably, readWhole, replaceDurably } from '../host/disk.ts';
import { copyFileDurably, digestFile, filesBelow, isVacant, removeTree } from '../host/tree.ts';
import { listSealed } from '../journal/forget.ts';
import { receiverDirectory, sealedFile } from '../journal/segment-files.ts';
import { columnsOf } from './columns-on-demand.ts';
import { openEmbedded } from './embedded.ts';
import type { Engine } from './engine.ts';
import { identifier, literal } from './literal.ts';
import { appliedMigration, MIGRATIONS, migrate } from './migrations.ts';

/*
 * A backup is a directory:
 *   parts/<table>/<part>/…   the parts of each table, as ClickHouse wrote them
 *   journal/r<n>/…           segments that were sealed and not yet loaded
 *   instance                 the identity of the data directory, which begins every insert token
 *   backup.json              written last: what is in it, with sizes and checksums. Without it there is no backup.
 */
const MANIFEST = 'backup.json';
const PARTS = 'parts';
/** Tables that are in a backup. */
const COPIED: readonly string[] = [...ALL_TABLES.map(({ name }) => name), KEYS_TABLE];

export interface BackupReport {
  readonly version: 1;
  readonly createdAt: string;
  readonly clickhouse: string;
  /** Number of the newest migration of the tables. */
  readonly migration: number;
  /** Rows of each table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly segments: number;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly crc32c: number }[];
}

export interface BackupOptions {
  readonly engine: Engine;
  readonly disk: Disk;
  readonly clock: Clock;
  /** `<data>/journal`; the instance file lies beside it. */
  readonly journalDirectory: string;
  /** Where to: absent or empty. */
  readonly directory: string;
  /** Runs a task while nothing is being loaded. */
  readonly paused: <T>(task: () => Promise<T>) => Promise<T>;
}

/**
 * Copies what is stored and what is sealed. Loading pauses only while parts are frozen (hard links) and the sealed segments are copied,
 * so that each row is in exactly one of them; receiving goes on. Rejects when the target is not empty or the engine is a server.
 */
export async function backup(options: BackupOptions): Promise<BackupReport> {
  const { engine, disk, clock, journalDirectory, directory } = options;
  if (engine.kind === 'server') {
    throw new Error(
      "the tables are on a ClickHouse server, whose backups are its operator's: use its own BACKUP statement, for example " +
        "`BACKUP DATABASE default TO Disk('backups', 'clew')`. What is not loaded yet lies in the journal directory.",
    );
  }
  if (!(await isVacant(directory))) throw new Error(`the backup directory ${directory} is not empty`);
  await makeDirectoryDurably(disk, directory);
  const createdMs = Number(clock.unixNano() / 1_000_000n);
  const name = `clew_${createdMs}`;
  const frozen: FrozenPart[] = [];
  try {
    const segments = await options.paused(async () => {
      for (const table of COPIED) frozen.push(...(await freeze(engine, table, name)));
      return copySegments(disk, journalDirectory, directory);
    });
    for (const part of frozen) await copyTree(part.path, path.join(directory, PARTS, part.table, part.part));
    const dataDirectory = path.dirname(journalDirectory);
    await copyFileDurably(path.join(dataDirectory, INSTANCE_FILE), path.join(directory, INSTANCE_FILE));
    const report: BackupReport = {
      version: 1,
      createdAt: new Date(createdMs).toISOString(),
      clickhouse: engine.version,
      migration: await appliedMigration(engine),
      rows: await rowsOf(disk, frozen),
      segments,
      files: await digestAll(directory),
    };
    await replaceDurably(disk, directory, MANIFEST, Buffer.from(JSON.stringify(report, null, 1)), `${MANIFEST}.tmp`);
    return report;
  } finally {
    for (const root of new Set(frozen.map((part) => part.root))) await removeTree(root);
  }
}

interface FrozenPart {
  readonly table: string;
  readonly part: string;
  readonly path: string;
  /** The whole of the frozen copy, removed afterwards. */
  readonly root: string;
}

async function freeze(engine: Engine, table: string, name: string): Promise<FrozenPart[]> {
  const { columns, rows } = await engine.query(
    `ALTER TABLE ${identifier(table)} FREEZE WITH NAME ${literal(name)} SETTINGS alter_partition_verbose_result = 1`,
  );
  const indexOf = (column: string) => columns.findIndex((found) => found.name === column);
  const [part, place] = [indexOf('part_name'), indexOf('part_backup_path')];
  return rows.map((row) => {
    const partPath = String(row[place]);
    const mark = `${path.sep}${name}${path.sep}`;
    const root = partPath.slice(0, partPath.indexOf(mark) + mark.length);
    return { table, part: String(row[part]), path: partPath, root };
  });
}

/** Rows of each table, from the count that every part carries: exact, whatever merges or retention did since. */
async function rowsOf(disk: Disk, frozen: readonly FrozenPart[]): Promise<Record<string, number>> {
  const rows: Record<string, number> = Object.fromEntries(COPIED.map((name) => [name, 0]));
  for (const part of frozen) {
    const count = Buffer.from(await readWhole(disk, path.join(part.path, 'count.txt'))).toString();
    rows[part.table] += Number(count);
  }
  return rows;
}

async function copySegments(disk: Disk, journalDirectory: string, directory: string): Promise<number> {
  const sealed = await listSealed(disk, journalDirectory);
  for (const { receiver, segment, tables } of sealed) {
    const from = receiverDirectory(journalDirectory, receiver);
    const to = receiverDirectory(path.join(directory, DIRECTORIES.journal), receiver);
    for (const file of [...tables.map((table) => table.file), sealedFile(segment)]) {
      await copyFileDurably(path.join(from, file), path.join(to, file));
    }
  }
  return sealed.length;
}

async function countRows(engine: Engine, table: string): Promise<number> {
  return Number((await engine.query(`SELECT count() FROM ${identifier(table)}`)).rows[0][0]);
}

async function copyTree(from: string, to: string): Promise<void> {
  for (const file of await filesBelow(from)) await copyFileDurably(path.join(from, file), path.join(to, file));
}

async function digestAll(directory: string): Promise<BackupReport['files']> {
  const files: { path: string; bytes: number; crc32c: number }[] = [];
  for (const file of await filesBelow(directory)) {
    files.push({ path: file, ...(await digestFile(path.join(directory, file))) });
  }
  return files;
}

/**
 * Makes a data directory from a backup: checks every file of it, makes the tables as they were then, attaches the parts, puts back the
 * sealed segments, and counts. Rejects, leaving a data directory that is not to be used, when anything differs. Clew must not run on it.
 */
export async function restore(disk: Disk, source: string, dataDirectory: string): Promise<BackupReport> {
  if (!(await isVacant(dataDirectory))) throw new Error(`the data directory ${dataDirectory} is not empty`);
  const report = await readReport(disk, source);
  await verifyFiles(source, report);
  if (report.migration > MIGRATIONS.length) {
    throw new Error(`the backup is of a newer Clew: its tables are at migration ${report.migration}`);
  }
  await makeDirectoryDurably(disk, dataDirectory);
  const engine = await openEmbedded({ path: path.join(dataDirectory, DIRECTORIES.store) });
  try {
    await migrate(engine, MIGRATIONS.slice(0, report.migration));
    for (const table of COPIED) await attachParts(disk, engine, source, table, report);
    for (const [table, count] of Object.entries(report.rows)) {
      const rows = await countRows(engine, table);
      if (rows !== count) throw new Error(`${table} has ${rows} rows after the restore instead of ${count}`);
    }
  } finally {
    await engine.close();
  }
  await copyTree(path.join(source, DIRECTORIES.journal), path.join(dataDirectory, DIRECTORIES.journal));
  await copyFileDurably(path.join(source, INSTANCE_FILE), path.join(dataDirectory, INSTANCE_FILE));
  return report;
}

async function readReport(disk: Disk, source: string): Promise<BackupReport> {
  const file = path.join(source, MANIFEST);
  const text = Buffer.from(await readWhole(disk, file)).toString();
  if (text === '') throw new Error(`${source} holds no finished backup: ${MANIFEST} is missing`);
  const report = JSON.parse(text) as BackupReport;
  if (report.version !== 1)
    throw new Error(`${file} is of version ${String(report.version)}, this program reads version 1`);
  return report;
}

async function verifyFiles(source: string, report: BackupReport): Promise<void> {
  for (const expected of report.files) {
    const file = path.join(source, expected.path);
    const found = await digestFile(file);
    if (found.bytes !== expected.bytes || found.crc32c !== expected.crc32c) {
      throw new Error(`${file} is damaged: its size or checksum is not the one it was written with`);
    }
  }
}

/** Names of the columns that a part holds, from the list that ClickHouse writes into it: a count, then `name` type on each line. */
async function columnsOfPart(disk: Disk, part: string): Promise<string[]> {
  const text = Buffer.from(await readWhole(disk, path.join(part, 'columns.txt'))).toString();
  return [...text.matchAll(/^`([^`]+)` /gm)].map(([, name]) => name);
}

async function attachParts(
  disk: Disk,
  engine: Engine,
  source: string,
  table: string,
  report: BackupReport,
): Promise<void> {
  const prefix = path.join(PARTS, table) + path.sep;
  const own = report.files.filter((file) => file.path.startsWith(prefix)).map((file) => file.path.slice(prefix.length));
  if (own.length === 0) return;
  const { rows } = await engine.query(
    'SELECT data_paths[1] FROM system.tables WHERE database = currentDatabase() AND name = {table:String}',
    { params: { table } },
  );
  const detached = path.join(String(rows[0][0]), 'detached');
  for (const file of own) await copyFileDurably(path.join(source, prefix, file), path.join(detached, file));
  const parts = [...new Set(own.map((file) => file.slice(0, file.indexOf(path.sep))))];
  for (const part of parts)
    await columnsOf(engine).ensure(table, await columnsOfPart(disk, path.join(source, prefix, part)));
  for (const part of parts) await engine.command(`ALTER TABLE ${identifier(table)} ATTACH PART ${literal(part)}`);
}
