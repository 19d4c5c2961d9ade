import { BOOT_FILE, INSTANCE_FILE, SUFFIX } from '../base/names.ts';
import { type Disk, makeDirectoryDurably, readWhole, replaceDurably } from '../host/disk.ts';
import type { RandomHex } from '../host/random.ts';
import { bootOf, segmentsIn } from './segment-files.ts';

/**
 * The identity of a data directory, 16 hexadecimal digits; made at the first start. It begins every insert token, so a damaged file is an
 * error and not a reason to make a new one: the store could not tell again which segments it holds.
 */
export async function openInstance(disk: Disk, dataDirectory: string, randomHex: RandomHex): Promise<string> {
  await makeDirectoryDurably(disk, dataDirectory);
  const path = `${dataDirectory}/${INSTANCE_FILE}`;
  if ((await disk.size(path)) === undefined) {
    const made = Buffer.from(`${randomHex(8)}\n`);
    await replaceDurably(disk, dataDirectory, INSTANCE_FILE, made, INSTANCE_FILE + SUFFIX.temporary);
  } else {
    // Who made it may have been killed before its name was durable.
    await disk.syncDirectory(dataDirectory);
  }
  const text = Buffer.from(await readWhole(disk, path)).toString('latin1');
  if (!/^[0-9a-f]{16}\n$/.test(text)) {
    throw new Error(`${path} is damaged: it must hold 16 hexadecimal digits and a line end`);
  }
  return text.trim();
}

/**
 * The boot number of this start of a receiver directory, durable before it is returned: the time in seconds, or one more than any number
 * used before when the clock went back. Either alone (the file, the clock) keeps segment ids from being used twice.
 */
export async function nextBoot(disk: Disk, directory: string, unixNano: bigint): Promise<number> {
  const seconds = Number(unixNano / 1_000_000_000n);
  const path = `${directory}/${BOOT_FILE}`;
  const text = Buffer.from(await readWhole(disk, path)).toString('latin1');
  const last = /^[0-9a-f]{8}\n$/.test(text) ? Number.parseInt(text, 16) : 0;
  const newest = [...(await segmentsIn(disk, directory)).keys()].at(-1);
  const boot = Math.max(seconds, last + 1, newest === undefined ? 0 : bootOf(newest) + 1);
  const line = Buffer.from(`${boot.toString(16).padStart(8, '0')}\n`);
  await replaceDurably(disk, directory, BOOT_FILE, line, BOOT_FILE + SUFFIX.temporary);
  return boot;
}
