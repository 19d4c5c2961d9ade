import { ZSTDDecoder } from 'zstddec';
import { OverRoomError, PIECES_MAX, TooLargeError, type Unpacker } from './unpacking.ts';
import { WireError } from './wire-error.ts';

/**
 * Zstandard (RFC 8878). The frames are walked first: that finds what is cut off or behind the end, and the most that they can unpack to, so
 * that the decoder, which only says "no" when anything is wrong, never lacks room.
 */
export const unpackZstd: Unpacker = {
  estimateBytes(body, bytesMax) {
    const { bytesAtLeast, bytesAtMost } = walkFrames(body);
    if (bytesAtLeast > bytesMax) throw new TooLargeError(bytesMax);
    return Math.min(bytesAtMost, bytesMax);
  },
  async unpack(body, roomBytes) {
    const { bytesAtMost } = walkFrames(body);
    if (bytesAtMost === 0) return new Uint8Array(0);
    await decoder.init();
    const unpacked = decoder.decode(body, roomBytes);
    if (unpacked.length > 0) return unpacked;
    if (bytesAtMost > roomBytes) throw new OverRoomError();
    throw new WireError('zstd body is corrupt');
  },
};

/**
 * WebAssembly of the reference decoder, on every Node: the one of node:zlib (Node 22.15 and later) silently passes over all frames but the
 * first, and what they hold would be lost.
 */
const decoder = new ZSTDDecoder();

const MAGIC = 0xfd2fb528;
const SKIPPABLE_LOW = 0x184d2a50;
const SKIPPABLE_HIGH = 0x184d2a5f;
const BLOCK_RAW = 0;
const BLOCK_REPEATED = 1;
const BLOCK_COMPRESSED = 2;
/** No block unpacks to more (RFC 8878 section 3.1.1.2.3). */
const BLOCK_BYTES_MAX = 128 * 1024;

interface Extent {
  /** What the frames say that they hold; those that say nothing count as empty. */
  readonly bytesAtLeast: number;
  /** What they can hold. */
  readonly bytesAtMost: number;
}

function walkFrames(body: Uint8Array): Extent {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let [at, pieces, bytesAtLeast, bytesAtMost] = [0, 0, 0, 0];
  while (at < body.length) {
    if (at + 8 > body.length) throw new WireError(`zstd frame is cut off at byte ${body.length}`);
    const magic = view.getUint32(at, true);
    if (magic >= SKIPPABLE_LOW && magic <= SKIPPABLE_HIGH) {
      at += 8 + view.getUint32(at + 4, true);
      if (++pieces > PIECES_MAX) throw new WireError(`zstd body has more than ${PIECES_MAX} blocks`);
      continue;
    }
    if (magic !== MAGIC) throw new WireError(`zstd frame at byte ${at} does not begin with its magic number`);
    const header = readHeader(view, at);
    const blocks = walkBlocks(view, header.end, pieces);
    at = blocks.end + (header.hasChecksum ? 4 : 0);
    pieces = blocks.pieces;
    bytesAtLeast += header.contentBytes ?? 0;
    bytesAtMost += Math.min(header.contentBytes ?? blocks.bytesAtMost, blocks.bytesAtMost);
  }
  if (at > body.length) throw new WireError(`zstd frame is cut off at byte ${body.length}`);
  return { bytesAtLeast, bytesAtMost };
}

interface FrameHeader {
  readonly contentBytes: number | undefined;
  readonly hasChecksum: boolean;
  readonly end: number;
}

/** Section 3.1.1.1. */
function readHeader(view: DataView, start: number): FrameHeader {
  const descriptor = view.getUint8(start + 4);
  const isSingleSegment = (descriptor & 32) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6];
  const sizeAt = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  const end = sizeAt + sizeBytes;
  if (end > view.byteLength) throw new WireError(`zstd frame header is cut off at byte ${view.byteLength}`);
  if (dictionaryBytes > 0) throw new WireError('zstd body needs a dictionary');
  return { contentBytes: readContentBytes(view, sizeAt, sizeBytes), hasChecksum: (descriptor & 4) !== 0, end };
}

function readContentBytes(view: DataView, at: number, sizeBytes: number): number | undefined {
  if (sizeBytes === 0) return undefined;
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  const low = view.getUint32(at, true);
  return sizeBytes === 4 ? low : low + view.getUint32(at + 4, true) * 2 ** 32;
}

function walkBlocks(
  view: DataView,
  start: number,
  before: number,
): { end: number; pieces: number; bytesAtMost: number } {
  let [at, pieces, bytesAtMost] = [start, before, 0];
  for (;;) {
    if (at + 3 > view.byteLength) throw new WireError(`zstd block is cut off at byte ${view.byteLength}`);
    if (++pieces > PIECES_MAX) throw new WireError(`zstd body has more than ${PIECES_MAX} blocks`);
    const head = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const [type, size] = [(head >> 1) & 3, head >> 3];
    if (type > BLOCK_COMPRESSED) throw new WireError(`zstd block at byte ${at} has no known type`);
    if (size > BLOCK_BYTES_MAX)
      throw new WireError(`zstd block at byte ${at} has ${size} bytes, at most ${BLOCK_BYTES_MAX}`);
    at += 3 + (type === BLOCK_REPEATED ? 1 : size);
    bytesAtMost += type === BLOCK_RAW || type === BLOCK_REPEATED ? size : BLOCK_BYTES_MAX;
    if (at > view.byteLength) throw new WireError(`zstd block is cut off at byte ${view.byteLength}`);
    if ((head & 1) === 1) return { end: at, pieces, bytesAtMost };
  }
}
