import { type Disk, readWhole, replaceDurably } from '../host/disk.ts';

/** `<partition>_<first block>_<last block>_<level>`, and the number of a mutation behind it. */
const PART = /^([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?$/;
const LOGS = 'deduplication_logs';
/** From a log, in the engine's own directory: ClickHouse would read a file beside the logs as one of them. */
const TEMPORARY = '../../../../clew-tokens.tmp';

interface Blocks {
  readonly partition: string;
  readonly first: number;
  readonly last: number;
}

function blocksOf(name: string): Blocks | undefined {
  const match = PART.exec(name);
  return match === null ? undefined : { partition: match[1], first: Number(match[2]), last: Number(match[3]) };
}

/**
 * Takes back what ClickHouse wrote down of inserts that it did not finish, before it is opened.
 *
 * MergeTree writes the token of an insert into its log and then gives the part its name. A process that is killed between the two leaves a token
 * without rows, and the repeated insert is dropped as a duplicate: the rows would be lost. A line of the log therefore stays only while its part,
 * or one that it was merged into, is there. Lines of parts that were dropped go too; their segments are long forgotten.
 * @param directory of the embedded engine
 * @returns names of the parts whose tokens were taken back
 */
export async function dropDanglingTokens(disk: Disk, directory: string): Promise<string[]> {
  const dropped: string[] = [];
  const tables = `${directory}/store`;
  if ((await disk.size(tables)) === undefined) return dropped;
  for (const prefix of await disk.list(tables)) {
    for (const table of await listOrNothing(disk, `${tables}/${prefix}`)) {
      const place = `${tables}/${prefix}/${table}`;
      const logs = await listOrNothing(disk, `${place}/${LOGS}`);
      if (logs.length === 0) continue;
      const parts = (await disk.list(place)).map(blocksOf).filter((part) => part !== undefined);
      for (const log of logs) dropped.push(...(await cleanLog(disk, `${place}/${LOGS}`, log, parts)));
    }
  }
  return dropped;
}

/** Names in a directory; none when it is a file or is not there. */
async function listOrNothing(disk: Disk, directory: string): Promise<string[]> {
  try {
    return await disk.list(directory);
  } catch {
    return [];
  }
}

async function cleanLog(disk: Disk, directory: string, name: string, parts: readonly Blocks[]): Promise<string[]> {
  const lines = Buffer.from(await readWhole(disk, `${directory}/${name}`))
    .toString('latin1')
    .split('\n');
  const dropped: string[] = [];
  const kept = lines.filter((line) => {
    // `<operation>\t<part>\t<token>`; what looks otherwise is ClickHouse's to judge.
    const part = line.split('\t')[1] ?? '';
    const blocks = blocksOf(part);
    if (blocks === undefined || parts.some((one) => covers(one, blocks))) return true;
    dropped.push(part);
    return false;
  });
  if (dropped.length > 0) {
    await replaceDurably(disk, directory, name, Buffer.from(kept.join('\n'), 'latin1'), TEMPORARY);
  }
  return dropped;
}

function covers(whole: Blocks, part: Blocks): boolean {
  return whole.partition === part.partition && whole.first <= part.first && whole.last >= part.last;
}
