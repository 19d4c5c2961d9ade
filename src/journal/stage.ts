/** Records up to this size are copied; larger ones are written from where they are. */
export const STAGED_RECORD_BYTES_MAX = 32 * 1024;

const CHUNK_BYTES = 256 * 1024;
/** What a group of the largest staged records of a few hundred clients fills; further chunks are left to the garbage collector. */
const SPARE_CHUNKS_MAX = 16;

/** Chunks that no write reads any more, of all journals of this process: allocated and dropped, they would make the garbage collector run. */
const spare: Buffer[] = [];

/** What is to be written at once: pieces in order, and the chunks that are free again afterwards. */
export interface Staged {
  readonly pieces: readonly Uint8Array[];
  readonly done: readonly Buffer[];
}

/**
 * Collects records for the next write. Small ones are copied one behind the other: hundreds of small buffers in one write cost the system
 * call and the crossing into it several times what copying them costs.
 */
export class Stage {
  #chunk: Buffer | undefined;
  /** Bytes of the chunk in use, and how many of them are in `#pieces` already. */
  #used = 0;
  #piecesEnd = 0;
  #pieces: Uint8Array[] = [];
  #done: Buffer[] = [];

  /** Room for `bytes` (at most STAGED_RECORD_BYTES_MAX) behind what is staged, to be filled before the next call. */
  room(bytes: number): Buffer {
    let chunk = this.#chunk;
    if (chunk === undefined || this.#used + bytes > CHUNK_BYTES) {
      this.#endPiece();
      if (chunk !== undefined) this.#done.push(chunk);
      chunk = spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#chunk = chunk;
      this.#used = 0;
      this.#piecesEnd = 0;
    }
    const begin = this.#used;
    this.#used += bytes;
    return chunk.subarray(begin, this.#used);
  }

  /** Adds pieces that stay where they are. */
  add(pieces: readonly Uint8Array[]): void {
    this.#endPiece();
    for (const piece of pieces) this.#pieces.push(piece);
  }

  /** Everything staged since the last call. Writes end in the order of these calls. */
  take(): Staged {
    this.#endPiece();
    const staged = { pieces: this.#pieces, done: this.#done };
    this.#pieces = [];
    this.#done = [];
    return staged;
  }

  /** Gives the last chunk back: nothing is staged or being written any more. */
  close(): void {
    if (this.#chunk !== undefined) giveBack([this.#chunk]);
    this.#chunk = undefined;
  }

  #endPiece(): void {
    if (this.#chunk === undefined || this.#used === this.#piecesEnd) return;
    this.#pieces.push(this.#chunk.subarray(this.#piecesEnd, this.#used));
    this.#piecesEnd = this.#used;
  }
}

/** The write of these chunks, and every one before it, is over. */
export function giveBack(chunks: readonly Buffer[]): void {
  for (const chunk of chunks) if (spare.length < SPARE_CHUNKS_MAX) spare.push(chunk);
}
