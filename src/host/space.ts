import { statfs } from 'node:fs/promises';

/** Size of the file system of `path`, and what an unprivileged process may still write to it. */
export async function diskSpace(path: string): Promise<{ readonly totalBytes: number; readonly freeBytes: number }> {
  const { blocks, bavail, bsize } = await statfs(path);
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
}
