import { expect, test } from 'vitest';
import { LyingDisk } from '../host/lying-disk.ts';
import { nextBoot, openInstance } from './identity-files.ts';
import { bootOf, segmentId } from './segment-files.ts';

const at = (seconds: number) => BigInt(seconds) * 1_000_000_000n;
let made = 0;
const counted = (bytes: number) => (++made).toString(16).padStart(bytes * 2, '0');

test('an instance is made once and survives a power cut at any step', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const world = new LyingDisk(seed);
    world.decide = (step) => (step.index === seed % 10 ? 'crash' : 'ok');
    const first = await openInstance(world.boot(), '/data', counted).catch(() => undefined);
    world.crash('power');
    const second = await openInstance(world.boot(), '/data', counted);
    expect(second).toMatch(/^[0-9a-f]{16}$/);
    if (first !== undefined) expect(second).toBe(first);
    expect(await openInstance(world.boot(), '/data', counted)).toBe(second);
  }
});

test('a damaged instance file is an error that names it', async () => {
  const world = new LyingDisk(1);
  world.place('/data/instance', Buffer.from('0123\n'));
  await expect(openInstance(world.boot(), '/data', counted)).rejects.toThrow('/data/instance is damaged');
});

test('a boot number is the time in seconds, and always above those before', async () => {
  const world = new LyingDisk(1);
  const disk = world.boot();
  await disk.makeDirectory('/r0');
  expect(await nextBoot(disk, '/r0', at(1_000))).toBe(1_000);
  expect(await nextBoot(disk, '/r0', at(1_000))).toBe(1_001);
  expect(await nextBoot(disk, '/r0', at(500))).toBe(1_002);
  expect(await nextBoot(disk, '/r0', at(2_000))).toBe(2_000);
  world.place('/r0/boot', Buffer.from('torn'));
  world.place(`/r0/${segmentId(3_000, 7)}.journal`, Buffer.from(''));
  expect(await nextBoot(disk, '/r0', at(2_500))).toBe(3_001);
});

test('a segment id sorts by boot, then by sequence', () => {
  const ids = [segmentId(1, 2), segmentId(1, 10), segmentId(2, 1), segmentId(0x68f0a1b2, 0xffff)];
  expect([...ids].sort()).toEqual(ids);
  expect(ids[0]).toBe('0000000100000002');
  expect(bootOf(ids[3])).toBe(0x68f0a1b2);
});
