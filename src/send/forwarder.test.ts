import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type RecordingSink, SUCCESS, type World } from '../../test/support/doors.ts';
import { type Hop, openTestHop } from '../../test/support/hop.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { LIMITS } from '../base/limits.ts';
import { checkRequest } from '../wire/check.ts';
import type { Forwarder } from './forwarder.ts';

const INSTANCE = 'feedc0de00000001';
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const openHop = (): Promise<Hop> => openTestHop(closers);

/** Spans `from` to `to` of one trace; the number is in the span id. */
function spans(from: number, to = from): Uint8Array {
  const items = Array.from({ length: to - from + 1 }, (_, i) => {
    const id = Buffer.alloc(8, 1);
    id.writeUInt32BE(from + i, 4);
    return { traceId: Buffer.alloc(16, 7), spanId: id, name: `span ${from + i}` };
  });
  return encodeProto('traces', { resources: [{ scopes: [{ items }] }] });
}

const SPAN_NAME = /span \d+/g;
const arrived = ({ sink }: World<RecordingSink>): string[] =>
  sink.requests.flatMap(({ body }) =>
    [...Buffer.from(body).toString('latin1').matchAll(SPAN_NAME)].map(([name]) => name),
  );
const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `span ${from + i}`);
const traces = (forwarder: Forwarder) => forwarder.accounts().find(({ signal }) => signal === 'traces');
const journals = (hop: Hop): string[] =>
  fs.readdirSync(path.join(hop.data, 'journal/r0')).filter((name) => name.endsWith('.sealed'));

test('requests are merged, arrive in order, and their segment is forgotten', async () => {
  const hop = await openHop();
  const forwarder = await hop.start();
  await hop.take(['traces', spans(1)], ['traces', spans(2, 3)], ['traces', spans(4)]);
  await forwarder.idle(5_000);
  expect(hop.world.sink.requests.length).toBe(1);
  expect(arrived(hop.world)).toEqual(names(1, 4));
  const [merged] = hop.world.sink.requests;
  expect(checkRequest('traces', merged?.body ?? new Uint8Array(0))).toMatchObject({ items: 4, rejected: 0 });
  expect(traces(forwarder)).toMatchObject({ received: 4, forwarded: 4, queued: 0 });
  expect(journals(hop)).toEqual([]);
});

test('each signal and each baggage goes in requests of its own', async () => {
  const hop = await openHop();
  const logs = encodeProto('logs', { resources: [{ scopes: [{ items: [{ severityText: 'INFO' }] }] }] });
  const forwarder = await hop.start();
  await hop.take(['traces', spans(1), 'a=1'], ['logs', logs], ['traces', spans(2), 'a=1'], ['traces', spans(3), 'b=2']);
  await forwarder.idle(5_000);
  const got = hop.world.sink.requests.map(({ signal, baggage }) => `${signal} ${baggage}`).sort();
  expect(got).toEqual(['logs ', 'traces a=1', 'traces b=2']);
  expect(arrived(hop.world)).toEqual(names(1, 3));
});

test('what was queued while the next hop refused arrives in order, each batch with its place in the stream', async () => {
  const hop = await openHop();
  let refusals = 2;
  hop.world.sink.reply = () => (refusals-- > 0 ? { kind: 'overloaded', message: 'later', retryAfterMs: 50 } : SUCCESS);
  await hop.take(['traces', spans(1, 2)]);
  await hop.take(['traces', spans(3)]);
  const forwarder = await hop.start();
  await forwarder.idle(10_000);
  const taken = hop.world.sink.requests.slice(2);
  expect(
    taken.flatMap(({ body }) => [...Buffer.from(body).toString('latin1').matchAll(SPAN_NAME)].map(String)),
  ).toEqual(names(1, 3));
  const marks = taken.map(({ batch }) => batch?.mark ?? '');
  expect(marks).toEqual([...marks].sort());
  expect(new Set(taken.map(({ batch }) => batch?.stream))).toEqual(new Set([`${INSTANCE}-r0-traces-next`]));
});

test('19. only the request that is refused becomes a dead letter, not what was merged with it', async () => {
  const hop = await openHop();
  hop.world.sink.reply = ({ body }) =>
    Buffer.from(body).includes('span 3') ? { kind: 'invalid', message: 'no threes' } : SUCCESS;
  const forwarder = await hop.start();
  await hop.take(...[1, 2, 3, 4, 5].map((n) => ['traces', spans(n)] as const));
  await forwarder.idle(5_000);
  const [letter, ...more] = await hop.dead.list();
  expect(more).toEqual([]);
  expect(letter).toMatchObject({ signal: 'traces', items: 1, destination: 'next' });
  expect(letter?.reason).toContain('no threes');
  expect(Buffer.from((await hop.dead.read(letter?.id ?? ''))?.body ?? []).equals(spans(3))).toBe(true);
  expect(traces(forwarder)).toMatchObject({ received: 5, forwarded: 4, dead: 1, queued: 0 });
});

test('after its retries a batch becomes a dead letter, and those behind it are sent', async () => {
  const hop = await openHop();
  hop.world.sink.reply = ({ body }) =>
    Buffer.from(body).includes('span 1') ? { kind: 'overloaded', message: 'never', retryAfterMs: 1 } : SUCCESS;
  const forwarder = await hop.start({ retriesMax: 1 });
  await hop.take(['traces', spans(1)]);
  await hop.take(['traces', spans(2)]);
  await forwarder.idle(10_000);
  expect(traces(forwarder)).toMatchObject({ received: 2, forwarded: 1, dead: 1, queued: 0 });
}, 15_000);

test('that a batch is given up is durable before the one behind it is sent', async () => {
  const hop = await openHop();
  const dead: unknown[] = [];
  hop.world.sink.reply = ({ body }) => {
    if (Buffer.from(body).includes('span 1')) return { kind: 'invalid', message: 'no ones' };
    const [json = ''] = fs.readFileSync(path.join(hop.data, 'forward'), 'utf8').split('\n');
    dead.push((JSON.parse(json) as { lanes: Record<string, { dead: number }> }).lanes['next/r0/traces']?.dead);
    return SUCCESS;
  };
  await hop.take(['traces', spans(1)]);
  await hop.take(['traces', spans(2)]);
  const forwarder = await hop.start();
  await forwarder.idle(5_000);
  expect(dead).toEqual([1]);
});

test('10. what is undelivered at the end is kept: a next process goes on where the last one was, and what the receiver holds already is not sent', async () => {
  const hop = await openHop();
  const first = await hop.start();
  await hop.take(['traces', spans(1, 3)]);
  await first.idle(5_000);
  await first.stop();
  const ledger = fs.readFileSync(path.join(hop.data, 'forward'));
  await hop.take(['traces', spans(4)], ['traces', spans(5)], ['traces', spans(6)]);
  // The receiver holds the fourth already; nobody here remembers.
  hop.world.sink.reply = ({ batch }) => {
    const held = `${batch?.mark.slice(0, 16)}00000000`;
    return batch !== undefined && batch.from <= held ? { kind: 'overlap', message: 'held', mark: held } : SUCCESS;
  };
  fs.writeFileSync(path.join(hop.data, 'forward'), ledger);
  const second = await hop.start();
  await second.idle(5_000);
  const [, overlapping, rest] = hop.world.sink.requests;
  expect(overlapping?.batch?.from.endsWith('00000000')).toBe(true);
  expect(Buffer.from(rest?.body ?? []).equals(Buffer.concat([spans(5), spans(6)]))).toBe(true);
  expect(traces(second)).toMatchObject({ received: 6, forwarded: 6, queued: 0 });
});

test('records that the disk damaged are counted as lost, and the rest arrives', async () => {
  const hop = await openHop();
  await hop.take(['traces', spans(1)], ['traces', spans(2)], ['traces', spans(3)]);
  const directory = path.join(hop.data, 'journal/r0');
  const [sealed = ''] = journals(hop);
  const file = path.join(directory, sealed.replace('.sealed', '.journal'));
  const bytes = fs.readFileSync(file);
  bytes.writeUInt8(0xff, bytes.indexOf('span 2'));
  fs.writeFileSync(file, bytes);
  const forwarder = await hop.start();
  await forwarder.idle(5_000);
  expect(arrived(hop.world)).toEqual(['span 1', 'span 3']);
  expect(traces(forwarder)).toMatchObject({ received: 3, forwarded: 2, lost: 1, queued: 0 });
  expect(hop.reports.join()).toContain('damaged');
});

test('a damaged file of positions is refused, and says what to do', async () => {
  const hop = await openHop();
  fs.writeFileSync(path.join(hop.data, 'forward'), '{"version":1}\n00000000\n');
  await expect(hop.start()).rejects.toThrow(/remove it/);
});

test('a segment that is not sealed yet holds back those behind it', async () => {
  const hop = await openHop();
  await hop.take(['traces', spans(1)]);
  await hop.take(['traces', spans(2)]);
  const directory = path.join(hop.data, 'journal/r0');
  const [first = ''] = journals(hop);
  fs.renameSync(path.join(directory, first), path.join(directory, `${first}.tmp`));
  const forwarder = await hop.start();
  await forwarder.idle(200);
  expect(arrived(hop.world)).toEqual([]);
  fs.renameSync(path.join(directory, `${first}.tmp`), path.join(directory, first));
  forwarder.notify();
  await forwarder.idle(5_000);
  expect(arrived(hop.world)).toEqual(names(1, 2));
});

test('5. what rules leave out is counted as dropped, and an empty request is not sent', async () => {
  const hop = await openHop();
  const forwarder = await hop.start({
    rewrite: (_signal, body) => (Buffer.from(body).includes('span 2') ? new Uint8Array(0) : body),
  });
  await hop.take(['traces', spans(1)], ['traces', spans(2)], ['traces', spans(3)]);
  await hop.take(['traces', spans(2)]);
  await forwarder.idle(5_000);
  expect(arrived(hop.world)).toEqual(['span 1', 'span 3']);
  expect(hop.world.sink.requests.length).toBe(1);
  expect(traces(forwarder)).toMatchObject({ received: 4, forwarded: 2, dropped: 2, queued: 0 });
  expect(journals(hop)).toEqual([]);
});

test('spans that were rejected when they came are not sent on', async () => {
  const hop = await openHop();
  const forwarder = await hop.start();
  const bad = encodeProto('traces', {
    resources: [{ scopes: [{ items: [{ traceId: Buffer.alloc(16), spanId: Buffer.alloc(8, 1), name: 'bad' }] }] }],
  });
  await hop.take(['traces', Buffer.concat([bad, spans(1)])], ['traces', spans(2)]);
  await forwarder.idle(5_000);
  const [sent] = hop.world.sink.requests;
  expect(checkRequest('traces', sent?.body ?? new Uint8Array(0))).toMatchObject({ items: 2, rejected: 0 });
  expect(traces(forwarder)).toMatchObject({ received: 2, forwarded: 2, dropped: 0 });
});

test('a batch that is too large for the receiver is sent in parts', async () => {
  const hop = await openHop();
  hop.world.sink.reply = ({ body }) =>
    body.length > 100 ? { kind: 'tooLarge', message: 'at most 100 bytes' } : SUCCESS;
  const forwarder = await hop.start();
  await hop.take(...[1, 2, 3, 4].map((n) => ['traces', spans(n)] as const));
  await forwarder.idle(5_000);
  expect(traces(forwarder)).toMatchObject({ received: 4, forwarded: 4, dead: 0 });
});

test('8, 30. no request is larger than the limit, however many are merged, and the account has every item', async () => {
  const hop = await openHop();
  const big = (n: number): Uint8Array =>
    encodeProto('logs', { resources: [{ scopes: [{ items: [{ severityText: `${n}`.repeat(1_500_000) }] }] }] });
  const forwarder = await hop.start();
  await hop.take(...[1, 2, 3, 4].map((n) => ['logs', big(n)] as const));
  await forwarder.idle(5_000);
  const sizes = hop.world.sink.requests.map(({ body }) => body.length);
  expect(sizes.length).toBe(2);
  for (const size of sizes) expect(size).toBeLessThanOrEqual(LIMITS.forwardBatchBytesMax);
  expect(forwarder.accounts().find(({ signal }) => signal === 'logs')).toMatchObject({ received: 4, forwarded: 4 });
});
