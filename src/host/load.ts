import os from 'node:os';
import type { Resources } from '../base/fleet.ts';
import { diskSpace } from './space.ts';

interface Ticks {
  readonly busy: number;
  readonly total: number;
}

function ticks(): Ticks {
  let busy = 0;
  let total = 0;
  for (const { times } of os.cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    total += all;
    busy += all - times.idle;
  }
  return { busy, total };
}

/** A shorter stretch tells little: ticks are 10 ms. */
const STRETCH_TICKS_MIN = 1_000;

/** Tells how much of this machine is in use: processors since the last answer, memory now, the disk of `path`. */
export function machineLoad(path: string): () => Promise<Resources> {
  let before = ticks();
  let cpu = 0;
  return async () => {
    const now = ticks();
    if (now.total - before.total >= STRETCH_TICKS_MIN) {
      cpu = (now.busy - before.busy) / (now.total - before.total);
      before = now;
    }
    const { totalBytes, freeBytes } = await diskSpace(path);
    const disk = totalBytes > 0 ? 1 - freeBytes / totalBytes : 0;
    return { cpu, memory: 1 - os.freemem() / os.totalmem(), disk };
  };
}
