import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { readHolder, takeLock } from './process-lock.ts';

let directory: string;
let lockFile: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-lock-'));
  lockFile = path.join(directory, 'lock');
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

const take = (pid: number, waitMs = 0) => takeLock(systemClock, { path: lockFile, pid, waitMs });

async function livingProcess() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('a lock that a living process holds is refused, with its holder', async () => {
  const child = await livingProcess();
  expect((await take(child.pid as number)).kind).toBe('held');
  expect(await take(process.pid)).toMatchObject({ kind: 'busy', holder: { pid: child.pid } });
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a lock whose holder was killed is taken over, also while it is waited for', async () => {
  const child = await livingProcess();
  await take(child.pid as number);
  const waiting = take(process.pid, 5_000);
  child.kill('SIGKILL');
  expect(await waiting).toMatchObject({ kind: 'held', lock: { stale: true } });
  expect(await readHolder(lockFile)).toMatchObject({ pid: process.pid });
});

test('a lock of an earlier process with the same number as a living one is dead', async () => {
  fs.writeFileSync(lockFile, JSON.stringify({ pid: process.pid, startedAt: 'long ago', control: '' }));
  expect(await take(process.pid)).toMatchObject({ kind: 'held', lock: { stale: true } });
});

test('a damaged lock file is dead', async () => {
  fs.writeFileSync(lockFile, '{"pid":');
  expect(await take(process.pid)).toMatchObject({ kind: 'held', lock: { stale: true } });
});

test('a released lock is free, and nothing else is left in the directory', async () => {
  const first = await take(process.pid);
  if (first.kind === 'held') await first.lock.release();
  expect(await take(process.pid)).toMatchObject({ kind: 'held', lock: { stale: false } });
  expect(fs.readdirSync(directory)).toEqual(['lock']);
});

test('of many that want a dead lock at once, one gets it', async () => {
  const children = await Promise.all([livingProcess(), livingProcess(), livingProcess()]);
  fs.writeFileSync(lockFile, JSON.stringify({ pid: 1, startedAt: 'before', control: '' }));
  const results = await Promise.all(children.map((child) => take(child.pid as number)));
  expect(results.filter((result) => result.kind === 'held')).toHaveLength(1);
  for (const child of children) child.kill('SIGKILL');
});
