import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Hop, openTestHop } from '../../../test/support/hop.ts';
import { encodeProto } from '../../../test/support/otlp-proto.ts';
import { systemClock } from '../../host/clock.ts';
import { nodeDisk } from '../../host/node-disk.ts';
import { TailSampler } from './sampler.ts';
import { parseTailRules, type TailRules } from './tail-rules.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function rulesOf(...lines: string[]): TailRules {
  const rules = parseTailRules(lines);
  if ('problem' in rules) throw new Error(rules.problem);
  return rules;
}

const samplerOf = (hop: Hop, rules: TailRules, waitMs: number, tracesMax = 10_000): TailSampler =>
  new TailSampler({
    ...{ disk: nodeDisk, clock: systemClock, directory: path.join(hop.data, 'tail'), rules, waitMs, tracesMax },
    report: (text) => hop.reports.push(text),
  });

interface Drawn {
  readonly trace: number;
  readonly error?: true;
  readonly ms?: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** One request. A span is named `t<trace>.<number>`. */
let spanNumber = 0;
function request(spans: readonly Drawn[], resource: Readonly<Record<string, string>> = {}): Uint8Array {
  const list = (values: Readonly<Record<string, string>>) =>
    Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  const items = spans.map(({ trace, error, ms = 1, attributes = {} }) => {
    spanNumber++;
    const traceId = Buffer.alloc(16, 1);
    traceId.writeUInt32BE(trace, 0);
    const spanId = Buffer.alloc(8, 1);
    spanId.writeUInt32BE(spanNumber, 0);
    const start = 1_764_000_000_000_000_000n;
    return {
      ...{ traceId, spanId, name: `t${trace}.${spanNumber}`, attributes: list(attributes) },
      ...{ startTimeUnixNano: String(start), endTimeUnixNano: String(start + BigInt(ms * 1e6)) },
      status: error ? { code: 2 } : {},
    };
  });
  return encodeProto('traces', { resources: [{ resource: { attributes: list(resource) }, scopes: [{ items }] }] });
}

/** Spans that arrived, by trace. */
function arrived({ world }: Hop): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { body } of world.sink.requests) {
    for (const [, trace = ''] of Buffer.from(body)
      .toString('latin1')
      .matchAll(/t(\d+)\.\d+/g)) {
      counts[trace] = (counts[trace] ?? 0) + 1;
    }
  }
  return counts;
}

const traces = (forwarder: Awaited<ReturnType<Hop['start']>>) => {
  const account = forwarder.accounts().find(({ signal }) => signal === 'traces');
  if (account === undefined) throw new Error('no account');
  const { received, forwarded, queued, dropped } = account;
  return { received, forwarded, queued, dropped };
};

test('traces with an error, a slow span or an attribute are kept whole, wherever in them it is, the others are dropped and counted', async () => {
  const hop = await openTestHop(closers);
  const rules = rulesOf('errors', 'slower 2s', 'user.vip=yes', 'debug');
  const forwarder = await hop.start({ tail: samplerOf(hop, rules, 300) });
  // The reason comes in a later request, and in a later segment, than the trace's first spans.
  await hop.take(['traces', request([{ trace: 1 }, { trace: 2 }, { trace: 3 }, { trace: 4 }])]);
  await hop.take(
    [
      'traces',
      request([
        { trace: 1, error: true },
        { trace: 2, ms: 2_000 },
        { trace: 5, ms: 1_999 },
      ]),
    ],
    [
      'traces',
      request([
        { trace: 3, attributes: { 'user.vip': 'yes' } },
        { trace: 4, attributes: { 'user.vip': 'no' } },
      ]),
    ],
    ['traces', request([{ trace: 6 }], { debug: '' })],
  );
  await forwarder.idle(10_000);
  expect(arrived(hop)).toEqual({ 1: 2, 2: 2, 3: 2, 6: 1 });
  expect(traces(forwarder)).toEqual({ received: 10, forwarded: 7, queued: 0, dropped: 3 });
  expect(rules.rules.map(({ text, kept }) => [text, kept])).toEqual([
    ['keep errors', 1],
    ['keep slower 2s', 1],
    ['keep user.vip=yes', 1],
    ['keep debug', 1],
  ]);
});

test('of the rest a share is kept, whole traces, and a late span follows the decision, whatever it says', async () => {
  const hop = await openTestHop(closers);
  const rules = rulesOf('errors', '25%');
  const tail = samplerOf(hop, rules, 0);
  const forwarder = await hop.start({ tail });
  const all = Array.from({ length: 2_000 }, (_, trace) => ({ trace }));
  await hop.take(['traces', request([...all, ...all])]);
  await forwarder.idle(10_000);
  const first = arrived(hop);
  expect(Object.values(first).every((count) => count === 2)).toBe(true);
  expect(Object.keys(first).length / 2_000).toBeGreaterThan(0.22);
  expect(Object.keys(first).length / 2_000).toBeLessThan(0.28);
  // An error that comes when the trace is gone does not bring half of it back.
  await hop.take(['traces', request(all.map(({ trace }) => ({ trace, error: true as const })))]);
  await forwarder.idle(10_000);
  const kept = Object.keys(first).length;
  expect(arrived(hop)).toEqual(Object.fromEntries(Object.keys(first).map((trace) => [trace, 3])));
  expect(traces(forwarder)).toEqual({ received: 6_000, forwarded: 3 * kept, queued: 0, dropped: 6_000 - 3 * kept });
  expect(tail.late).toBe(2_000);
});

test('a process that dies forgets no decision: what was decided stays, also for segments that are gone, and what waits is decided once', async () => {
  const hop = await openTestHop(closers);
  const first = await hop.start({ tail: samplerOf(hop, rulesOf('errors'), 0) });
  await hop.take(['traces', request([{ trace: 1, error: true }, { trace: 2 }])]);
  await first.idle(10_000);
  // Its answer is lost: the next process does not know whether it was taken, and must send the same again.
  await first.stop();
  const second = await hop.start({ tail: samplerOf(hop, rulesOf('errors'), 60_000) });
  await hop.take(['traces', request([{ trace: 1 }, { trace: 2, error: true }, { trace: 3 }])]);
  await second.stop();
  const third = await hop.start({ tail: samplerOf(hop, rulesOf('errors'), 0) });
  await third.idle(10_000);
  expect(arrived(hop)).toEqual({ 1: 2 });
  expect(traces(third)).toEqual({ received: 5, forwarded: 2, queued: 0, dropped: 3 });
});

test('what was decided is sent the same after a crash, though the rules have changed or are gone', async () => {
  const hop = await openTestHop(closers);
  hop.world.sink.reply = () => ({ kind: 'overloaded', message: 'later', retryAfterMs: 50 });
  const first = await hop.start({ tail: samplerOf(hop, rulesOf('errors'), 0) });
  await hop.take(['traces', request([{ trace: 1, error: true }, { trace: 2 }, { trace: 3, ms: 5_000 }])]);
  while (hop.world.sink.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await first.stop();
  hop.world.sink.reply = () => ({ kind: 'success', rejected: 0, message: '' });
  const before = hop.world.sink.requests.length;
  const second = await hop.start({ tail: samplerOf(hop, rulesOf(), 0) });
  await second.idle(10_000);
  const bodies = hop.world.sink.requests.map(({ body }) => Buffer.from(body).toString('base64'));
  expect(bodies[before]).toBe(bodies[0]);
  expect(traces(second)).toEqual({ received: 3, forwarded: 1, queued: 0, dropped: 2 });
});

test('over its number of traces the oldest are decided on early, and nothing waits for ever', async () => {
  const hop = await openTestHop(closers);
  const tail = samplerOf(hop, rulesOf('errors', '0%'), 60_000, 50);
  const forwarder = await hop.start({ tail });
  for (let part = 0; part < 4; part++) {
    await hop.take([
      'traces',
      request(Array.from({ length: 40 }, (_, i) => ({ trace: part * 100 + i, error: true as const }))),
    ]);
  }
  while (traces(forwarder).forwarded < 80) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(tail.early).toBeGreaterThan(0);
  expect(traces(forwarder).dropped).toBe(0);
});

test('a record that the disk damaged is lost and counted, whatever was decided on the others', async () => {
  const hop = await openTestHop(closers);
  await hop.take(['traces', request([{ trace: 1, error: true }])], ['traces', request([{ trace: 2, error: true }])]);
  const directory = path.join(hop.data, 'journal/r0');
  const file = path.join(directory, fs.readdirSync(directory).find((name) => name.endsWith('.journal')) ?? '');
  const bytes = fs.readFileSync(file);
  const at = bytes.indexOf('t1.');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  fs.writeFileSync(file, bytes);
  const forwarder = await hop.start({ tail: samplerOf(hop, rulesOf('errors'), 0) });
  await forwarder.idle(10_000);
  expect(traces(forwarder)).toEqual({ received: 2, forwarded: 1, queued: 0, dropped: 0 });
  expect(forwarder.accounts().find(({ signal }) => signal === 'traces')?.lost).toBe(1);
});

test('metrics and logs do not wait for traces', async () => {
  const hop = await openTestHop(closers);
  const forwarder = await hop.start({ tail: samplerOf(hop, rulesOf('errors'), 60_000) });
  const log = encodeProto('logs', { resources: [{ scopes: [{ items: [{ eventName: 'e' }] }] }] });
  await hop.take(['traces', request([{ trace: 1 }])], ['logs', log]);
  while (hop.world.sink.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(hop.world.sink.requests.map(({ signal }) => signal)).toEqual(['logs']);
  expect(traces(forwarder).queued).toBe(1);
});

test.each(['', 'slower', 'slower soon', '101%', 'a b', '=x'])('the line %j is refused with what to write', (line) => {
  expect(parseTailRules([line])).toMatchObject({ problem: expect.stringContaining('write errors, slower 2s') });
});

test('a second share is refused by name', () => {
  expect(parseTailRules(['10%', '20%'])).toEqual({ problem: '"20%": there is a share already, keep 10%' });
});
