import type { ServerResponse } from 'node:http';
import path from 'node:path';
import zlib from 'node:zlib';
import { readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.map': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};
const COMPRESSIBLE = new Set(['.html', '.js', '.css', '.json', '.svg', '.map', '.txt']);

/** The page may load nothing but what this server sends; styles may be set by scripts (positions of rows and bars). */
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

interface Loaded {
  readonly plain: Buffer;
  readonly gzip: Buffer | undefined;
  readonly type: string;
}

/** Serves the built UI from memory: a few files, read once. Any path that is no file is the page itself, whose router knows it. */
export class StaticFiles {
  readonly #directory: string;
  readonly #files = new Map<string, Promise<Loaded | undefined>>();

  constructor(directory: string) {
    this.#directory = path.resolve(directory);
  }

  /** Answers the path; false when the UI is not built. */
  async serve(pathname: string, acceptsGzip: boolean, response: ServerResponse): Promise<boolean> {
    const asset = await this.#load(pathname);
    const file = asset ?? (await this.#load('/index.html'));
    if (file === undefined) return false;
    const isHashed = asset !== undefined && pathname.startsWith('/assets/');
    const body = acceptsGzip && file.gzip !== undefined ? file.gzip : file.plain;
    response.writeHead(200, {
      'content-type': file.type,
      'content-length': body.length,
      'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': PAGE_POLICY,
      vary: 'accept-encoding',
      ...(body === file.gzip ? { 'content-encoding': 'gzip' } : {}),
    });
    response.end(body);
    return true;
  }

  #load(pathname: string): Promise<Loaded | undefined> {
    const known = this.#files.get(pathname);
    if (known !== undefined) return known;
    const loading = this.#read(pathname);
    // Only files that exist are kept, so that unknown paths cannot fill the memory.
    void loading.then((file) => file !== undefined && this.#files.set(pathname, loading));
    return loading;
  }

  async #read(pathname: string): Promise<Loaded | undefined> {
    const file = path.join(this.#directory, pathname);
    const isInside = file.startsWith(this.#directory + path.sep);
    if (!isInside || pathname.includes('\0')) return undefined;
    try {
      if ((await nodeDisk.size(file)) === undefined) return undefined;
      const plain = Buffer.from(await readWhole(nodeDisk, file));
      const extension = path.extname(file);
      const gzip = COMPRESSIBLE.has(extension) ? zlib.gzipSync(plain, { level: 9 }) : undefined;
      return { plain, gzip, type: TYPES[extension] ?? 'application/octet-stream' };
    } catch {
      return undefined;
    }
  }
}
