import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openWorld, type RecordingSink, type World } from '../../test/support/doors.ts';
import { testLink } from '../../test/support/link.ts';
import { judge } from './answer.ts';
import { GrpcTransport } from './grpc-transport.ts';
import { HttpTransport } from './http-transport.ts';
import { parseTarget } from './target.ts';
import type { TlsTrust, Transport } from './transport.ts';

interface Pair {
  readonly key: string;
  readonly cert: string;
}

const KEYS = { algorithm: 'sha256', keyType: 'ec', curve: 'P-256' } as const;

async function makeAuthority(name: string): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...KEYS,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

async function sign(ca: Pair, name: string): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...KEYS,
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { key: made.private, cert: made.cert };
}

let directory: string;
let authority: Pair;
let client: Pair;
let stranger: Pair;
let world: World<RecordingSink> | undefined;
let transport: Transport | undefined;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-send-tls-'));
  authority = await makeAuthority('our authority');
  const server = await sign(authority, 'server');
  client = await sign(authority, 'client');
  stranger = await sign(await makeAuthority('another'), 'stranger');
  for (const [name, pem] of Object.entries({
    'ca.pem': authority.cert,
    'cert.pem': server.cert,
    'key.pem': server.key,
  })) {
    fs.writeFileSync(path.join(directory, name), pem);
  }
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));
afterEach(async () => {
  transport?.close();
  await world?.close();
});

async function sendOver(scheme: 'https' | 'grpcs', minVersion: 'TLSv1.2' | 'TLSv1.3', tls: TlsTrust): Promise<string> {
  world = await openWorld({
    tls: {
      certFile: path.join(directory, 'cert.pem'),
      keyFile: path.join(directory, 'key.pem'),
      clientCaFile: path.join(directory, 'ca.pem'),
      minVersion,
    },
  });
  const target = parseTarget(`${scheme}://127.0.0.1:${scheme === 'https' ? world.httpPort : world.grpcPort}`);
  if ('problem' in target) throw new Error(target.problem);
  const options = { packing: 'none', timeoutMs: 3_000, headers: {}, tls, connectionAgeMsMax: 60_000 } as const;
  transport =
    scheme === 'https'
      ? new HttpTransport(target, options, testLink())
      : new GrpcTransport(target, options, testLink());
  return judge(await transport.call({ signal: 'traces', body: [], headers: {} }), 0).kind;
}

const each = test.each(['https', 'grpcs'] as const);

each('%s shows its certificate to a receiver that asks for one, with TLS 1.2 and 1.3', async (scheme) => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    expect(await sendOver(scheme, version, { ca: authority.cert, ...client })).toBe('acknowledged');
    transport?.close();
    await world?.close();
  }
});

each('%s sends nothing to a receiver whose authority it does not know', async (scheme) => {
  expect(await sendOver(scheme, 'TLSv1.2', { ca: stranger.cert, ...client })).toBe('retry');
  expect(world?.sink.requests).toEqual([]);
});

each('%s is not let in with a certificate of another authority, or with none', async (scheme) => {
  for (const pair of [stranger, {}]) {
    expect(await sendOver(scheme, 'TLSv1.3', { ca: authority.cert, ...pair })).toBe('retry');
    expect(world?.sink.requests).toEqual([]);
    transport?.close();
    await world?.close();
  }
});
