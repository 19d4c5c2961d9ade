import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCrashCampaign } from './campaigns/crash.ts';
import { CLI } from './support/clew.ts';

const run = promisify(execFile);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-history-'));
const file = path.join(directory, 'history.jsonl');

async function check(text: string): Promise<{ code: number; output: string }> {
  const checked = path.join(directory, 'checked.jsonl');
  fs.writeFileSync(checked, text);
  try {
    const { stdout } = await run(process.execPath, [CLI, 'history', 'check', checked]);
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

/** CLEW_HISTORY_KILLS sets how many processes of the real Clew are killed while its history is kept. */
beforeAll(async () => {
  process.env['CLEW_HISTORY'] = file;
  try {
    await runCrashCampaign({
      kills: Number(process.env['CLEW_HISTORY_KILLS'] ?? 3),
      seed: 11,
      receivers: 2,
      rate: 2_000,
      pauseMsMax: 400,
      log: () => {},
    });
  } finally {
    delete process.env['CLEW_HISTORY'];
  }
}, 180_000);

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

test('the specification allows the history of a Clew whose processes were killed under load', async () => {
  const text = fs.readFileSync(file, 'utf8');
  const steps = new Set(text.split('\n').map((line) => /"step":"(\w+)"/.exec(line)?.[1]));
  for (const step of ['Answer', 'Replay', 'Seal', 'Load', 'Forget', 'Boot', 'StoreBoot']) expect(steps).toContain(step);
  const { code, output } = await check(text);
  expect(output).toMatch(/allows all \d+ steps/);
  expect(code).toBe(0);
});

test('it forbids the same history with an answer before its fsync, and names that line', async () => {
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  const at = lines.findIndex((line) => line.includes('"Sync"'));
  const { segment, receiver } = JSON.parse(lines[at] ?? '') as { segment: string; receiver: string };
  const answer = lines.findIndex(
    (line) => line.includes('"Answer"') && line.includes(segment) && line.includes(receiver),
  );
  const moved = [...lines.slice(0, at), lines[answer], ...lines.slice(at, answer), ...lines.slice(answer + 1)];
  const { code, output } = await check(moved.join('\n'));
  expect(code).toBe(1);
  expect(output).toContain(`:${at + 1}: the specification forbids Answer`);
});

test('what is no history is refused: an empty file, an unknown step, text', async () => {
  expect(await check('')).toMatchObject({ code: 1, output: expect.stringContaining('holds no step') });
  const unknown = '{"step":"Vanish","receiver":"r0","segment":"1","count":0}\n';
  expect(await check(unknown)).toMatchObject({ code: 1, output: expect.stringContaining('names no step') });
  expect(await check('hello\n')).toMatchObject({ code: 1, output: expect.stringContaining('is not JSON') });
});
