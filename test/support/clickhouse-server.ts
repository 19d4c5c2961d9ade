/** A real ClickHouse server for tests, from the chdb package alone: its library holds clickhouse-local, which can listen. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from './clew.ts';

const CHILD = path.join(process.cwd(), 'test/support/clickhouse-child.mjs');
const START_MS_MAX = 30_000;
const OUTPUT_CHARS_KEPT = 10_000;

export interface RunningClickHouse {
  /** `http://127.0.0.1:<port>`, user `default` without a password. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a server with an empty database in a temporary directory, which `stop` removes. Rejects with its output when it does not answer. */
export async function startClickHouse(): Promise<RunningClickHouse> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-clickhouse-'));
  const { http, grpc: tcp } = await freePorts();
  const child = spawn(process.execPath, [CHILD, directory, String(http), String(tcp)], { stdio: 'pipe' });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARS_KEPT);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    fs.rmSync(directory, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${http}`;
  const deadline = Date.now() + START_MS_MAX;
  while (!(await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`the ClickHouse server did not start: ${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ping`)).ok;
  } catch {
    return false;
  }
}
