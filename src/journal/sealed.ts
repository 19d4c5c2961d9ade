import type { Signal } from '../base/signal.ts';

/**
 * A sealed segment as its manifest (`<segment>.sealed`, JSON) describes it. The manifest is written last, with fsync and rename:
 * where it exists, every file it names is whole and durable. Loading renames it to `.loaded`, then the files are removed, the
 * manifest last; so each state can be recognised after a crash (docs/journal.md).
 */
export interface SealedSegment {
  readonly version: 1;
  /** Index of the receiver that wrote it: its directory is `journal/r<receiver>`. */
  readonly receiver: number;
  /** 16 hexadecimal digits, `<boot:8><sequence:8>`; sorts in order of writing and is never used twice by a receiver directory. */
  readonly segment: string;
  /** First part of the insert tokens: `<instance>/r<receiver>/<segment>/<table>`. */
  readonly instance: string;
  readonly journalBytes: number;
  readonly records: number;
  readonly tables: readonly SealedTable[];
  /** Items by signal, in a segment that is forwarded and has no tables. */
  readonly items?: Readonly<Record<Signal, number>>;
}

export interface SealedTable {
  readonly table: string;
  /** Columns in the file, in order. A column that holds only default values is left out. */
  readonly columns: readonly string[];
  readonly rows: number;
  /** File name below the receiver's journal directory. */
  readonly file: string;
  readonly bytes: number;
  /** CRC-32C of the file. */
  readonly crc32c: number;
  /** Keys of the map columns in the file. A column that is missing here may have any. */
  readonly keys?: MapKeys;
}

/** Keys of map columns, by the column. */
export type MapKeys = Readonly<Record<string, readonly string[]>>;
