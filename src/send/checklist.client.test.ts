/** The client's items of OTLP. A title's number is the item's in the conformance checklist. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import zlib from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { openWorld, type RecordingSink, type World } from '../../test/support/doors.ts';
import { testLink } from '../../test/support/link.ts';
import { decodeProto, encodeProto } from '../../test/support/otlp-proto.ts';
import { LIMITS } from '../base/limits.ts';
import { GRPC_METHODS, HTTP_PATHS } from '../base/names.ts';
import { SIGNALS } from '../base/signal.ts';
import { statusMessage } from '../wire/answers.ts';
import { PACKINGS, type Packing } from '../wire/packing.ts';
import { judge, type Verdict } from './answer.ts';
import { hopHeaders } from './batch.ts';
import { GrpcTransport } from './grpc-transport.ts';
import { HttpTransport } from './http-transport.ts';
import { parseTarget, type Target } from './target.ts';
import type { Transport, TransportOptions } from './transport.ts';

const OPTIONS: TransportOptions = {
  packing: 'none',
  timeoutMs: 5_000,
  headers: {},
  tls: {},
  connectionAgeMsMax: 60_000,
};
const NOW_MS = Date.UTC(2026, 0, 1);
const SPANS = encodeProto('traces', {
  resources: [{ scopes: [{ items: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), name: 'GET /' }] }] }],
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function targetOf(url: string): Target {
  const target = parseTarget(url);
  if ('problem' in target) throw new Error(target.problem);
  return target;
}

function open(url: string, options: Partial<TransportOptions> = {}): Transport {
  const target = targetOf(url);
  const made =
    target.transport === 'http'
      ? new HttpTransport(target, { ...OPTIONS, ...options }, testLink())
      : new GrpcTransport(target, { ...OPTIONS, ...options }, testLink());
  closers.push(() => made.close());
  return made;
}

const verdictOf = async (transport: Transport, body: Uint8Array = SPANS): Promise<Verdict> =>
  judge(await transport.call({ signal: 'traces', body: [body], headers: {} }), NOW_MS);

async function clew(): Promise<World<RecordingSink>> {
  const world = await openWorld();
  closers.push(() => world.close());
  return world;
}

/** An HTTP server that answers as told, and counts connections. */
async function httpServer(
  answer: (request: http.IncomingMessage, response: http.ServerResponse) => void,
): Promise<{ url: string; connections: () => number }> {
  let connections = 0;
  const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => answer(request, response));
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections };
}

const identity = (bytes: Buffer): Buffer => bytes;

/** A @grpc/grpc-js server that ends every call with the given code. */
async function grpcServer(code: number, details?: Buffer): Promise<string> {
  const server = new grpc.Server();
  const methods = SIGNALS.map((signal) => [
    signal,
    {
      path: GRPC_METHODS[signal],
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  ]);
  const metadata = new grpc.Metadata();
  if (details !== undefined) metadata.set('grpc-status-details-bin', details);
  const handle = (_call: unknown, answer: grpc.sendUnaryData<Buffer>): void => {
    if (code === 0) answer(null, Buffer.alloc(0));
    else answer({ code, details: 'forced', metadata });
  };
  server.addService(Object.fromEntries(methods), Object.fromEntries(SIGNALS.map((signal) => [signal, handle])));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  closers.push(() => server.forceShutdown());
  return `grpc://127.0.0.1:${port}`;
}

test.each(PACKINGS)('1. what is sent packed as %s, a receiver reads, on both transports', async (packing: Packing) => {
  const world = await clew();
  const urls = [`http://127.0.0.1:${world.httpPort}`, `grpc://127.0.0.1:${world.grpcPort}`];
  for (const url of urls) {
    if (packing === 'lz4' && url.startsWith('grpc')) continue;
    const verdict = await verdictOf(open(url, { packing }));
    expect(verdict).toEqual({ kind: 'acknowledged', rejected: 0, message: '' });
    expect(Buffer.compare(world.sink.requests.at(-1)?.body ?? Buffer.alloc(0), SPANS)).toBe(0);
  }
});

test.each(['none', 'gzip'] as const)(
  '27. OTLP/JSON, packed with %s, is read and checked as protobuf is',
  async (packing) => {
    const world = await clew();
    const transport = open(`http://127.0.0.1:${world.httpPort}`, { packing, encoding: 'json' });
    const positions = ['0'.repeat(24), `${'0'.repeat(23)}1`];
    const letters = positions.map((position) => ({
      ...{ position, body: SPANS, items: 1, elsewhere: 0, dropped: 0, baggage: '', receivedUnixNano: 0n, after: [] },
    }));
    const headers = hopHeaders({ signal: 'traces', letters }, 'a'.repeat(16));
    const verdict = judge(await transport.call({ signal: 'traces', body: [SPANS, SPANS], headers }), NOW_MS);
    expect(verdict).toEqual({ kind: 'acknowledged', rejected: 0, message: '' });
    expect(decodeProto('traces', Uint8Array.from(world.sink.requests.at(-1)?.body ?? []))).toEqual(
      decodeProto('traces', Uint8Array.from([...SPANS, ...SPANS])),
    );
    expect(world.sink.requests.at(-1)?.batch).toMatchObject({ mark: positions[1] });
  },
);

test('6. each signal goes to its own gRPC service and, 26., to its own HTTP path', async () => {
  const world = await clew();
  for (const url of [`http://127.0.0.1:${world.httpPort}`, `grpc://127.0.0.1:${world.grpcPort}`]) {
    const transport = open(url);
    for (const signal of SIGNALS) await transport.call({ signal, body: [], headers: {} });
  }
  expect(world.sink.requests.map(({ signal }) => signal)).toEqual([...SIGNALS, ...SIGNALS]);
  expect([targetOf('grpc://h').port, targetOf('http://h').port, targetOf('https://h:443').port]).toEqual([
    4317, 4318, 443,
  ]);
});

test('11, 31. an answer over the limit is not retried', async () => {
  const { url } = await httpServer((_request, response) => response.end(Buffer.alloc(LIMITS.responseBytesMax + 1)));
  expect(await verdictOf(open(url))).toMatchObject({ kind: 'refused' });
  const bomb = zlib.gzipSync(Buffer.alloc(LIMITS.responseBytesMax + 1));
  const packed = await httpServer((_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
  );
  expect(await verdictOf(open(packed.url))).toMatchObject({ kind: 'refused' });
});

test('18. a partial success is an acknowledgement with its count, on both transports', async () => {
  const world = await clew();
  world.sink.reply = () => ({ kind: 'success', rejected: 3, message: 'no trace id' });
  for (const url of [`http://127.0.0.1:${world.httpPort}`, `grpc://127.0.0.1:${world.grpcPort}`]) {
    expect(await verdictOf(open(url))).toEqual({ kind: 'acknowledged', rejected: 3, message: 'no trace id' });
  }
  const json = await httpServer((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end('{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no trace id"}}'),
  );
  expect(await verdictOf(open(json.url))).toEqual({ kind: 'acknowledged', rejected: 3, message: 'no trace id' });
});

const RETRY_INFO = statusMessage({ kind: 'overloaded', message: 'later', retryAfterMs: 1_500 });

test('19, 21. the gRPC codes of the specification are retried and no other', async () => {
  const retryable = [1, 4, 10, 11, 14, 15];
  for (let code = 1; code <= 16; code++) {
    const verdict = await verdictOf(open(await grpcServer(code)));
    expect([code, verdict.kind]).toEqual([code, retryable.includes(code) ? 'retry' : 'refused']);
  }
});

test('21. RESOURCE_EXHAUSTED is retried with RetryInfo only', async () => {
  expect(await verdictOf(open(await grpcServer(8)))).toMatchObject({ kind: 'refused' });
  expect(await verdictOf(open(await grpcServer(8, RETRY_INFO)))).toMatchObject({ kind: 'retry', afterMs: 1_500 });
});

test('22, 23. RetryInfo gives the delay, and a delay of zero says nothing', async () => {
  expect(await verdictOf(open(await grpcServer(14, RETRY_INFO)))).toMatchObject({ kind: 'retry', afterMs: 1_500 });
  const zero = statusMessage({ kind: 'overloaded', message: 'later', retryAfterMs: 0 });
  expect(await verdictOf(open(await grpcServer(14, zero)))).toMatchObject({ kind: 'retry', afterMs: undefined });
});

test('27, 28. a request says protobuf, its encoding, and that it takes gzip', async () => {
  let headers: http.IncomingHttpHeaders = {};
  const { url } = await httpServer((request, response) => {
    headers = request.headers;
    response.end();
  });
  await verdictOf(open(url, { packing: 'gzip', headers: { authorization: 'Bearer one' } }));
  expect(headers).toMatchObject({
    'content-type': 'application/x-protobuf',
    'content-encoding': 'gzip',
    'accept-encoding': 'gzip',
    authorization: 'Bearer one',
  });
});

test('34. a connection is kept for the next request', async () => {
  const { url, connections } = await httpServer((_request, response) => response.end());
  const transport = open(url);
  for (let i = 0; i < 5; i++) await verdictOf(transport);
  expect(connections()).toBe(1);
});

test('34. a connection that is old is replaced', async () => {
  const { url, connections } = await httpServer((_request, response) => response.end());
  const transport = open(url, { connectionAgeMsMax: -1 });
  for (let i = 0; i < 3; i++) await verdictOf(transport);
  expect(connections()).toBe(3);
});

test('38, 39. 429, 502, 503 and 504 are retried and no other status', async () => {
  let status = 0;
  const { url } = await httpServer((_request, response) => response.writeHead(status).end());
  const transport = open(url);
  for (status of [400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 500, 501, 502, 503, 504, 505, 599]) {
    const verdict = await verdictOf(transport);
    expect([status, verdict.kind]).toEqual([status, [429, 502, 503, 504].includes(status) ? 'retry' : 'refused']);
  }
});

test('40. Retry-After is honoured as seconds and as a date', async () => {
  let after = '7';
  const { url } = await httpServer((_request, response) => response.writeHead(503, { 'retry-after': after }).end());
  const transport = open(url);
  expect(await verdictOf(transport)).toMatchObject({ kind: 'retry', afterMs: 7_000 });
  after = new Date(NOW_MS + 90_000).toUTCString();
  expect(await verdictOf(transport)).toMatchObject({ kind: 'retry', afterMs: 90_000 });
  for (after of ['0', 'soon', new Date(NOW_MS - 1_000).toUTCString()]) {
    expect(await verdictOf(transport)).toMatchObject({ kind: 'retry', afterMs: undefined });
  }
});

test('41. a connection that is closed without an answer, or refused, leads to a retry whose outcome is unknown', async () => {
  const server = net.createServer((socket) => socket.once('data', () => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const scheme of ['http', 'grpc']) {
    const cut = await open(`${scheme}://127.0.0.1:${port}`).call({ signal: 'traces', body: [SPANS], headers: {} });
    expect(cut, scheme).toMatchObject({ kind: 'none', sent: true });
    const refused = await open(`${scheme}://127.0.0.1:1`).call({ signal: 'traces', body: [SPANS], headers: {} });
    expect(refused, scheme).toMatchObject({ kind: 'none', sent: false });
    expect(await verdictOf(open(`${scheme}://127.0.0.1:${port}`))).toMatchObject({ kind: 'retry', answered: false });
    expect(await verdictOf(open(`${scheme}://127.0.0.1:1`))).toMatchObject({ kind: 'retry', answered: false });
  }
});

test.each(['http', 'grpc'])(
  'a connection over %s that ends while a request is packed leads to a retry',
  async (scheme) => {
    // Gone before half of this is packed: the request then begins on a connection that is no more.
    const server = net.createServer((socket) => setTimeout(() => socket.end(), 20)).listen(0, '127.0.0.1');
    closers.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const transport = open(`${scheme}://127.0.0.1:${port}`, { packing: 'gzip', timeoutMs: 1_000 });
    for (let i = 0; i < 2; i++) {
      expect(await verdictOf(transport, randomBytes(8 * 1024 * 1024))).toMatchObject({
        kind: 'retry',
        answered: false,
      });
    }
  },
);

test('an answer that does not come in time leads to a retry, and the next call has a new connection', async () => {
  const world = await clew();
  let stuck = true;
  world.sink.reply = () => (stuck ? new Promise(() => {}) : { kind: 'success', rejected: 0, message: '' });
  for (const url of [`http://127.0.0.1:${world.httpPort}`, `grpc://127.0.0.1:${world.grpcPort}`]) {
    stuck = true;
    const transport = open(url, { timeoutMs: 100 });
    expect(await verdictOf(transport)).toMatchObject({ kind: 'retry', answered: false });
    stuck = false;
    expect(await verdictOf(transport)).toMatchObject({ kind: 'acknowledged' });
  }
});

test('the reasons of a Clew that refuses are kept for people', async () => {
  const world = await clew();
  world.sink.reply = () => ({ kind: 'invalid', message: 'not protobuf' });
  for (const url of [`http://127.0.0.1:${world.httpPort}`, `grpc://127.0.0.1:${world.grpcPort}`]) {
    const verdict = await verdictOf(open(url));
    expect(verdict).toMatchObject({ kind: 'refused', divisible: true });
    expect(verdict.kind === 'refused' ? verdict.reason : '').toContain('not protobuf');
  }
});

test('what is no URL of a receiver is refused with what to write', () => {
  for (const text of ['', 'localhost', 'ftp://h', 'http://', 'http://u:p@h', 'grpc://h/path', 'http://h?x=1']) {
    expect(parseTarget(text)).toHaveProperty('problem');
  }
  expect(targetOf('https://[::1]:4318/prefix/')).toEqual({
    transport: 'http',
    secure: true,
    host: '::1',
    address: '',
    port: 4318,
    path: '/prefix',
  });
  expect(HTTP_PATHS.traces).toBe('/v1/traces');
});
