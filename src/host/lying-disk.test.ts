import { expect, test } from 'vitest';
import { errorCode, readWhole, replaceDurably } from './disk.ts';
import { LyingDisk } from './lying-disk.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** A world with the file /d/a: 'kept' durable, then three unsynced writes. */
async function worldWithUnsyncedWrites(seed: number): Promise<LyingDisk> {
  const world = new LyingDisk(seed);
  const disk = world.boot();
  await disk.makeDirectory('/d');
  const file = await disk.open('/d/a', 'create');
  await file.write([Buffer.from('kept')]);
  await file.sync();
  await disk.syncDirectory('/d');
  for (const part of ['1111', '2222', '3333']) await file.write([Buffer.from(part)]);
  return world;
}

test('a power cut keeps what was synced and may lose, tear or reorder the rest', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const world = await worldWithUnsyncedWrites(seed);
    world.crash('power');
    const after = text(world.content('/d/a'));
    expect(after.startsWith('kept')).toBe(true);
    seen.add(after.slice(4));
  }
  expect(seen).toContain('');
  expect(seen).toContain('111122223333');
  expect(seen).toContain('1111222');
  expect(seen).toContain('\0\0\0\x002222');
  expect(seen).toContain('1111\0\0\0\x003333');
});

test('a killed process loses nothing that was written', async () => {
  const world = await worldWithUnsyncedWrites(1);
  world.crash('process');
  expect(text(world.content('/d/a'))).toBe('kept111122223333');
});

test('a file whose directory was not synced may vanish, and a rename may be undone', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const world = await worldWithUnsyncedWrites(seed);
    const disk = world.boot();
    await disk.rename('/d/a', '/d/b');
    const file = await disk.open('/d/new', 'create');
    await file.write([Buffer.from('x')]);
    await file.sync();
    world.crash('power');
    seen.add(world.paths().join(' '));
  }
  expect([...seen].sort()).toEqual(['/d/a', '/d/a /d/new', '/d/b', '/d/b /d/new']);
});

test('a lost sync and a failed sync make nothing durable, and later syncs do not make up for it', async () => {
  for (const verdict of ['lost', 'EIO'] as const) {
    const world = await worldWithUnsyncedWrites(1);
    const file = await world.boot().open('/d/a', 'append');
    world.decide = (step) => (step.operation === 'sync' ? verdict : 'ok');
    expect(await file.sync().then(() => 'ok', errorCode)).toBe(verdict === 'lost' ? 'ok' : 'EIO');
    world.decide = () => 'ok';
    await file.write([Buffer.from('late')]);
    await file.sync();
    expect(text(world.content('/d/a'))).toBe('kept111122223333late');
    world.crash('power');
    expect(text(world.content('/d/a'))).toBe(`kept${'\0'.repeat(12)}late`);
  }
});

test('a full disk takes what fits and then says ENOSPC', async () => {
  const world = await worldWithUnsyncedWrites(1);
  const disk = world.boot();
  world.capacityBytes = 20;
  const file = await disk.open('/d/a', 'append');
  expect(await disk.freeBytes('/d')).toBe(4);
  expect(await file.write([Buffer.from('123456')]).catch(errorCode)).toBe('ENOSPC');
  expect(text(world.content('/d/a'))).toBe('kept1111222233331234');
});

test('a process that crashed can do nothing more, the next one can', async () => {
  const world = await worldWithUnsyncedWrites(1);
  const dead = world.boot();
  world.decide = () => 'crash';
  expect(await dead.list('/d').catch(errorCode)).toBe('ECRASHED');
  world.crash('process');
  const alive = world.boot();
  expect(await dead.list('/d').catch(errorCode)).toBe('ECRASHED');
  expect(await alive.list('/d')).toEqual(['a']);
});

test('a file replaced durably is the old or the new one after a crash at any step', async () => {
  for (let seed = 0; seed < 200; seed++) {
    const world = new LyingDisk(seed);
    const disk = world.boot();
    await disk.makeDirectory('/d');
    await replaceDurably(disk, '/d', 'f', Buffer.from('old'), 'f.tmp');
    const crashAt = world.stepCount + (seed % 7);
    world.decide = (step) => (step.index === crashAt ? 'crash' : 'ok');
    const replaced = await replaceDurably(disk, '/d', 'f', Buffer.from('new'), 'f.tmp').then(
      () => true,
      () => false,
    );
    world.crash('power');
    const after = text(await readWhole(world.boot(), '/d/f'));
    expect(replaced ? ['new'] : ['old', 'new']).toContain(after);
  }
});

test('one seed tells one story', async () => {
  const story = async () => {
    const world = await worldWithUnsyncedWrites(42);
    world.crash('power');
    return text(world.content('/d/a'));
  };
  expect(await story()).toBe(await story());
});
