import { expect, test } from 'vitest';
import { ByteBuffer } from '../base/bytes.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { writeDouble } from './double-text.ts';

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
  expect(values.map(textOf)).toEqual(values.map((value) => (Object.is(value, -0) ? '-0' : String(value))));
});
