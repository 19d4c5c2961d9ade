import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Disk, errorCode, readWhole, replaceDurably } from './disk.ts';
import { LyingDisk } from './lying-disk.ts';
import { nodeDisk } from './node-disk.ts';

const temporary = await mkdtemp(path.join(tmpdir(), 'clew-disk-'));
afterAll(() => rm(temporary, { recursive: true }));

const short = new LyingDisk(1);
short.shortReads = true;
const implementations: readonly [string, Disk, string][] = [
  ['node', nodeDisk, temporary],
  ['lying', new LyingDisk(1).boot(), '/data'],
  ['lying with short reads', short.boot(), '/data'],
];

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const codeOf = (attempt: Promise<unknown>) => attempt.then(() => 'ok', errorCode);

describe.each(implementations)('the %s disk', (_name, disk, root) => {
  const directory = `${root}/one/two`;

  test('makes directories, and again without complaint', async () => {
    await disk.makeDirectory(directory);
    await disk.makeDirectory(directory);
    expect(await disk.list(directory)).toEqual([]);
    await disk.syncDirectory(directory);
  });

  test('writes many parts at the end and reads them back', async () => {
    const file = await disk.open(`${directory}/a`, 'create');
    const parts = Array.from({ length: 2500 }, (_, index) => Buffer.from(index % 7 === 0 ? '' : `part ${index};`));
    await file.write(parts);
    await file.write([Buffer.from('end')]);
    await file.sync();
    const whole = `${parts.map(String).join('')}end`;
    expect(file.sizeBytes).toBe(whole.length);
    await file.close();
    expect(await disk.size(`${directory}/a`)).toBe(whole.length);
    expect(text(await readWhole(disk, `${directory}/a`))).toBe(whole);
    expect(text(await readWhole(disk, `${directory}/a`, 6))).toBe(whole.slice(0, 6));
    expect((await disk.read(`${directory}/a`, whole.length, 10)).length).toBe(0);
  });

  test('opens to create, to replace and to append as each is defined', async () => {
    expect(await codeOf(disk.open(`${directory}/a`, 'create'))).toBe('EEXIST');
    const replaced = await disk.open(`${directory}/a`, 'replace');
    expect(replaced.sizeBytes).toBe(0);
    await replaced.write([Buffer.from('new')]);
    await replaced.close();
    const appended = await disk.open(`${directory}/a`, 'append');
    expect(appended.sizeBytes).toBe(3);
    await appended.write([Buffer.from('er')]);
    expect(appended.sizeBytes).toBe(5);
    await appended.close();
    expect(text(await readWhole(disk, `${directory}/a`))).toBe('newer');
  });

  test('opens to write over what stands there, and cuts nothing off', async () => {
    expect(await codeOf(disk.open(`${directory}/none`, 'overwrite'))).toBe('ENOENT');
    const file = await disk.open(`${directory}/a`, 'overwrite');
    expect(file.sizeBytes).toBe(0);
    await file.write([Buffer.from('o'), Buffer.from('l')]);
    await file.write([Buffer.from('d')]);
    expect(file.sizeBytes).toBe(3);
    await file.sync();
    await file.close();
    expect(text(await readWhole(disk, `${directory}/a`))).toBe('older');
    const whole = await disk.open(`${directory}/a`, 'overwrite');
    await whole.write([Buffer.from('newer')]);
    await whole.close();
  });

  test('cuts, renames over, lists and removes', async () => {
    await disk.truncate(`${directory}/a`, 3);
    await disk.rename(`${directory}/a`, `${directory}/c`);
    await (await disk.open(`${directory}/b`, 'create')).close();
    expect(await disk.list(directory)).toEqual(['b', 'c']);
    expect(await disk.list(`${root}/one`)).toEqual(['two']);
    await disk.rename(`${directory}/c`, `${directory}/b`);
    expect(text(await readWhole(disk, `${directory}/b`))).toBe('new');
    await disk.remove(`${directory}/b`);
    expect(await disk.list(directory)).toEqual([]);
  });

  test('says ENOENT for what is not there', async () => {
    expect(await disk.size(`${directory}/none`)).toBeUndefined();
    expect(await codeOf(disk.read(`${directory}/none`, 0, 1))).toBe('ENOENT');
    expect(await codeOf(disk.remove(`${directory}/none`))).toBe('ENOENT');
    expect(await codeOf(disk.rename(`${directory}/none`, `${directory}/x`))).toBe('ENOENT');
    expect(await codeOf(disk.list(`${root}/none`))).toBe('ENOENT');
    expect(await codeOf(disk.open(`${root}/none/x`, 'append'))).toBe('ENOENT');
  });

  test('replaces a small file and leaves no temporary one', async () => {
    for (const value of ['first', 'second']) {
      await replaceDurably(disk, directory, 'boot', Buffer.from(value), 'boot.tmp');
      expect(text(await readWhole(disk, `${directory}/boot`))).toBe(value);
    }
    expect(await disk.list(directory)).toEqual(['boot']);
  });

  test('knows the free space', async () => {
    expect(await disk.freeBytes(root)).toBeGreaterThan(0);
  });
});
