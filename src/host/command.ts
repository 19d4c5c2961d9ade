import { spawn } from 'node:child_process';
import { errorText } from './disk.ts';
import type { PostOutcome } from './webhook.ts';

/** Bytes of what a program says of its failure that are kept: its last ones. */
const SAID_CHARS_MAX = 500;

/**
 * Runs a program (no shell) with `input` as JSON on its standard input. Never rejects, and is never to be tried again: what a program had
 * done before it failed is not known. One that takes too long is killed with everything that it has started.
 */
export function runCommand(words: readonly string[], input: unknown, timeoutMs: number): Promise<PostOutcome> {
  const [program, ...operands] = words;
  return new Promise((resolve) => {
    const fail = (reason: string): void => resolve({ ok: false, again: false, reason });
    let said = '';
    let isLate = false;
    // A group of its own, so that the whole of it can be killed.
    const child = spawn(program, operands, { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    const timer = setTimeout(() => {
      isLate = true;
      killGroup(child.pid);
      // What it has started may hold the pipe open from another group.
      child.stderr.destroy();
    }, timeoutMs);
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-SAID_CHARS_MAX);
    });
    // A program that does not read its input closes it: no failure.
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(input));
    child.once('error', (error) => {
      clearTimeout(timer);
      fail(errorText(error));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (isLate) fail(`did not end within ${timeoutMs} ms`);
      else if (code === 0) resolve({ ok: true });
      else
        fail(`${code === null ? `ended by ${signal}` : `exit code ${code}`}${said === '' ? '' : `: ${said.trim()}`}`);
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
