import { expect, test } from 'vitest';
import { errorCode, readWhole } from '../host/disk.ts';
import { LyingDisk, type Step, type Verdict } from '../host/lying-disk.ts';
import { seededChance } from '../host/seeded-chance.ts';
import { KIND } from './format.ts';
import { createJournal } from './journal.ts';
import { scanJournal } from './scan.ts';

const IDENTITY = { instance: '0123456789abcdef', receiver: 0, segment: '0000000100000001' };
const PATH = '/r0/0000000100000001.journal';

async function world(seed = 1) {
  const disk = new LyingDisk(seed);
  const booted = disk.boot();
  await booted.makeDirectory('/r0');
  return { world: disk, disk: booted };
}

async function recordsOnDisk(lying: LyingDisk): Promise<string[]> {
  const bytes = await readWhole(lying.boot(), PATH);
  return scanJournal(bytes, IDENTITY).records.map((record) => record.payload.toString());
}

test('an append is settled only after an fsync that covers it, and appends that wait share one', async () => {
  const { world: lying, disk } = await world();
  const journal = await createJournal(disk, '/r0', IDENTITY);
  const operations: string[] = [];
  const settled: string[] = [];
  const gates: (() => void)[] = [];
  lying.decide = async (step: Step): Promise<Verdict> => {
    operations.push(step.operation);
    if (step.operation === 'sync') await new Promise<void>((open) => gates.push(open));
    return 'ok';
  };
  const untilGate = async () => {
    for (let turn = 0; turn < 1_000 && gates.length === 0; turn++) await Promise.resolve();
    expect(gates.length, 'fsyncs under way').toBeGreaterThan(0);
  };
  const openGate = async () => {
    await untilGate();
    gates.shift()?.();
  };
  const append = (text: string) =>
    journal.append(KIND.request, [Buffer.from(text)]).then((result) => settled.push(`${text} ${result.kind}`));
  const first = append('a');
  await untilGate();
  const rest = [append('b'), append('c'), append('d')];
  await Promise.resolve();
  expect(settled).toEqual([]);
  await openGate();
  await first;
  expect(settled).toEqual(['a durable']);
  expect(journal.durable.records).toBe(1);
  await openGate();
  await Promise.all(rest);
  expect(settled).toEqual(['a durable', 'b durable', 'c durable', 'd durable']);
  expect(operations).toEqual(['write', 'sync', 'write', 'sync']);
  expect(journal.durable).toEqual({ bytes: journal.sizeBytes, records: 4 });
  lying.crash('power');
  expect(await recordsOnDisk(lying)).toEqual(['a', 'b', 'c', 'd']);
});

test('appends that come together share the first write too', async () => {
  const { world: lying, disk } = await world();
  const journal = await createJournal(disk, '/r0', IDENTITY);
  const operations: string[] = [];
  lying.decide = ({ operation }) => {
    operations.push(operation);
    return 'ok';
  };
  await Promise.all(['a', 'b', 'c'].map((text) => journal.append(KIND.request, [Buffer.from(text)])));
  expect(operations).toEqual(['write', 'sync']);
  expect(await recordsOnDisk(lying)).toEqual(['a', 'b', 'c']);
});

test.each([
  ['write', 'EIO'],
  ['write', 'ENOSPC'],
  ['sync', 'EIO'],
] as const)(
  'a %s that fails with %s fails everyone who waits for it, and poisons the journal',
  async (operation, code) => {
    const { world: lying, disk } = await world();
    const journal = await createJournal(disk, '/r0', IDENTITY);
    await journal.append(KIND.request, [Buffer.from('kept')]);
    const { durable } = journal;
    lying.decide = (step) => (step.operation === operation ? code : 'ok');
    const waiting = ['a', 'b', 'c'].map((text) => journal.append(KIND.request, [Buffer.from(text)]));
    for (const result of await Promise.all(waiting)) expect(result).toMatchObject({ kind: 'failed' });
    lying.decide = () => 'ok';
    expect(await journal.append(KIND.request, [Buffer.from('late')])).toMatchObject({ kind: 'failed' });
    expect(journal.failure).toContain(code);
    expect(journal.durable).toEqual(durable);
    await journal.close();
    const bytes = await readWhole(disk, PATH, durable.bytes);
    expect(scanJournal(bytes, IDENTITY).records.map((record) => record.payload.toString())).toEqual(['kept']);
  },
);

test('a full disk refuses the append and keeps what was acknowledged', async () => {
  const { world: lying, disk } = await world();
  const journal = await createJournal(disk, '/r0', IDENTITY);
  lying.capacityBytes = 300;
  const results: string[] = [];
  for (let index = 0; index < 5; index++) {
    results.push((await journal.append(KIND.request, [Buffer.alloc(70, 65 + index)])).kind);
  }
  expect(results).toEqual(['durable', 'durable', 'failed', 'failed', 'failed']);
  lying.crash('power');
  const records = await recordsOnDisk(lying);
  expect(records.slice(0, 2)).toEqual(['A'.repeat(70), 'B'.repeat(70)]);
  expect(records.length).toBe(2);
});

test('whatever is acknowledged before a power cut is there after it', async () => {
  for (let seed = 0; seed < 200; seed++) {
    const { world: lying, disk } = await world(seed);
    const journal = await createJournal(disk, '/r0', IDENTITY);
    const crashAt = lying.stepCount + (seed % 12);
    lying.decide = (step) => (step.index === crashAt ? 'crash' : 'ok');
    const acknowledged: string[] = [];
    for (let index = 0; index < 5; index++) {
      const texts = [`${index} a`, `${index} b`.repeat(index)];
      const results = texts.map((text) => journal.append(KIND.request, [Buffer.from(text)]));
      for (const [which, result] of (await Promise.all(results)).entries()) {
        if (result.kind === 'durable') acknowledged.push(texts[which]);
      }
    }
    lying.crash('power');
    expect((await recordsOnDisk(lying)).slice(0, acknowledged.length)).toEqual(acknowledged);
  }
});

test('records that are copied and records that are written from where they are stand in order', async () => {
  const { world: lying, disk } = await world(7);
  const journal = await createJournal(disk, '/r0', IDENTITY);
  const random = seededChance(7);
  const texts = Array.from({ length: 300 }, (_, index) => `${index} `.padEnd(Math.floor(random() ** 4 * 60_000), 'x'));
  const appending: Promise<unknown>[] = [];
  for (const [index, text] of texts.entries()) {
    const body = Buffer.from(text);
    const half = body.length >> 1;
    appending.push(
      journal.append(KIND.request, [body.subarray(0, half), body.subarray(half)]).then((result) => {
        expect(result.kind).toBe('durable');
        // What was appended is no longer read.
        body.fill('?');
      }),
    );
    if (index % 40 === 0) await Promise.all(appending);
  }
  await Promise.all(appending);
  expect(journal.durable).toEqual({ bytes: journal.sizeBytes, records: 300 });
  await journal.close();
  lying.crash('power');
  expect(await recordsOnDisk(lying)).toEqual(texts);
});

test('a journal is not made over another, and a failing one is reported', async () => {
  const { world: lying, disk } = await world();
  await createJournal(disk, '/r0', IDENTITY);
  expect(await createJournal(disk, '/r0', IDENTITY).catch(errorCode)).toBe('EEXIST');
  lying.decide = (step) => (step.operation === 'syncDirectory' ? 'EIO' : 'ok');
  const other = { ...IDENTITY, segment: '0000000100000002' };
  expect(await createJournal(disk, '/r0', other).catch(errorCode)).toBe('EIO');
});
