import { record } from '../base/history.ts';
import type { Disk } from '../host/disk.ts';
import { findManifest } from './manifest.ts';
import type { SealedSegment } from './sealed.ts';
import { loadedFile, receiverDirectories, removeIfThere, sealedFile, segmentsIn } from './segment-files.ts';

/**
 * Every sealed segment below `<data>/journal`, oldest first over all receivers. A manifest that cannot be used is left out and told to
 * `report`; its owner rebuilds it (recoverSegments of src/receive). The files a manifest names are not read: see `verifySealed`.
 */
export async function listSealed(
  disk: Disk,
  journalDirectory: string,
  report: (text: string) => void = () => {},
): Promise<SealedSegment[]> {
  const sealed: SealedSegment[] = [];
  for (const { directory } of await receiverDirectories(disk, journalDirectory)) {
    for (const [segment, files] of await segmentsIn(disk, directory)) {
      if (!files.includes(sealedFile(segment))) continue;
      const path = `${directory}/${sealedFile(segment)}`;
      // It may have been loaded and forgotten since the directory was read.
      const manifest = await findManifest(disk, path);
      if (manifest === undefined) continue;
      if ('reason' in manifest) report(`${path}: ${manifest.reason}`);
      else sealed.push(manifest);
    }
  }
  return sealed.sort((a, b) => (a.segment === b.segment ? a.receiver - b.receiver : a.segment < b.segment ? -1 : 1));
}

/**
 * How far the forgetting of one segment has come in this process. Where the disk refuses, it is tried again from there: a mark that has its
 * name already cannot be given it once more.
 */
export interface Forgetting {
  at: 'sealed' | 'marking' | 'named' | 'marked' | 'removing';
}

/** Makes durable that the store holds every row of the segment. From now on it is never loaded again, only forgotten. */
export async function markLoaded(
  disk: Disk,
  directory: string,
  segment: string,
  forgetting: Forgetting = { at: 'sealed' },
): Promise<void> {
  if (forgetting.at === 'sealed') {
    record('Mark', directory, segment);
    forgetting.at = 'marking';
  }
  if (forgetting.at === 'marking') {
    await disk.rename(`${directory}/${sealedFile(segment)}`, `${directory}/${loadedFile(segment)}`);
    forgetting.at = 'named';
  }
  if (forgetting.at !== 'named') return;
  await disk.syncDirectory(directory);
  record('Marked', directory, segment);
  forgetting.at = 'marked';
}

/**
 * Removes a segment that is marked as loaded: its journal and Native files, durably, and only then the mark. Were the mark gone first, a
 * crash could leave a journal that looks unsealed.
 */
async function removeLoaded(disk: Disk, directory: string, segment: string, forgetting: Forgetting): Promise<void> {
  if (forgetting.at !== 'removing') record('Remove', directory, segment);
  forgetting.at = 'removing';
  const files = (await segmentsIn(disk, directory)).get(segment) ?? [];
  for (const file of files) {
    if (file !== loadedFile(segment)) await removeIfThere(disk, `${directory}/${file}`);
  }
  await disk.syncDirectory(directory);
  await removeIfThere(disk, `${directory}/${loadedFile(segment)}`);
  record('Forget', directory, segment);
}

/**
 * Forgets a sealed segment that the store has loaded, durably. Rejects with the disk's error; it is repeated with the same `forgetting`, or
 * by the next process through `finishForgotten`.
 */
export async function forget(
  disk: Disk,
  directory: string,
  segment: string,
  forgetting: Forgetting = { at: 'sealed' },
): Promise<void> {
  await markLoaded(disk, directory, segment, forgetting);
  await removeLoaded(disk, directory, segment, forgetting);
}

/** At the start of the store process: finishes what a crash cut short. Returns the segments that are now forgotten. */
export async function finishForgotten(
  disk: Disk,
  journalDirectory: string,
): Promise<{ receiver: number; segment: string }[]> {
  const finished: { receiver: number; segment: string }[] = [];
  record('StoreBoot', `${journalDirectory}/*`, '');
  for (const { receiver, directory } of await receiverDirectories(disk, journalDirectory)) {
    for (const [segment, files] of await segmentsIn(disk, directory)) {
      if (!files.includes(loadedFile(segment))) continue;
      // The mark is there, but perhaps not durable: were it undone by a power failure, what is removed now would be missed.
      await disk.syncDirectory(directory);
      await removeLoaded(disk, directory, segment, { at: 'marked' });
      finished.push({ receiver, segment });
    }
  }
  return finished;
}
