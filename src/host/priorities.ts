import fs from 'node:fs';
import os from 'node:os';

/** By name, on the scale of nice(1), how much lower the priority of a thread is than that of the process; '' stands for all others. */
export type Priorities = Readonly<Record<string, number>>;

const THREADS = '/proc/self/task';
/** Where nice(1) ends. */
const NICE_MAX = 19;

/**
 * Lowers the priority of this process's threads, but for the main one and those whose priority is not that of the main one (they have been lowered
 * before, or have one of their own). Threads that are made later inherit it from those that make them. A thread that has ended meanwhile is passed over; where threads cannot be
 * told from each other (there is no /proc) nothing is done.
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
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** Does so now and again each `everyMs`, for threads that are made later. Answers what ends it. */
export function keepThreadsLow(priorities: Priorities, everyMs: number): () => void {
  lowerThreads(priorities);
  const timer = setInterval(() => lowerThreads(priorities), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && /ESRCH|ENOENT/.test(`${(error as NodeJS.ErrnoException).code} ${error.message}`);
