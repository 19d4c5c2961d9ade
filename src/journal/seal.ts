import { crc32c } from '../base/crc32c.ts';
import { record } from '../base/history.ts';
import type { Disk } from '../host/disk.ts';
import type { JournalIdentity } from './format.ts';
import type { DurableExtent } from './journal.ts';
import { writeManifest } from './manifest.ts';
import type { MapKeys, SealedSegment, SealedTable } from './sealed.ts';
import { nativeFile } from './segment-files.ts';

/** The rows of one table, encoded as a ClickHouse Native file in groups of pieces, each valid until the next group is asked for. */
export interface FrozenTable {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly groups: Iterable<readonly Uint8Array[]>;
  /** As in the manifest. */
  readonly keys?: MapKeys;
}

/**
 * Seals a segment: writes the Native file of each table that has rows, then the manifest, which is made durable. A crash in between
 * leaves an unsealed segment whose files are written again. Rejects with the disk's error; it may then be repeated.
 * @param frozen each table when it is its turn, `undefined` where others may be seen to meanwhile
 * @param seeToOthers called there; without it, all is done in as few turns as the disk needs
 */
export async function sealSegment(
  disk: Disk,
  directory: string,
  identity: JournalIdentity,
  journal: DurableExtent,
  frozen: Iterable<FrozenTable | undefined>,
  items?: SealedSegment['items'],
  seeToOthers?: () => Promise<void>,
): Promise<SealedSegment> {
  const tables = await writeNatives(disk, directory, identity.segment, frozen, seeToOthers);
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

/**
 * Writes a Native file for each table that has rows. Without fsync: the journal is the promise, and these files are made from it. What a power
 * failure takes of them fails its size or checksum before it is loaded, and is made again. So they compete with no acknowledgement for the
 * disk, and most are loaded and gone before the system writes them at all.
 */
export async function writeNatives(
  disk: Disk,
  directory: string,
  segment: string,
  frozen: Iterable<FrozenTable | undefined>,
  seeToOthers?: () => Promise<void>,
): Promise<SealedTable[]> {
  const tables: SealedTable[] = [];
  for (const table of frozen) {
    if (table === undefined) await seeToOthers?.();
    else if (table.rows > 0) tables.push(await writeNative(disk, directory, segment, table));
  }
  return tables;
}

async function writeNative(disk: Disk, directory: string, segment: string, frozen: FrozenTable): Promise<SealedTable> {
  const name = nativeFile(segment, frozen.table);
  const file = await disk.open(`${directory}/${name}`, 'replace');
  let checksum = 0;
  try {
    for (const group of frozen.groups) {
      for (const chunk of group) checksum = crc32c(chunk, checksum);
      await file.write(group);
    }
  } finally {
    await file.close();
  }
  const { table, columns, rows, keys } = frozen;
  return { table, columns, rows, file: name, bytes: file.sizeBytes, crc32c: checksum, ...(keys && { keys }) };
}
