/** Reads what a tree of processes costs from Linux's /proc: CPU seconds, memory, members. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

/** Fields of /proc/PID/stat after the command name, which may itself hold spaces and brackets. */
function statFields(pid: number): string[] | null {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

const PARENT = 1;
const CPU_FIELDS = [11, 12, 13, 14];

/** The process and all its living descendants, parents first. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const fields = statFields(Number(entry));
    if (!fields) continue;
    const parent = Number(fields[PARENT]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const members = [root];
  for (let i = 0; i < members.length; i++) members.push(...(children.get(members[i]!) ?? []));
  return members;
}

let ticksPerSecond = 0;

/** User and system seconds of one process since it started, its reaped children included. */
export function ownCpuSeconds(pid: number): number {
  ticksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  let ticks = 0;
  const fields = statFields(pid);
  if (fields) for (const index of CPU_FIELDS) ticks += Number(fields[index]);
  return ticks / ticksPerSecond;
}

/** The same of the whole tree. */
export function cpuSeconds(root: number): number {
  return processTree(root).reduce((sum, pid) => sum + ownCpuSeconds(pid), 0);
}

/** A tree is idle, its merges settled, when it has used less than a tenth of a core for this long. */
const QUIET_MS = 3_000;
const QUIET_CORES = 0.1;
const QUIET_MS_MAX = 180_000;

/** Waits until the tree is idle. */
export async function waitForQuiet(root: number): Promise<void> {
  const deadline = performance.now() + QUIET_MS_MAX;
  while (performance.now() < deadline) {
    const before = cpuSeconds(root);
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    if (cpuSeconds(root) - before < (QUIET_MS / 1000) * QUIET_CORES) return;
  }
}

/** Peak resident memory (VmHWM) in MiB of each process of the tree, by pid. */
export function peakMiB(root: number): Map<number, number> {
  const peaks = new Map<number, number>();
  for (const pid of processTree(root)) {
    try {
      const line = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
      if (line) peaks.set(pid, Math.round(Number(line[1]) / 1024));
    } catch {
      // The process ended between the listing and the reading.
    }
  }
  return peaks;
}
