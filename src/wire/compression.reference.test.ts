/** Bodies that the reference programs zstd 1.5 and lz4 1.9 wrote: entropy-coded blocks, several frames, linked blocks, and bombs of 64 MiB + 1. */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { LIMITS } from '../base/limits.ts';
import { HTTP_ENCODINGS, unpack } from './compression.ts';
import { TooLargeError } from './unpacking.ts';
import { WireError } from './wire-error.ts';

const fixture = (name: string): Buffer => fs.readFileSync(`src/wire/fixtures/${name}`);
const TELEMETRY = fixture('telemetry.txt');
const FRAMES = [
  ['zstd', 'sized.zst'],
  ['zstd', 'streamed.zst'],
  ['zstd', 'frames.zst'],
  ['lz4', 'stream.lz4'],
  ['lz4', 'linked.lz4'],
] as const;

const run = (encoding: string, body: Uint8Array, bytesMax: number = LIMITS.requestBytesMax) =>
  unpack(encoding, HTTP_ENCODINGS[encoding], body, bytesMax, () => true);

test.each(FRAMES)('%s: %s unpacks to what was packed', async (encoding, name) => {
  const unpacked = await run(encoding, fixture(name));
  expect(TELEMETRY.equals(unpacked ?? Buffer.alloc(0))).toBe(true);
});

test.each(FRAMES)('%s: %s is refused one byte above the limit', async (encoding, name) => {
  await expect(run(encoding, fixture(name), TELEMETRY.length - 1)).rejects.toThrow(TooLargeError);
});

test.each(FRAMES)('%s: %s cut off or with garbage behind it is corrupt', async (encoding, name) => {
  const body = fixture(name);
  for (let length = 1; length < body.length; length += 37) {
    const cut = run(encoding, body.subarray(0, length));
    await expect(cut, `first ${length} bytes`).rejects.toThrow(WireError);
  }
  await expect(run(encoding, Buffer.concat([body, Buffer.from('garbage')]))).rejects.toThrow(WireError);
});

test.each(FRAMES)(
  '%s: %s with a flipped bit never gives more than the limit, nor another error',
  async (encoding, name) => {
    const body = fixture(name);
    for (let at = 0; at < body.length; at += 11) {
      const flipped = Buffer.from(body);
      flipped[at] ^= 1 << (at % 8);
      const outcome = await run(encoding, flipped, 100_000).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome instanceof WireError || outcome instanceof TooLargeError).toBe(true);
      else expect((outcome as Uint8Array).length).toBeLessThanOrEqual(100_000);
    }
  },
);

test('an empty zstd frame is an empty body', async () => {
  expect(await run('zstd', fixture('empty.zst'))).toHaveLength(0);
});

test.each(['bomb.zst', 'bomb-sized.zst'])('%s, 64 MiB + 1 in two kilobytes, is too large', async (name) => {
  expect(LIMITS.requestBytesMax).toBe(64 * 1024 * 1024);
  await expect(run('zstd', fixture(name))).rejects.toThrow(TooLargeError);
  expect(await run('zstd', fixture(name), LIMITS.requestBytesMax + 1)).toHaveLength(LIMITS.requestBytesMax + 1);
});
