/** What the content encodings have in common. */
export interface Unpacker {
  /**
   * Bytes to make room for: exact where the format says so before it is unpacked, a likely size elsewhere.
   * @param bytesMax the limit; a format that knows its size throws TooLargeError above it
   */
  estimateBytes(body: Uint8Array, bytesMax: number): number;
  /**
   * @throws OverRoomError when the body unpacks to more than `roomBytes`, without having unpacked much more
   */
  unpack(body: Uint8Array, roomBytes: number): Uint8Array | Promise<Uint8Array>;
}

/** The body unpacks to more than the limit. */
export class TooLargeError extends Error {
  constructor(bytesMax: number) {
    super(`the request unpacks to more than the limit of ${bytesMax} bytes (limits.requestBytesMax)`);
    this.name = 'TooLargeError';
  }
}

/** The body unpacks to more than the room that was made for it. */
export class OverRoomError extends Error {
  constructor() {
    super('unpacks to more than the room made for it');
    this.name = 'OverRoomError';
  }
}

/**
 * Bodies above this (packed or unpacked) are unpacked on a thread of the pool where the library can, so that other requests go on. Below,
 * the hop costs more than it gives: about 0.1 ms, in which gzip unpacks 100 KiB (Node 20).
 */
export const ASIDE_BYTES = 1024 * 1024;

/**
 * Blocks, chunks or frames of one body. Writers make pieces of 64 KiB and more, so 64 MiB has a thousand of them; a body of millions of
 * empty ones would keep the process busy for seconds.
 */
export const PIECES_MAX = 65_536;
