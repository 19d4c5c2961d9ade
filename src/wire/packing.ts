import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { init as initZstdWasm, compress as packZstdWasm } from '@bokuweb/zstd-wasm';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { crc32c } from '../base/crc32c.ts';

/** The encodings that a sender may choose; `none` sends bodies as they are. */
export const PACKINGS = ['none', 'gzip', 'deflate', 'zstd', 'snappy', 'lz4'] as const;
export type Packing = (typeof PACKINGS)[number];

type Pack = (body: Uint8Array) => Promise<Uint8Array> | Uint8Array;

const gzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip);
const deflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflate);

/** The fastest level: telemetry is so repetitive that the next ones cost twice the time for a tenth of the bytes. */
const LEVEL = 1;
const OPTIONS: zlib.ZlibOptions = { level: LEVEL };

const PACKERS: Readonly<Record<Exclude<Packing, 'none'>, Pack>> = {
  gzip: (body) => gzip(body, OPTIONS),
  deflate: (body) => deflate(body, OPTIONS),
  zstd: packZstd,
  snappy: (body) => compressSync(asBuffer(body)),
  lz4: (body) => compressFrameSync(asBuffer(body)),
};

/** A body in the given encoding. The slow encoders run on a thread of the pool. */
export async function pack(packing: Packing, body: Uint8Array): Promise<Uint8Array> {
  return packing === 'none' ? body : PACKERS[packing](body);
}

/** In gRPC, `snappy` means the framing format, as the OpenTelemetry Collector speaks it; lz4 has no name there. */
export async function packForGrpc(packing: Exclude<Packing, 'lz4'>, body: Uint8Array): Promise<Uint8Array> {
  return packing === 'snappy' ? packSnappyFramed(asBuffer(body)) : pack(packing, body);
}

const asBuffer = (body: Uint8Array): Buffer => Buffer.from(body.buffer, body.byteOffset, body.byteLength);

/** node:zlib has zstd from 22.15 on. */
const nativeZstd: ((body: Uint8Array) => Promise<Buffer>) | undefined = (() => {
  const { zstdCompress, constants } = zlib as unknown as {
    zstdCompress?: (body: Uint8Array, options: object, done: (error: Error | null, packed: Buffer) => void) => void;
    constants: Readonly<Record<string, number>>;
  };
  const level = constants['ZSTD_c_compressionLevel'];
  if (zstdCompress === undefined || level === undefined) return undefined;
  const pack = promisify<Uint8Array, object, Buffer>(zstdCompress);
  return (body) => pack(body, { params: { [level]: LEVEL } });
})();

let wasm: Promise<void> | undefined;

async function packZstd(body: Uint8Array): Promise<Uint8Array> {
  if (nativeZstd !== undefined) return nativeZstd(body);
  wasm ??= initZstdWasm();
  await wasm;
  return packZstdWasm(asBuffer(body), LEVEL);
}

const STREAM_IDENTIFIER = Buffer.from([0xff, 6, 0, 0, ...Buffer.from('sNaPpY')]);
const COMPRESSED = 0;
/** A chunk holds at most this, unpacked (framing_format.txt section 4.2). */
const CHUNK_BYTES_MAX = 65_536;

/** The framing format of snappy (github.com/google/snappy, framing_format.txt). */
function packSnappyFramed(body: Buffer): Buffer {
  const parts: Uint8Array[] = [STREAM_IDENTIFIER];
  for (let at = 0; at < body.length; at += CHUNK_BYTES_MAX) {
    const chunk = body.subarray(at, at + CHUNK_BYTES_MAX);
    const packed = compressSync(chunk);
    const header = Buffer.alloc(8);
    header.writeUInt8(COMPRESSED, 0);
    header.writeUIntLE(packed.length + 4, 1, 3);
    header.writeUInt32LE(maskedChecksum(chunk), 4);
    parts.push(header, packed);
  }
  return Buffer.concat(parts);
}

/** Rotated by 15 bits and offset (framing_format.txt section 3). */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
