import path from 'node:path';
import { type Disk, readWhole, replaceDurably } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { Guard, type GuardOptions, type GuardState } from './guard.ts';

/** The guard whose state is in a file, a new one when there is no file yet. */
export async function loadGuard(file: string, options: GuardOptions = {}, disk: Disk = nodeDisk): Promise<Guard> {
  if ((await disk.size(file)) === undefined) return new Guard(options);
  return Guard.fromJSON(JSON.parse(Buffer.from(await readWhole(disk, file)).toString()) as GuardState, options);
}

/** Writes the state so that a crash leaves the old file or the new one, whole. */
export async function saveGuard(guard: Guard, file: string, disk: Disk = nodeDisk): Promise<void> {
  const name = path.basename(file);
  const bytes = new TextEncoder().encode(JSON.stringify(guard));
  await replaceDurably(disk, path.dirname(file), name, bytes, `${name}.tmp`);
}
