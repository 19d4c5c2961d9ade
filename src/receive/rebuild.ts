import { record } from '../base/history.ts';
import { yieldToEvents } from '../host/clock.ts';
import { type Disk, readWhole } from '../host/disk.ts';
import type { JournalIdentity } from '../journal/format.ts';
import type { DurableExtent } from '../journal/journal.ts';
import { readManifest, verifySealed, writeManifest } from '../journal/manifest.ts';
import { positionOf } from '../journal/position.ts';
import { decodeRecord } from '../journal/record.ts';
import { type DamagedPlace, scanJournal } from '../journal/scan.ts';
import { type FrozenTable, sealSegment, writeNatives } from '../journal/seal.ts';
import type { SealedSegment, SealedTable } from '../journal/sealed.ts';
import { journalFile, loadedFile, removeIfThere, sealedFile, segmentsIn } from '../journal/segment-files.ts';
import type { StreamMarks } from './marks.ts';
import { otlpBuilder } from './otlp-builder.ts';
import type { SegmentBuilder } from './segment-builder.ts';

/** Where segments are rebuilt, and how. */
export interface Workshop {
  readonly disk: Disk;
  /** The receiver's journal directory. */
  readonly directory: string;
  readonly receiver: number;
  readonly instance: string;
  /** A stand-in of a test, or else the transcoder. */
  readonly newBuilder?: (() => SegmentBuilder) | undefined;
  /** One line for the log. */
  readonly report: (text: string) => void;
  /** One line about a place where journal bytes are damaged. */
  readonly reportDamage: (text: string) => void;
  /** How far the streams of other Clews were taken in; absent where none are taken. */
  readonly marks?: StreamMarks | undefined;
}

/** Payload bytes transcoded between two pauses for other events: about 10 ms. */
const YIELD_BYTES = 1024 * 1024;

/**
 * Seals a segment from its journal: after a crash, or after a failed write. With `extent` only what was acknowledged counts, and the rest
 * is cut off first, so that a later reader cannot take it for acknowledged. Returns undefined when the journal holds nothing; its files
 * are gone then. Rejects with the disk's error, and may be repeated.
 */
export async function rebuildSegment(
  workshop: Workshop,
  segment: string,
  extent?: DurableExtent,
): Promise<SealedSegment | undefined> {
  const { disk, directory } = workshop;
  const path = `${directory}/${journalFile(segment)}`;
  if (extent !== undefined) {
    const before = await handedOverBefore(disk, directory, segment);
    if (before !== 'no') return before === 'loaded' ? undefined : before;
  }
  if (extent !== undefined && ((await disk.size(path)) ?? 0) > extent.bytes) {
    await disk.truncate(path, extent.bytes);
    record('Cut', directory, segment);
  }
  const builder = (workshop.newBuilder ?? otlpBuilder)();
  const { content, ...replayed } = await replay(workshop, segment, builder, extent?.bytes);
  record('Replay', directory, segment, replayed.records);
  if (extent !== undefined && replayed.records < extent.records) {
    workshop.reportDamage(`${path}: ${extent.records - replayed.records} acknowledged records cannot be read back`);
  }
  if (builder.items === 0) {
    await removeSegment(disk, directory, segment);
    return undefined;
  }
  // What a crashed process wrote last may still be on its way to the disk, or kept from it for ever.
  if (extent === undefined) await writeOver(disk, path, content);
  record('Sync', directory, segment, replayed.records);
  await workshop.marks?.save();
  const identity = identityOf(workshop, segment);
  return sealSegment(disk, directory, identity, replayed, builder.freeze(), builder.counts?.());
}

/**
 * Whether a seal that failed has handed the segment over all the same: its manifest had its name, and only the fsync of the directory was
 * refused. It is repeated here; the store may have loaded and removed the segment meanwhile.
 */
async function handedOverBefore(
  disk: Disk,
  directory: string,
  segment: string,
): Promise<SealedSegment | 'loaded' | 'no'> {
  const path = `${directory}/${sealedFile(segment)}`;
  if ((await disk.size(path)) !== undefined) {
    const manifest = await readManifest(disk, path);
    if ('reason' in manifest) return 'no';
    await disk.syncDirectory(directory);
    record('Seal', directory, segment);
    return manifest;
  }
  const isJournalled = (await disk.size(`${directory}/${journalFile(segment)}`)) !== undefined;
  return isJournalled && (await disk.size(`${directory}/${loadedFile(segment)}`)) === undefined ? 'no' : 'loaded';
}

/**
 * Makes a sealed segment whole again: Native files that are missing or fail their size or checksum are written anew from the journal;
 * those that are right are kept. Rows that neither file nor journal holds any more are reported as lost. Returns the manifest that now
 * holds; undefined when the segment is no longer sealed (the store has loaded it) or nothing of it is left.
 */
export async function rebuildSealed(workshop: Workshop, segment: string): Promise<SealedSegment | undefined> {
  const { disk, directory } = workshop;
  const path = `${directory}/${sealedFile(segment)}`;
  if ((await disk.size(path)) === undefined) return undefined;
  const manifest = await readManifest(disk, path);
  if ('reason' in manifest) {
    workshop.report(`${path}: ${manifest.reason}; rebuilt from the journal`);
    return rebuildSegment(workshop, segment);
  }
  const kept: SealedTable[] = [];
  const lost = new Set<string>();
  for (const table of manifest.tables) {
    const reason = await verifySealed(disk, directory, { ...manifest, tables: [table] }, 'checksums');
    if (reason === undefined) {
      kept.push(table);
    } else {
      lost.add(table.table);
      workshop.report(`${reason}; rebuilt from the journal`);
    }
  }
  if (lost.size === 0) return manifest;
  const builder = (workshop.newBuilder ?? otlpBuilder)();
  const replayed = await replay(workshop, segment, builder, manifest.journalBytes);
  if (replayed.records < manifest.records) {
    const missing = manifest.records - replayed.records;
    workshop.reportDamage(`${path}: rows of ${missing} records are lost in ${[...lost].join(', ')}`);
  }
  const written = await writeNatives(disk, directory, segment, tablesNamed(lost, builder.freeze()));
  record('Repair', directory, segment, manifest.records);
  const rebuilt = { ...manifest, tables: [...kept, ...written] };
  // The store may have loaded the segment meanwhile (its files were right again before the manifest is): then there is nothing to say.
  if ((await disk.size(path)) === undefined) return undefined;
  await writeManifest(disk, directory, rebuilt);
  return rebuilt;
}

function* tablesNamed(names: ReadonlySet<string>, tables: Iterable<FrozenTable | undefined>): Iterable<FrozenTable> {
  for (const table of tables) if (table !== undefined && names.has(table.table)) yield table;
}

/**
 * Makes a file durable whose bytes have been read. After an fsync that failed the next one succeeds and does nothing, so the bytes are written again. In their
 * place, not in a new file: what was durable already stays so, even where this fsync is lost.
 */
async function writeOver(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'overwrite');
  try {
    await file.write([content]);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Removes every file of a segment that holds nothing. */
export async function removeSegment(disk: Disk, directory: string, segment: string): Promise<void> {
  const files = (await segmentsIn(disk, directory)).get(segment) ?? [];
  if (files.length === 0) return;
  for (const file of files) await removeIfThere(disk, `${directory}/${file}`);
  await disk.syncDirectory(directory);
}

function identityOf(workshop: Workshop, segment: string): JournalIdentity {
  return { instance: workshop.instance, receiver: workshop.receiver, segment };
}

/** Puts every whole record of a journal into `builder` and reports every damaged place. `content`: the file. */
async function replay(
  workshop: Workshop,
  segment: string,
  builder: SegmentBuilder,
  bytesMax?: number,
): Promise<DurableExtent & { readonly content: Uint8Array }> {
  const { disk, directory } = workshop;
  const path = `${directory}/${journalFile(segment)}`;
  const bytes = await readWhole(disk, path, bytesMax);
  const scanned = scanJournal(bytes, identityOf(workshop, segment));
  for (const place of scanned.damaged) workshop.reportDamage(describe(path, place));
  if (scanned.duplicates > 0) workshop.report(`${path}: ${scanned.duplicates} records stand there twice; applied once`);
  let sinceYield = 0;
  for (const record of scanned.records) {
    const request = decodeRecord(record.payload);
    const result =
      request && builder.transcode(request.signal, request.body, request.baggage, request.receivedUnixNano);
    if (request?.token !== undefined) {
      workshop.marks?.note(request.token.stream, request.token.mark);
      workshop.marks?.stands(request.token.stream, positionOf(segment, record.sequence));
    }
    if (result?.kind !== 'ok') {
      const why = result === undefined ? 'it is of an unknown version' : result.message;
      workshop.reportDamage(`${path}: record ${record.sequence} at byte ${record.offset} cannot be used: ${why}`);
    }
    sinceYield += record.payload.length;
    if (sinceYield < YIELD_BYTES) continue;
    sinceYield = 0;
    await yieldToEvents();
  }
  return { bytes: bytes.length, records: scanned.records.length, content: bytes };
}

function describe(path: string, place: DamagedPlace): string {
  const where = `${path}: bytes ${place.offset} to ${place.offset + place.bytes}: ${place.reason}`;
  if (place.tail) return `${where}; cut short by a crash before it was acknowledged, unless the disk lost an fsync`;
  return place.recordsLost > 0 ? `${where}; ${place.recordsLost} records lost, the rest is saved` : where;
}
