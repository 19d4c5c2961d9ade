import { uncompress, uncompressSync } from 'snappy';
import { crc32c } from '../base/crc32c.ts';
import { ASIDE_BYTES, OverRoomError, PIECES_MAX, TooLargeError, type Unpacker } from './unpacking.ts';
import { WireError } from './wire-error.ts';

/** The framing format (github.com/google/snappy, framing_format.txt). */
export const unpackSnappyFramed: Unpacker = {
  estimateBytes(body, bytesMax) {
    let total = 0;
    for (const chunk of chunksOf(body)) total += unpackedBytes(chunk);
    if (total > bytesMax) throw new TooLargeError(bytesMax);
    return total;
  },
  unpack(body, roomBytes) {
    const out = Buffer.allocUnsafe(roomBytes);
    let length = 0;
    for (const chunk of chunksOf(body)) {
      const bytes = unpackChunk(chunk);
      if (length + bytes.length > roomBytes) throw new OverRoomError();
      out.set(bytes, length);
      length += bytes.length;
    }
    return out.subarray(0, length);
  },
};

/**
 * One block (format_description.txt), which begins with its unpacked size. The Collector's gRPC, and its HTTP before `x-snappy-framed` was
 * introduced, say `snappy` and send frames: those begin with an identifier that no sensible block begins with.
 */
export const unpackSnappy: Unpacker = {
  estimateBytes(body, bytesMax) {
    if (isFramed(body)) return unpackSnappyFramed.estimateBytes(body, bytesMax);
    const size = blockBytes(body);
    if (size > bytesMax) throw new TooLargeError(bytesMax);
    return size;
  },
  unpack(body, roomBytes) {
    if (isFramed(body)) return unpackSnappyFramed.unpack(body, roomBytes);
    return roomBytes > ASIDE_BYTES ? (uncompress(body) as Promise<Buffer>) : (uncompressSync(body) as Buffer);
  },
};

function blockBytes(body: Uint8Array): number {
  let size = 0;
  for (let i = 0; i < Math.min(body.length, 5); i++) {
    size += (body[i] & 127) * 2 ** (7 * i);
    if (body[i] < 128) return size;
  }
  throw new WireError('snappy body does not begin with its size');
}

const STREAM_IDENTIFIER = Buffer.from([0xff, 6, 0, 0, ...Buffer.from('sNaPpY')]);

function isFramed(body: Uint8Array): boolean {
  return Buffer.compare(body.subarray(0, STREAM_IDENTIFIER.length), STREAM_IDENTIFIER) === 0;
}

const COMPRESSED = 0;
const STORED = 1;
const SKIPPABLE_FROM = 0x80;
/** A chunk holds at most this, unpacked (framing_format.txt section 4.2). */
const CHUNK_BYTES_MAX = 65_536;

interface Chunk {
  readonly stored: boolean;
  readonly checksum: number;
  readonly data: Uint8Array;
  /** Of its header in the body. */
  readonly at: number;
}

function* chunksOf(body: Uint8Array): Generator<Chunk> {
  if (!isFramed(body)) throw new WireError('x-snappy-framed body does not begin with its stream identifier');
  let pieces = 0;
  for (let at = STREAM_IDENTIFIER.length, end = 0; at < body.length; at = end) {
    if (++pieces > PIECES_MAX) throw new WireError(`x-snappy-framed body has more than ${PIECES_MAX} chunks`);
    if (at + 4 > body.length) throw new WireError(`x-snappy-framed chunk header is cut off at byte ${at}`);
    const type = body[at];
    end = at + 4 + (body[at + 1] | (body[at + 2] << 8) | (body[at + 3] << 16));
    if (end > body.length) throw new WireError(`x-snappy-framed chunk at byte ${at} is cut off`);
    if (type === COMPRESSED || type === STORED) {
      if (end < at + 8) throw new WireError(`x-snappy-framed chunk at byte ${at} has no checksum`);
      const checksum = (body[at + 4] | (body[at + 5] << 8) | (body[at + 6] << 16) | (body[at + 7] << 24)) >>> 0;
      yield { stored: type === STORED, checksum, data: body.subarray(at + 8, end), at };
    } else if (type < SKIPPABLE_FROM)
      throw new WireError(`x-snappy-framed chunk type ${type} at byte ${at} is not known`);
  }
}

function unpackedBytes(chunk: Chunk): number {
  const size = chunk.stored ? chunk.data.length : blockBytes(chunk.data);
  if (size > CHUNK_BYTES_MAX) {
    throw new WireError(`x-snappy-framed chunk at byte ${chunk.at} has ${size} bytes, at most ${CHUNK_BYTES_MAX}`);
  }
  return size;
}

function unpackChunk(chunk: Chunk): Uint8Array {
  const bytes = chunk.stored ? chunk.data : (uncompressSync(chunk.data) as Buffer);
  if (maskedChecksum(bytes) !== chunk.checksum) {
    throw new WireError(`x-snappy-framed chunk at byte ${chunk.at} has a wrong checksum`);
  }
  return bytes;
}

/** The masked checksum of the framing format: rotated by 15 bits and offset (framing_format.txt section 3). */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
