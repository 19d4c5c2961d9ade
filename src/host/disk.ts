/**
 * The disk as the core sees it. Every operation rejects with an error that carries the system's `code` ('ENOENT', 'EEXIST', 'ENOSPC',
 * 'EIO', …: see `errorCode`). Paths are absolute or relative to the working directory.
 *
 * What is durable, and when: bytes of a file after its `sync`; a name (created, renamed or removed) after `syncDirectory` of its
 * directory. Nothing else may be assumed, and the lying twin (lying-disk.ts) assumes nothing else.
 */
export interface Disk {
  /**
   * Opens for writing: `create` fails when the file exists, `replace` empties it, `append` writes at its end; `replace` and `append` make it when
   * missing. `create` is for a file each write of which is followed by a `sync`. `overwrite` writes from the beginning over what stands there, cuts nothing
   * off, and fails with ENOENT when there is no file.
   */
  open(path: string, mode: OpenMode): Promise<AppendFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; ENOENT when there is none. */
  remove(path: string): Promise<void>;
  /** Cuts a file to `bytes` and makes that durable. */
  truncate(path: string, bytes: number): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** Makes a directory and those above it; nothing happens when it exists. Its own name is durable after `syncDirectory` of its parent. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, sorted. */
  list(path: string): Promise<string[]>;
  /** Size of a file in bytes, or undefined when there is none. */
  size(path: string): Promise<number | undefined>;
  /** At most `length` bytes from `offset`: may be fewer (a short read), none at the end of the file. `readWhole` repeats it. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Bytes that an unprivileged process may still write on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
}

export type OpenMode = 'create' | 'replace' | 'append' | 'overwrite';

/** A file that is written from one place on. One operation at a time: await each before the next. */
export interface AppendFile {
  readonly path: string;
  /** Where the next byte goes. */
  readonly sizeBytes: number;
  /** Writes all parts there, in order. When it rejects, any prefix of them may have been written. */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** Makes the bytes written so far durable. When it rejects, they may or may not be, and a later success says nothing about them. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The system's error code of a failed operation, '' when it has none. */
export function errorCode(error: unknown): string {
  if (error === null || typeof error !== 'object' || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** One line about a failed operation. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Reads a whole file (or its first `bytesMax` bytes), repeating short reads. */
export async function readWhole(disk: Disk, path: string, bytesMax = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  const size = Math.min((await disk.size(path)) ?? 0, bytesMax);
  const whole = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const part = await disk.read(path, filled, size - filled);
    if (part.length === 0) break;
    whole.set(part, filled);
    filled += part.length;
  }
  return whole.subarray(0, filled);
}

/**
 * Makes a directory and makes its name and those of the two above it durable. A directory above that may not be opened (another owner's)
 * is passed over: its entries are that owner's care.
 */
export async function makeDirectoryDurably(disk: Disk, path: string): Promise<void> {
  await disk.makeDirectory(path);
  let above = path;
  for (let level = 0; level < 3; level++) {
    above = above.includes('/') ? above.slice(0, above.lastIndexOf('/')) : '.';
    if (above === '') return;
    try {
      await disk.syncDirectory(above);
    } catch (error) {
      if (!['EACCES', 'EPERM', 'ENOENT'].includes(errorCode(error))) throw error;
    }
    if (above === '.') return;
  }
}

/** Replaces a small file so that a crash leaves the old or the new one, whole: temporary file, fsync, rename, fsync of the directory. */
export async function replaceDurably(
  disk: Disk,
  directory: string,
  name: string,
  bytes: Uint8Array,
  temporary: string,
): Promise<void> {
  const file = await disk.open(`${directory}/${temporary}`, 'replace');
  try {
    await file.write([bytes]);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(`${directory}/${temporary}`, `${directory}/${name}`);
  await disk.syncDirectory(directory);
}
