import { promisify } from 'node:util';
import zlib, { type ZlibOptions } from 'node:zlib';
import { ASIDE_BYTES, OverRoomError, type Unpacker } from './unpacking.ts';
import { WireError } from './wire-error.ts';

/** gzip (RFC 1952), also of several members. Its last four bytes say what the last member unpacks to, modulo 2^32. */
export const unpackGzip: Unpacker = {
  estimateBytes(body, bytesMax) {
    if (body.length < GZIP_BYTES_MIN) throw new WireError(`gzip body is cut off: ${body.length} bytes`);
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    return Math.min(view.getUint32(body.length - 4, true), bytesMax);
  },
  unpack: (body, roomBytes) => inflate(zlib.gunzipSync, gunzip, 'gzip', body, roomBytes),
};

/** Header, an empty block, checksum and size. */
const GZIP_BYTES_MIN = 20;

/**
 * `deflate` and `zlib` are the zlib format (RFC 1950), but some clients send the raw stream (RFC 1951): the two-byte header tells them apart.
 */
export const unpackDeflate: Unpacker = {
  estimateBytes: (body, bytesMax) => Math.min(body.length * USUAL_RATIO + 1024, bytesMax),
  unpack(body, roomBytes) {
    const wrapped = body.length >= 2 && (body[0] & 15) === DEFLATE_METHOD && (body[0] * 256 + body[1]) % 31 === 0;
    return wrapped
      ? inflate(zlib.inflateSync, inflateAside, 'deflate', body, roomBytes)
      : inflate(zlib.inflateRawSync, inflateRawAside, 'deflate', body, roomBytes);
  },
};

const DEFLATE_METHOD = 8;
/** Telemetry shrinks to a sixth to a tenth. */
const USUAL_RATIO = 12;

type Aside = (body: Uint8Array, options: ZlibOptions) => Promise<Buffer>;
const gunzip = promisify(zlib.gunzip) as Aside;
const inflateAside = promisify(zlib.inflate) as Aside;
const inflateRawAside = promisify(zlib.inflateRaw) as Aside;

/** One piece of output of the expected size saves zlib from joining many (a fifth of the time). Not touched, not used: no memory. */
const CHUNK_BYTES_MIN = 1024;

async function inflate(
  sync: (body: Uint8Array, options: ZlibOptions) => Buffer,
  aside: Aside,
  name: string,
  body: Uint8Array,
  roomBytes: number,
): Promise<Uint8Array> {
  const chunkSize = Math.max(roomBytes + 1, CHUNK_BYTES_MIN);
  const options = { maxOutputLength: Math.max(roomBytes, 1), info: true, chunkSize };
  const isLarge = Math.max(roomBytes, body.length) > ASIDE_BYTES;
  try {
    return whole(isLarge ? await aside(body, options) : sync(body, options), body, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new OverRoomError();
    throw error;
  }
}

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** With `info`, zlib also tells how much input it used, which its types do not know. What is left is not part of the body. */
function whole(result: Buffer, body: Uint8Array, name: string): Uint8Array {
  const { buffer, engine } = result as unknown as Inflated;
  if (engine.bytesWritten < body.length) {
    throw new WireError(`${name} body has ${body.length - engine.bytesWritten} bytes behind its end`);
  }
  return buffer;
}
