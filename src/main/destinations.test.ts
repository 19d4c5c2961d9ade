import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { writeCertificates } from '../../test/support/certificates.ts';
import { openWorld, type RecordingSink, type World } from '../../test/support/doors.ts';
import { testLink } from '../../test/support/link.ts';
import { judge } from '../send/answer.ts';
import type { Pin } from '../send/pool.ts';
import { loadConfig } from './config.ts';
import { destinationsOf } from './destinations.ts';
import type { Settings } from './settings.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const PIN: Pin = { get: () => undefined, set: async () => {}, inDoubtUpTo: '' };

function settingsOf(flags: Record<string, string>): Settings {
  const { settings, problems } = loadConfig({
    flags: new Map(Object.entries(flags)),
    environment: {},
    file: null,
    receivers: 1,
  });
  expect(problems).toEqual([]);
  return settings;
}

/** Two receivers at two addresses of this machine and at the same ports, as two machines behind one name are. */
async function openPair(tls?: Parameters<typeof openWorld>[0]): Promise<[World<RecordingSink>, World<RecordingSink>]> {
  const first = await openWorld(tls);
  closers.push(() => first.close());
  const at = (port: number) => ({ host: '127.0.0.2', port });
  const second = await openWorld({ ...tls, http: at(first.httpPort), grpc: at(first.grpcPort) });
  closers.push(() => second.close());
  return [first, second];
}

async function sendFour(flags: Record<string, string>): Promise<string[]> {
  const { destinations, stop } = await destinationsOf(settingsOf({ 'send.balancer': 'round-robin', ...flags }), {
    lookup: async () => ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 })),
  });
  closers.push(stop);
  const [destination] = destinations;
  const way = destination?.connect('lane', PIN, testLink());
  closers.push(() => way?.close());
  const verdicts: string[] = [];
  for (let i = 0; i < 4; i++) {
    const reply = await way?.call({ signal: 'traces', body: [], headers: {} });
    verdicts.push(reply === undefined ? '' : judge(reply, 0).kind);
  }
  expect(destination?.targets()).toHaveLength(2);
  return verdicts;
}

const ACKNOWLEDGED = Array.from({ length: 4 }, () => 'acknowledged');
const each = test.each(['http', 'grpc'] as const);

each('each address of a name is a target of its own, over %s', async (scheme) => {
  const pair = await openPair();
  const port = scheme === 'http' ? pair[0].httpPort : pair[0].grpcPort;
  expect(await sendFour({ forward: `${scheme}://many.test:${port}` })).toEqual(ACKNOWLEDGED);
  expect(pair.map(({ sink }) => sink.requests.length)).toEqual([2, 2]);
});

each('the certificate is that of the name, whatever the address, over TLS and %s', async (scheme) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-names-'));
  closers.push(() => fs.rmSync(directory, { recursive: true, force: true }));
  const { cert, key, ca } = await writeCertificates(directory);
  const pair = await openPair({ tls: { certFile: cert, keyFile: key, minVersion: 'TLSv1.2' } });
  const port = scheme === 'http' ? pair[0].httpPort : pair[0].grpcPort;
  const flags = { forward: `${scheme}s://localhost:${port}`, 'send.tls.ca': ca };
  expect(await sendFour(flags)).toEqual(ACKNOWLEDGED);
  expect(pair.map(({ sink }) => sink.requests.length)).toEqual([2, 2]);
});

test('a destination has the name it had when its name led to one address', async () => {
  const nameWith = async (addresses: readonly string[]): Promise<string | undefined> => {
    const lookup = async () => addresses.map((address) => ({ address, family: 4 }));
    const { destinations, stop } = await destinationsOf(settingsOf({ forward: 'http://many.test:4318' }), { lookup });
    closers.push(stop);
    return destinations[0]?.name;
  };
  expect(await nameWith(['10.0.0.1', '10.0.0.2'])).toBe(await nameWith(['10.0.0.1']));
  expect(await nameWith([])).toMatch(/^many\.test-4318-[0-9a-f]{8}$/);
});
