import { decompressFrame, decompressFrameSync } from 'lz4-napi';
import { ASIDE_BYTES, TooLargeError, type Unpacker } from './unpacking.ts';
import { WireError } from './wire-error.ts';

/**
 * LZ4 frames (github.com/lz4/lz4, doc/lz4_Frame_format.md). The library unpacks one frame, whole: so the frames are walked first, and what
 * their blocks unpack to is counted without unpacking them. Its checksums the library verifies.
 */
export const unpackLz4: Unpacker = {
  estimateBytes(body, bytesMax) {
    const { unpackedBytes } = walkFrames(body, bytesMax);
    if (unpackedBytes > bytesMax) throw new TooLargeError(bytesMax);
    return unpackedBytes;
  },
  async unpack(body, roomBytes) {
    const { frames } = walkFrames(body, roomBytes);
    if (frames.length === 1 && roomBytes > ASIDE_BYTES) return decompressFrame(frames[0]);
    const parts = frames.map((frame) => decompressFrameSync(frame));
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  },
};

const MAGIC = 0x184d2204;
const SKIPPABLE_LOW = 0x184d2a50;
const SKIPPABLE_HIGH = 0x184d2a5f;
const FLAG_DICTIONARY = 1;
const FLAG_CONTENT_CHECKSUM = 4;
const FLAG_CONTENT_SIZE = 8;
const FLAG_BLOCK_CHECKSUM = 16;
const STORED = 0x80000000;
/** The library makes room for a block of up to 4 MiB in each frame; writers make one frame of a body. */
const FRAMES_MAX = 64;

/** The frames that hold something, and the sum of what they unpack to; counting ends as soon as it is over `bytesMax`. */
function walkFrames(body: Uint8Array, bytesMax: number): { frames: Buffer[]; unpackedBytes: number } {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const frames: Buffer[] = [];
  let unpackedBytes = 0;
  for (let at = 0, pieces = 0; at < body.length && unpackedBytes <= bytesMax; ) {
    if (++pieces > FRAMES_MAX) throw new WireError(`lz4 body has more than ${FRAMES_MAX} frames`);
    if (at + 8 > body.length) throw cutOff(body);
    const magic = view.getUint32(at, true);
    if (magic >= SKIPPABLE_LOW && magic <= SKIPPABLE_HIGH) {
      at += 8 + view.getUint32(at + 4, true);
      if (at > body.length) throw cutOff(body);
      continue;
    }
    if (magic !== MAGIC) throw new WireError(`lz4 frame at byte ${at} does not begin with its magic number`);
    const frame = walkFrame(body, view, at, bytesMax - unpackedBytes);
    if (frame.unpackedBytes > 0) frames.push(Buffer.from(body.buffer, body.byteOffset + at, frame.end - at));
    unpackedBytes += frame.unpackedBytes;
    at = frame.end;
  }
  return { frames, unpackedBytes };
}

const cutOff = (body: Uint8Array): WireError => new WireError(`lz4 frame is cut off at byte ${body.length}`);

function walkFrame(
  body: Uint8Array,
  view: DataView,
  start: number,
  bytesMax: number,
): { end: number; unpackedBytes: number } {
  const flags = body[start + 4];
  let at = start + 7 + (flags & FLAG_CONTENT_SIZE ? 8 : 0) + (flags & FLAG_DICTIONARY ? 4 : 0);
  let unpackedBytes = 0;
  for (;;) {
    if (at + 4 > body.length) throw cutOff(body);
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word % STORED;
    if (at + size > body.length) throw cutOff(body);
    unpackedBytes += word >= STORED ? size : blockBytes(body, at, at + size, bytesMax - unpackedBytes);
    if (unpackedBytes > bytesMax) return { end: at, unpackedBytes };
    at += size + (flags & FLAG_BLOCK_CHECKSUM ? 4 : 0);
  }
  at += flags & FLAG_CONTENT_CHECKSUM ? 4 : 0;
  if (at > body.length) throw cutOff(body);
  return { end: at, unpackedBytes };
}

/** Sum of literal and match lengths of one block (doc/lz4_Block_format.md). */
function blockBytes(bytes: Uint8Array, start: number, end: number, bytesMax: number): number {
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
  while (at < end && total <= bytesMax) {
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
