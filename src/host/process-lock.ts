import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { type Clock, pause } from './clock.ts';
import { errorCode } from './disk.ts';

/** Who holds a lock. `startedAt` tells a process from a later one with the same number. */
export interface Holder {
  readonly pid: number;
  readonly startedAt: string;
  /** Where the holder listens for commands, '' when it does not. */
  readonly control: string;
}

export interface Lock {
  /** True: a process that died had left it. */
  readonly stale: boolean;
  release(): Promise<void>;
}

export type LockResult =
  | { readonly kind: 'held'; readonly lock: Lock }
  | { readonly kind: 'busy'; readonly holder: Holder };

export interface LockOptions {
  readonly path: string;
  readonly pid: number;
  /** How long a living holder is waited for: the children of a killed process need a moment to go. */
  readonly waitMs: number;
  readonly control?: string;
}

const LOOK_AGAIN_MS = 25;

/**
 * Takes the lock file at `path`, so that one process at a time works on what it guards. A lock whose holder is dead is taken over. Rejects
 * with the system's error when the directory cannot be written. It guards one machine: process numbers of another mean nothing here.
 */
export async function takeLock(clock: Clock, options: LockOptions): Promise<LockResult> {
  const { path, pid, waitMs, control = '' } = options;
  const deadlineMs = clock.monotonicMs() + waitMs;
  const own: Holder = { pid, startedAt: (await processStart(pid)) ?? '', control };
  let stale = false;
  for (;;) {
    if (await createWhole(path, own)) return { kind: 'held', lock: { stale, release: () => remove(path) } };
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (!(await isAlive(holder))) {
      stale = true;
      await removeDead(path, pid);
    } else if (clock.monotonicMs() >= deadlineMs) {
      return { kind: 'busy', holder };
    } else {
      await pause(clock, LOOK_AGAIN_MS);
    }
  }
}

/** The holder that a lock file names, dead or alive; undefined when there is none. A damaged file names process 0, which is dead. */
export async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { pid = 0, startedAt = '', control = '' } = JSON.parse(text) as Partial<Holder>;
    return { pid, startedAt, control };
  } catch {
    return { pid: 0, startedAt: '', control: '' };
  }
}

/** Whether the process that wrote the lock still runs. */
async function isAlive(holder: Holder): Promise<boolean> {
  return holder.pid > 0 && (await processStart(holder.pid)) === holder.startedAt;
}

/** When a living process began, in the system's own words; '' where it does not tell; undefined when no such process lives. */
async function processStart(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // After the command's name, which may hold anything: state is field 3, start time field 22 (proc(5)).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${fields[19]} ${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}`;
  } catch (error) {
    if (errorCode(error) === 'ESRCH' || (errorCode(error) === 'ENOENT' && (await hasProc()))) return undefined;
  }
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return errorCode(error) === 'EPERM' ? '' : undefined;
  }
}

async function hasProc(): Promise<boolean> {
  return readFile('/proc/self/stat').then(
    () => true,
    () => false,
  );
}

/** Makes the file with all its content at once, or not at all: false when there is one already. */
async function createWhole(path: string, own: Holder): Promise<boolean> {
  const draft = `${path}.${own.pid}`;
  await writeFile(draft, `${JSON.stringify(own)}\n`);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await remove(draft);
  }
}

/** Of two that find the same dead lock, one may rename away the other's new one: that one is put back. */
async function removeDead(path: string, pid: number): Promise<void> {
  const aside = `${path}.${pid}.dead`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const holder = await readHolder(aside);
  if (holder !== undefined && (await isAlive(holder))) await link(aside, path).catch(() => {});
  await remove(aside);
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
