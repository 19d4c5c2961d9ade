import fs from 'node:fs';
import os from 'node:os';

/** By name, on the scale of nice(1), how much lower the priority of a thread is than that of the process; '' stands for all others. */
export type Priorities = Readonly<Record<string, number>>;

const THREADS = '/proc/self/task';
/** Where nice(1) ends. */
const NICE_MAX = 19;

/**
 * Lowers the priority of this process's threads, but for the main one and those whose priority is not that of the main one (they have been lowered
 * before, or have one of their own). Threads that are made later inherit it from those that make them. Where threads cannot be told from each other (there is no
 * /proc) nothing is done.
 */
function lowerThreads(priorities: Priorities): void {
  if (!fs.existsSync(THREADS)) return;
  const own = os.getPriority();
  for (const thread of fs.readdirSync(THREADS)) {
    const id = Number(thread);
    if (id === process.pid) continue;
    try {
      if (os.getPriority(id) !== own) continue;
      const name = fs.readFileSync(`${THREADS}/${thread}/comm`, 'utf8').trim();
      os.setPriority(id, Math.min(own + (priorities[name] ?? priorities[''] ?? 0), NICE_MAX));
    } catch {
      // It has ended meanwhile, or this system lets nobody change priorities: they are a help, and nothing depends on them.
    }
  }
}

/** Does so now and again each `everyMs` as long as the process lives, for threads that are made later. Does not keep it alive. */
export function keepThreadsLow(priorities: Priorities, everyMs: number): void {
  lowerThreads(priorities);
  setInterval(() => lowerThreads(priorities), everyMs).unref();
}
