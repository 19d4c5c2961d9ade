import { expect, test } from 'vitest';
import { Cursor } from './protobuf.ts';
import { WireError } from './wire-error.ts';

const bytesOf = (value: bigint): number[] => {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 127n) | 128);
  }
};

const cursorOf = (...bytes: number[]): { cursor: Cursor; end: number } => ({
  cursor: new Cursor(Uint8Array.from(bytes)),
  end: bytes.length,
});

const whole = (cursor: Cursor): bigint => BigInt.asUintN(64, (BigInt(cursor.high) << 32n) | BigInt(cursor.low >>> 0));

test('varints of every length give all 64 bits, and their low 32', () => {
  for (let bits = 0n; bits < 64n; bits++) {
    for (const value of [1n << bits, (1n << bits) - 1n, ((1n << 64n) - 1n) ^ (1n << bits)]) {
      const { cursor, end } = cursorOf(...bytesOf(value));
      cursor.varint64(end);
      expect(whole(cursor)).toBe(value);
      expect(cursor.at).toBe(end);
      cursor.at = 0;
      expect(cursor.varint32(end)).toBe(Number(value & 0xffffffffn));
      expect(cursor.at).toBe(end);
    }
  }
});

test('fixed values are little-endian and unsigned', () => {
  const { cursor, end } = cursorOf(1, 2, 3, 0xf4, 5, 6, 7, 0xf8, 0xff, 0xff, 0xff, 0xff);
  cursor.fixed64(end);
  expect(whole(cursor)).toBe(0xf8070605f4030201n);
  expect(cursor.fixed32(end)).toBe(0xffffffff);
});

test('whatever is cut off by the end of its message is refused, although the bytes go on', () => {
  const tries: [string, number[], (cursor: Cursor, end: number) => unknown][] = [
    ['varint32', [0x80, 0x80, 1], (cursor, end) => cursor.varint32(end)],
    ['varint64', [0x80, 0x80, 1], (cursor, end) => cursor.varint64(end)],
    ['tag', [0x85, 1], (cursor, end) => cursor.tag(end)],
    ['fixed64', [1, 2, 3, 4, 5, 6, 7, 8], (cursor, end) => cursor.fixed64(end)],
    ['fixed32', [1, 2, 3, 4], (cursor, end) => cursor.fixed32(end)],
    ['length', [2, 1, 1], (cursor, end) => cursor.lengthEnd(end)],
    ['skip', [4, 1, 1, 1, 1], (cursor, end) => cursor.skip(10, end)],
  ];
  for (const [name, bytes, read] of tries) {
    const { cursor, end } = cursorOf(...bytes, 0, 0, 0, 0);
    read(cursor, bytes.length);
    for (let short = 0; short < bytes.length; short++) {
      cursor.at = 0;
      expect(() => read(cursor, short), `${name} in ${short} of ${end} bytes`).toThrow(WireError);
    }
  }
});

test('varints of more than ten bytes are refused', () => {
  const { cursor, end } = cursorOf(...new Array<number>(10).fill(0x80), 1);
  expect(() => cursor.varint32(end)).toThrow('varint of more than 10 bytes at byte 0');
  expect(() => cursor.varint64(end)).toThrow('varint of more than 10 bytes at byte 0');
});

test('lengths and field numbers beyond 32 bits are not cut to their low bits', () => {
  const length = cursorOf(...bytesOf((1n << 32n) + 1n), 7, 7);
  expect(() => length.cursor.lengthEnd(length.end)).toThrow('length 4294967297 at byte 5 exceeds its message');
  const tag = cursorOf(...bytesOf((1n << 32n) + 10n));
  expect(() => tag.cursor.tag(tag.end)).toThrow('the tag at byte 0 has no valid field number');
  const zero = cursorOf(2);
  expect(() => zero.cursor.tag(1)).toThrow('the tag at byte 0 has no valid field number');
});

test('unknown fields are passed over, groups and wrong types of known fields are refused by name', () => {
  const { cursor, end } = cursorOf(0x80, 1, 1, 2, 3, 4, 5, 6, 7, 8, 2, 9, 9, 1, 2, 3, 4);
  const fields = { 5: 'name' };
  for (const tag of [99 * 8, 99 * 8 + 1, 99 * 8 + 2, 99 * 8 + 5]) cursor.unknown(tag, end, 'Span', fields);
  expect(cursor.at).toBe(end);
  for (const tag of [99 * 8 + 3, 99 * 8 + 4, 99 * 8 + 6]) {
    expect(() => cursor.unknown(tag, end, 'Span', fields)).toThrow(`wire type ${tag & 7} of field 99`);
  }
  expect(() => cursor.unknown(5 * 8, end, 'Span', fields)).toThrow('Span.name has wire type 0');
});
