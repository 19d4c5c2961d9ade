/** The server's items of OTLP/HTTP. A title's number is the item's in the conformance checklist. */
import http from 'node:http';
import zlib from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  JSON_TYPE,
  openWorld,
  PROTOBUF,
  type RecordingSink,
  rawConnection,
  released,
  send,
  sendJson,
  statusOf,
  TranscodingSink,
  type World,
} from '../../test/support/doors.ts';
import { readExportResponse } from '../../test/support/otlp-answers.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { LIMITS } from '../base/limits.ts';
import { HTTP_PATHS, PORTS } from '../base/names.ts';
import { SIGNALS } from '../base/signal.ts';

const LIMIT = 100_000;
let world: World<RecordingSink>;
let port: number;
beforeEach(async () => {
  world = await openWorld({ limits: { requestBytesMax: LIMIT } });
  port = world.httpPort;
});
afterEach(() => world.close());

const ENCODINGS = [PROTOBUF, JSON_TYPE];

test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'])(
  '[25] POST only: %s is 405 with Allow',
  async (method) => {
    const answer = await send({ port, method });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    expect(world.sink.requests).toHaveLength(0);
  },
);

test('[25] the default port is 4318, and HTTP/1.1 connections are kept alive', async () => {
  expect(PORTS.http).toBe(4318);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 5; i++) expect((await send({ port, agent, body: 'x' })).status).toBe(200);
  expect((await send({ port, agent, method: 'GET' })).status).toBe(405);
  expect((await send({ port, agent, body: 'x' })).status).toBe(200);
  expect(world.doors.counters().connections).toBe(1);
  agent.destroy();
});

test('[26] the paths of the signals, with or without a query; another path is 404', async () => {
  expect(HTTP_PATHS).toEqual({ traces: '/v1/traces', metrics: '/v1/metrics', logs: '/v1/logs' });
  for (const signal of SIGNALS) expect((await send({ port, signal })).status).toBe(200);
  expect((await send({ port, path: '/v1/traces?a=b' })).status).toBe(200);
  expect(world.sink.requests.map(({ signal }) => signal)).toEqual([...SIGNALS, 'traces']);
  for (const path of ['/', '/v1/traces/', '/v2/traces', '/v1/development/profiles', '/v1developement/profiles']) {
    const answer = await send({ port, path });
    expect(answer.status).toBe(404);
    expect(statusOf(answer).message).toContain('/v1/traces');
  }
});

test('[27] the answer has the content type of the request', async () => {
  for (const type of ENCODINGS) {
    const good = await send({ port, type, body: type === JSON_TYPE ? '{}' : '' });
    expect([good.status, good.headers['content-type']]).toEqual([200, type]);
    world.sink.reply = () => ({ kind: 'invalid', message: 'no' });
    const bad = await send({ port, type, body: type === JSON_TYPE ? '{}' : '' });
    expect([bad.status, bad.headers['content-type']]).toEqual([400, type]);
    world.sink.reply = () => ({ kind: 'success', rejected: 0, message: '' });
  }
});

test('[27] a charset parameter and capital letters change nothing', async () => {
  for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"']) {
    const answer = await send({ port, type, body: '{}' });
    expect([answer.status, answer.body.toString()]).toEqual([200, '{}']);
  }
  expect((await send({ port, type: `${PROTOBUF};v=1` })).status).toBe(200);
});

test.each(['text/plain', 'application/xml', ''])('[27] the content type "%s" is 415', async (type) => {
  expect((await send({ port, type, body: '{}' })).status).toBe(415);
});

test('[28] the answer is packed only when asked for and worth it', async () => {
  const headers = { 'accept-encoding': 'gzip' };
  world.sink.reply = () => ({ kind: 'success', rejected: 1, message: 'long reason '.repeat(100) });
  const plain = await send({ port });
  expect(plain.headers['content-encoding']).toBeUndefined();
  const packed = await send({ port, headers: { 'accept-encoding': 'deflate, gzip;q=0.8' } });
  expect(packed.headers['content-encoding']).toBe('gzip');
  expect(zlib.gunzipSync(packed.body)).toEqual(plain.body);
  const refused = await send({ port, headers: { 'accept-encoding': 'gzip;q=0' } });
  expect(refused.headers['content-encoding']).toBeUndefined();
  world.sink.reply = () => ({ kind: 'success', rejected: 0, message: '' });
  expect((await send({ port, headers })).headers['content-encoding']).toBeUndefined();
});

test.each(ENCODINGS)(
  '[29] a %s body over the limit is 413, with and without a length; one at the limit is taken',
  async (type) => {
    const fill = (bytes: number): string =>
      type === JSON_TYPE ? `{"a":"${'x'.repeat(bytes - 8)}"}` : 'x'.repeat(bytes);
    expect((await send({ port, type, body: fill(LIMIT) })).status).toBe(200);
    const over = await send({ port, type, body: fill(LIMIT + 1) });
    expect(over.status).toBe(413);
    expect(statusOf(over).message).toContain('limits.requestBytesMax');
    const headers = { 'transfer-encoding': 'chunked' };
    expect((await send({ port, type, headers, body: fill(LIMIT + 1) })).status).toBe(413);
    expect(world.sink.requests).toHaveLength(1);
    await released(world.sink);
  },
);

test('[29] a client that sends far more than the limit still reads its 413', async () => {
  for (let i = 0; i < 20; i++) {
    const headers = i % 2 === 0 ? {} : { 'transfer-encoding': 'chunked' };
    expect((await send({ port, headers, body: Buffer.alloc(LIMIT * 15) })).status).toBe(413);
  }
});

test('[29] a body that unpacks to more than the limit is 413', async () => {
  const headers = { 'content-encoding': 'gzip' };
  expect((await send({ port, headers, body: zlib.gzipSync(Buffer.alloc(LIMIT)) })).status).toBe(200);
  expect((await send({ port, headers, body: zlib.gzipSync(Buffer.alloc(LIMIT + 1)) })).status).toBe(413);
  await released(world.sink);
});

test('[29] JSON whose protobuf is over the limit is 413', async () => {
  const points = [{ bucketCounts: new Array(40_000).fill(0) }];
  const body = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ histogram: { dataPoints: points } }] }] }] };
  expect(JSON.stringify(body).length).toBeLessThan(LIMIT);
  expect((await sendJson(port, 'metrics', body)).status).toBe(413);
});

test('[29] a gzip bomb of 64 MiB + 1 is refused, and never needs much more than the limit', async () => {
  const real = await openWorld();
  const limit = LIMITS.requestBytesMax;
  expect(limit).toBe(64 * 1024 * 1024);
  const headers = { 'content-encoding': 'gzip' };
  const send1 = (bytes: number) => send({ port: real.httpPort, headers, body: zlib.gzipSync(Buffer.alloc(bytes)) });
  expect((await send1(limit + 1)).status).toBe(413);
  expect((await send1(limit * 4)).status).toBe(413);
  expect(real.sink.requests).toHaveLength(0);
  expect(real.sink.peakBytes).toBeLessThan(limit + 1024 * 1024);
  await released(real.sink);
  await real.close();
});

test('[32] an answer stays below its limit: a long message is shortened', async () => {
  world.sink.reply = () => ({ kind: 'success', rejected: 5, message: '"é'.repeat(5_000_000) });
  const protobuf = readExportResponse((await send({ port })).body);
  expect(protobuf.partialSuccess?.rejected).toBe(5);
  const json = await send({ port, type: JSON_TYPE, body: '{}' });
  expect(json.body.length).toBeLessThan(LIMITS.responseBytesMax);
  const { partialSuccess } = JSON.parse(json.body.toString()) as { partialSuccess: Record<string, string> };
  expect(partialSuccess['errorMessage'].length).toBe(LIMITS.errorMessageCharsMax);
});

test('[33] protobuf and JSON are told apart by their content type on the same port', async () => {
  expect((await send({ port, type: JSON_TYPE, body: '{"resourceSpans":[]}' })).status).toBe(200);
  expect((await send({ port, type: JSON_TYPE, body: Buffer.from([0x0a, 0]) })).status).toBe(400);
  expect((await send({ port, body: Buffer.from([0x0a, 0]) })).status).toBe(200);
});

test('[36] full success is 200 and empty in both encodings', async () => {
  expect((await send({ port })).body).toEqual(Buffer.alloc(0));
  expect((await send({ port, type: JSON_TYPE, body: '{}' })).body.toString()).toBe('{}');
  // An empty body is an empty request, whatever its type.
  expect((await send({ port, type: JSON_TYPE, body: '' })).status).toBe(200);
});

test('[36] partial success is 200 and counts in the words of the signal', async () => {
  const names = { traces: 'rejectedSpans', metrics: 'rejectedDataPoints', logs: 'rejectedLogRecords' };
  world.sink.reply = () => ({ kind: 'success', rejected: 3, message: 'why' });
  for (const signal of SIGNALS) {
    const protobuf = await send({ port, signal });
    expect(protobuf.status).toBe(200);
    expect(readExportResponse(protobuf.body)).toEqual({ partialSuccess: { rejected: 3, errorMessage: 'why' } });
    const json = await send({ port, signal, type: JSON_TYPE, body: '{}' });
    expect(json.status).toBe(200);
    expect(JSON.parse(json.body.toString())).toEqual({ partialSuccess: { [names[signal]]: '3', errorMessage: 'why' } });
  }
  world.sink.reply = () => ({ kind: 'success', rejected: 0, message: 'only a warning' });
  const json = await send({ port, type: JSON_TYPE, body: '{}' });
  expect(JSON.parse(json.body.toString())).toEqual({ partialSuccess: { errorMessage: 'only a warning' } });
});

test.each(ENCODINGS)('[37] every refusal of %s has a google.rpc.Status in that encoding', async (type) => {
  const body = type === JSON_TYPE ? '{}' : '';
  const locked = await openWorld({ tokens: ['right'] });
  const answers = [
    await send({ port, type, body, path: '/nothing' }),
    await send({ port, type, body, method: 'PUT' }),
    await send({ port, type, body, headers: { 'content-encoding': 'br' } }),
    await send({ port, type, body: '\u0000' }),
    await send({ port, type, body: 'x'.repeat(LIMIT + 1) }),
    await send({ port: locked.httpPort, type, body }),
  ];
  for (const kind of ['invalid', 'tooLarge', 'deadline', 'internal', 'overloaded'] as const) {
    world.sink.reply = () => ({ kind, message: 'so it is', retryAfterMs: 1 }) as ReturnType<RecordingSink['overload']>;
    answers.push(await send({ port, type, body }));
  }
  const statuses = answers.map(({ status }) => status);
  expect(statuses).toEqual([404, 405, 415, type === JSON_TYPE ? 400 : 200, 413, 401, 400, 413, 408, 500, 503]);
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    expect(answer.headers['content-type']).toBe(type);
    expect(statusOf(answer).message).not.toBe('');
  }
  await locked.close();
});

test('[37] what is not even HTTP, or has too many headers, is answered with a Status too', async () => {
  const garbage = rawConnection(port);
  garbage.socket.write('\u0016\u0003\u0001\u0002\u0000');
  expect(await garbage.closed).toMatch(/^HTTP\/1\.1 400 .*application\/x-protobuf/s);
  const long = rawConnection(port);
  long.socket.write(`POST /v1/traces HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(LIMITS.headerBytesMax)}\r\n\r\n`);
  expect(await long.closed).toMatch(/^HTTP\/1\.1 431 .*limits\.headerBytesMax/s);
});

test('[39] what cannot be decoded is 400 with a BadRequest', async () => {
  const strict = await openWorld({}, new TranscodingSink());
  for (const answer of [
    await send({ port: strict.httpPort, body: 'not protobuf' }),
    await send({ port: strict.httpPort, type: JSON_TYPE, body: '{"resourceSpans":5}' }),
    await send({ port: strict.httpPort, type: JSON_TYPE, body: '{"resourceSpans":[' }),
    await send({ port: strict.httpPort, body: 'not gzip', headers: { 'content-encoding': 'gzip' } }),
  ]) {
    expect(answer.status).toBe(400);
    expect(statusOf(answer).code).toBe(3);
    expect(statusOf(answer).violations).toHaveLength(1);
    expect(answer.headers['retry-after']).toBeUndefined();
  }
  expect(strict.sink.items).toBe(0);
  await strict.close();
});

test('[39] gzip with bytes behind its end is 400', async () => {
  const body = Buffer.concat([zlib.gzipSync('{}'), Buffer.from('trailing garbage')]);
  expect((await send({ port, body, headers: { 'content-encoding': 'gzip' } })).status).toBe(400);
  const cut = zlib.gzipSync(Buffer.alloc(500, 'ab')).subarray(0, -9);
  expect((await send({ port, body: cut, headers: { 'content-encoding': 'gzip' } })).status).toBe(400);
});

test('[39] JSON may begin with a byte order mark', async () => {
  expect((await send({ port, type: JSON_TYPE, body: '\ufeff{}' })).status).toBe(200);
});

test.each(['br', 'compress', 'gzip, gzip', 'constructor'])(
  'an unknown compression (%s) is 415 and names the known ones',
  async (encoding) => {
    const answer = await send({ port, headers: { 'content-encoding': encoding } });
    expect(answer.status).toBe(415);
    expect(statusOf(answer).message).toContain('gzip');
  },
);

test('[40] overload is 503 with Retry-After in whole seconds and RetryInfo, never 500', async () => {
  world.sink.roomBytes = 1000;
  for (const type of ENCODINGS) {
    const before = await send({ port, type, body: 'x'.repeat(5000) });
    const chunked = await send({ port, type, body: 'x'.repeat(5000), headers: { 'transfer-encoding': 'chunked' } });
    const gzip = { 'content-encoding': 'gzip' };
    const after = await send({ port, type, body: zlib.gzipSync(Buffer.alloc(50_000)), headers: gzip });
    for (const answer of [before, chunked, after]) {
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2']);
      expect(statusOf(answer)).toMatchObject({ code: 14, retryDelayMs: 1500 });
    }
  }
  await released(world.sink);
  expect((await send({ port, body: 'x'.repeat(900) })).status).toBe(200);
  expect(world.sink.requests).toHaveLength(1);
});

test('a client that waits for "100 Continue" sends its body only when it will be read', async () => {
  const ask = (length: number): Promise<{ status: number; continued: boolean }> =>
    new Promise((resolve, reject) => {
      let continued = false;
      const headers = { expect: '100-continue', 'content-type': PROTOBUF, 'content-length': length };
      const request = http.request({ host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', headers });
      request.on('continue', () => {
        continued = true;
        request.end(Buffer.alloc(length));
      });
      request.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode ?? 0, continued }));
        if (!continued) request.destroy();
      });
      request.on('error', reject);
      request.flushHeaders();
    });
  expect(await ask(10)).toEqual({ status: 200, continued: true });
  expect((await ask(LIMIT + 1)).status).toBe(413);
  world.sink.roomBytes = 5;
  expect((await ask(10)).status).toBe(503);
});

test('browsers of configured origins may send, others are not told so', async () => {
  const open = await openWorld({ corsOrigins: ['https://shop.example'] });
  const ask = (origin: string, method: string) => send({ port: open.httpPort, method, headers: { origin } });
  const preflight = await ask('https://shop.example', 'OPTIONS');
  expect(preflight.status).toBe(204);
  expect(preflight.headers['access-control-allow-origin']).toBe('https://shop.example');
  expect(preflight.headers['access-control-allow-headers']).toContain('content-type');
  expect((await ask('https://shop.example', 'POST')).headers['access-control-allow-origin']).toBe(
    'https://shop.example',
  );
  expect((await ask('https://evil.example', 'OPTIONS')).headers['access-control-allow-origin']).toBeUndefined();
  await open.close();
});

test('one request of the transcoder that is partly wrong is stored in part', async () => {
  const strict = await openWorld({}, new TranscodingSink());
  const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 1) };
  const body = encodeProto('traces', {
    resources: [{ scopes: [{ items: [ids, { ...ids, spanId: Buffer.alloc(8) }] }] }],
  });
  const answer = readExportResponse((await send({ port: strict.httpPort, body })).body);
  expect([answer.partialSuccess?.rejected, strict.sink.items]).toEqual([1, 1]);
  await strict.close();
});
