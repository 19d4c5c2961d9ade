import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import type { FleetNode } from '../src/query/api-fleet.ts';
import { writeCertificates } from './support/certificates.ts';
import { CLI, type RunningClew, startClew, waitUntil } from './support/clew.ts';
import { openWorld, type RecordingSink, SUCCESS, send, type World } from './support/doors.ts';
import { encodeProto } from './support/otlp-proto.ts';

/** A running `clew edge` before real doors that answer as they are told. */
const run = promisify(execFile);
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function nextHop(options: Parameters<typeof openWorld>[0] = {}): Promise<World<RecordingSink>> {
  const world = await openWorld(options);
  closers.push(() => world.close());
  return world;
}

async function edge(flags: readonly string[]): Promise<RunningClew> {
  const clew = await startClew({ flags: ['edge', '--receivers', '1', ...flags] });
  closers.push(() => clew.stop());
  return clew;
}

const span = (id: number): Uint8Array =>
  encodeProto('traces', {
    resources: [
      { scopes: [{ items: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, id), name: `span ${id}` }] }] },
    ],
  });

const fleetOf = async (clew: RunningClew): Promise<FleetNode> =>
  (await (await fetch(`${clew.url.api}/api/v1/fleet`)).json()) as FleetNode;

async function accountOf(
  clew: RunningClew,
): Promise<{ received: number; forwarded: number; dead: number; dropped: number }> {
  const [traces] = (await fleetOf(clew)).destinations[0]?.accounts ?? [];
  if (traces === undefined) throw new Error('no account');
  const { received, forwarded, dead, dropped } = traces;
  return { received, forwarded, dead, dropped };
}

/** Runs a command on the data directory and ports of a running Clew. */
async function clewCommand(clew: RunningClew, flags: readonly string[], ...words: string[]): Promise<string> {
  const own = ['--data', clew.dataDirectory, '--api-port', String(clew.ports.api), ...flags];
  return (await run(process.execPath, [CLI, ...words, ...own])).stdout;
}

it('shows, resends and drops what the next hop refused, and its account follows', async () => {
  const world = await nextHop();
  world.sink.reply = () => ({ kind: 'invalid', message: 'not today' });
  const forward = ['--forward', `http://127.0.0.1:${world.httpPort}`];
  const clew = await edge(forward);
  for (const id of [1, 2]) expect((await send({ port: clew.ports.http, body: span(id) })).status).toBe(200);
  await waitUntil('both are given up', 10_000, async () => ((await accountOf(clew)).dead === 2 ? true : null));
  const listed = (await clewCommand(clew, forward, 'dead', 'list')).trim().split('\n');
  expect(listed.length).toBe(2);
  expect(listed[0]).toContain('not today');
  const [first = '', second = ''] = listed.map((line) => line.split(' ')[0] ?? '');
  const shown = JSON.parse(await clewCommand(clew, forward, 'dead', 'show', first)) as { body: string; items: number };
  expect(Buffer.from(shown.body, 'base64').equals(span(1))).toBe(true);

  await expect(clewCommand(clew, forward, 'dead', 'resend', first)).rejects.toMatchObject({
    stdout: expect.stringContaining('not done'),
  });
  world.sink.reply = () => SUCCESS;
  const before = world.sink.requests.length;
  expect(await clewCommand(clew, forward, 'dead', 'resend', first)).toContain('1 items are forwarded');
  expect(Buffer.from(world.sink.requests[before]?.body ?? []).equals(span(1))).toBe(true);
  expect(await clewCommand(clew, forward, 'dead', 'drop', second)).toContain('1 items are dropped');
  expect(await clewCommand(clew, forward, 'dead')).toContain('no dead letters');
  expect(await accountOf(clew)).toEqual({ received: 2, forwarded: 1, dead: 0, dropped: 1 });

  const top = await clewCommand(clew, forward, 'top');
  expect(top).toMatch(/traces +\d+ +2 +1 +0 +0 +1 +0/);
  const metrics = await (await fetch(`${clew.url.api}/metrics`)).text();
  expect(metrics).toMatch(/clew_forward_items\{[^}]*signal="traces",state="forwarded"\} 1\n/);
}, 60_000);

it.each(['http', 'grpc'] as const)(
  'forwards over %s with TLS, its own headers and zstd',
  async (transport) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-edge-tls-'));
    closers.push(() => fs.rmSync(directory, { recursive: true, force: true }));
    const { cert, key, ca } = await writeCertificates(directory);
    const world = await nextHop({
      tls: { certFile: cert, keyFile: key, minVersion: 'TLSv1.3' },
      tokens: ['secret-one'],
    });
    const port = transport === 'http' ? world.httpPort : world.grpcPort;
    const scheme = transport === 'http' ? 'https' : 'grpcs';
    const clew = await edge([
      '--forward',
      `${scheme}://127.0.0.1:${port}`,
      '--send-tls-ca',
      ca,
      '--send-headers',
      'authorization: Bearer secret-one',
      '--send-compression',
      'zstd',
    ]);
    expect((await send({ port: clew.ports.http, body: span(1) })).status).toBe(200);
    await waitUntil('it is forwarded', 10_000, async () => ((await accountOf(clew)).forwarded === 1 ? true : null));
    expect(Buffer.from(world.sink.requests[0]?.body ?? []).equals(span(1))).toBe(true);
  },
  60_000,
);

it('4. keeps each destination at its own pace, and forgets what all of them have', async () => {
  const [fast, slow] = [await nextHop(), await nextHop()];
  slow.sink.reply = () => ({ kind: 'overloaded', message: 'later', retryAfterMs: 100 });
  const urls = [fast, slow].map((world) => `http://127.0.0.1:${world.httpPort}`);
  const clew = await edge(['--forward', urls.join(',')]);
  expect((await send({ port: clew.ports.http, body: span(1) })).status).toBe(200);
  await waitUntil('the fast one has it', 10_000, async () => (fast.sink.requests.length === 1 ? true : null));
  const [first, second] = (await fleetOf(clew)).destinations;
  expect([first?.accounts[0]?.forwarded, second?.accounts[0]?.queued]).toEqual([1, 1]);
  slow.sink.reply = () => SUCCESS;
  await waitUntil('nothing is queued', 10_000, async () =>
    (await fleetOf(clew)).destinations.every(({ queuedSegments }) => queuedSegments === 0) ? true : null,
  );
  expect(
    fs.readdirSync(path.join(clew.dataDirectory, 'journal/r0')).filter((name) => name.endsWith('.sealed')),
  ).toEqual([]);
}, 60_000);

it('chooses targets in another way without a restart, and refuses a way that is none', async () => {
  const worlds = [await nextHop(), await nextHop()];
  const clew = await edge(['--forward', worlds.map(({ httpPort }) => `http://127.0.0.1:${httpPort}`).join('|')]);
  const sendOne = async (id: number): Promise<void> => {
    expect((await send({ port: clew.ports.http, body: span(id) })).status).toBe(200);
    await waitUntil('it is forwarded', 10_000, async () => ((await accountOf(clew)).forwarded === id ? true : null));
  };
  const balance = async (balancer: string): Promise<number> => {
    const body = JSON.stringify({ balancer });
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${clew.url.api}/api/v1/balancer`, { method: 'POST', body, headers })).status;
  };
  const counts = () => worlds.map(({ sink }) => sink.requests.length).sort();
  await sendOne(1);
  await sendOne(2);
  // Consistent hash keeps a stream with its target.
  expect(counts()).toEqual([0, 2]);
  expect(await balance('round-robin')).toBe(200);
  await sendOne(3);
  await sendOne(4);
  expect(counts()).toEqual([1, 3]);
  expect(await balance('by-name')).toBe(400);
}, 60_000);

it('routes by resource attribute and samples by what a trace turns out to be, as the flags say', async () => {
  const [prod, rest] = [await nextHop(), await nextHop()];
  const [prodUrl, restUrl] = [prod, rest].map(({ httpPort }) => `http://127.0.0.1:${httpPort}`);
  const flags = [
    '--routes',
    `env=prod ${prodUrl},default ${restUrl}`,
    '--sample-keep',
    'errors',
    '--sample-wait',
    '0s',
  ];
  const clew = await edge(['--forward', `${prodUrl},${restUrl}`, ...flags]);
  const drawn = (env: string, trace: number, code: number) => ({
    resource: { attributes: [{ key: 'env', value: { stringValue: env } }] },
    scopes: [
      {
        items: [
          { traceId: Buffer.alloc(16, trace), spanId: Buffer.alloc(8, 1), name: `${env}${trace}`, status: { code } },
        ],
      },
    ],
  });
  const resources = [drawn('prod', 1, 2), drawn('prod', 2, 0), drawn('test', 3, 2), drawn('test', 4, 1)];
  expect((await send({ port: clew.ports.http, body: encodeProto('traces', { resources }) })).status).toBe(200);
  await waitUntil('nothing waits', 20_000, async () =>
    (await fleetOf(clew)).destinations.every(({ accounts }) =>
      accounts.some(({ received, queued }) => received === 4 && queued === 0),
    )
      ? true
      : null,
  );
  const namesAt = ({ sink }: World<RecordingSink>) =>
    sink.requests.flatMap(
      ({ body }) =>
        Buffer.from(body)
          .toString('latin1')
          .match(/(prod|test)\d/g) ?? [],
    );
  expect([namesAt(prod), namesAt(rest)]).toEqual([['prod1'], ['test3']]);
  const accounts = (await fleetOf(clew)).destinations.map(({ accounts }) =>
    accounts.find(({ received }) => received === 4),
  );
  expect(accounts).toMatchObject([
    { forwarded: 1, dropped: 1, elsewhere: 2 },
    { forwarded: 1, dropped: 1, elsewhere: 2 },
  ]);
  expect((await fleetOf(clew)).rules).toEqual([{ rule: 'keep errors', applied: 2 }]);
}, 60_000);

it('spreads batches over the targets of one destination', async () => {
  const worlds = [await nextHop(), await nextHop()];
  const urls = worlds.map((world) => `http://127.0.0.1:${world.httpPort}`);
  const clew = await edge(['--forward', urls.join('|'), '--send-balancer', 'round-robin', '--rules', 'drop none']);
  for (const id of [1, 2]) {
    expect((await send({ port: clew.ports.http, body: span(id) })).status).toBe(200);
    await waitUntil('it is forwarded', 10_000, async () => ((await accountOf(clew)).forwarded === id ? true : null));
  }
  expect(worlds.map(({ sink }) => sink.requests.length)).toEqual([1, 1]);
}, 60_000);

it('does not start where a store has its data, nor stores where something waits to be forwarded', async () => {
  const clew = await edge(['--forward', 'http://127.0.0.1:1']);
  const asStore = run(process.execPath, [
    CLI,
    'all',
    '--data',
    clew.dataDirectory,
    '--grpc-port',
    '0',
    '--http-port',
    '0',
    '--api-port',
    '0',
  ]);
  await expect(asStore).rejects.toThrow(/in use|forwards/);
  await expect(run(process.execPath, [CLI, 'edge', '--data', '/nowhere'])).rejects.toThrow(/needs a destination/);
  await expect(run(process.execPath, [CLI, 'edge', '--forward', 'ftp://x'])).rejects.toThrow(/is not spoken/);
}, 60_000);
