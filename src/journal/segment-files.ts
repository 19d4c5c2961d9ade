import { assert } from '../base/assert.ts';
import { RECEIVER_PREFIX, SUFFIX } from '../base/names.ts';
import { type Disk, errorCode } from '../host/disk.ts';

const SEGMENT = /^[0-9a-f]{16}$/;

/** The id of a segment: sorts in order of writing. Both numbers are 32 bits. */
export function segmentId(boot: number, sequence: number): string {
  assert(boot < 2 ** 32 && sequence < 2 ** 32, 'boot and sequence of a segment are 32-bit numbers');
  return boot.toString(16).padStart(8, '0') + sequence.toString(16).padStart(8, '0');
}

/** The boot number of a segment id. */
export function bootOf(segment: string): number {
  return Number.parseInt(segment.slice(0, 8), 16);
}

export const journalFile = (segment: string) => segment + SUFFIX.journal;
export const nativeFile = (segment: string, table: string) => `${segment}.${table}${SUFFIX.native}`;
export const sealedFile = (segment: string) => segment + SUFFIX.sealed;
export const loadedFile = (segment: string) => segment + SUFFIX.loaded;
export const damagedFile = (segment: string) => segment + SUFFIX.damaged;

/** Where receiver `receiver` keeps its segments, below `<data>/journal`. */
export function receiverDirectory(journalDirectory: string, receiver: number): string {
  return `${journalDirectory}/${RECEIVER_PREFIX}${receiver}`;
}

/** The receiver directories below `<data>/journal`, in order of their index. Empty when there is no journal yet. */
export async function receiverDirectories(
  disk: Disk,
  journalDirectory: string,
): Promise<{ receiver: number; directory: string }[]> {
  const found: { receiver: number; directory: string }[] = [];
  for (const name of await listOrNothing(disk, journalDirectory)) {
    const index = name.slice(RECEIVER_PREFIX.length);
    if (!name.startsWith(RECEIVER_PREFIX) || !/^\d{1,5}$/.test(index)) continue;
    found.push({ receiver: Number(index), directory: `${journalDirectory}/${name}` });
  }
  return found.sort((a, b) => a.receiver - b.receiver);
}

/** The files of each segment in a receiver directory (name → file names), oldest segment first. */
export async function segmentsIn(disk: Disk, directory: string): Promise<Map<string, string[]>> {
  const segments = new Map<string, string[]>();
  for (const name of await listOrNothing(disk, directory)) {
    const segment = name.slice(0, 16);
    if (!SEGMENT.test(segment) || name[16] !== '.') continue;
    const files = segments.get(segment);
    if (files === undefined) segments.set(segment, [name]);
    else files.push(name);
  }
  return segments;
}

async function listOrNothing(disk: Disk, directory: string): Promise<string[]> {
  try {
    return await disk.list(directory);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Removes a file; one that is not there is no error. */
export async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
