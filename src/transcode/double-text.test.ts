import { expect, test } from 'vitest';
import { builtKernel } from '../../test/support/span-readers.ts';
import { ByteBuffer } from '../base/bytes.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { writeDouble } from './double-text.ts';
import { BASE_COUNT, VALUES as TEXTS } from './kernel-layout.ts';

const DOUBLE = new Float64Array(1);
const HALVES = new Uint32Array(DOUBLE.buffer);

const out = new ByteBuffer();

function textOf(value: number): string {
  DOUBLE[0] = value;
  out.length = 0;
  writeDouble(out, HALVES[0] | 0, HALVES[1] | 0);
  return Buffer.from(out.view()).toString('latin1');
}

/** Values for each kind of source; the texts of all of them are compared with what the language itself writes. */
const VALUES = Number(process.env['CLEW_DOUBLES'] ?? 200_000);

const next = seededChance(7);
const SOURCES: Readonly<Record<string, () => number>> = {
  'between 0 and 100': () => next() * 100 + 0.001,
  'sums of two fractions': () => next() + next() / 4294967296,
  'of all magnitudes': () => (next() + next() / 4294967296) * 10 ** (next() * 24 - 8),
  negative: () => -next() * 1000,
  prices: () => Math.round(next() * 1e6) / 100,
  'short fractions': () => Math.round(next() * 1e9) / 10 ** Math.floor(next() * 12),
  'whole numbers': () => Math.floor(next() * 2 ** 53),
  'of all bit patterns': () => {
    HALVES[0] = next() * 4294967296;
    HALVES[1] = next() * 4294967296;
    return DOUBLE[0];
  },
  'around powers of ten': () => 10 ** Math.floor(next() * 22 - 7) * (1 + (Math.floor(next() * 9) - 4) * 2 ** -52),
  'around powers of two': () => 2 ** Math.floor(next() * 70 - 21) * (1 + (Math.floor(next() * 5) - 2) * 2 ** -52),
};

const kernel = builtKernel();
const NO_BASES = new Array<number>(BASE_COUNT).fill(0);
const SPAN_IDS_BYTES = [0x0a, 16, ...new Array<number>(16).fill(1), 0x12, 8, ...new Array<number>(8).fill(1)];

/** A length-delimited field whose length takes four bytes, around what follows it. */
const field = (tag: number, length: number): number[] => [
  tag,
  (length & 127) | 128,
  ((length >> 7) & 127) | 128,
  ((length >> 14) & 127) | 128,
  length >> 21,
];

/** The texts of so many doubles, as the kernel writes them: attributes of one span. */
function kernelTexts(values: readonly number[]): string[] {
  const attributes = Buffer.alloc(values.length * 17);
  for (const [i, value] of values.entries()) {
    attributes.set([0x4a, 15, 0x0a, 2, 0x6b, 0x6b, 0x12, 9, 0x21], i * 17);
    attributes.writeDoubleLE(value, i * 17 + 9);
  }
  const spanBytes = attributes.length + SPAN_IDS_BYTES.length;
  const head = [...field(0x0a, spanBytes + 10), ...field(0x12, spanBytes + 5), ...field(0x12, spanBytes)];
  expect(kernel.decode(Buffer.concat([Uint8Array.from([...head, ...SPAN_IDS_BYTES]), attributes]), NO_BASES)).toBe(
    true,
  );
  let at = TEXTS;
  return values.map(() => {
    const start = at + 1;
    at = start + kernel.memory[at];
    return Buffer.from(kernel.memory.buffer, start, at - start).toString('latin1');
  });
}

test.each(Object.entries(SOURCES))(
  'doubles %s have the text that the language gives them, from the kernel',
  (_name, source) => {
    for (let done = 0; done < VALUES; done += 20_000) {
      const values = Array.from({ length: 20_000 }, source);
      const expected = values.map((value) => (Object.is(value, -0) ? '-0' : String(value)));
      const texts = kernelTexts(values);
      const wrong = expected.findIndex((text, i) => texts[i] !== text);
      if (wrong >= 0) expect(texts[wrong]).toBe(expected[wrong]);
    }
  },
);

test.each(Object.entries(SOURCES))('doubles %s have the text that the language gives them', (_name, source) => {
  for (let i = 0; i < VALUES; i++) {
    const value = source();
    const expected = String(value);
    if (textOf(value) !== expected) expect(textOf(value)).toBe(expected);
  }
});

test('zero keeps its sign, and what is not a number its name', () => {
  const values = [
    0,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e-6,
    1e-7,
    1e15,
    1e21,
    0.1,
    123456789012345.6,
  ];
  const expected = values.map((value) => (Object.is(value, -0) ? '-0' : String(value)));
  expect(values.map(textOf)).toEqual(expected);
  expect(kernelTexts(values)).toEqual(expected);
});
