/** Integers as text, against the language's own. */
import { expect, test } from 'vitest';
import { randomFrom } from '../../test/support/otlp-random.ts';
import { ByteBuffer } from '../base/bytes.ts';
import { writeInt64, writeJsonString, writeUint64 } from './text.ts';

const textOf = (write: (out: ByteBuffer) => void): string => {
  const out = new ByteBuffer();
  write(out);
  return Buffer.from(out.view()).toString();
};

/** Around every power of two and of ten, and around multiples of a billion, where a quotient of doubles is off by one. */
function* integers(): Generator<bigint> {
  const around = (centre: bigint): bigint[] => [-2n, -1n, 0n, 1n, 2n].map((by) => BigInt.asUintN(64, centre + by));
  for (let bit = 0n; bit < 64n; bit++) yield* around(1n << bit);
  for (let digits = 0n; digits < 20n; digits++) yield* around(10n ** digits);
  const random = randomFrom(5);
  const word = (): bigint => (BigInt(random.below(2 ** 31)) << 33n) | BigInt(random.below(2 ** 31)) | (1n << 32n);
  for (let i = 0; i < 20_000; i++) {
    const value = word() >> BigInt(random.below(40));
    yield value;
    yield* around((value / 1_000_000_000n) * 1_000_000_000n);
  }
}

test('64-bit integers have the text that the language gives them, signed and unsigned', () => {
  for (const value of integers()) {
    const [low, high] = [Number(value & 0xffffffffn), Number(value >> 32n)];
    const unsigned = textOf((out) => writeUint64(out, low, high));
    const signed = textOf((out) => writeInt64(out, low | 0, high | 0));
    // Compared here: an expectation each would take most of the time.
    if (unsigned !== value.toString() || signed !== BigInt.asIntN(64, value).toString())
      expect([unsigned, signed]).toEqual([value.toString(), BigInt.asIntN(64, value).toString()]);
  }
});

test('a JSON string reads back as what was written', () => {
  const texts = [
    '',
    'shop',
    'a"b\\c',
    Array.from({ length: 40 }, (_, i) => String.fromCharCode(i)).join(''),
    'Grüße 🙂',
  ];
  for (const text of texts) {
    const bytes = Buffer.from(`x${text}y`);
    expect(JSON.parse(textOf((out) => writeJsonString(out, bytes, 1, bytes.length - 1)))).toBe(text);
  }
});
