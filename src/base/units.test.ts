import { expect, test } from 'vitest';
import { formatBytes, formatDuration, parseBytes, parseDurationMs } from './units.ts';

test('sizes are read with binary, decimal and no units', () => {
  expect(parseBytes('64MiB')).toBe(67_108_864);
  expect(parseBytes('1.5 GiB')).toBe(1_610_612_736);
  expect(parseBytes('10mb')).toBe(10_000_000);
  expect(parseBytes('4096')).toBe(4096);
});

test('what is no size is refused: other units, signs, parts of a byte', () => {
  for (const text of ['', 'MiB', '-1', '64 parsecs', '0.5', '1e3', '99999999 TiB'])
    expect(parseBytes(text)).toBe(undefined);
});

test('durations are milliseconds', () => {
  expect(parseDurationMs('250ms')).toBe(250);
  expect(parseDurationMs('1.5s')).toBe(1500);
  expect(parseDurationMs('2h')).toBe(7_200_000);
  expect(parseDurationMs('7d')).toBe(604_800_000);
  expect(parseDurationMs('5 weeks')).toBe(undefined);
});

test('sizes and durations are printed in the largest unit that fits', () => {
  expect([formatBytes(812), formatBytes(67_108_864), formatBytes(1_610_612_736)]).toEqual([
    '812 B',
    '64 MiB',
    '1.5 GiB',
  ]);
  expect([formatDuration(250), formatDuration(10_000), formatDuration(180_000)]).toEqual(['250 ms', '10 s', '3 min']);
});
