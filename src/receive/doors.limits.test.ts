import http from 'node:http';
import zlib from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import {
  exportGrpc,
  framed,
  grpcClient,
  openSession,
  openWorld,
  type RecordingSink,
  rawConnection,
  rawStream,
  released,
  SUCCESS,
  send,
  statusOf,
  type World,
} from '../../test/support/doors.ts';
import type { Outcome } from '../wire/outcome.ts';
import type { DoorOptions } from './doors.ts';

/** What a door does with clients that are slow, many, wrong or still there when it closes. */

let world: World<RecordingSink>;
afterEach(() => world.close());
const open = async (options: Partial<DoorOptions> = {}): Promise<World<RecordingSink>> => {
  world = await openWorld(options);
  return world;
};

/** A sink that answers when it is told to. */
function heldBack(sink: RecordingSink): (outcome?: Outcome) => void {
  let answer: (outcome: Outcome) => void = () => undefined;
  const gate = new Promise<Outcome>((resolve) => {
    answer = resolve;
  });
  sink.reply = () => gate;
  return (outcome = SUCCESS) => answer(outcome);
}

const HEALTH = '/grpc.health.v1.Health/Check';
const taken = (sink: RecordingSink, count: number) => vi.waitFor(() => expect(sink.requests).toHaveLength(count));

test('with tokens, only requests that carry one of them are taken', async () => {
  const { httpPort, grpcPort, sink } = await open({ tokens: ['first-token', 'second-token'] });
  const bearer = (authorization: string) => send({ port: httpPort, headers: { authorization } });
  for (const good of ['Bearer first-token', 'bearer second-token']) expect((await bearer(good)).status).toBe(200);
  for (const bad of ['Bearer first-toke', 'Bearer', 'Basic first-token', 'first-token', '']) {
    expect((await bearer(bad)).status).toBe(401);
  }
  const refused = await send({ port: httpPort });
  expect([refused.status, refused.headers['www-authenticate'], statusOf(refused).code]).toEqual([401, 'Bearer', 16]);
  const client = grpcClient(grpcPort);
  const code = async (metadata: Record<string, string>): Promise<number> =>
    (await exportGrpc(client, 'traces', Buffer.alloc(0), { metadata })).code;
  expect(await code({ authorization: 'Bearer first-token' })).toBe(0);
  expect(await code({ authorization: 'Bearer x' })).toBe(16);
  expect(await code({})).toBe(16);
  client.close();
  expect(sink.requests).toHaveLength(3);
});

test('requests that arrive slowly give their memory up when others need it, and are told to come again', async () => {
  const { httpPort, grpcPort, sink } = await open({ limits: { slowRequestMs: 50 } });
  sink.roomBytes = 300_000;
  const { socket, closed } = rawConnection(httpPort);
  const head =
    'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 140000\r\n\r\n';
  socket.write(`${head}?`);
  const session = openSession(grpcPort);
  const slowCall = rawStream(session, {}, framed(Buffer.alloc(1), false, 140_000), false);
  await vi.waitFor(() => expect(sink.heldBytes).toBeGreaterThan(280_000));
  const usual = { port: httpPort, body: Buffer.alloc(200_000) };
  await vi.waitFor(async () => expect((await send(usual)).status).not.toBe(503), { timeout: 5_000 });
  expect((await slowCall).code).toBe(14);
  socket.end();
  const said = (await closed).toLowerCase();
  expect(said.startsWith('http/1.1 503 ')).toBe(true);
  expect(said).toContain('\r\nretry-after: 1\r\n');
  await released(sink);
  session.destroy();
});

test('a gRPC connection of which a thousand calls in a row are refused for want of room lives on', async () => {
  const { grpcPort, sink } = await open();
  sink.roomBytes = 0;
  const session = openSession(grpcPort);
  const body = framed(Buffer.alloc(200_000));
  for (let group = 0; group < 20; group++) {
    const calls = Array.from({ length: 50 }, () => rawStream(session, {}, body));
    for (const answer of await Promise.all(calls)) expect(answer.code).toBe(14);
  }
  expect(session.closed || session.destroyed).toBe(false);
  sink.roomBytes = body.length;
  expect((await rawStream(session, {}, body)).code).toBe(0);
  session.destroy();
});

test('a call for which there is no room is answered though its rest never comes', async () => {
  const { grpcPort, sink } = await open();
  sink.roomBytes = 0;
  const session = openSession(grpcPort);
  expect((await rawStream(session, {}, framed(Buffer.alloc(1), false, 140_000), false)).code).toBe(14);
  session.destroy();
});

test('connections over the limit are closed at once, and there is room again when others leave', async () => {
  const { httpPort } = await open({ limits: { connectionsMax: 3 } });
  const held = [1, 2, 3].map(() => rawConnection(httpPort));
  await vi.waitFor(() => expect(world.doors.counters().connections).toBe(3));
  await expect(send({ port: httpPort })).rejects.toThrow();
  held[0].socket.destroy();
  await vi.waitFor(() => expect(world.doors.counters().connections).toBe(2));
  expect((await send({ port: httpPort })).status).toBe(200);
  for (const { socket } of held) socket.destroy();
});

test('a client that sends its headers or its body too slowly is answered 408 and let go', async () => {
  const { httpPort, sink } = await open({ limits: { requestTimeoutMs: 300 } });
  const head = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n';
  const slow = [head, `${head}content-length: 1000\r\n\r\nsome`].map((text) => {
    const connection = rawConnection(httpPort);
    connection.socket.write(text);
    return connection.closed;
  });
  for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1\.1 408 .*requestTimeoutMs/s);
  const silent = rawConnection(httpPort);
  await silent.closed;
  await released(sink);
  expect(sink.requests).toHaveLength(0);
});

test('a gRPC client that does not finish its message in time is DEADLINE_EXCEEDED, and its stream ends', async () => {
  const { grpcPort, sink } = await open({ limits: { requestTimeoutMs: 200 } });
  const session = openSession(grpcPort);
  const answer = await rawStream(session, {}, framed(Buffer.alloc(100)).subarray(0, 50), false);
  expect([answer.code, answer.message]).toEqual([4, expect.stringContaining('requestTimeoutMs')]);
  await released(sink);
  session.destroy();
});

test('grpc-timeout is honoured: an answer that comes too late is DEADLINE_EXCEEDED, its memory is held until the sink is done', async () => {
  const { grpcPort, sink } = await open();
  const finish = heldBack(sink);
  const session = openSession(grpcPort);
  const answer = await rawStream(session, { 'grpc-timeout': '100m' }, framed(Buffer.alloc(500)));
  expect([answer.code, answer.message]).toEqual([4, expect.stringContaining('grpc-timeout 100m')]);
  expect(sink.heldBytes).toBeGreaterThanOrEqual(500);
  finish();
  await released(sink);
  session.destroy();
});

test.each(['99999999H', '30S', 'soon', ''])('a call with the timeout "%s" has time', async (timeout) => {
  const { grpcPort, sink } = await open();
  sink.reply = async () => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return SUCCESS;
  };
  const session = openSession(grpcPort);
  const headers = timeout === '' ? {} : { 'grpc-timeout': timeout };
  expect((await rawStream(session, headers, framed(Buffer.alloc(5)))).code).toBe(0);
  session.destroy();
});

test('a request that has arrived may wait for its answer longer than it may take to arrive', async () => {
  const { grpcPort, httpPort, sink } = await open({ limits: { requestTimeoutMs: 100 } });
  sink.reply = async () => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    return SUCCESS;
  };
  const client = grpcClient(grpcPort);
  const patient = exportGrpc(client, 'traces', Buffer.alloc(5), { deadlineMs: 10_000 });
  expect([(await send({ port: httpPort })).status, (await patient).code]).toEqual([200, 0]);
  client.close();
});

test('a unary call is one whole frame, unpacked as its headers say', async () => {
  const { grpcPort, sink } = await open();
  const session = openSession(grpcPort);
  const one = framed(Buffer.from('abc'));
  const wrong: [string, Buffer][] = [
    ['not even a frame header', Buffer.alloc(0)],
    ['not even a frame header', one.subarray(0, 3)],
    ['bytes', framed(Buffer.from('abc'), false, 4)],
    ['more than one message', framed(Buffer.from('abc'), false, 2)],
    ['more than one message', Buffer.concat([one, one])],
    ['compression flag', Buffer.from([2, 0, 0, 0, 0])],
    ['no grpc-encoding', framed(zlib.gzipSync('abc'), true)],
  ];
  for (const [message, body] of wrong) {
    const answer = await rawStream(session, {}, body);
    expect(answer.code, message).toBe(3);
    expect(answer.message).toContain(message);
  }
  expect(sink.requests).toHaveLength(0);
  expect((await rawStream(session, {}, one)).code).toBe(0);
  // With an encoding, a message may still be sent as it is.
  expect((await rawStream(session, { 'grpc-encoding': 'gzip' }, one)).code).toBe(0);
  session.destroy();
});

test('a frame that says it is over the limit is refused at its header, before the rest is sent', async () => {
  const { grpcPort, sink } = await open();
  const session = openSession(grpcPort);
  const answer = await rawStream(session, {}, framed(Buffer.alloc(10), false, 0xffffffff), false);
  expect(answer.code).toBe(8);
  expect(sink.peakBytes).toBeLessThan(1000);
  await released(sink);
  session.destroy();
});

test('an unknown grpc-encoding is UNIMPLEMENTED and names the known ones', async () => {
  const { grpcPort } = await open();
  const session = openSession(grpcPort);
  const answer = await rawStream(session, { 'grpc-encoding': 'br' }, framed(Buffer.alloc(0)));
  expect(answer.code).toBe(12);
  expect(String(answer.headers['grpc-accept-encoding']).split(',')).toEqual(
    expect.arrayContaining(['identity', 'gzip', 'zstd']),
  );
  expect((await rawStream(session, { 'content-type': 'application/json' }, Buffer.alloc(0))).headers[':status']).toBe(
    415,
  );
  expect((await rawStream(session, { ':method': 'GET' }, Buffer.alloc(0))).headers[':status']).toBe(405);
  session.destroy();
});

test('metadata over the limit is RESOURCE_EXHAUSTED, and the connection goes on', async () => {
  const { grpcPort, sink } = await open({ limits: { headerBytesMax: 4096 } });
  const session = openSession(grpcPort);
  const answer = await rawStream(session, { x: 'y'.repeat(8192) }, framed(Buffer.alloc(0)));
  expect([answer.code, answer.message]).toEqual([8, expect.stringContaining('limits.headerBytesMax')]);
  expect((await rawStream(session, { x: 'y'.repeat(2000) }, framed(Buffer.alloc(0)))).code).toBe(0);
  expect(sink.requests).toHaveLength(1);
  session.destroy();
});

test('the health service says SERVING without a token', async () => {
  const { grpcPort } = await open({ tokens: ['secret'] });
  const session = openSession(grpcPort);
  const answer = await rawStream(session, { ':path': HEALTH }, framed(Buffer.alloc(0)));
  expect([answer.code, [...answer.body]]).toEqual([0, [0, 0, 0, 0, 2, 8, 1]]);
  const name = Buffer.from('opentelemetry.proto.collector.trace.v1.TraceService');
  const named = framed(Buffer.concat([Buffer.from([10, name.length]), name]));
  expect((await rawStream(session, { ':path': HEALTH }, named)).code).toBe(0);
  expect((await rawStream(session, { ':path': HEALTH }, framed(Buffer.from([10, 1, 120])))).code).toBe(5);
  session.destroy();
});

test('drain answers what is open, refuses new connections and ends idle ones and health watches', async () => {
  const { grpcPort, httpPort, sink, doors } = await open();
  const agent = new http.Agent({ keepAlive: true });
  expect((await send({ port: httpPort, agent })).status).toBe(200);
  const silent = rawConnection(httpPort);
  const idle = openSession(grpcPort);
  await new Promise((resolve) => idle.on('connect', resolve));
  const watched = openSession(grpcPort);
  const watch = rawStream(watched, { ':path': '/grpc.health.v1.Health/Watch' }, framed(Buffer.alloc(0)));
  const finish = heldBack(sink);
  const client = grpcClient(grpcPort);
  const answers = [send({ port: httpPort, agent, body: 'x' }), exportGrpc(client, 'logs', Buffer.from('x'))] as const;
  await taken(sink, 3);
  let drained = false;
  const draining = doors.drain().then(() => {
    drained = true;
  });
  await silent.closed;
  await expect(send({ port: httpPort })).rejects.toThrow();
  expect(drained).toBe(false);
  finish();
  const [overHttp, overGrpc] = await Promise.all(answers);
  expect([overHttp.status, overHttp.headers.connection, overGrpc.code]).toEqual([200, 'close', 0]);
  expect((await watch).body.length).toBeGreaterThan(0);
  await draining;
  await vi.waitFor(() => expect(world.doors.counters().connections).toBe(0));
  client.close();
  agent.destroy();
});

test('clients that leave in mid-request give their memory back', async () => {
  const { grpcPort, httpPort, sink } = await open();
  const connection = rawConnection(httpPort);
  const head =
    'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 5000\r\n\r\n';
  connection.socket.write(`${head}${'x'.repeat(2000)}`);
  const session = openSession(grpcPort);
  const left = rawStream(session, {}, framed(Buffer.alloc(5000)).subarray(0, 2000), false).catch(() => undefined);
  await vi.waitFor(() => expect(sink.heldBytes).toBeGreaterThan(4000));
  connection.socket.destroy();
  session.destroy();
  await left;
  await released(sink);
  expect(sink.requests).toHaveLength(0);
});

test('a client that leaves while its request is being written does not free the memory that the sink still uses', async () => {
  const { httpPort, sink } = await open();
  const finish = heldBack(sink);
  const request = http.request({ host: '127.0.0.1', port: httpPort, path: '/v1/traces', method: 'POST', agent: false });
  request.setHeader('content-type', 'application/x-protobuf');
  request.on('error', () => undefined);
  request.end(Buffer.alloc(3000));
  await taken(sink, 1);
  request.destroy();
  await vi.waitFor(() => expect(world.doors.counters().connections).toBe(0));
  expect(sink.heldBytes).toBeGreaterThanOrEqual(3000);
  finish();
  await released(sink);
});
