import { record } from '../base/history.ts';
import { errorText } from '../host/disk.ts';
import { readManifest, verifySealed } from '../journal/manifest.ts';
import type { SealedSegment } from '../journal/sealed.ts';
import {
  damagedFile,
  journalFile,
  loadedFile,
  receiverDirectories,
  sealedFile,
  segmentsIn,
} from '../journal/segment-files.ts';
import { type StreamMark, StreamMarks } from './marks.ts';
import { rebuildSealed, rebuildSegment, removeSegment, type Workshop } from './rebuild.ts';

/** What a receiver directory holds after its recovery. */
export interface Recovered {
  /** Segments sealed now that were not before, or whose files were damaged: the store must be told. */
  readonly rebuilt: readonly SealedSegment[];
  /** Sealed segments that were found whole. */
  readonly intact: readonly SealedSegment[];
  /** Segments that the disk would not let us rebuild; to be tried again. */
  readonly failed: readonly string[];
}

/**
 * Brings a receiver directory into order after a crash: unsealed journals are replayed and sealed under their own names, so that their
 * rows and insert tokens are those they would have had; sealed segments are checked for size. What the store is forgetting (`.loaded`)
 * is left to it.
 */
export async function recoverSegments(workshop: Workshop): Promise<Recovered> {
  const { disk, directory } = workshop;
  const rebuilt: SealedSegment[] = [];
  const intact: SealedSegment[] = [];
  const failed: string[] = [];
  record('Boot', directory, '');
  for (const segment of (await segmentsIn(disk, directory)).keys()) {
    try {
      const found = await recoverSegment(workshop, segment);
      if (found === undefined) continue;
      (found.whole ? intact : rebuilt).push(found.sealed);
    } catch (error) {
      workshop.report(`${directory}/${segment}: cannot be recovered yet: ${errorText(error)}`);
      failed.push(segment);
    }
  }
  return { rebuilt, intact, failed };
}

/**
 * Recovers the directories of receivers that no longer run (their index is `receivers` or more): one receiver calls this at its start. Also
 * tells how far they had come with the streams of other Clews.
 */
export async function recoverRetired(
  workshop: Omit<Workshop, 'directory' | 'receiver' | 'marks'>,
  journalDirectory: string,
  receivers: number,
): Promise<{ readonly rebuilt: readonly SealedSegment[]; readonly marks: readonly StreamMark[] }> {
  const rebuilt: SealedSegment[] = [];
  const all: StreamMark[] = [];
  for (const { receiver, directory } of await receiverDirectories(workshop.disk, journalDirectory)) {
    if (receiver < receivers) continue;
    const marks = new StreamMarks(workshop.disk, directory, receiver);
    await marks.load(workshop.reportDamage);
    rebuilt.push(...(await recoverSegments({ ...workshop, directory, receiver, marks })).rebuilt);
    all.push(...marks.all());
  }
  return { rebuilt, marks: all };
}

/**
 * Recovers one segment, whatever its state; of a sealed one it checks the files to `depth`. The store may be forgetting it at this moment: its mark goes from `.sealed` to `.loaded`, so
 * asking in this order never finds neither while one is there; and the journal is gone before the mark.
 */
export async function recoverSegment(
  workshop: Workshop,
  segment: string,
  depth: 'sizes' | 'checksums' = 'sizes',
): Promise<{ readonly sealed: SealedSegment; readonly whole: boolean } | undefined> {
  const { disk, directory } = workshop;
  const sealedPath = `${directory}/${sealedFile(segment)}`;
  if ((await disk.size(sealedPath)) !== undefined) {
    const manifest = await readManifest(disk, sealedPath);
    const whole = !('reason' in manifest) && (await verifySealed(disk, directory, manifest, depth)) === undefined;
    if (whole) return { sealed: manifest, whole };
    const sealed = await rebuildSealed(workshop, segment);
    return sealed && { sealed, whole: false };
  }
  if ((await disk.size(`${directory}/${loadedFile(segment)}`)) !== undefined) return undefined;
  const asidePath = `${directory}/${damagedFile(segment)}`;
  if ((await disk.size(asidePath)) !== undefined) {
    // The store could not load it and has set its manifest aside: it gets another chance, with files that are checked.
    await disk.rename(asidePath, sealedPath);
    await disk.syncDirectory(directory);
    return recoverSegment(workshop, segment, 'checksums');
  }
  if ((await disk.size(`${directory}/${journalFile(segment)}`)) === undefined) {
    // Neither marked nor journalled: what a removal that was cut short has left.
    await removeSegment(disk, directory, segment);
    return undefined;
  }
  const sealed = await rebuildSegment(workshop, segment);
  return sealed && { sealed, whole: false };
}
