import { DIRECTORIES, FORWARD_FILE } from '../base/names.ts';
import { type Disk, makeDirectoryDurably } from '../host/disk.ts';
import { receiverDirectories, segmentsIn } from '../journal/segment-files.ts';
import { makeLedger } from '../send/progress.ts';
import { forwards, type Role } from './role.ts';

/**
 * A data directory holds what waits for a store or what waits to be forwarded, never both: taken for the other, what waits would be lost.
 * Rejects, saying what to do, when it is the wrong one.
 */
export async function checkPurpose(disk: Disk, data: string, role: Role): Promise<void> {
  const isForwarding = (await disk.size(`${data}/${FORWARD_FILE}`)) !== undefined;
  if (!forwards(role)) {
    if (isForwarding) throw new Error(`${data} belongs to a Clew that forwards; choose another directory with --data`);
    return;
  }
  if (isForwarding) return;
  await makeDirectoryDurably(disk, data);
  for (const { directory } of await receiverDirectories(disk, `${data}/${DIRECTORIES.journal}`)) {
    if ((await segmentsIn(disk, directory)).size === 0) continue;
    throw new Error(`${data} holds journals that wait for its store; choose another directory with --data`);
  }
  await makeLedger(disk, data);
}
