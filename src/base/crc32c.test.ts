import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

/** The slow twin: one table look-up a byte, straight from the polynomial. */
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

function slowCrc32c(bytes: Uint8Array, initial = 0): number {
  let state = ~initial;
  for (const byte of bytes) state = (state >>> 8) ^ TABLE[(state ^ byte) & 0xff];
  return ~state >>> 0;
}

test('CRC-32C has the published check value', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(slowCrc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

test('CRC-32C equals its slow twin for every length, alignment and initial value', () => {
  const bytes = Uint8Array.from({ length: 600 }, (_, index) => (index * 7919 + (index >>> 3)) & 0xff);
  for (let length = 0; length < 520; length++) {
    const part = bytes.subarray(length % 9, (length % 9) + length);
    expect(crc32c(part, length * 0x01234567)).toBe(slowCrc32c(part, length * 0x01234567));
  }
});

test('CRC-32C of two parts in turn is that of the whole', () => {
  const bytes = Buffer.from('the journal is the promise');
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
  }
});
