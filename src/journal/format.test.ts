import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checksumSeed, encodeFileHeader, encodeRecordHeader, KIND } from './format.ts';
import { decodeManifest, encodeManifest } from './manifest.ts';
import { scanJournal } from './scan.ts';
import type { SealedSegment } from './sealed.ts';

const IDENTITY = { instance: '0123456789abcdef', receiver: 3, segment: '68f0a1b200000007' };
const PAYLOADS = ['', 'first', 'a second payload, CREC'];

const SEALED: SealedSegment = {
  version: 1,
  receiver: 3,
  segment: '68f0a1b200000007',
  instance: '0123456789abcdef',
  journalBytes: 135,
  records: 3,
  tables: [
    {
      table: 'otel_traces',
      columns: ['Timestamp', 'TraceId'],
      rows: 2,
      file: '68f0a1b200000007.otel_traces.native',
      bytes: 120,
      crc32c: 0xe3069283,
    },
  ],
};

function journalBytes(): Buffer {
  const seed = checksumSeed(IDENTITY);
  const records = PAYLOADS.flatMap((text, sequence) => {
    const payload = Buffer.from(text);
    return [encodeRecordHeader(seed, KIND.request, sequence, [payload]), payload];
  });
  return Buffer.concat([encodeFileHeader(IDENTITY), ...records]);
}

/** Compares byte by byte. A format that changes on purpose gets a new version and a new golden file (WRITE_GOLDEN=1). */
function expectGolden(name: string, bytes: Buffer): void {
  const path = new URL(`./golden/${name}`, import.meta.url);
  if (process.env['WRITE_GOLDEN'] === '1') writeFileSync(path, bytes);
  expect(bytes.toString('hex')).toBe(readFileSync(path).toString('hex'));
}

test('an empty journal is its golden file', () => {
  expectGolden('empty.journal', encodeFileHeader(IDENTITY));
});

test('a journal of three records is its golden file, and is read back from it', () => {
  expectGolden('three-records.journal', journalBytes());
  const golden = readFileSync(new URL('./golden/three-records.journal', import.meta.url));
  const scanned = scanJournal(golden, IDENTITY);
  expect(scanned.damaged).toEqual([]);
  expect(scanned.records.map((record) => record.payload.toString())).toEqual(PAYLOADS);
  expect(scanned.records.map((record) => [record.kind, record.sequence, record.offset])).toEqual([
    [1, 0, 40],
    [1, 1, 64],
    [1, 2, 93],
  ]);
});

test('the header of a journal stands at the places that docs/journal.md names', () => {
  const header = encodeFileHeader(IDENTITY);
  expect(header.subarray(0, 8).toString()).toBe('CLEWJRNL');
  expect(header.readUInt32LE(8)).toBe(1);
  expect(header.readUInt32LE(12)).toBe(3);
  expect(header.readUInt32LE(16)).toBe(0x68f0a1b2);
  expect(header.readUInt32LE(20)).toBe(7);
  expect(header.subarray(24, 32).toString('hex')).toBe('0123456789abcdef');
  expect(header.readUInt32LE(36)).toBe(checksumSeed(IDENTITY));
});

test('a manifest is its golden file, and is read back from it', () => {
  expectGolden('segment.sealed', encodeManifest(SEALED));
  expect(decodeManifest(readFileSync(new URL('./golden/segment.sealed', import.meta.url)))).toEqual(SEALED);
});

test('a manifest with any bit flipped or any end cut off is refused', () => {
  const bytes = encodeManifest(SEALED);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    expect(decodeManifest(flipped)).toHaveProperty('reason');
  }
  for (let length = 0; length < bytes.length; length++) {
    expect(decodeManifest(bytes.subarray(0, length))).toHaveProperty('reason');
  }
});
