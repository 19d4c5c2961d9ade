import { expect, test } from 'vitest';
import { SIGNALS } from '../base/signal.ts';
import { decodeRecord, encodeRecord, writeCounts } from './record.ts';

test('a record has the bytes that docs/journal.md states', () => {
  const record = {
    signal: 'logs' as const,
    receivedUnixNano: 0x1122334455667788n,
    baggage: 'ü=1',
    body: Buffer.from([1, 2, 3]),
  };
  expect(Buffer.concat(encodeRecord(record)).toString('hex')).toBe(
    ['01', '02', '0000', '04000000', '8877665544332211', 'c3bc3d31', '010203'].join(''),
  );
});

test('a record is read back as it was, with and without baggage and body', () => {
  for (const signal of SIGNALS) {
    for (const baggage of ['', 'k=v', 'π='.repeat(4000)]) {
      for (const body of [Buffer.alloc(0), Buffer.from('body')]) {
        const record = { signal, receivedUnixNano: 1_767_225_600_123_456_789n, baggage, body };
        expect(decodeRecord(Buffer.concat(encodeRecord(record)))).toEqual(record);
      }
    }
  }
});

test('what is no record of this version is not taken for one', () => {
  const bytes = Buffer.concat(
    encodeRecord({ signal: 'traces', receivedUnixNano: 1n, baggage: 'k=v', body: Buffer.alloc(0) }),
  );
  for (let length = 0; length < bytes.length; length++) expect(decodeRecord(bytes.subarray(0, length))).toBeUndefined();
  expect(decodeRecord(Buffer.concat([Buffer.from([3]), bytes.subarray(1)]))).toBeUndefined();
  expect(decodeRecord(Buffer.concat([Buffer.from([1, 9]), bytes.subarray(2)]))).toBeUndefined();
});

test('a record with a token and counts has the bytes that docs/journal.md states', () => {
  const record = {
    signal: 'traces' as const,
    receivedUnixNano: 0x1122334455667788n,
    baggage: 'a=1',
    body: Buffer.from([1, 2, 3]),
    token: { stream: 's', mark: 'm' },
    items: 5,
    rejected: 1,
  };
  expect(Buffer.concat(encodeRecord(record)).toString('hex')).toBe(
    ['02', '00', '0300', '03000000', '8877665544332211', '05000000', '01000000', '613d31', '73206d', '010203'].join(''),
  );
  expect(decodeRecord(Buffer.concat(encodeRecord(record)))).toEqual(record);
});

test('a token may say what stands before it in the directories of other receivers', () => {
  const after = [
    { receiver: 0, position: `${'0'.repeat(15)}a00000007` },
    { receiver: 12, position: `${'0'.repeat(15)}b00000000` },
  ];
  const token = { stream: 's', mark: 'm', after };
  const [head] = encodeRecord({ signal: 'logs', receivedUnixNano: 1n, baggage: '', body: Buffer.alloc(0), token });
  expect(head.toString('latin1', 24)).toBe('s m 0:000000000000000a00000007,12:000000000000000b00000000');
  expect(decodeRecord(head)?.token).toEqual(token);
});

test('counts can be written when they are known', () => {
  const parts = encodeRecord({ signal: 'logs', receivedUnixNano: 1n, baggage: '', body: Buffer.from('b'), items: 0 });
  writeCounts(parts[0], 7, 2);
  expect(decodeRecord(Buffer.concat(parts))).toMatchObject({ items: 7, rejected: 2, body: Buffer.from('b') });
});
