import { LIMITS } from '../base/limits.ts';

/** Smaller bodies cost the garbage collector little. */
const POOLED_BYTES_MIN = 32 * 1024;

/**
 * Memory of request bodies, used again. Hundreds of large bodies a second that are allocated and dropped would make the garbage collector go
 * through the whole heap several times a second (a sixth of a receiver's time, measured).
 */
export class BodyPool {
  readonly #free = new Map<number, Buffer[]>();
  #freeBytes = 0;

  /** A buffer of at least `bytes`, with any content. */
  take(bytes: number): Buffer {
    const size = sizeClass(bytes);
    const found = this.#free.get(size)?.pop();
    if (found === undefined) return Buffer.allocUnsafeSlow(bytes < POOLED_BYTES_MIN ? bytes : size);
    this.#freeBytes -= size;
    return found;
  }

  /** Gives a buffer back that came from `take` and that nobody reads any more. */
  giveBack(buffer: Buffer): void {
    const size = buffer.length;
    if (size < POOLED_BYTES_MIN || this.#freeBytes + size > LIMITS.bodyPoolBytesMax) return;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [buffer]);
    else list.push(buffer);
    this.#freeBytes += size;
  }
}

/** The next power of two, so that few sizes serve all. */
function sizeClass(bytes: number): number {
  let size = POOLED_BYTES_MIN;
  while (size < bytes) size *= 2;
  return size;
}
