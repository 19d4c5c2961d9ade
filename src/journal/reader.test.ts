import { expect, test } from 'vitest';
import { LyingDisk } from '../host/lying-disk.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { checksumSeed, encodeFileHeader, encodeRecordHeader } from './format.ts';
import { JournalReader } from './reader.ts';
import { scanJournal } from './scan.ts';

const IDENTITY = { instance: '0123456789abcdef', receiver: 0, segment: '0000000100000001' };

function record(sequence: number, payload: Buffer): Buffer {
  return Buffer.concat([encodeRecordHeader(checksumSeed(IDENTITY), 1, sequence, [payload]), payload]);
}

test('piece by piece a reader finds what a scan of the whole finds, whatever is damaged and however short the reads', async () => {
  const chance = seededChance(3);
  for (let round = 0; round < 150; round++) {
    const records = Array.from({ length: 12 }, (_, i) => record(i, Buffer.alloc(Math.floor(chance() * 200), i)));
    if (round % 5 === 0) records.splice(4, 0, records[2] as Buffer);
    const bytes = Buffer.concat([encodeFileHeader(IDENTITY), ...records]);
    const flips = round % 5 === 0 ? 0 : Math.floor(chance() * 4);
    // A record that stands there twice is read once. (That its first place is damaged as well is left out: its turn is over then.)
    for (let i = 0; i < flips; i++) bytes[Math.floor(chance() * bytes.length)] = Math.floor(chance() * 256);
    const lying = new LyingDisk(round);
    lying.shortReads = round % 2 === 0;
    const disk = lying.boot();
    await disk.makeDirectory('/j');
    const file = await disk.open('/j/journal', 'create');
    await file.write([bytes]);
    const reader = new JournalReader(disk, '/j/journal', IDENTITY, bytes.length, 64 + Math.floor(chance() * 300));
    const found: string[] = [];
    for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
      found.push(`${next.sequence} ${next.payload.toString('hex')}`);
    }
    const scanned = scanJournal(bytes, IDENTITY);
    expect(found, `round ${round}`).toEqual(
      scanned.records.map(({ sequence, payload }) => `${sequence} ${payload.toString('hex')}`),
    );
  }
});
