/** A token that ClickHouse wrote down without its rows must not keep the rows out. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeDisk } from '../host/node-disk.ts';
import { dropDanglingTokens } from './dangling-tokens.ts';
import { openEmbedded } from './embedded.ts';

let directory: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-tokens-'));
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

const store = (): string => path.join(directory, 'store');

/** Native: one column `N` of UInt8 with one row. */
function nativeFile(value: number): string {
  const file = path.join(directory, `${value}.native`);
  fs.writeFileSync(file, Buffer.concat([Buffer.from([1, 1, 1]), Buffer.from('N\x05UInt8'), Buffer.from([value])]));
  return file;
}

/** Inserts each value under its own token, and answers what is stored then. */
async function insert(...values: number[]): Promise<unknown[]> {
  const engine = await openEmbedded({ path: store() });
  try {
    await engine.command(
      'CREATE TABLE IF NOT EXISTS t (N UInt8) ENGINE = MergeTree PARTITION BY N % 1 ORDER BY N SETTINGS non_replicated_deduplication_window = 100',
    );
    for (const value of values) {
      await engine.insertNative({ table: 't', columns: ['N'], path: nativeFile(value), token: `token ${value}` });
    }
    return (await engine.query('SELECT N FROM t ORDER BY N')).rows.flat();
  } finally {
    await engine.close();
  }
}

/** The directory of the table's parts. */
function partsDirectory(): string {
  const names = fs.readdirSync(store(), { recursive: true }).map(String);
  const log = names.find((name) => name.endsWith('deduplication_log_1.txt'));
  return path.join(store(), path.dirname(path.dirname(log as string)));
}

it('an insert that was killed between its token and its part is taken when it is repeated', async () => {
  expect(await insert(1, 2)).toEqual([1, 2]);
  // As the kill leaves it: the token is in the log, the part has no name.
  fs.rmSync(path.join(partsDirectory(), '0_2_2_0'), { recursive: true });
  expect(await insert(1, 2)).toEqual([1, 2]);
});

it('tokens of parts that are there, or were merged, stay', async () => {
  await insert(1, 2, 3);
  const engine = await openEmbedded({ path: store() });
  await engine.command('OPTIMIZE TABLE t FINAL');
  await engine.close();
  for (const name of ['0_1_1_0', '0_2_2_0', '0_3_3_0']) {
    fs.rmSync(path.join(partsDirectory(), name), { recursive: true, force: true });
  }
  expect(await dropDanglingTokens(nodeDisk, store())).toEqual([]);
  expect(await insert(1, 2, 3)).toEqual([1, 2, 3]);
});
