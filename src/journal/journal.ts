import { assert } from '../base/assert.ts';
import { record } from '../base/history.ts';
import { type AppendFile, type Disk, errorText } from '../host/disk.ts';
import {
  checksumSeed,
  encodeFileHeader,
  encodeRecordHeader,
  type JournalIdentity,
  RECORD_HEADER_BYTES,
} from './format.ts';
import { journalFile } from './segment-files.ts';
import { giveBack, STAGED_RECORD_BYTES_MAX, Stage } from './stage.ts';

/** How an append ended. Failed: the record may or may not be on disk, and must not be acknowledged. */
export type AppendResult = { readonly kind: 'durable' } | { readonly kind: 'failed'; readonly message: string };

/** What is durable of a journal: a reader that stops after so many bytes sees the acknowledged records and no other. */
export interface DurableExtent {
  readonly bytes: number;
  readonly records: number;
}

/** The open journal of one segment. */
export interface Journal {
  readonly identity: JournalIdentity;
  /** Bytes of the file once everything appended so far is written. */
  readonly sizeBytes: number;
  /** Records appended so far. */
  readonly records: number;
  readonly durable: DurableExtent;
  /** Why the journal takes no more records: a write or fsync failed. */
  readonly failure: string | undefined;
  /**
   * Appends one record, `payload` in parts that must not change until the promise settles. Settles when the fsync that covers the record
   * is done (group commit: appends of one turn, and those that wait while an fsync runs, share the next one) or failed. Never rejects.
   */
  append(kind: number, payload: readonly Uint8Array[]): Promise<AppendResult>;
  /** Settles when every append made so far is settled. */
  idle(): Promise<void>;
  /** Waits for the appends and closes the file. Never rejects: what was acknowledged is durable already. */
  close(): Promise<void>;
}

type Settle = (result: AppendResult) => void;

const DURABLE: AppendResult = { kind: 'durable' };

/** Makes the journal file of a new segment: its header and its name are durable when the promise resolves. Rejects with the disk's error. */
export async function createJournal(disk: Disk, directory: string, identity: JournalIdentity): Promise<Journal> {
  record('Open', identity.receiver, identity.segment);
  const file = await disk.open(`${directory}/${journalFile(identity.segment)}`, 'create');
  try {
    await file.write([encodeFileHeader(identity)]);
    await file.sync();
    await disk.syncDirectory(directory);
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
  return new OpenJournal(file, identity);
}

class OpenJournal implements Journal {
  readonly identity: JournalIdentity;
  sizeBytes: number;
  records = 0;
  durable: DurableExtent;
  failure: string | undefined;
  readonly #file: AppendFile;
  readonly #seed: number;
  readonly #stage = new Stage();
  /** Whom the next write answers. */
  #queue: Settle[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;

  constructor(file: AppendFile, identity: JournalIdentity) {
    this.identity = identity;
    this.#file = file;
    this.#seed = checksumSeed(identity);
    this.sizeBytes = file.sizeBytes;
    this.durable = { bytes: file.sizeBytes, records: 0 };
  }

  append(kind: number, payload: readonly Uint8Array[]): Promise<AppendResult> {
    assert(!this.#closed, 'nothing is appended to a closed journal');
    if (this.failure !== undefined) return Promise.resolve({ kind: 'failed', message: this.failure });
    this.sizeBytes += this.#put(kind, payload);
    this.records++;
    record('Add', this.identity.receiver, this.identity.segment, this.records);
    return new Promise((settle) => {
      this.#queue.push(settle);
      this.#flushing ??= this.#flush();
    });
  }

  /** Stages one record for the next write; returns its bytes. */
  #put(kind: number, payload: readonly Uint8Array[]): number {
    let bytes = RECORD_HEADER_BYTES;
    for (const part of payload) bytes += part.length;
    if (bytes > STAGED_RECORD_BYTES_MAX) {
      this.#stage.add([encodeRecordHeader(this.#seed, kind, this.records, payload), ...payload]);
      return bytes;
    }
    const room = this.#stage.room(bytes);
    let at = RECORD_HEADER_BYTES;
    for (const part of payload) {
      room.set(part, at);
      at += part.length;
    }
    encodeRecordHeader(this.#seed, kind, this.records, [room.subarray(RECORD_HEADER_BYTES)], room);
    return bytes;
  }

  async idle(): Promise<void> {
    await this.#flushing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    this.#stage.close();
    await this.#file.close().catch(() => {});
  }

  /** Writes and fsyncs one group after the other until nobody waits. */
  async #flush(): Promise<void> {
    // The first group, too, is all that is appended before anything else can happen, and not one record with everybody else behind it.
    await undefined;
    while (this.#queue.length > 0) {
      const group = this.#queue;
      this.#queue = [];
      const failure = await this.#commit(group.length);
      if (failure !== undefined) {
        this.failure = failure;
        record('Fail', this.identity.receiver, this.identity.segment);
        group.push(...this.#queue);
        this.#queue = [];
      }
      const result: AppendResult = failure === undefined ? DURABLE : { kind: 'failed', message: failure };
      for (const settle of group) settle(result);
    }
    this.#flushing = undefined;
  }

  /** Writes what is staged, so many records. Returns why they are not durable, or undefined when they are. */
  async #commit(count: number): Promise<string | undefined> {
    const { receiver, segment } = this.identity;
    const records = this.durable.records + count;
    const bytes = this.sizeBytes;
    const { pieces, done } = this.#stage.take();
    try {
      await this.#file.write(pieces);
      record('Write', receiver, segment, records);
      await this.#file.sync();
      record('Sync', receiver, segment, records);
    } catch (error) {
      return errorText(error);
    }
    giveBack(done);
    this.durable = { bytes, records };
    return undefined;
  }
}
