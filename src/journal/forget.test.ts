import { expect, test } from 'vitest';
import { errorCode } from '../host/disk.ts';
import { LyingDisk } from '../host/lying-disk.ts';
import { type Forgetting, finishForgotten, forget, listSealed, markLoaded } from './forget.ts';
import { verifySealed } from './manifest.ts';
import { sealSegment } from './seal.ts';
import { receiverDirectory } from './segment-files.ts';

const JOURNAL = '/data/journal';
const INSTANCE = '0123456789abcdef';

async function world() {
  const lying = new LyingDisk(1);
  const disk = lying.boot();
  const seal = async (receiver: number, segment: string, rows = ['row']) => {
    const directory = receiverDirectory(JOURNAL, receiver);
    await disk.makeDirectory(directory);
    await (await disk.open(`${directory}/${segment}.journal`, 'create')).close();
    const chunks = rows.map((row) => Buffer.from(row));
    const tables = [
      { table: 'otel_logs', columns: ['Body'], rows: rows.length, groups: [chunks] },
      { table: 'otel_traces', columns: ['SpanId'], rows: 0, groups: [] },
    ];
    return sealSegment(disk, directory, { instance: INSTANCE, receiver, segment }, { bytes: 40, records: 1 }, tables);
  };
  return { lying, disk, seal };
}

test('sealed segments of all receivers are listed oldest first', async () => {
  const { lying, disk, seal } = await world();
  await seal(1, '0000000200000001');
  await seal(0, '0000000200000002');
  await seal(10, '0000000100000009');
  await seal(2, '0000000200000002');
  lying.place('/data/journal/stray', Buffer.from('x'));
  lying.place('/data/journal/r0/0000000200000003.journal', Buffer.from('x'));
  const sealed = await listSealed(disk, JOURNAL);
  expect(sealed.map(({ receiver, segment }) => [receiver, segment.slice(7)])).toEqual([
    [10, '100000009'],
    [1, '200000001'],
    [0, '200000002'],
    [2, '200000002'],
  ]);
});

test('there is nothing to list before there is a journal', async () => {
  expect(await listSealed(new LyingDisk(1).boot(), JOURNAL)).toEqual([]);
});

test('a sealed segment names the tables that have rows, with size and checksum', async () => {
  const { lying, disk, seal } = await world();
  const sealed = await seal(0, '0000000100000001', ['1234', '56789']);
  expect(sealed.tables).toEqual([
    {
      table: 'otel_logs',
      columns: ['Body'],
      rows: 2,
      file: '0000000100000001.otel_logs.native',
      bytes: 9,
      crc32c: 0xe3069283,
    },
  ]);
  expect(await listSealed(disk, JOURNAL)).toEqual([sealed]);
  const directory = receiverDirectory(JOURNAL, 0);
  const path = `${directory}/${sealed.tables[0].file}`;
  expect(await verifySealed(disk, directory, sealed, 'checksums')).toBeUndefined();
  lying.flipBit(path, 4, 0);
  expect(await verifySealed(disk, directory, sealed, 'sizes')).toBeUndefined();
  expect(await verifySealed(disk, directory, sealed, 'checksums')).toBe(`${path} fails its checksum`);
  await disk.truncate(path, 8);
  expect(await verifySealed(disk, directory, sealed, 'sizes')).toBe(`${path} has 8 bytes instead of 9`);
  await disk.remove(path);
  expect(await verifySealed(disk, directory, sealed, 'sizes')).toBe(`${path} is missing`);
});

test('a long table is written in pieces and its checksum is that of the whole', async () => {
  const { lying, disk, seal } = await world();
  lying.shortReads = true;
  const rows = ['x'.repeat(3_000_000), 'y', 'z'.repeat(1_048_576)];
  const sealed = await seal(0, '0000000100000001', rows);
  const directory = receiverDirectory(JOURNAL, 0);
  expect(sealed.tables[0].bytes).toBe(rows.join('').length);
  expect(await verifySealed(disk, directory, sealed, 'checksums')).toBeUndefined();
  const content = Buffer.from(lying.content(`${directory}/${sealed.tables[0].file}`)).toString();
  expect(content === rows.join('')).toBe(true);
});

test('a damaged manifest is reported with its path and does not hide the others', async () => {
  const { lying, disk, seal } = await world();
  await seal(0, '0000000100000001');
  await seal(0, '0000000100000002');
  lying.flipBit(`${JOURNAL}/r0/0000000100000001.sealed`, 20, 3);
  const reports: string[] = [];
  const sealed = await listSealed(disk, JOURNAL, (text) => reports.push(text));
  expect(sealed.map(({ segment }) => segment)).toEqual(['0000000100000002']);
  expect(reports).toEqual([`${JOURNAL}/r0/0000000100000001.sealed: the manifest fails its checksum`]);
});

test('a segment that is forgotten while it is read is no failure', async () => {
  const { disk, seal } = await world();
  const { segment } = await seal(0, '0000000100000001');
  const directory = receiverDirectory(JOURNAL, 0);
  // Of all that may happen in between: it goes away before its size is asked for, and before its bytes are.
  for (const step of ['size', 'read'] as const) {
    const path = `${directory}/${segment}.sealed`;
    if ((await disk.size(path)) === undefined) await seal(0, segment);
    let isGone = false;
    const raced = new Proxy(disk, {
      get:
        (target, name) =>
        async (...given: unknown[]) => {
          if (name === step && given[0] === path && !isGone) {
            isGone = true;
            await target.remove(path);
          }
          return Reflect.apply(Reflect.get(target, name) as (...all: unknown[]) => unknown, target, given);
        },
    });
    const reports: string[] = [];
    expect(await listSealed(raced, JOURNAL, (text) => reports.push(text))).toEqual([]);
    expect([isGone, reports]).toEqual([true, []]);
    await disk.remove(`${directory}/${segment}.journal`);
  }
});

test('a segment is forgotten whole, and one that is marked as loaded is finished at the next start', async () => {
  const { lying, disk, seal } = await world();
  await seal(0, '0000000100000001');
  await seal(0, '0000000100000002');
  await seal(1, '0000000100000003');
  await forget(disk, `${JOURNAL}/r0`, '0000000100000001');
  await markLoaded(disk, `${JOURNAL}/r1`, '0000000100000003');
  expect((await listSealed(disk, JOURNAL)).map(({ segment }) => segment)).toEqual(['0000000100000002']);
  expect(await finishForgotten(disk, JOURNAL)).toEqual([{ receiver: 1, segment: '0000000100000003' }]);
  expect(lying.paths()).toEqual([
    `${JOURNAL}/r0/0000000100000002.journal`,
    `${JOURNAL}/r0/0000000100000002.otel_logs.native`,
    `${JOURNAL}/r0/0000000100000002.sealed`,
  ]);
  expect(await finishForgotten(disk, JOURNAL)).toEqual([]);
});

test('a disk that refuses any step of it is asked again, and the segment is forgotten all the same', async () => {
  for (let refused = 0; ; refused++) {
    const { lying, disk, seal } = await world();
    const { segment } = await seal(0, '0000000100000001');
    const forgetting: Forgetting = { at: 'sealed' };
    const refusedStep = lying.stepCount + refused;
    let hasRefused = false;
    lying.decide = ({ index }) => {
      if (index !== refusedStep) return 'ok';
      hasRefused = true;
      return 'EIO';
    };
    const first = await forget(disk, `${JOURNAL}/r0`, segment, forgetting).catch(errorCode);
    expect(first).toBe(hasRefused ? 'EIO' : undefined);
    if (hasRefused) await forget(disk, `${JOURNAL}/r0`, segment, forgetting);
    expect(lying.paths()).toEqual([]);
    if (!hasRefused) return;
  }
});

test('a power cut at any step leaves the segment whole, or marked as loaded, or gone', async () => {
  for (let cut = 0; ; cut++) {
    const { lying, disk, seal } = await world();
    const { segment } = await seal(0, '0000000100000001');
    const whole = lying.paths().length;
    const cutStep = lying.stepCount + cut;
    let isCut = false;
    lying.decide = ({ index }) => {
      isCut ||= index === cutStep;
      return isCut ? 'crash' : 'ok';
    };
    await forget(disk, `${JOURNAL}/r0`, segment).catch(() => {});
    lying.crash('power');
    const left = lying.paths();
    const isMarked = left.includes(`${JOURNAL}/r0/${segment}.loaded`);
    expect(isMarked || left.length === whole || left.length === 0, `cut at step ${cut}: ${left.join(' ')}`).toBe(true);
    if (!isCut) return;
  }
});
