import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../base/limits.ts';
import { systemClock } from '../host/clock.ts';
import { ManualClock } from '../host/manual-clock.ts';
import type { PostOutcome } from '../host/webhook.ts';
import { type Notice, Notifier, type Receiver, webhook } from './notify.ts';

const notice = (text: string): Notice => ({ kind: 'cycle', time: '2026-01-01T00:00:00.000Z', text, details: { n: 1 } });

/** A receiver that answers as it is told, and remembers what it was told. */
function drawnReceiver(answers: (PostOutcome | Error)[]): Receiver & { readonly told: string[] } {
  const told: string[] = [];
  return {
    name: 'drawn',
    told,
    deliver({ text }) {
      told.push(text);
      const answer = answers.shift() ?? { ok: true };
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
}

function open(receivers: Receiver[]) {
  const clock = new ManualClock();
  const reports: string[] = [];
  const notifier = new Notifier({ clock, chance: () => 0, receivers, report: (text) => reports.push(text) });
  /** Lets promises settle, then moves time, often enough for `tries` tries. */
  const pass = async (tries: number): Promise<void> => {
    for (let i = 0; i < tries; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(LIMITS.noticeDelayMsMax);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { notifier, reports, pass, clock };
}

const later = (reason: string): PostOutcome => ({ ok: false, again: true, reason });

describe('a notifier', () => {
  it('repeats a try that failed, in order, and counts one delivery', async () => {
    const receiver = drawnReceiver([later('answered 503'), new Error('broken')]);
    const { notifier, reports, pass } = open([receiver]);
    notifier.notify(notice('one'));
    notifier.notify(notice('two'));
    await pass(3);
    expect(receiver.told).toEqual(['one', 'one', 'one', 'two']);
    expect(notifier.counts()).toEqual([
      { name: 'drawn', accepted: 2, delivered: 2, failed: 0, dropped: 0, waiting: 0, tries: 4, problem: null },
    ]);
    expect(reports).toEqual([]);
  });

  it('gives a notice up after the last try and goes on with the next', async () => {
    const receiver = drawnReceiver(Array.from({ length: LIMITS.noticeTriesMax }, () => later('answered 500')));
    const { notifier, reports, pass } = open([receiver]);
    notifier.notify(notice('one'));
    notifier.notify(notice('two'));
    await pass(LIMITS.noticeTriesMax);
    expect(receiver.told.filter((text) => text === 'one')).toHaveLength(LIMITS.noticeTriesMax);
    expect(receiver.told.at(-1)).toBe('two');
    expect(notifier.counts()[0]).toMatchObject({ delivered: 1, failed: 1, waiting: 0 });
    expect(reports).toEqual(['drawn was not told "one": answered 500, after 8 tries']);
  });

  it('does not repeat what is refused for good, and waits as long as a server asks', async () => {
    const receiver = drawnReceiver([
      { ok: false, again: false, reason: 'answered 404' },
      { ok: false, again: true, reason: 'answered 429', afterMs: 60_000 },
    ]);
    const { notifier, pass, clock } = open([receiver]);
    notifier.notify(notice('one'));
    notifier.notify(notice('two'));
    await pass(0);
    expect(receiver.told).toEqual(['one', 'two']);
    clock.advance(59_999);
    await pass(0);
    expect(receiver.told).toHaveLength(2);
    clock.advance(1);
    await pass(0);
    expect(receiver.told).toEqual(['one', 'two', 'two']);
  });

  it('bounds what waits, and says at its end what was not told', async () => {
    const receiver = drawnReceiver([later('down')]);
    const { notifier, reports, pass, clock } = open([receiver]);
    for (let i = 0; i < LIMITS.noticesWaitingMax + 2; i++) notifier.notify(notice(`${i}`));
    await pass(0);
    expect(notifier.counts()[0]).toMatchObject({ accepted: 102, waiting: 100, dropped: 2, problem: 'down' });
    expect(reports).toHaveLength(2);
    notifier.close();
    expect(reports).toHaveLength(102);
    clock.advance(LIMITS.noticeDelayMsMax);
    notifier.notify(notice('late'));
    expect(receiver.told).toHaveLength(1);
  });

  it('lets a slow receiver not hold up another', async () => {
    const slow: Receiver = { name: 'slow', deliver: () => new Promise(() => {}) };
    const quick = drawnReceiver([]);
    const { notifier, pass } = open([slow, quick]);
    notifier.notify(notice('one'));
    notifier.notify(notice('two'));
    await pass(0);
    expect(quick.told).toEqual(['one', 'two']);
    expect(notifier.counts()[0]).toMatchObject({ waiting: 2, tries: 1 });
  });
});

describe('a webhook', () => {
  const servers: http.Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  const listen = async (answer: (body: string, request: http.IncomingMessage) => [number, Record<string, string>]) => {
    const server = http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const [status, headers] = answer(Buffer.concat(chunks).toString(), request);
      response.writeHead(status, headers).end('ok');
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it('posts the notice as JSON with its headers, again after a 503 until it is taken', async () => {
    const bodies: unknown[] = [];
    let done: () => void = () => {};
    const taken = new Promise<void>((resolve) => {
      done = resolve;
    });
    const origin = await listen((body, request) => {
      bodies.push(JSON.parse(body));
      expect(request.headers['x-key']).toBe('secret');
      if (bodies.length === 2) done();
      return [bodies.length === 1 ? 503 : 204, {}];
    });
    const receiver = webhook(`${origin}/hook/secret?token=t`, { 'x-key': 'secret' });
    expect(receiver.name).toBe(origin);
    const notifier = new Notifier({ clock: systemClock, chance: () => 0, receivers: [receiver], report: () => {} });
    notifier.notify(notice('a new cycle'));
    await taken;
    expect(bodies).toEqual([notice('a new cycle'), notice('a new cycle')]);
    notifier.close();
  });

  it.each([
    [404, {}, { ok: false, again: false, reason: 'answered 404' }],
    [302, { location: 'http://127.0.0.1:1/' }, { ok: false, again: false, reason: 'answered 302' }],
    [429, { 'retry-after': '2' }, { ok: false, again: true, reason: 'answered 429', afterMs: 2000 }],
  ] as const)('understands the answer %i', async (status, headers, expected) => {
    const origin = await listen(() => [status, headers]);
    expect(await webhook(origin, {}).deliver(notice('one'))).toEqual(expected);
  });

  it('may be tried again when nobody listens', async () => {
    const origin = await listen(() => [200, {}]);
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    const outcome = await webhook(origin, {}).deliver(notice('one'));
    expect(outcome).toMatchObject({ ok: false, again: true, reason: expect.stringContaining('ECONNREFUSED') });
  });
});
