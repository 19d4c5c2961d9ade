import { unpackDeflate, unpackGzip } from './deflate.ts';
import { unpackLz4 } from './lz4.ts';
import { unpackSnappy, unpackSnappyFramed } from './snappy.ts';
import { OverRoomError, TooLargeError, type Unpacker } from './unpacking.ts';
import { WireError } from './wire-error.ts';
import { unpackZstd } from './zstd.ts';

/** Every content encoding that the HTTP door takes, by the names of the OpenTelemetry Collector's confighttp. `identity` is no entry. */
export const HTTP_ENCODINGS: Readonly<Record<string, Unpacker>> = {
  gzip: unpackGzip,
  deflate: unpackDeflate,
  zlib: unpackDeflate,
  zstd: unpackZstd,
  snappy: unpackSnappy,
  'x-snappy-framed': unpackSnappyFramed,
  lz4: unpackLz4,
};

/** Message encodings of the gRPC door. */
export const GRPC_ENCODINGS: Readonly<Record<string, Unpacker>> = {
  gzip: unpackGzip,
  deflate: unpackDeflate,
  zstd: unpackZstd,
  snappy: unpackSnappy,
};

/**
 * Unpacks a body without ever holding more than was reserved for it: room for what the body says (or usually) unpacks to is reserved
 * first; when that was wrong, room for the limit.
 * @param bytesMax bytes that it may have unpacked
 * @param reserve asks for memory; false means that there is none now
 * @returns undefined when there was no memory
 * @throws TooLargeError over the limit; WireError when the body is corrupt
 */
export async function unpack(
  name: string,
  unpacker: Unpacker,
  body: Uint8Array,
  bytesMax: number,
  reserve: (bytes: number) => boolean,
): Promise<Uint8Array | undefined> {
  try {
    const said = unpacker.estimateBytes(body, bytesMax);
    if (said < bytesMax) {
      if (!reserve(said)) return undefined;
      const unpacked = await withinRoom(unpacker, body, said);
      if (unpacked !== undefined) return unpacked;
    }
    if (!reserve(bytesMax)) return undefined;
    const unpacked = await withinRoom(unpacker, body, bytesMax);
    if (unpacked !== undefined) return unpacked;
  } catch (error) {
    if (error instanceof TooLargeError || error instanceof WireError) throw error;
    throw new WireError(`${name} body cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new TooLargeError(bytesMax);
}

async function withinRoom(unpacker: Unpacker, body: Uint8Array, roomBytes: number): Promise<Uint8Array | undefined> {
  try {
    return await unpacker.unpack(body, roomBytes);
  } catch (error) {
    if (error instanceof OverRoomError) return undefined;
    throw error;
  }
}
