import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, stat, statfs, unlink } from 'node:fs/promises';
import { type AppendFile, type Disk, errorCode, type OpenMode } from './disk.ts';

/** Buffers that one writev takes (IOV_MAX of Linux). */
const PARTS_PER_WRITE_MAX = 1024;

/**
 * Where it exists, each write of a file that is `create`d is durable when it settles: to write and to fsync are one call, one thread and one
 * turn of the event loop instead of two.
 */
const WRITES_THROUGH = process.platform === 'linux';

const { O_WRONLY, O_CREAT, O_EXCL, O_DSYNC } = constants;

/** Flags of open(2) without O_APPEND: we keep the position, so that a repeated write lands where the first one did. */
const FLAGS: Readonly<Record<OpenMode, string | number>> = {
  create: WRITES_THROUGH ? O_WRONLY | O_CREAT | O_EXCL | O_DSYNC : 'wx',
  replace: 'w',
  append: 'a',
  overwrite: 'r+',
};

/** The real disk, over node:fs. Never blocks the event loop. */
export const nodeDisk: Disk = {
  open: openForAppend,
  rename,
  remove: unlink,
  async truncate(path, bytes) {
    await withFile(path, 'r+', async (handle) => {
      await handle.truncate(bytes);
      await handle.sync();
    });
  },
  async syncDirectory(path) {
    await withFile(path, 'r', (handle) => handle.sync());
  },
  async makeDirectory(path) {
    await mkdir(path, { recursive: true });
  },
  async list(path) {
    return (await readdir(path)).sort();
  },
  async size(path) {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
  async read(path, offset, length) {
    return withFile(path, 'r', async (handle) => {
      const buffer = Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    });
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

async function withFile<T>(path: string, flags: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, flags);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function openForAppend(path: string, mode: OpenMode): Promise<AppendFile> {
  const handle = await open(path, FLAGS[mode]);
  let sizeBytes = mode === 'append' ? (await handle.stat()).size : 0;
  return {
    path,
    get sizeBytes() {
      return sizeBytes;
    },
    async write(parts) {
      for (let first = 0; first < parts.length; first += PARTS_PER_WRITE_MAX) {
        let rest = parts.slice(first, first + PARTS_PER_WRITE_MAX);
        while (rest.length > 0) {
          const { bytesWritten } = await handle.writev(rest, mode === 'append' ? undefined : sizeBytes);
          sizeBytes += bytesWritten;
          rest = afterBytes(rest, bytesWritten);
          if (bytesWritten === 0 && rest.length > 0) throw new Error(`nothing could be written to ${path}`);
        }
      }
    },
    sync: async () => {
      if (mode !== 'create' || !WRITES_THROUGH) await handle.datasync();
    },
    close: () => handle.close(),
  };
}

/** What remains of `parts` after their first `count` bytes; empty parts are dropped. */
function afterBytes(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let skipped = count;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (skipped >= part.length) {
      skipped -= part.length;
    } else {
      rest.push(part.subarray(skipped));
      skipped = 0;
    }
  }
  return rest;
}
