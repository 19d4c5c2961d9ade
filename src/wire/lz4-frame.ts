import { WireError } from './wire-error.ts';

const MAGIC = 0x184d2204;
const SKIPPABLE_LOW = 0x184d2a50;
const SKIPPABLE_HIGH = 0x184d2a5f;
const FLAG_DICTIONARY = 1;
const FLAG_CONTENT_CHECKSUM = 4;
const FLAG_CONTENT_SIZE = 8;
const FLAG_BLOCK_CHECKSUM = 16;
const STORED = 0x80000000;

/**
 * Counts what an LZ4 frame (github.com/lz4/lz4, doc/lz4_Frame_format.md) unpacks to, without unpacking it: the library unpacks a frame
 * whole, and a bomb must be refused before. Stops as soon as the count is over `limit`.
 * @returns bytes, or a number above `limit`
 */
export function lz4UnpackedBytes(frame: Uint8Array, limit: number): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = 0;
  let total = 0;
  const need = (count: number): void => {
    if (at + count > frame.length) throw new WireError(`lz4 frame is cut off at byte ${frame.length}`);
  };
  while (at < frame.length && total <= limit) {
    need(4);
    const magic = view.getUint32(at, true);
    at += 4;
    if (magic >= SKIPPABLE_LOW && magic <= SKIPPABLE_HIGH) {
      need(4);
      at += 4 + view.getUint32(at, true);
      need(0);
      continue;
    }
    if (magic !== MAGIC)
      throw new WireError(
        `lz4 frame begins with ${magic.toString(16)} at byte ${at - 4}, not with ${MAGIC.toString(16)}`,
      );
    need(3);
    const flags = frame[at];
    at += 3 + (flags & FLAG_CONTENT_SIZE ? 8 : 0) + (flags & FLAG_DICTIONARY ? 4 : 0);
    for (;;) {
      need(4);
      const word = view.getUint32(at, true);
      at += 4;
      if (word === 0) break;
      const size = word % STORED;
      need(size);
      total += word >= STORED ? size : blockBytes(frame, at, at + size, limit - total);
      if (total > limit) return total;
      at += size + (flags & FLAG_BLOCK_CHECKSUM ? 4 : 0);
    }
    if (flags & FLAG_CONTENT_CHECKSUM) {
      need(4);
      at += 4;
    }
  }
  return total;
}

/** Sum of literal and match lengths of one block (doc/lz4_Block_format.md). */
function blockBytes(bytes: Uint8Array, start: number, end: number, limit: number): number {
  let at = start;
  let total = 0;
  const longLength = (first: number): number => {
    if (first !== 15) return first;
    let length = 15;
    for (;;) {
      if (at >= end) throw new WireError(`lz4 block is cut off at byte ${end}`);
      const more = bytes[at++];
      length += more;
      if (more !== 255) return length;
    }
  };
  while (at < end && total <= limit) {
    const token = bytes[at++];
    const literals = longLength(token >> 4);
    at += literals;
    total += literals;
    if (at > end) throw new WireError(`lz4 literals at byte ${at} exceed their block`);
    if (at === end) break;
    at += 2;
    total += longLength(token & 15) + 4;
  }
  return total;
}
