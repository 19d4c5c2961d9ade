import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runCommand } from './command.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-command-'));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

const SECONDS_10 = 10_000;
const node = (script: string, ...operands: string[]): string[] => [process.execPath, '-e', script, ...operands];

test('a program reads JSON on its input, its words as they are: no shell looks at them', async () => {
  const file = path.join(directory, 'read.json');
  const copy = "process.stdin.pipe(require('fs').createWriteStream(process.argv[1]));";
  expect(await runCommand(node(copy, file), { owner: 'A "b"' }, SECONDS_10)).toEqual({ ok: true });
  expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toEqual({ owner: 'A "b"' });
  const word = path.join(directory, '$(touch x); echo y');
  expect(await runCommand(node(copy, word), 1, SECONDS_10)).toEqual({ ok: true });
  expect(fs.readFileSync(word, 'utf8')).toBe('1');
});

test('a failure says how it ended and what it said last, and is final', async () => {
  const fails = node("console.error('x'.repeat(9000)); console.error('no such session'); process.exitCode = 3;");
  const outcome = await runCommand(fails, {}, SECONDS_10);
  expect(outcome).toMatchObject({ ok: false, again: false });
  if (outcome.ok) return;
  expect(outcome.reason).toMatch(/^exit code 3: x+\nno such session$/);
  expect(outcome.reason.length).toBeLessThan(600);
  const killed = await runCommand(node('process.kill(process.pid)'), {}, SECONDS_10);
  expect(killed).toEqual({ ok: false, again: false, reason: 'ended by SIGTERM' });
  const missing = await runCommand([path.join(directory, 'missing')], {}, SECONDS_10);
  expect(missing).toMatchObject({ ok: false, again: false, reason: expect.stringContaining('ENOENT') });
});

test('a program that does not end is killed with what it has started', async () => {
  const file = path.join(directory, 'child');
  const starts = `const child = require('child_process').spawn('sleep', ['1000'], { stdio: 'inherit' });
    require('fs').writeFileSync(process.argv[1], String(child.pid)); setInterval(() => {}, 1000);`;
  const outcome = await runCommand(node(starts, file), {}, 1_000);
  expect(outcome).toEqual({ ok: false, again: false, reason: 'did not end within 1000 ms' });
  const pid = Number(fs.readFileSync(file, 'utf8'));
  // A killed process may still be listed until its new parent has taken note of it.
  const isAlive = (): boolean => {
    const stat = `/proc/${pid}/stat`;
    return fs.existsSync(stat) && !/\) Z/.test(fs.readFileSync(stat, 'utf8'));
  };
  for (let tries = 0; isAlive() && tries < 1_000; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isAlive()).toBe(false);
});
