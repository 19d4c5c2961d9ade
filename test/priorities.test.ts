import fs from 'node:fs';
import { expect, test } from 'vitest';
import { startClew } from './support/clew.ts';

/** The priorities of a process's threads on the scale of nice(1): that of its main one, and of the others by their name. */
function prioritiesOf(pid: number): {
  readonly main: number;
  readonly byName: ReadonlyMap<string, ReadonlySet<number>>;
} {
  const byName = new Map<string, Set<number>>();
  let main = Number.NaN;
  for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
    const stat = fs.readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const nice = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
    if (Number(thread) === pid) main = nice;
    else byName.set(name, (byName.get(name) ?? new Set()).add(nice));
  }
  return { main, byName };
}

const hasThreads = fs.existsSync('/proc/self/task');
if (!hasThreads) process.stderr.write('skipped: priorities of threads, for this system does not show them in /proc\n');

test.runIf(hasThreads)('in the store, merges go after loads and queries, and those after the receivers', async () => {
  const clew = await startClew();
  try {
    const response = await fetch(`${clew.url.api}/api/v1/status`);
    const { receivers } = (await response.json()) as { receivers: { pid: number }[] };
    const children = fs
      .readFileSync(`/proc/${clew.pid}/task/${clew.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .map(Number);
    const [store] = children.filter((pid) => !receivers.some((receiver) => receiver.pid === pid));
    const { main, byName } = prioritiesOf(store);
    expect(main).toBe(prioritiesOf(receivers[0].pid).main);
    expect([...(byName.get('MergeMutate') ?? [])]).toEqual([main + 10]);
    expect([...(byName.get('ThreadPool') ?? [])]).toEqual([main + 3]);
  } finally {
    await clew.stop();
  }
});
