import { expect, test } from 'vitest';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import { LyingDisk } from './lying-disk.ts';

test('what is read after its writer was killed is what is read after the power was cut as well', async () => {
  let replaced = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const lying = new LyingDisk(seed);
    const first = lying.boot();
    await first.makeDirectory('/data');
    await writeJsonFile(first, '/data', 'state', { at: 1 });
    lying.decide = ({ operation }) => (operation === (seed % 2 === 0 ? 'rename' : 'syncDirectory') ? 'crash' : 'ok');
    await expect(writeJsonFile(first, '/data', 'state', { at: 2 })).rejects.toThrow('ECRASHED');
    lying.crash('process');
    const read = await readJsonFile(lying.boot(), '/data/state');
    lying.crash('power');
    expect(await readJsonFile(lying.boot(), '/data/state')).toEqual(read);
    if ((read as { at: number }).at === 2) replaced++;
  }
  expect(replaced).toBeGreaterThan(30);
  expect(replaced).toBeLessThan(60);
});
