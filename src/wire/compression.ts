import zlib from 'node:zlib';
import { Decompress as ZstdStream } from 'fzstd';
import { decompressFrameSync as unpackLz4Frame } from 'lz4-napi';
import { uncompressSync as unpackSnappyBlock } from 'snappy';
import { crc32c } from '../base/crc32c.ts';
import { lz4UnpackedBytes } from './lz4-frame.ts';
import { WireError } from './wire-error.ts';

/** The body unpacks to more than the limit. */
export class TooLargeError extends Error {
  constructor(limit: number) {
    super(`the request unpacks to more than the limit of ${limit} bytes (limits.requestBytesMax)`);
    this.name = 'TooLargeError';
  }
}

type Unpack = (body: Uint8Array, limit: number) => Uint8Array;

/**
 * Every content encoding that a door takes, by the names of the OpenTelemetry Collector's confighttp. Unpacking is synchronous: it takes
 * about a millisecond for a usual request, and only one body at a time is larger than what was reserved for it.
 */
export const HTTP_ENCODINGS: Readonly<Record<string, Unpack>> = {
  identity: (body) => body,
  gzip: unpackGzip,
  deflate: unpackDeflate,
  zlib: unpackDeflate,
  zstd: unpackZstd,
  snappy: unpackSnappy,
  'x-snappy-framed': unpackSnappyFramed,
  lz4: unpackLz4,
};

/** Message encodings of gRPC. */
export const GRPC_ENCODINGS: Readonly<Record<string, Unpack>> = {
  identity: (body) => body,
  gzip: unpackGzip,
  deflate: unpackDeflate,
  zstd: unpackZstd,
  snappy: unpackSnappy,
};

/**
 * Unpacks a body.
 * @param limit bytes that it may have unpacked
 * @throws TooLargeError over the limit, before the rest is unpacked; WireError when it is corrupt
 */
export function unpack(
  encodings: Readonly<Record<string, Unpack>>,
  encoding: string,
  body: Uint8Array,
  limit: number,
): Uint8Array {
  const run = encodings[encoding];
  if (run === undefined) throw new WireError(`unknown encoding ${encoding}`);
  try {
    return run(body, limit);
  } catch (error) {
    if (error instanceof TooLargeError || error instanceof WireError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new TooLargeError(limit);
    throw new WireError(
      `${encoding} body cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** zlib's one-shot functions with `info` also tell how much input they used; the types do not know. */
function inflated(result: Buffer): Inflated {
  return result as unknown as Inflated;
}

function whole(result: Buffer, body: Uint8Array, name: string): Uint8Array {
  const { buffer, engine } = inflated(result);
  if (engine.bytesWritten < body.length) {
    throw new WireError(`${name} body has ${body.length - engine.bytesWritten} bytes behind its end`);
  }
  return buffer;
}

function unpackGzip(body: Uint8Array, limit: number): Uint8Array {
  return whole(zlib.gunzipSync(body, { maxOutputLength: limit, info: true }), body, 'gzip');
}

const DEFLATE_METHOD = 8;

/** `deflate` means zlib-wrapped, but some clients send the raw stream: the two-byte header tells them apart (RFC 1950 section 2.2). */
function unpackDeflate(body: Uint8Array, limit: number): Uint8Array {
  const wrapped = body.length >= 2 && (body[0] & 15) === DEFLATE_METHOD && (body[0] * 256 + body[1]) % 31 === 0;
  const options = { maxOutputLength: limit, info: true };
  return whole(wrapped ? zlib.inflateSync(body, options) : zlib.inflateRawSync(body, options), body, 'deflate');
}

type ZstdSync = (body: Uint8Array, options: { maxOutputLength: number }) => Buffer;
/** Node 22.15 and later have zstd; before, the JavaScript decoder of fzstd does it at about a third of the speed. */
const nativeZstd = (zlib as unknown as { zstdDecompressSync?: ZstdSync }).zstdDecompressSync;

function unpackZstd(body: Uint8Array, limit: number): Uint8Array {
  if (nativeZstd !== undefined) return nativeZstd(body, { maxOutputLength: limit });
  const chunks: Uint8Array[] = [];
  let total = 0;
  let ended = false;
  const stream = new ZstdStream((chunk, final) => {
    total += chunk.length;
    ended ||= final === true;
    if (total > limit) throw new TooLargeError(limit);
    chunks.push(chunk);
  });
  // Fed in pieces, so that a bomb is noticed between two of them.
  for (let at = 0; at < body.length; at += ZSTD_PIECE_BYTES) {
    const end = Math.min(at + ZSTD_PIECE_BYTES, body.length);
    stream.push(body.subarray(at, end), end === body.length);
  }
  if (!ended) throw new WireError('zstd body is cut off');
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, total);
}

const ZSTD_PIECE_BYTES = 16 * 1024;

/** A snappy block begins with its unpacked size (snappy/format_description.txt). */
function snappySize(body: Uint8Array): number {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    if (i >= body.length) break;
    size += (body[i] & 127) * 2 ** (7 * i);
    if (body[i] < 128) return size;
  }
  throw new WireError('snappy body does not begin with its size');
}

function unpackSnappy(body: Uint8Array, limit: number): Uint8Array {
  if (snappySize(body) > limit) throw new TooLargeError(limit);
  return unpackSnappyBlock(body, { asBuffer: true }) as Buffer;
}

const STREAM_IDENTIFIER = Buffer.from([0xff, 6, 0, 0, ...Buffer.from('sNaPpY')]);
const CHUNK_COMPRESSED = 0;
const CHUNK_STORED = 1;
const CHUNK_SKIPPABLE_FROM = 0x80;

/** The masked checksum of the framing format: rotated by 15 bits and offset (snappy/framing_format.txt section 3). */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function unpackSnappyFramed(body: Uint8Array, limit: number): Uint8Array {
  if (Buffer.compare(body.subarray(0, STREAM_IDENTIFIER.length), STREAM_IDENTIFIER) !== 0) {
    throw new WireError('x-snappy-framed body does not begin with its stream identifier');
  }
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (let at = STREAM_IDENTIFIER.length; at < body.length; ) {
    if (at + 4 > body.length) throw new WireError(`x-snappy-framed chunk header is cut off at byte ${at}`);
    const type = body[at];
    const end = at + 4 + (body[at + 1] | (body[at + 2] << 8) | (body[at + 3] << 16));
    if (end > body.length) throw new WireError(`x-snappy-framed chunk at byte ${at} is cut off`);
    const data = body.subarray(at + 4, end);
    if (type === CHUNK_COMPRESSED || type === CHUNK_STORED) {
      const chunk = unpackSnappyChunk(type, data, limit - total, at);
      total += chunk.length;
      if (total > limit) throw new TooLargeError(limit);
      chunks.push(chunk);
    } else if (type < CHUNK_SKIPPABLE_FROM)
      throw new WireError(`x-snappy-framed chunk type ${type} at byte ${at} is not known`);
    at = end;
  }
  return Buffer.concat(chunks, total);
}

function unpackSnappyChunk(type: number, data: Uint8Array, limit: number, at: number): Uint8Array {
  if (data.length < 4) throw new WireError(`x-snappy-framed chunk at byte ${at} has no checksum`);
  const expected = (data[0] | (data[1] << 8) | (data[2] << 16) | (data[3] << 24)) >>> 0;
  const chunk = type === CHUNK_STORED ? data.subarray(4) : unpackSnappy(data.subarray(4), limit);
  if (maskedChecksum(chunk) !== expected)
    throw new WireError(`x-snappy-framed chunk at byte ${at} has a wrong checksum`);
  return chunk;
}

function unpackLz4(body: Uint8Array, limit: number): Uint8Array {
  if (lz4UnpackedBytes(body, limit) > limit) throw new TooLargeError(limit);
  return unpackLz4Frame(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}
