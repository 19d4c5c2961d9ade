import path from 'node:path';
import { crc32cText } from '../base/crc32c.ts';
import { type Disk, readWhole, replaceDurably } from './disk.ts';

/*
 * A small file that is replaced as a whole: a line of JSON, and a line with its CRC-32C in 8 hexadecimal digits. A crash leaves the old one or the
 * new one.
 */

export async function writeJsonFile(disk: Disk, directory: string, name: string, value: object): Promise<void> {
  const json = Buffer.from(JSON.stringify(value));
  const bytes = Buffer.concat([json, Buffer.from(`\n${crc32cText(json)}\n`)]);
  await replaceDurably(disk, directory, name, bytes, `${name}.tmp`);
}

/** Its value as it was written, `damaged`, or undefined where there is none. What is read is durable. Rejects with the disk's error. */
export async function readJsonFile(disk: Disk, file: string): Promise<unknown> {
  if ((await disk.size(file)) === undefined) return undefined;
  const bytes = Buffer.from(await readWhole(disk, file));
  const end = bytes.indexOf(0x0a);
  const json = bytes.subarray(0, Math.max(0, end));
  if (end < 0 || bytes.toString('latin1', end) !== `\n${crc32cText(json)}\n`) return 'damaged';
  // Who wrote it may have been killed before its name was: a power failure would bring the one before it back.
  await disk.syncDirectory(path.dirname(file));
  return JSON.parse(json.toString());
}
