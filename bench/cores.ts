import { spawnSync } from 'node:child_process';
import os from 'node:os';

const hasTaskset = os.cpus().length >= 2 && spawnSync('taskset', ['-V']).status === 0;
/** The load on the first core, the measured program on the second, so that neither takes the other's time. */
export const LOAD_CORE: readonly string[] = hasTaskset ? ['taskset', '-c', '0'] : [];
export const CLEW_CORE: readonly string[] = hasTaskset ? ['taskset', '-c', '1'] : [];

/** Lets processes that were started with CLEW_CORE use every core from now on, where nothing loads the others. */
export function freeCores(pids: readonly number[]): void {
  if (!hasTaskset) return;
  for (const pid of pids) spawnSync('taskset', ['-a', '-c', '-p', `0-${os.cpus().length - 1}`, String(pid)]);
}
