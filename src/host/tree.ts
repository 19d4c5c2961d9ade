import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { crc32c } from '../base/crc32c.ts';
import { errorCode } from './disk.ts';

/** Whole files and directories that others wrote: what a backup copies, what a server is sent. */

/** Paths of all files below `directory`, relative to it, sorted. Empty when there is no such directory. */
export async function filesBelow(directory: string): Promise<string[]> {
  const files: string[] = [];
  const directories = [''];
  for (let below = directories.pop(); below !== undefined; below = directories.pop()) {
    for (const entry of await entriesOf(path.join(directory, below))) {
      const relative = path.join(below, entry.name);
      if (entry.isDirectory()) directories.push(relative);
      else if (entry.isFile()) files.push(relative);
    }
  }
  return files.sort();
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Copies a file, making the directories above it, and makes its bytes durable. Shares blocks where the file system can. */
export async function copyFileDurably(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const handle = await open(to, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const READ_BYTES = 1024 * 1024;

/** Size and CRC-32C of a file. */
export async function digestFile(file: string): Promise<{ readonly bytes: number; readonly crc32c: number }> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let bytes = 0;
    let checksum = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, bytes);
      if (bytesRead === 0) return { bytes, crc32c: checksum };
      checksum = crc32c(buffer.subarray(0, bytesRead), checksum);
      bytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/** The bytes of a file as a stream. Rejects when it cannot be opened; whoever stops early destroys the stream. */
export async function readStream(file: string): Promise<Readable> {
  return (await open(file, 'r')).createReadStream();
}

/** True when the directory is absent or empty. Rejects when the path is something else. */
export async function isVacant(directory: string): Promise<boolean> {
  const isThere = await stat(directory).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
  return !isThere || (await readdir(directory)).length === 0;
}

/** Removes a directory and everything in it; nothing happens when it is absent. */
export async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
