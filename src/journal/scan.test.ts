import { expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import {
  checksumSeed,
  encodeFileHeader,
  encodeRecordHeader,
  FILE_HEADER_BYTES,
  RECORD_HEADER_BYTES,
} from './format.ts';
import { scanJournal } from './scan.ts';

const IDENTITY = { instance: '0123456789abcdef', receiver: 0, segment: '0000000100000001' };

function record(sequence: number, payload: string, identity = IDENTITY): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([encodeRecordHeader(checksumSeed(identity), 1, sequence, [bytes]), bytes]);
}

function journal(...records: Buffer[]): Buffer {
  return Buffer.concat([encodeFileHeader(IDENTITY), ...records]);
}

const payloads = (bytes: Buffer) => scanJournal(bytes, IDENTITY).records.map((found) => found.payload.toString());

const THREE = journal(record(0, 'zero'), record(1, 'one'), record(2, 'two'));

test('every whole record before a cut is returned, and the rest is named as the tail', () => {
  const ends = [FILE_HEADER_BYTES, 68, 95, 122];
  for (let length = 0; length <= THREE.length; length++) {
    const scanned = scanJournal(THREE.subarray(0, length), IDENTITY);
    const whole = ends.filter((end) => end > FILE_HEADER_BYTES && end <= length).length;
    expect(scanned.records.length).toBe(whole);
    const clean = length === 0 || ends.includes(length);
    expect(scanned.damaged.length).toBe(clean ? 0 : 1);
    if (!clean) {
      const begin = ends.filter((end) => end <= length).at(-1) ?? 0;
      expect(scanned.damaged[0]).toMatchObject({ tail: true, offset: begin, bytes: length - begin });
    }
  }
});

test('one flipped bit anywhere costs at most the record it is in, and is reported there', () => {
  const begins = [FILE_HEADER_BYTES, 68, 95];
  for (let bit = 0; bit < THREE.length * 8; bit++) {
    const flipped = Buffer.from(THREE);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    const scanned = scanJournal(flipped, IDENTITY);
    const hit = begins.findLastIndex((begin) => bit >> 3 >= begin);
    const expected = ['zero', 'one', 'two'].filter((_, index) => index !== hit);
    expect(scanned.records.map((found) => found.payload.toString())).toEqual(expected);
    expect(scanned.damaged.length).toBe(1);
    expect(scanned.damaged[0]).toMatchObject({
      offset: hit === -1 ? 0 : begins[hit],
      tail: hit === 2,
      recordsLost: hit === 0 || hit === 1 ? 1 : 0,
    });
  }
});

test('a tail that is there twice is applied once', () => {
  const scanned = scanJournal(Buffer.concat([THREE, record(1, 'one'), record(2, 'two')]), IDENTITY);
  expect(scanned.records.map((found) => found.sequence)).toEqual([0, 1, 2]);
  expect(scanned.duplicates).toBe(2);
  expect(scanned.damaged).toEqual([]);
});

test('a hole of zeros in the middle costs the records in it', () => {
  const holed = Buffer.from(THREE).fill(0, 60, 100);
  expect(payloads(holed)).toEqual([]);
  const scanned = scanJournal(Buffer.concat([holed, record(3, 'three')]), IDENTITY);
  expect(scanned.records.map((found) => found.payload.toString())).toEqual(['three']);
  expect(scanned.damaged.map((place) => place.recordsLost).reduce((a, b) => a + b)).toBe(3);
});

test('a record that is missing without a trace is reported where it should be', () => {
  const scanned = scanJournal(journal(record(0, 'zero'), record(3, 'three')), IDENTITY);
  expect(scanned.damaged).toEqual([
    { offset: 68, bytes: 0, reason: 'record 3 stands where record 1 should be', tail: false, recordsLost: 2 },
  ]);
});

test('records of another segment, receiver or instance are not taken for ours, even inside a damaged payload', () => {
  for (const other of [
    { ...IDENTITY, segment: '0000000100000002' },
    { ...IDENTITY, receiver: 1 },
    { ...IDENTITY, instance: 'fedcba9876543210' },
  ]) {
    const stranger = record(1, 'stranger', other).toString('latin1');
    const carrier = Buffer.from(stranger, 'latin1');
    const header = encodeRecordHeader(checksumSeed(IDENTITY), 1, 0, [carrier]);
    const bytes = journal(header, carrier, record(1, 'one'));
    bytes[FILE_HEADER_BYTES + 4] ^= 1;
    expect(payloads(bytes)).toEqual(['one']);
  }
});

test('a length that points beyond the file does not hide the records after it', () => {
  const long = encodeRecordHeader(checksumSeed(IDENTITY), 1, 1, [Buffer.alloc(100_000)]);
  const scanned = scanJournal(journal(record(0, 'zero'), long, record(2, 'two')), IDENTITY);
  expect(scanned.records.map((found) => found.payload.toString())).toEqual(['zero', 'two']);
  expect(scanned.damaged).toEqual([
    {
      offset: 68,
      bytes: RECORD_HEADER_BYTES,
      reason: 'the file ends in the payload of record 1',
      tail: false,
      recordsLost: 1,
    },
  ]);
});

test('random damage never yields a record that was not written, and never throws', () => {
  const written = new Set<string>();
  const records = Array.from({ length: 40 }, (_, index) => {
    const payload = `payload ${index} CREC `.repeat(index % 5);
    written.add(`${index}:${payload}`);
    return record(index, payload);
  });
  const whole = journal(...records);
  for (let seed = 0; seed < 500; seed++) {
    const chance = seededChance(seed);
    const bytes = Buffer.from(whole).subarray(0, Math.floor(chance() * whole.length));
    const wounds = Math.floor(chance() * 6);
    for (let wound = 0; wound < wounds && bytes.length > 0; wound++) {
      const begin = Math.floor(chance() * bytes.length);
      const from = Math.floor(chance() * bytes.length);
      if (chance() < 0.5) bytes.copy(bytes, begin, from, from + Math.floor(chance() * 200));
      else bytes.fill(Math.floor(chance() * 256), begin, Math.min(bytes.length, begin + 1 + Math.floor(chance() * 50)));
    }
    const scanned = scanJournal(bytes, IDENTITY);
    for (const found of scanned.records) expect(written).toContain(`${found.sequence}:${found.payload}`);
    expect(new Set(scanned.records.map((found) => found.sequence)).size).toBe(scanned.records.length);
  }
});
