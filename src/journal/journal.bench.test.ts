import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { benchJournal } from './journal.bench.ts';

test('the journal bench measures acknowledged records', async () => {
  const options = { directory: tmpdir(), recordBytes: 10_000, clients: 8, durationMs: 100 };
  const result = await benchJournal(options);
  expect(result.records).toBeGreaterThanOrEqual(8);
  expect(result.ackP99Ms).toBeGreaterThan(0);
  expect(result.recordsPerFsync).toBeGreaterThan(1);
});
