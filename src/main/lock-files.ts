import path from 'node:path';
import { LockBook, type LockSnapshot } from '../analysis/lock-book.ts';
import { deadlocksInLog } from '../analysis/postgres-log.ts';
import { isThreadDump, readThreadDump, threadDumpTime } from '../analysis/thread-dump.ts';
import { systemClock } from '../host/clock.ts';
import { errorText, readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { loggedDeadlock, type SeenDeadlock } from '../query/lock-answers.ts';
import { readSnapshot } from '../query/lock-snapshot.ts';
import { lockEventsOf } from './lock-file-otlp.ts';
import { isProtobufLogs, protobufLogs } from './lock-file-protobuf.ts';

/** What files say of locks. */
export interface LockFiles {
  readonly book: LockBook;
  /** Snapshots by their source, as a running Clew can be told them. */
  readonly snapshots: ReadonlyMap<string, LockSnapshot>;
  /** Deadlocks that are over, as logs tell. */
  readonly past: readonly SeenDeadlock[];
  /** The last moment that is told of. */
  readonly lastNs: bigint;
}

interface Growing extends LockFiles {
  readonly snapshots: Map<string, LockSnapshot>;
  readonly past: SeenDeadlock[];
  lastNs: bigint;
}

/**
 * Reads files about locks: lock events in OTLP logs (JSON or protobuf), snapshots as POST /api/v1/locks takes them, thread dumps of Java, and logs of
 * PostgreSQL. The content tells the format. Throws with the name of the file that it cannot read.
 */
export async function readLockFiles(paths: readonly string[]): Promise<LockFiles> {
  const read: Growing = { book: new LockBook(), snapshots: new Map(), past: [], lastNs: 0n };
  for (const file of paths) {
    try {
      if ((await nodeDisk.size(file)) === undefined) throw new Error('there is no such file');
      const bytes = await readWhole(nodeDisk, file);
      if (isProtobufLogs(bytes)) readDocument(read, file, protobufLogs(bytes));
      else readText(read, file, Buffer.from(bytes).toString(), paths.length > 1);
    } catch (error) {
      throw new Error(`${file}: ${errorText(error)}`);
    }
  }
  for (const [source, snapshot] of read.snapshots) read.book.takeSnapshot(source, snapshot);
  return read;
}

/** Of several files each is a machine of its own: what has one name in two thread dumps is not one thing. */
function readText(read: Growing, file: string, text: string, isOneOfMany: boolean): void {
  if (isThreadDump(`\n${text}`)) {
    const time = threadDumpTime(text);
    // The time of a dump has no zone: it is taken to be the one of this machine.
    const timeNs =
      time === undefined ? systemClock.unixNano() : BigInt(Date.parse(time.replace(' ', 'T'))) * 1_000_000n;
    takeSnapshot(read, file, readThreadDump(`\n${text}`, timeNs, isOneOfMany ? path.basename(file) : ''));
  } else if (/^\s*[{[]/.test(text)) {
    for (const document of documentsOf(text)) readDocument(read, file, document);
  } else if (/\b(LOG|ERROR|FATAL|DETAIL|STATEMENT)[:,]/.test(text)) readLog(read, text);
  else
    throw new Error('is neither OTLP (JSON or protobuf), a snapshot, a thread dump of Java, nor a log of PostgreSQL');
}

function readDocument(read: Growing, file: string, document: object): void {
  if ('resourceLogs' in document) {
    for (const event of lockEventsOf(document)) {
      read.book.take(event);
      if (event.timeNs > read.lastNs) read.lastNs = event.timeNs;
    }
  } else if ('detail' in document) {
    const time = 'timestamp' in document ? String(document.timestamp) : '';
    readLog(read, `${time} ${document.detail}`);
  } else if (!('error_severity' in document)) {
    // Any other line of a jsonlog says nothing of a deadlock.
    const { source, snapshot } = readSnapshot({ source: file, ...document }, read.lastNs);
    takeSnapshot(read, source, snapshot);
  }
}

function takeSnapshot(read: Growing, source: string, snapshot: LockSnapshot): void {
  read.snapshots.set(source, snapshot);
  if (snapshot.timeNs > read.lastNs) read.lastNs = snapshot.timeNs;
}

function readLog(read: Growing, text: string): void {
  for (const logged of deadlocksInLog(text, systemClock.unixNano())) read.past.push(loggedDeadlock(logged));
}

/** The whole text as one document or, where that fails, each line as one. */
function documentsOf(text: string): object[] {
  try {
    return [JSON.parse(text) as object];
  } catch {
    try {
      return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as object]));
    } catch {
      throw new Error('is no JSON, neither as a whole nor line by line');
    }
  }
}
