import { ByteBuffer } from '../base/bytes.ts';

const WORD = 4;

/**
 * Memory for writing one column after another: taken piece by piece, and all of it free again at `reset`. Tens of megabytes a segment that are
 * allocated and dropped would make the garbage collector go through the whole heap several times a second.
 */
export class Scratch {
  #memory = new ArrayBuffer(0);
  #used = 0;
  /** Bytes asked for since the last reset, whether there was room or not. */
  #asked = 0;

  /** `count` words with any content. */
  words(count: number): Uint32Array {
    const at = this.#take(count * WORD);
    return at < 0 ? new Uint32Array(count) : new Uint32Array(this.#memory, at, count);
  }

  /** `count` bytes with any content. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return at < 0 ? new Uint8Array(count) : new Uint8Array(this.#memory, at, count);
  }

  /** An empty buffer with room for `capacity` bytes. */
  buffer(capacity: number): ByteBuffer {
    return ByteBuffer.over(this.bytes(capacity));
  }

  /** Everything taken is free again; the next round has room for as much as this one needed, up to `SCRATCH_BYTES_MAX`. */
  reset(): void {
    if (this.#asked > this.#memory.byteLength && this.#memory.byteLength < SCRATCH_BYTES_MAX) {
      const room = Math.min(Math.ceil(this.#asked * 1.25), SCRATCH_BYTES_MAX);
      this.#memory = new ArrayBuffer(Math.ceil(room / WORD) * WORD);
    }
    this.#used = 0;
    this.#asked = 0;
  }

  #take(count: number): number {
    const size = Math.ceil(count / WORD) * WORD;
    this.#asked += size;
    if (this.#used + size > this.#memory.byteLength) return -1;
    const at = this.#used;
    this.#used += size;
    return at;
  }
}

/** Those that nobody uses now: one, unless two segments are written at once. */
const spare: Scratch[] = [];
const SPARE_MAX = 1;

export function takeScratch(): Scratch {
  return spare.pop() ?? new Scratch();
}

export function giveBackScratch(scratch: Scratch): void {
  scratch.reset();
  if (spare.length < SPARE_MAX) spare.push(scratch);
}

/** What one scratch keeps from column to column. */
const SCRATCH_BYTES_MAX = 32 * 1024 * 1024;
