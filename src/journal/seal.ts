import { crc32c } from '../base/crc32c.ts';
import { record } from '../base/history.ts';
import type { Disk } from '../host/disk.ts';
import type { JournalIdentity } from './format.ts';
import type { DurableExtent } from './journal.ts';
import { writeManifest } from './manifest.ts';
import type { SealedSegment, SealedTable } from './sealed.ts';
import { nativeFile } from './segment-files.ts';

/** The rows of one table, encoded as a ClickHouse Native file in pieces. */
export interface FrozenTable {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly chunks: readonly Uint8Array[];
}

/** Bytes handed to the disk in one write: between two writes the event loop serves requests. */
const WRITE_BYTES = 1024 * 1024;

/**
 * Seals a segment: writes and fsyncs the Native file of each table that has rows, then their names, then the manifest. A crash in between
 * leaves an unsealed segment whose files are written again. Rejects with the disk's error; it may then be repeated.
 */
export async function sealSegment(
  disk: Disk,
  directory: string,
  identity: JournalIdentity,
  journal: DurableExtent,
  frozen: readonly FrozenTable[],
  items?: SealedSegment['items'],
): Promise<SealedSegment> {
  const tables = await writeNatives(disk, directory, identity.segment, frozen);
  record('Files', identity.receiver, identity.segment, journal.records);
  const sealed: SealedSegment = {
    version: 1,
    receiver: identity.receiver,
    segment: identity.segment,
    instance: identity.instance,
    journalBytes: journal.bytes,
    records: journal.records,
    tables,
    ...(items === undefined ? {} : { items }),
  };
  await writeManifest(disk, directory, sealed);
  return sealed;
}

/** Writes a Native file for each table that has rows; bytes and names are durable when the promise resolves. */
export async function writeNatives(
  disk: Disk,
  directory: string,
  segment: string,
  frozen: readonly FrozenTable[],
): Promise<SealedTable[]> {
  const tables: SealedTable[] = [];
  for (const table of frozen) {
    if (table.rows > 0) tables.push(await writeNative(disk, directory, segment, table));
  }
  if (tables.length > 0) await disk.syncDirectory(directory);
  return tables;
}

async function writeNative(disk: Disk, directory: string, segment: string, frozen: FrozenTable): Promise<SealedTable> {
  const name = nativeFile(segment, frozen.table);
  const file = await disk.open(`${directory}/${name}`, 'replace');
  let checksum = 0;
  try {
    for (const parts of batches(frozen.chunks)) {
      for (const part of parts) checksum = crc32c(part, checksum);
      await file.write(parts);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const { table, columns, rows } = frozen;
  return { table, columns, rows, file: name, bytes: file.sizeBytes, crc32c: checksum };
}

/** The chunks in groups of about WRITE_BYTES; a longer chunk is cut. */
function* batches(chunks: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let group: Uint8Array[] = [];
  let groupBytes = 0;
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length; offset += WRITE_BYTES) {
      const part = chunk.subarray(offset, offset + WRITE_BYTES);
      group.push(part);
      groupBytes += part.length;
      if (groupBytes < WRITE_BYTES) continue;
      yield group;
      group = [];
      groupBytes = 0;
    }
  }
  if (group.length > 0) yield group;
}
