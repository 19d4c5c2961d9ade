import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadOptions, LoadResult } from './load.ts';

const PROGRAM = path.join(path.dirname(fileURLToPath(import.meta.url)), 'load-main.js');

/** Options that cross a process boundary: everything but callbacks. */
export type SpawnedLoad = Partial<Omit<LoadOptions, 'onAcknowledged' | 'signal'>>;

/**
 * Runs a load in its own process and answers its result.
 * @param prefix a command that goes before node, for example `['taskset', '-c', '0']`
 */
export function spawnLoad(options: SpawnedLoad, prefix: readonly string[] = []): Promise<LoadResult> {
  const command = [...prefix, process.execPath, PROGRAM, JSON.stringify(options)];
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(printed) as LoadResult);
      else reject(new Error(`the load process ended with ${code}`));
    });
  });
}
