/** The server's items of the OTLP specification that concern both transports. A title's number is the item's in the conformance checklist. */
import zlib from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  exportGrpc,
  grpcClient,
  JSON_TYPE,
  openWorld,
  type RecordingSink,
  send,
  sendJson,
  TranscodingSink,
  type World,
} from '../../test/support/doors.ts';
import { decodeProto, encodeProto } from '../../test/support/otlp-proto.ts';
import { randomFrom, randomRequest } from '../../test/support/otlp-random.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';

let world: World<RecordingSink>;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const request = (signal: Signal): Buffer => Buffer.from(encodeProto(signal, randomRequest(randomFrom(3), signal)));
const bodies = (): Buffer[] => world.sink.requests.map(({ body }) => Buffer.from(body));

test.each(SIGNALS)('[1] %s are taken plain and with gzip on both transports', async (signal) => {
  const body = request(signal);
  const gzip = { 'content-encoding': 'gzip' };
  const plain = grpcClient(world.grpcPort);
  const packed = grpcClient(world.grpcPort, undefined, { 'grpc.default_compression_algorithm': 2 });
  expect((await send({ port: world.httpPort, signal, body })).status).toBe(200);
  expect((await send({ port: world.httpPort, signal, body: zlib.gzipSync(body), headers: gzip })).status).toBe(200);
  const json = zlib.gzipSync('{}');
  expect((await send({ port: world.httpPort, signal, type: JSON_TYPE, body: json, headers: gzip })).status).toBe(200);
  expect((await exportGrpc(plain, signal, body)).code).toBe(0);
  expect((await exportGrpc(packed, signal, body)).code).toBe(0);
  plain.close();
  packed.close();
  expect(bodies()).toEqual([body, body, Buffer.alloc(0), body, body]);
  expect(new Set(world.sink.requests.map((each) => each.signal))).toEqual(new Set([signal]));
});

test.each(SIGNALS)('[2] fields of %s that nobody knows yet are ignored in both encodings', async (signal) => {
  const strict = await openWorld({}, new TranscodingSink());
  const unknown = Buffer.from([...[0xfa, 0x3e, 3, 1, 2, 3], ...[0x80, 0x7d, 5], 0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8]);
  const body = Buffer.concat([unknown, request(signal), unknown]);
  expect((await send({ port: strict.httpPort, signal, body })).status).toBe(200);
  const { items } = strict.sink;
  expect(items).toBeGreaterThan(0);
  expect((await send({ port: strict.httpPort, signal, body: request(signal) })).status).toBe(200);
  expect(strict.sink.items).toBe(items * 2);
  const names = { notYet: { deep: [1, { x: null }] }, resourceSpans: [], resourceLogs: [], resourceMetrics: [] };
  expect((await sendJson(strict.httpPort, signal, names)).status).toBe(200);
  await strict.close();
});

test('[3] the same request may come again: it is taken each time, as one hop promises no more', async () => {
  const body = request('traces');
  for (let i = 0; i < 2; i++) expect((await send({ port: world.httpPort, body })).status).toBe(200);
  expect(bodies()).toEqual([body, body]);
});

test('[5] envelopes that hold nothing are success and add nothing', async () => {
  const strict = await openWorld({}, new TranscodingSink());
  const empty = { resources: [{}, { scopes: [{}, { items: [] }] }] };
  for (const signal of SIGNALS) {
    const answer = await send({ port: strict.httpPort, signal, body: encodeProto(signal, empty) });
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
  }
  expect(strict.sink.items).toBe(0);
  await strict.close();
});

test('the baggage header reaches the sink on both transports, cut at the last whole member within the limit', async () => {
  const client = grpcClient(world.grpcPort);
  const members = Array.from({ length: 600 }, (_, i) => `member-${i}=value-${i}`).join(',');
  await send({ port: world.httpPort, headers: { baggage: 'tenant=acme,region=eu' } });
  await exportGrpc(client, 'traces', Buffer.alloc(0), { metadata: { baggage: 'tenant=acme' } });
  await send({ port: world.httpPort, headers: { baggage: members } });
  client.close();
  const [first, second, third] = world.sink.requests.map(({ baggage }) => baggage);
  expect([first, second]).toEqual(['tenant=acme,region=eu', 'tenant=acme']);
  expect(third.length).toBeLessThanOrEqual(8192);
  expect(members.startsWith(`${third},`)).toBe(true);
  expect(third).toMatch(/,member-\d+=value-\d+$/);
});

test('OTLP/JSON reaches the sink as the protobuf of the same message', async () => {
  const span = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', name: 'GET' };
  await sendJson(world.httpPort, 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
  const [{ body }] = world.sink.requests;
  expect(decodeProto('traces', body)).toEqual({
    resources: [{ scopes: [{ items: [{ traceId: hex(span.traceId), spanId: hex(span.spanId), name: 'GET' }] }] }],
  });
});

test('counters tell requests, their bytes on the wire and what was refused', async () => {
  await send({ port: world.httpPort, body: request('traces') });
  await send({ port: world.httpPort, method: 'GET' });
  await send({ port: world.httpPort, headers: { 'content-encoding': 'br' } });
  const { requests, requestBytes, refused } = world.doors.counters();
  expect({ requests, requestBytes, refused }).toEqual({
    requests: 3,
    requestBytes: request('traces').length,
    refused: { invalid: 1, unsupported: 1 },
  });
});
