import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls, { type SecureVersion } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { exportGrpc, grpcClient, openWorld, type RecordingSink, send, type World } from '../../test/support/doors.ts';
import type { TlsOptions } from './tls.ts';

interface Pair {
  readonly key: string;
  readonly cert: string;
}

const KEYS = { algorithm: 'sha256', keyType: 'ec', curve: 'P-256' } as const;

async function makeAuthority(name: string): Promise<Pair> {
  const extensions = [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
  ] as const;
  const made = await generate([{ name: 'commonName', value: name }], { ...KEYS, extensions: [...extensions] });
  return { key: made.private, cert: made.cert };
}

async function sign(authority: Pair, name: string): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...KEYS,
    ca: authority,
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
let server: Pair;
let renewed: Pair;
let client: Pair;
let stranger: Pair;
let world: World<RecordingSink> | undefined;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-tls-'));
  authority = await makeAuthority('authority');
  [server, renewed, client] = [
    await sign(authority, 'first'),
    await sign(authority, 'second'),
    await sign(authority, 'sender'),
  ];
  stranger = await sign(await makeAuthority('another authority'), 'stranger');
});
afterEach(async () => {
  await world?.close();
  world = undefined;
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

const file = (name: string): string => path.join(directory, name);

function writeServer({ key, cert }: Pair): void {
  fs.writeFileSync(file('server.key'), key);
  fs.writeFileSync(file('server.pem'), cert);
}

async function open(options: Partial<TlsOptions> = {}): Promise<World<RecordingSink>> {
  writeServer(server);
  fs.writeFileSync(file('clients.pem'), authority.cert);
  world = await openWorld({ tls: { certFile: file('server.pem'), keyFile: file('server.key'), ...options } });
  return world;
}

const credentials = (pair?: Pair): grpc.ChannelCredentials =>
  grpc.credentials.createSsl(
    Buffer.from(authority.cert),
    pair === undefined ? null : Buffer.from(pair.key),
    pair === undefined ? null : Buffer.from(pair.cert),
  );

async function grpcCode(port: number, pair?: Pair): Promise<number> {
  const sender = grpcClient(port, credentials(pair));
  const { code } = await exportGrpc(sender, 'traces', Buffer.alloc(0), { deadlineMs: 5000 });
  sender.close();
  return code;
}

interface Shaken {
  readonly protocol: string | null;
  readonly name: string;
}

/** One handshake of exactly one version. */
function shake(port: number, version: SecureVersion): Promise<Shaken> {
  return new Promise((resolve, reject) => {
    const ciphers = 'DEFAULT:@SECLEVEL=0';
    const only = { minVersion: version, maxVersion: version, ciphers };
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      ca: authority.cert,
      ALPNProtocols: ['h2', 'http/1.1'],
      ...only,
    });
    socket.on('secureConnect', () => {
      resolve({ protocol: socket.getProtocol(), name: String(socket.getPeerCertificate().subject.CN) });
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('both doors speak TLS 1.2 and 1.3, and nothing older', async () => {
  const { grpcPort, httpPort } = await open();
  expect((await send({ port: httpPort, tls: { ca: authority.cert } })).status).toBe(200);
  expect(await grpcCode(grpcPort)).toBe(0);
  for (const port of [grpcPort, httpPort]) {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) expect((await shake(port, version)).protocol).toBe(version);
    await expect(shake(port, 'TLSv1.1')).rejects.toThrow(/protocol version|unsupported protocol|EPROTO|ECONNRESET/i);
  }
});

test('the minimum version can be raised to TLS 1.3', async () => {
  const { grpcPort, httpPort } = await open({ minVersion: 'TLSv1.3' });
  for (const port of [grpcPort, httpPort]) {
    expect((await shake(port, 'TLSv1.3')).protocol).toBe('TLSv1.3');
    await expect(shake(port, 'TLSv1.2')).rejects.toThrow(/protocol version|EPROTO|ECONNRESET/i);
  }
});

test('a client without TLS gets nothing from a door with TLS', async () => {
  const { grpcPort, httpPort, sink } = await open();
  await expect(send({ port: httpPort })).rejects.toThrow();
  const plain = grpcClient(grpcPort);
  expect((await exportGrpc(plain, 'traces', Buffer.alloc(0), { deadlineMs: 2000 })).code).not.toBe(0);
  plain.close();
  expect(sink.requests).toHaveLength(0);
});

test('a client that does not trust the certificate does not send', async () => {
  const { httpPort, sink } = await open();
  await expect(send({ port: httpPort, tls: { ca: stranger.cert } })).rejects.toThrow(/certificate/);
  expect(sink.requests).toHaveLength(0);
});

test('with mutual TLS only clients whose certificate the authority signed may send', async () => {
  const { grpcPort, httpPort, sink } = await open({ clientCaFile: file('clients.pem') });
  const ca = authority.cert;
  await expect(send({ port: httpPort, tls: { ca } })).rejects.toThrow();
  await expect(send({ port: httpPort, tls: { ca, ...stranger } })).rejects.toThrow();
  expect(await grpcCode(grpcPort)).toBe(14);
  expect(await grpcCode(grpcPort, stranger)).toBe(14);
  expect(sink.requests).toHaveLength(0);
  expect((await send({ port: httpPort, tls: { ca, ...client } })).status).toBe(200);
  expect(await grpcCode(grpcPort, client)).toBe(0);
});

test('a new certificate is used without a restart, a broken one is reported and the old one stays', async () => {
  const { grpcPort, httpPort, reports } = await open();
  const name = async (port: number): Promise<string> => (await shake(port, 'TLSv1.3')).name;
  const until = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 10_000, interval: 100 });
  expect([await name(grpcPort), await name(httpPort)]).toEqual(['first', 'first']);
  fs.writeFileSync(file('server.pem'), 'no certificate');
  await until(() => expect(reports.at(-1)).toMatch(/not reloaded, the old one stays/));
  expect([await name(grpcPort), await name(httpPort)]).toEqual(['first', 'first']);
  // The key of another certificate: each file alone is well.
  writeServer({ cert: renewed.cert, key: server.key });
  await until(() => expect(reports.filter((text) => /not reloaded/.test(text))).toHaveLength(2));
  expect([await name(grpcPort), await name(httpPort)]).toEqual(['first', 'first']);
  writeServer(renewed);
  await until(() => expect(reports.at(-1)).toBe('TLS certificate reloaded'));
  expect([await name(grpcPort), await name(httpPort)]).toEqual(['second', 'second']);
  expect((await shake(httpPort, 'TLSv1.2')).protocol).toBe('TLSv1.2');
  expect(await grpcCode(grpcPort)).toBe(0);
});

test('what a reload brings keeps the demand for client certificates and the minimum version', async () => {
  const { httpPort, reports } = await open({ clientCaFile: file('clients.pem'), minVersion: 'TLSv1.3' });
  writeServer(renewed);
  await vi.waitFor(() => expect(reports).toEqual(['TLS certificate reloaded']), { timeout: 10_000, interval: 100 });
  const ca = authority.cert;
  await expect(send({ port: httpPort, tls: { ca } })).rejects.toThrow();
  await expect(send({ port: httpPort, tls: { ca, ...client, maxVersion: 'TLSv1.2' } })).rejects.toThrow();
  expect((await send({ port: httpPort, tls: { ca, ...client } })).status).toBe(200);
});

test('a file that is absent keeps the doors shut and is named', async () => {
  const tlsOptions = { certFile: file('absent.pem'), keyFile: file('server.key') };
  await expect(openWorld({ tls: tlsOptions })).rejects.toThrow(/absent\.pem/);
});

test('connections that never finish their handshake are ended', async () => {
  writeServer(server);
  const options = { certFile: file('server.pem'), keyFile: file('server.key') };
  world = await openWorld({ tls: options, limits: { requestTimeoutMs: 300 } });
  for (const port of [world.grpcPort, world.httpPort]) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.on('close', resolve));
  }
  await vi.waitFor(() => expect(world?.doors.counters().connections).toBe(0));
});

test('a client of the gRPC door without HTTP/2 in its handshake is let go', async () => {
  const { grpcPort } = await open();
  const socket = tls.connect({ host: '127.0.0.1', port: grpcPort, ca: authority.cert, ALPNProtocols: ['http/1.1'] });
  const end = await new Promise<string>((resolve) => {
    socket.on('error', () => resolve('error'));
    socket.on('close', () => resolve('close'));
  });
  expect(['error', 'close']).toContain(end);
  const session = http2.connect(`https://127.0.0.1:${grpcPort}`, { ca: authority.cert });
  await new Promise((resolve) => session.on('connect', resolve));
  session.destroy();
});
