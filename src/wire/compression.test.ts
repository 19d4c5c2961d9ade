import zlib from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { expect, test } from 'vitest';
import { crc32c } from '../base/crc32c.ts';
import { HTTP_ENCODINGS, unpack } from './compression.ts';
import { TooLargeError } from './unpacking.ts';
import { WireError } from './wire-error.ts';

const LIMIT = 4 * 1024 * 1024;
const TEXT = Buffer.from('spans, data points and log records; '.repeat(4_000));
const LARGE = Buffer.alloc(3 * 1024 * 1024, TEXT);
const EMPTY = Buffer.alloc(0);

function framedSnappy(body: Buffer, stored = false, wrong = 0): Buffer {
  const parts: Buffer[] = [Buffer.from([0xff, 6, 0, 0, ...Buffer.from('sNaPpY')])];
  for (let at = 0; at < body.length; at += 65_536) {
    const piece = body.subarray(at, at + 65_536);
    const data = stored ? piece : compressSync(piece);
    const head = Buffer.alloc(8);
    head.writeUIntLE(data.length + 4, 1, 3);
    head[0] = stored ? 1 : 0;
    const crc = crc32c(piece) + wrong;
    head.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 4);
    parts.push(head, data);
  }
  // Padding, as a writer may append.
  return Buffer.concat([...parts, Buffer.from([0xfe, 3, 0, 0, 0, 0, 0])]);
}

/** A zstd frame without a content size: one block of each kind that needs no entropy coding. */
function zstdBlocks(blocks: readonly { repeated: boolean; bytes: Buffer; count: number }[]): Buffer {
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58])];
  blocks.forEach(({ repeated, bytes, count }, index) => {
    const head = Buffer.alloc(3);
    head.writeUIntLE((count << 3) | (repeated ? 2 : 0) | (index === blocks.length - 1 ? 1 : 0), 0, 3);
    parts.push(head, bytes);
  });
  return Buffer.concat(parts);
}
const storedZstd = (body: Buffer): Buffer =>
  zstdBlocks(
    Array.from({ length: Math.max(1, Math.ceil(body.length / 100_000)) }, (_, i) => {
      const bytes = body.subarray(i * 100_000, (i + 1) * 100_000);
      return { repeated: false, bytes, count: bytes.length };
    }),
  );

const PACKERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => zlib.gzipSync(body),
  deflate: (body) => zlib.deflateSync(body),
  zlib: (body) => zlib.deflateSync(body),
  zstd: storedZstd,
  snappy: (body) => compressSync(body),
  'x-snappy-framed': (body) => framedSnappy(body),
  lz4: (body) => compressFrameSync(body, { contentChecksum: true, blockChecksums: true }),
};

/** Unpacks and says how much was reserved at most. */
async function run(name: string, body: Uint8Array, limit = LIMIT): Promise<{ out: Buffer; reserved: number }> {
  let reserved = 0;
  const out = await unpack(name, HTTP_ENCODINGS[name], body, limit, (bytes) => {
    reserved = Math.max(reserved, bytes);
    return true;
  });
  return { out: Buffer.from(out!), reserved };
}

test.each(Object.keys(HTTP_ENCODINGS))(
  '%s bodies unpack to what was packed, within what was reserved',
  async (name) => {
    for (const body of [EMPTY, Buffer.from('x'), TEXT, LARGE]) {
      const { out, reserved } = await run(name, PACKERS[name](body));
      expect(out.equals(body)).toBe(true);
      expect(reserved).toBeGreaterThanOrEqual(body.length);
    }
  },
);

test.each(Object.keys(HTTP_ENCODINGS))('a %s body of one byte more than the limit is too large', async (name) => {
  const packed = PACKERS[name](Buffer.alloc(100_001, TEXT));
  await expect(run(name, packed, 100_000)).rejects.toThrow(TooLargeError);
  expect((await run(name, packed, 100_001)).out).toHaveLength(100_001);
});

test.each(Object.keys(HTTP_ENCODINGS))('a %s body that is cut off anywhere is corrupt', async (name) => {
  const packed = PACKERS[name](TEXT);
  for (let length = 1; length < packed.length; length += Math.max(1, Math.floor(packed.length / 97))) {
    const cut = packed.subarray(0, length);
    // A framed stream may end between two chunks.
    if (name === 'x-snappy-framed' && isChunkEnd(packed, length)) continue;
    await expect(run(name, cut), `first ${length} of ${packed.length} bytes`).rejects.toThrow(WireError);
  }
});

function isChunkEnd(packed: Buffer, length: number): boolean {
  let at = 10;
  while (at < length) at += 4 + packed.readUIntLE(at + 1, 3);
  return at === length;
}

test.each(Object.keys(HTTP_ENCODINGS))('a %s body with garbage behind it is corrupt', async (name) => {
  const garbage = Buffer.concat([PACKERS[name](TEXT), Buffer.from('garbage')]);
  await expect(run(name, garbage)).rejects.toThrow(WireError);
});

test('memory that cannot be had is said before anything is unpacked', async () => {
  for (const name of Object.keys(HTTP_ENCODINGS)) {
    expect(await unpack(name, HTTP_ENCODINGS[name], PACKERS[name](TEXT), LIMIT, () => false)).toBeUndefined();
  }
});

test('a gzip body that lies about its size is still unpacked, or refused when there is no room', async () => {
  const packed = Buffer.concat([zlib.gzipSync(LARGE), zlib.gzipSync(TEXT)]);
  const { out, reserved } = await run('gzip', packed);
  expect([out.length, reserved]).toEqual([LARGE.length + TEXT.length, LIMIT]);
  const little = (bytes: number): boolean => bytes < 1024 * 1024;
  expect(await unpack('gzip', HTTP_ENCODINGS['gzip'], packed, LIMIT, little)).toBeUndefined();
});

test('deflate is taken with and without the zlib wrapper', async () => {
  expect((await run('deflate', zlib.deflateRawSync(TEXT))).out.equals(TEXT)).toBe(true);
  expect((await run('zlib', zlib.deflateSync(TEXT, { level: 1 }))).out.equals(TEXT)).toBe(true);
});

test('bombs are refused before they are unpacked', async () => {
  const gzipBomb = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const zstdBomb = zstdBlocks(
    Array.from({ length: 60_000 }, () => ({ repeated: true, bytes: Buffer.from('a'), count: 131_072 })),
  );
  const snappyBomb = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 97]);
  const lz4Bomb = compressFrameSync(Buffer.alloc(64 * 1024 * 1024));
  for (const [name, bomb] of Object.entries({ gzip: gzipBomb, zstd: zstdBomb, snappy: snappyBomb, lz4: lz4Bomb })) {
    const before = process.memoryUsage().arrayBuffers;
    await expect(run(name, bomb), name).rejects.toThrow(TooLargeError);
    expect(process.memoryUsage().arrayBuffers - before, name).toBeLessThan(3 * LIMIT);
  }
});

test('a body of millions of empty pieces is refused at once', async () => {
  const emptyGzip = zlib.gzipSync(EMPTY);
  const pieces: Readonly<Record<string, Buffer>> = {
    zstd: Buffer.concat(
      Array.from({ length: 70_000 }, () => zstdBlocks([{ repeated: false, bytes: EMPTY, count: 0 }])),
    ),
    'x-snappy-framed': Buffer.concat([framedSnappy(EMPTY), Buffer.alloc(4 * 70_000, Buffer.from([0xfe, 0, 0, 0]))]),
    lz4: Buffer.concat(Array.from({ length: 70 }, () => compressFrameSync(Buffer.from('x')))),
  };
  for (const [name, body] of Object.entries(pieces)) await expect(run(name, body), name).rejects.toThrow(/more than/);
  expect((await run('gzip', Buffer.concat(Array.from({ length: 1000 }, () => emptyGzip)))).out).toHaveLength(0);
});

test('snappy frames are verified: stored chunks, checksums, and frames under the name of blocks', async () => {
  expect((await run('x-snappy-framed', framedSnappy(TEXT, true))).out.equals(TEXT)).toBe(true);
  expect((await run('snappy', framedSnappy(TEXT))).out.equals(TEXT)).toBe(true);
  await expect(run('x-snappy-framed', framedSnappy(TEXT, false, 1))).rejects.toThrow('wrong checksum');
  // The published example: masked CRC-32C of an empty input is the constant itself.
  const empty = Buffer.from([0xff, 6, 0, 0, ...Buffer.from('sNaPpY'), 1, 4, 0, 0, 0xd8, 0xea, 0x82, 0xa2]);
  expect((await run('x-snappy-framed', empty)).out).toHaveLength(0);
});

test('lz4 frames are verified: header, block and content checksums, several frames, skippable ones', async () => {
  const frame = compressFrameSync(TEXT, { contentChecksum: true, blockChecksums: true });
  for (const at of [5, 60, frame.length - 1]) {
    const flipped = Buffer.from(frame);
    flipped[at] ^= 4;
    await expect(run('lz4', flipped), `bit in byte ${at}`).rejects.toThrow(WireError);
  }
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const { out } = await run('lz4', Buffer.concat([frame, skippable, frame]));
  expect(out.equals(Buffer.concat([TEXT, TEXT]))).toBe(true);
});

test('zstd frames of the reference compressor are taken, their checksum verified', async () => {
  // Level 3 of zstd 1.5: of a file, with content size and checksum; of a pipe, with neither.
  const text = 'spans, data points and log records; '.repeat(4);
  const ofFile = Buffer.from(
    '28b52ffd249065010044027370616e732c206461746120706f696e747320616e64206c6f67207265636f7264733b2001004c27554f71d1bb0a',
    'hex',
  );
  const ofPipe = Buffer.from(
    '28b52ffd005865010044027370616e732c206461746120706f696e747320616e64206c6f67207265636f7264733b2001004c27554f',
    'hex',
  );
  for (const packed of [ofFile, ofPipe]) expect((await run('zstd', packed)).out.toString()).toBe(text);
  const flipped = Buffer.from(ofFile);
  flipped[flipped.length - 1] ^= 1;
  await expect(run('zstd', flipped)).rejects.toThrow('corrupt');
  expect((await run('zstd', Buffer.concat([ofPipe, ofFile]))).out.toString()).toBe(text + text);
});

test('zstd blocks that repeat one byte, and skippable frames, are taken', async () => {
  const repeated = zstdBlocks([{ repeated: true, bytes: Buffer.from('c'), count: 100_000 }]);
  expect((await run('zstd', repeated)).out.equals(Buffer.alloc(100_000, 'c'))).toBe(true);
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9]);
  expect((await run('zstd', Buffer.concat([skippable, repeated, repeated]))).out).toHaveLength(200_000);
});
