/** The server's items of OTLP/gRPC. A title's number is the item's in the conformance checklist. */
import zlib from 'node:zlib';
import type * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  exportGrpc,
  framed,
  grpcClient,
  openSession,
  openWorld,
  type RecordingSink,
  rawStream,
  released,
  SUCCESS,
  TranscodingSink,
  type World,
} from '../../test/support/doors.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { LIMITS } from '../base/limits.ts';
import { GRPC_METHODS, PORTS } from '../base/names.ts';
import { SIGNALS } from '../base/signal.ts';

const LIMIT = 100_000;
const CODE = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
};

let world: World<RecordingSink>;
let client: grpc.Client;
beforeEach(async () => {
  world = await openWorld({ limits: { requestBytesMax: LIMIT } });
  client = grpcClient(world.grpcPort);
});
afterEach(async () => {
  client.close();
  await world.close();
});

test('[6] each signal has its unary Export service, and the default port is 4317', async () => {
  for (const signal of SIGNALS) expect((await exportGrpc(client, signal, Buffer.from('x'))).code).toBe(CODE.ok);
  expect(world.sink.requests.map(({ signal }) => signal)).toEqual([...SIGNALS]);
  expect(GRPC_METHODS).toEqual({
    traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  });
  expect(PORTS.grpc).toBe(4317);
});

test('[6] an unknown method is UNIMPLEMENTED', async () => {
  const answer = await exportGrpc(client, 'traces', Buffer.alloc(0), { method: '/x.Y/Export' });
  expect(answer.code).toBe(CODE.unimplemented);
  expect(answer.details).toContain('/x.Y/Export');
});

test('[7] a message over the limit is RESOURCE_EXHAUSTED without RetryInfo; one at the limit is taken', async () => {
  expect((await exportGrpc(client, 'traces', Buffer.alloc(LIMIT))).code).toBe(CODE.ok);
  const over = await exportGrpc(client, 'traces', Buffer.alloc(LIMIT + 1));
  expect(over.code).toBe(CODE.resourceExhausted);
  expect(over.status).toMatchObject({ code: CODE.resourceExhausted, retryDelayMs: undefined });
  expect(over.details).toContain('limits.requestBytesMax');
  expect(world.sink.requests).toHaveLength(1);
  await released(world.sink);
});

test('[7] a message that unpacks to more than the limit is RESOURCE_EXHAUSTED without RetryInfo', async () => {
  const session = openSession(world.grpcPort);
  const pack = (bytes: number): Buffer => framed(zlib.gzipSync(Buffer.alloc(bytes)), true);
  const gzip = { 'grpc-encoding': 'gzip' };
  expect((await rawStream(session, gzip, pack(LIMIT))).code).toBe(CODE.ok);
  const over = await rawStream(session, gzip, pack(LIMIT + 1));
  expect(over.code).toBe(CODE.resourceExhausted);
  expect(world.sink.requests).toHaveLength(1);
  session.close();
  await released(world.sink);
});

test('[7] the default limit is 64 MiB', () => {
  expect(LIMITS.requestBytesMax).toBe(64 * 1024 * 1024);
});

test('[7] after many messages over the limit a connection still works', async () => {
  for (let i = 0; i < 200; i++) {
    expect((await exportGrpc(client, 'traces', Buffer.alloc(4 * LIMIT))).code).toBe(CODE.resourceExhausted);
  }
  expect((await exportGrpc(client, 'traces', Buffer.alloc(LIMIT))).code).toBe(CODE.ok);
  expect(world.doors.counters().connections).toBe(1);
});

test('[9] calls of one connection run side by side, as many as the limit says', async () => {
  const few = await openWorld({ limits: { streamsPerConnectionMax: 4 } });
  let running = 0;
  let most = 0;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  few.sink.reply = async () => {
    most = Math.max(most, ++running);
    if (running === 4) setTimeout(open, 50);
    await gate;
    running--;
    return SUCCESS;
  };
  const many = grpcClient(few.grpcPort);
  const answers = await Promise.all(Array.from({ length: 20 }, () => exportGrpc(many, 'logs', Buffer.from('x'))));
  expect(answers.every(({ code }) => code === CODE.ok)).toBe(true);
  expect(most).toBe(4);
  many.close();
  await few.close();
});

test('[12] an answer stays below its limit: a long message is shortened', async () => {
  world.sink.reply = () => ({ kind: 'success', rejected: 7, message: 'é'.repeat(5_000_000) });
  const partial = await exportGrpc(client, 'traces', Buffer.alloc(0));
  expect(partial.response?.partialSuccess?.rejected).toBe(7);
  expect(partial.response?.partialSuccess?.errorMessage?.length).toBe(LIMITS.errorMessageCharsMax);
  world.sink.reply = () => ({ kind: 'invalid', message: 'ö\u0000\n%'.repeat(1_000_000) });
  const refused = await exportGrpc(client, 'traces', Buffer.alloc(0));
  expect(refused.code).toBe(CODE.invalidArgument);
  expect(refused.details.startsWith('ö\u0000\n%ö')).toBe(true);
});

test('[13] each signal is answered with its own response message', async () => {
  for (const signal of SIGNALS) {
    world.sink.reply = () => ({ kind: 'success', rejected: 2, message: 'why' });
    const { response } = await exportGrpc(client, signal, Buffer.alloc(0));
    expect(response).toEqual({ partialSuccess: { rejected: 2, errorMessage: 'why' } });
  }
});

test('[14] an empty request is success', async () => {
  for (const signal of SIGNALS) {
    expect(await exportGrpc(client, signal, Buffer.alloc(0))).toMatchObject({ code: CODE.ok, response: {} });
  }
});

test('[15] full success leaves partial_success unset', async () => {
  expect((await exportGrpc(client, 'traces', Buffer.from('x'))).response).toEqual({});
});

test('[16] partial success counts the rejected items and says why', async () => {
  const strict = await openWorld({}, new TranscodingSink());
  const sender = grpcClient(strict.grpcPort);
  const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 1) };
  const items = [ids, { ...ids, traceId: Buffer.alloc(16) }, { ...ids, spanId: Buffer.alloc(3) }, ids];
  const body = encodeProto('traces', { resources: [{ scopes: [{ items }] }] });
  const answer = await exportGrpc(sender, 'traces', body);
  expect(answer.code).toBe(CODE.ok);
  expect(answer.response?.partialSuccess?.rejected).toBe(2);
  expect(answer.response?.partialSuccess?.errorMessage).toMatch(/trace_id must be 16 bytes/);
  expect(strict.sink.items).toBe(2);
  sender.close();
  await strict.close();
});

test('[17] a warning has a message and rejects nothing', async () => {
  world.sink.reply = () => ({ kind: 'success', rejected: 0, message: 'clock is off' });
  const { response } = await exportGrpc(client, 'logs', Buffer.alloc(0));
  expect(response).toEqual({ partialSuccess: { errorMessage: 'clock is off' } });
});

test('[20] what can be sent again is UNAVAILABLE, what cannot is INVALID_ARGUMENT with a BadRequest', async () => {
  world.sink.reply = () => ({ kind: 'overloaded', message: 'journal full', retryAfterMs: 2500 });
  const later = await exportGrpc(client, 'traces', Buffer.alloc(0));
  expect(later.code).toBe(CODE.unavailable);
  expect(later.status).toMatchObject({ code: CODE.unavailable, message: 'journal full', retryDelayMs: 2500 });
  world.sink.reply = () => ({ kind: 'invalid', message: 'tag 0' });
  const never = await exportGrpc(client, 'traces', Buffer.alloc(0));
  expect(never.code).toBe(CODE.invalidArgument);
  expect(never.status).toEqual({
    code: CODE.invalidArgument,
    message: 'tag 0',
    retryDelayMs: undefined,
    violations: ['tag 0'],
  });
});

test('[20] bytes that are no protobuf are INVALID_ARGUMENT', async () => {
  const strict = await openWorld({}, new TranscodingSink());
  const sender = grpcClient(strict.grpcPort);
  const answer = await exportGrpc(sender, 'traces', Buffer.from('not protobuf'));
  expect(answer.code).toBe(CODE.invalidArgument);
  expect(answer.status?.violations).toHaveLength(1);
  sender.close();
  await strict.close();
});

test('[21] no answer invites to send again what cannot get better', async () => {
  const retryable = [1, CODE.deadlineExceeded, 10, 11, CODE.unavailable, 15];
  const permanent = ['invalid', 'tooLarge', 'unsupported', 'unauthenticated', 'internal'] as const;
  for (const kind of permanent) {
    world.sink.reply = () => ({ kind, message: 'no' });
    const { code, status } = await exportGrpc(client, 'traces', Buffer.alloc(0));
    expect(retryable).not.toContain(code);
    expect(status?.retryDelayMs).toBeUndefined();
  }
});

test('[23] memory, journal or disk at their limit are UNAVAILABLE with RetryInfo, before and after the body', async () => {
  world.sink.roomBytes = 1000;
  const before = await exportGrpc(client, 'traces', Buffer.alloc(5000));
  expect(before).toMatchObject({ code: CODE.unavailable, status: { retryDelayMs: 1500 } });
  const session = openSession(world.grpcPort);
  const bomb = framed(zlib.gzipSync(Buffer.alloc(50_000)), true);
  const after = await rawStream(session, { 'grpc-encoding': 'gzip' }, bomb);
  expect(after.code).toBe(CODE.unavailable);
  expect(world.sink.requests).toHaveLength(0);
  await released(world.sink);
  expect((await exportGrpc(client, 'traces', Buffer.alloc(900))).code).toBe(CODE.ok);
  session.close();
});

test('[24] the delay is never zero and follows the sink', async () => {
  for (const retryAfterMs of [250, 1000, 61_500]) {
    world.sink.reply = () => ({ kind: 'overloaded', message: '', retryAfterMs });
    expect((await exportGrpc(client, 'traces', Buffer.alloc(0))).status?.retryDelayMs).toBe(retryAfterMs);
  }
  expect(LIMITS.retryAfterMs).toBeGreaterThan(0);
  expect(LIMITS.retryAfterMs).toBeLessThanOrEqual(10_000);
});
