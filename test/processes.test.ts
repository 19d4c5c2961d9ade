import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { processTree } from '../bench/processes.ts';
import type { Status } from '../src/query/api.ts';
import { CLI, freePorts, type RunningClew, startClew, waitUntil } from './support/clew.ts';

let dataDirectory: string;
const running: RunningClew[] = [];

beforeEach(() => {
  dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-processes-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((clew) => clew.stop()));
  fs.rmSync(dataDirectory, { recursive: true, force: true });
});

async function start(options: Parameters<typeof startClew>[0] = {}): Promise<RunningClew> {
  const clew = await startClew({ dataDirectory, ...options });
  running.push(clew);
  return clew;
}

/** Sends one trace of one span; true when it was acknowledged. */
async function send(clew: RunningClew, number: number): Promise<boolean> {
  const traceId = number.toString(16).padStart(32, '0');
  // Spans of long ago would be dropped by the retention.
  const now = `${Date.now()}000000`;
  const span = { traceId, spanId: traceId.slice(16), name: 'span', startTimeUnixNano: now, endTimeUnixNano: now };
  const response = await fetch(`${clew.url.http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }),
  });
  return response.ok;
}

async function countOf(clew: RunningClew): Promise<number> {
  const [row] = await clew.sql('SELECT count() FROM otel_traces');
  return Number(row?.[0]);
}

async function statusOf(clew: RunningClew): Promise<Status> {
  return (await (await fetch(`${clew.url.api}/api/v1/status`)).json()) as Status;
}

/** Runs the command and resolves with its exit code and what it printed. */
function run(...words: string[]): Promise<{ code: number | null; printed: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CLI, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    const keep = (chunk: Buffer): void => {
      printed += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('close', (code) => resolve({ code, printed }));
  });
}

test('SIGTERM answers and seals what is open, loads it and ends with 0', async () => {
  const clew = await start();
  const sent = await Promise.all(Array.from({ length: 50 }, (_, number) => send(clew, number + 1)));
  const startedAt = performance.now();
  expect(await clew.stop()).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(fs.readdirSync(dataDirectory).filter((name) => name.startsWith('lock'))).toEqual([]);
  const again = await start();
  await waitUntil('everything is stored', 30_000, async () => ((await countOf(again)) === 50 ? true : null));
  expect(sent.every(Boolean)).toBe(true);
});

test('what a receiver left that no longer runs is recovered by another', async () => {
  const two = await start({ flags: ['--receivers', '2'] });
  let count = 0;
  const accepted = async (): Promise<number[]> =>
    (await statusOf(two)).receivers.map((receiver) => receiver.accepted.traces);
  await waitUntil('both receivers have taken something', 30_000, async () => {
    if (await send(two, ++count)) return (await accepted()).every((items) => items > 0) ? true : null;
    throw new Error('a span was refused');
  });
  // The last ones are in open segments of both when everything dies.
  for (let more = 0; more < 6; more++) await send(two, ++count);
  await two.kill();
  const one = await start({ flags: ['--receivers', '1'] });
  await waitUntil('everything is stored', 30_000, async () => ((await countOf(one)) === count ? true : null));
});

test('when the supervisor is killed its children end by themselves', async () => {
  const clew = await start();
  const children = processTree(clew.pid).slice(1);
  expect(children.length).toBeGreaterThanOrEqual(2);
  await clew.kill();
  await waitUntil('the children are gone', 20_000, async () =>
    children.every((pid) => !fs.existsSync(`/proc/${pid}/stat`)) ? true : null,
  );
});

test('a second Clew on the same data directory is refused, and the first goes on', async () => {
  const first = await start();
  const second = await run('--data', dataDirectory, '--grpc-port', '0', '--http-port', '0', '--api-port', '0');
  expect(second.code).toBe(1);
  expect(second.printed).toContain(`is in use by a running Clew (process ${first.pid})`);
  expect(await send(first, 1)).toBe(true);
});

test('a port that is in use is named, with the flag that changes it', async () => {
  const holder = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as net.AddressInfo;
  const { grpc, api } = await freePorts();
  const ports = ['--grpc-port', `${grpc}`, '--api-port', `${api}`, '--http-port', `${port}`];
  const { code, printed } = await run('--data', dataDirectory, ...ports);
  holder.close();
  expect(code).toBe(1);
  expect(printed).toContain(`port ${port} (http.port)`);
  expect(printed).toContain('--http-port');
});

test('clew check says what is wrong with place, key, value and what is allowed; clew does not start with it', async () => {
  const file = path.join(dataDirectory, 'wrong.yaml');
  fs.writeFileSync(file, 'grpc:\n  port: many\n');
  for (const words of [
    ['check', '--config', file],
    ['--config', file],
  ]) {
    const { code, printed } = await run(...words);
    expect(code).toBe(1);
    expect(printed).toContain(`${file}:2: grpc.port "many" is not a port from 0 to 65535, or none`);
  }
});

test('a backup of the running Clew is restored into another data directory', async () => {
  const clew = await start();
  for (let number = 1; number <= 5; number++) await send(clew, number);
  const directory = path.join(dataDirectory, 'the-backup');
  const saved = await run('backup', directory, '--data', dataDirectory);
  expect(saved).toMatchObject({ code: 0 });
  await clew.stop();
  const restored = path.join(dataDirectory, 'restored');
  expect(await run('restore', directory, '--data', restored)).toMatchObject({ code: 0 });
  const again = await start({ dataDirectory: restored });
  await waitUntil('the restored rows are there', 5_000, async () => ((await countOf(again)) === 5 ? true : null));
});
