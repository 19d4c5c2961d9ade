import { expect, test } from 'vitest';
import { GRPC_ENCODINGS, HTTP_ENCODINGS, unpack } from './compression.ts';
import { PACKINGS, type Packing, pack, packForGrpc } from './packing.ts';
import type { Unpacker } from './unpacking.ts';

const text = Buffer.from('resource_spans service.name checkout '.repeat(12_000));
const noise = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 2_654_435_761) >>> ((i % 4) * 8)));

async function unpacked(encodings: Readonly<Record<string, Unpacker>>, name: Packing, body: Uint8Array) {
  const unpacker = encodings[name];
  if (unpacker === undefined) throw new Error(`${name} is not known`);
  return unpack(name, unpacker, body, 64 * 1024 * 1024, () => true);
}

const packed = PACKINGS.filter((name) => name !== 'none');

test.each(packed)('what is packed as %s for HTTP, the HTTP door unpacks to the same bytes', async (name) => {
  for (const body of [text, noise, Buffer.from([7])]) {
    const small = await pack(name, body);
    expect(Buffer.compare(body, (await unpacked(HTTP_ENCODINGS, name, small)) ?? Buffer.alloc(0))).toBe(0);
  }
  expect((await pack(name, text)).length).toBeLessThan(text.length / 5);
});

test.each(packed.filter((name) => name !== 'lz4'))(
  'what is packed as %s for gRPC, the gRPC door unpacks',
  async (name) => {
    const small = await packForGrpc(name, text);
    expect(Buffer.compare(text, (await unpacked(GRPC_ENCODINGS, name, small)) ?? Buffer.alloc(0))).toBe(0);
  },
);

test('a body that is not packed is the same object', async () => {
  expect(await pack('none', text)).toBe(text);
});
