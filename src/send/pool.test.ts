import { afterEach, expect, test } from 'vitest';
import { openWorld, type RecordingSink, SUCCESS, type World } from '../../test/support/doors.ts';
import { testLink } from '../../test/support/link.ts';
import { LIMITS } from '../base/limits.ts';
import { HOP_HEADERS } from '../base/names.ts';
import { systemClock } from '../host/clock.ts';
import { ManualClock } from '../host/manual-clock.ts';
import type { Outcome } from '../wire/outcome.ts';
import { judge } from './answer.ts';
import { HttpTransport } from './http-transport.ts';
import type { Link } from './link.ts';
import { type Pin, type PoolOptions, TargetPool } from './pool.ts';
import { parseTarget } from './target.ts';
import type { Reply, Transport } from './transport.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Pair {
  readonly worlds: readonly [World<RecordingSink>, World<RecordingSink>];
  readonly urls: readonly [string, string];
}

async function openPair(): Promise<Pair> {
  const worlds = [await openWorld(), await openWorld()] as const;
  for (const world of worlds) closers.push(() => world.close());
  const urls = [`http://127.0.0.1:${worlds[0].httpPort}`, `http://127.0.0.1:${worlds[1].httpPort}`] as const;
  return { worlds, urls };
}

function connect(url: string, link: Link): Transport {
  const target = parseTarget(url);
  if ('problem' in target) throw new Error(target.problem);
  const options = { packing: 'none', timeoutMs: 150, headers: {}, tls: {}, connectionAgeMsMax: 60_000 } as const;
  return new HttpTransport(target, options, link);
}

function memoryPin(
  first?: string,
  inDoubtUpTo = '',
): Pin & { readonly set: (url: string) => Promise<void>; history: string[] } {
  let url = first;
  const history: string[] = [];
  return {
    history,
    inDoubtUpTo,
    get: () => url,
    async set(next) {
      url = next;
      history.push(next);
    },
  };
}

function openWay(pair: Pair, options: Partial<PoolOptions> = {}, pin: Pin = memoryPin()): Transport {
  const check = async () => ({ kind: 'passed', tookMs: 1 }) as const;
  const pool = new TargetPool({
    urls: pair.urls,
    balancer: 'round-robin',
    failover: 'known',
    connect,
    check,
    clock: systemClock,
    ...options,
  });
  closers.push(() => pool.stop());
  const way = pool.connect('lane', pin, testLink());
  closers.push(() => way.close());
  return way;
}

const send = async (way: Transport): Promise<string> =>
  judge(await way.call({ signal: 'traces', body: [], headers: {} }), 0).kind;
const taken = ({ worlds }: Pair): number[] => worlds.map(({ sink }) => sink.requests.length);
const never = (): Promise<Outcome> => new Promise(() => {});

test('batches go to the targets in turn, and which one was last is written down before it is sent to', async () => {
  const pair = await openPair();
  const pin = memoryPin();
  const way = openWay(pair, {}, pin);
  for (let i = 0; i < 4; i++) expect(await send(way)).toBe('acknowledged');
  expect(taken(pair)).toEqual([2, 2]);
  expect(pin.history.length).toBe(4);
});

test('what is closed while it writes down its target opens nothing any more', async () => {
  const pair = await openPair();
  let written: () => void = () => {};
  const pin: Pin = {
    ...memoryPin(),
    set: () =>
      new Promise((resolve) => {
        written = resolve;
      }),
  };
  const way = openWay(pair, {}, pin);
  const sending = way.call({ signal: 'traces', body: [], headers: {} });
  way.close();
  written();
  expect(await sending).toMatchObject({ kind: 'none', sent: false });
  expect(taken(pair)).toEqual([0, 0]);
});

test('consistent hashing keeps a lane with one target', async () => {
  const pair = await openPair();
  const way = openWay(pair, { balancer: 'consistent-hash' });
  for (let i = 0; i < 5; i++) await send(way);
  expect(taken(pair).sort()).toEqual([0, 5]);
});

test('a target that nothing reaches is passed over', async () => {
  const pair = await openPair();
  await pair.worlds[0].close();
  const way = openWay(pair);
  const verdicts: string[] = [];
  for (let i = 0; i < 6; i++) verdicts.push(await send(way));
  expect(verdicts).toContain('retry');
  expect(pair.worlds[1].sink.requests.length).toBeGreaterThanOrEqual(3);
});

test('a batch that a target did not answer stays with it until it answers', async () => {
  const pair = await openPair();
  pair.worlds[0].sink.reply = never;
  pair.worlds[1].sink.reply = never;
  const way = openWay(pair);
  expect(await send(way)).toBe('retry');
  const first = taken(pair)[0] === 1 ? 0 : 1;
  for (let i = 0; i < 2; i++) expect(await send(way)).toBe('retry');
  expect(taken(pair)[first]).toBe(3);
  expect(taken(pair)[1 - first]).toBe(0);
  for (const { sink } of pair.worlds) sink.reply = () => SUCCESS;
  expect(await send(way)).toBe('acknowledged');
  expect(taken(pair)[first]).toBe(4);
  expect(await send(way)).toBe('acknowledged');
  expect(taken(pair)[1 - first]).toBe(1);
});

test('nor does it go to another target when something between answers, or when it is told to come again', async () => {
  const pair = await openPair();
  const way = openWay(pair);
  for (const { sink } of pair.worlds) sink.reply = never;
  expect(await send(way)).toBe('retry');
  const first = taken(pair)[0] === 1 ? 0 : 1;
  for (const { sink } of pair.worlds) {
    sink.reply = () => ({ kind: 'overloaded', message: 'an earlier batch is still being taken in', retryAfterMs: 1 });
  }
  for (let i = 0; i < 2; i++) expect(await send(way)).toBe('retry');
  expect(taken(pair)[first]).toBe(3);
  expect(taken(pair)[1 - first]).toBe(0);
});

test('an answer of a gateway leaves in doubt what the target has taken', async () => {
  const replies: Reply[] = [504, 200].map((status) => ({ kind: 'http', status, headers: {}, body: new Uint8Array(0) }));
  const called: string[] = [];
  const pool = new TargetPool({
    urls: ['a', 'b'],
    balancer: 'round-robin',
    failover: 'known',
    connect: (url) => ({
      call: async () => {
        called.push(url);
        return replies.shift() as Reply;
      },
      close: () => {},
      connections: () => [],
    }),
    check: async () => ({ kind: 'passed', tookMs: 1 }),
    clock: systemClock,
  });
  closers.push(() => pool.stop());
  const way = pool.connect('lane', memoryPin(), testLink());
  expect([await send(way), await send(way)]).toEqual(['retry', 'acknowledged']);
  expect(called[1]).toBe(called[0]);
});

test('where doubling is allowed, it goes to the next target at once', async () => {
  const pair = await openPair();
  pair.worlds[0].sink.reply = never;
  const way = openWay(pair, { failover: 'always' });
  const verdicts = [await send(way), await send(way), await send(way)];
  expect(verdicts.filter((kind) => kind === 'acknowledged').length).toBeGreaterThanOrEqual(1);
  expect(pair.worlds[1].sink.requests.length).toBeGreaterThanOrEqual(1);
});

test('a next process begins with the target that the last one sent to', async () => {
  const pair = await openPair();
  for (const url of pair.urls) {
    const before = taken(pair);
    await send(openWay(pair, {}, memoryPin(url)));
    const row = pair.urls.indexOf(url);
    expect(taken(pair)[row]).toBe((before[row] ?? 0) + 1);
  }
});

test('a next process stays with that target for all that the last one may have sent, not for the first batch alone', async () => {
  const pair = await openPair();
  for (const [row, url] of pair.urls.entries()) {
    const way = openWay(pair, {}, memoryPin(url, '05'));
    const before = taken(pair);
    for (const batch of ['01-02', '03-04', '05-06']) {
      const call = { signal: 'traces', body: [], headers: { [HOP_HEADERS.batch]: batch } } as const;
      expect(judge(await way.call(call), 0).kind).toBe('acknowledged');
    }
    expect(taken(pair)[row]).toBe((before[row] ?? 0) + 3);
    for (const batch of ['07-07', '08-08']) {
      await way.call({ signal: 'traces', body: [], headers: { [HOP_HEADERS.batch]: batch } });
    }
    expect(taken(pair)[row]).toBe((before[row] ?? 0) + 4);
  }
});

test('no target at all is a failed try that left nothing in doubt', async () => {
  const pair = await openPair();
  const reply = await openWay(pair, { urls: [] }).call({ signal: 'traces', body: [], headers: {} });
  expect(reply).toMatchObject({ kind: 'none', sent: false });
});

/** A pool over targets that are no more than names; each call is written down and answered by `reply`. */
function openChanging(urls: readonly string[], options: Partial<PoolOptions> = {}, pin: Pin = memoryPin()) {
  const clock = new ManualClock();
  const called: string[] = [];
  const closed: string[] = [];
  const world = { called, closed, clock, status: 200, isAnswering: true };
  const pool = new TargetPool({
    urls,
    balancer: 'round-robin',
    failover: 'known',
    connect: (url) => ({
      call: async () => {
        called.push(url);
        if (!world.isAnswering) return { kind: 'none', reason: 'cut', sent: true };
        return { kind: 'http', status: world.status, headers: {}, body: new Uint8Array(0) };
      },
      close: () => closed.push(url),
      connections: () => [],
    }),
    check: async () => ({ kind: 'passed', tookMs: 1 }),
    clock,
    ...options,
  });
  closers.push(() => pool.stop());
  const way = pool.connect('lane', pin, testLink());
  return { ...world, world, pool, way };
}

test('addresses that come are sent to, those that go are not', async () => {
  const { pool, way, called, closed, clock } = openChanging(['n#1', 'n#2']);
  for (let i = 0; i < 2; i++) await send(way);
  pool.change({ urls: ['n#2', 'n#3'] });
  clock.advance(LIMITS.slowStartMs);
  called.length = 0;
  for (let i = 0; i < 4; i++) await send(way);
  expect(called.sort()).toEqual(['n#2', 'n#2', 'n#3', 'n#3']);
  expect(closed).toEqual(['n#1']);
  expect(pool.states().map(({ url }) => url)).toEqual(['n#2', 'n#3']);
});

test('an address that comes gets its load little by little; one that stays keeps its health', async () => {
  const { pool, clock } = openChanging(['n#1', 'n#2']);
  for (let failures = 0; failures < LIMITS.ejectAfterFailures; failures++) pool.noteAnswer('n#2', false);
  pool.change({ urls: ['n#0', 'n#2', 'n#1'] });
  clock.advance(LIMITS.slowStartMs / 2);
  expect(pool.states().map(({ condition, share }) => [condition, share])).toEqual([
    ['up', 0.5],
    ['ejected', 0],
    ['up', 1],
  ]);
});

test('a batch in doubt stays with an address that has gone, and goes elsewhere when that is long ago', async () => {
  const reports: string[] = [];
  const { pool, way, world, called, clock } = openChanging(['n#1', 'n#2'], { report: (text) => reports.push(text) });
  world.isAnswering = false;
  await send(way);
  const [first] = called;
  pool.change({ urls: ['n#3', 'n#4'] });
  await send(way);
  clock.advance(LIMITS.addressGoneMs);
  await send(way);
  expect(called).toEqual([first, first, first]);
  expect(reports).toEqual([]);
  clock.advance(1);
  world.isAnswering = true;
  expect(await send(way)).toBe('acknowledged');
  expect(['n#3', 'n#4']).toContain(called[3]);
  expect(reports).toEqual([`${first} has gone: a batch that it may have taken goes elsewhere`]);
});

test('a batch in doubt follows its Clew to another address at once', async () => {
  const instances = new Map([
    ['n#1', 'one'],
    ['n#2', 'two'],
    ['n#8', 'two'],
    ['n#9', 'one'],
  ]);
  const pin = memoryPin();
  const { pool, way, world, called } = openChanging(['n#1', 'n#2'], { instanceOf: (url) => instances.get(url) }, pin);
  world.isAnswering = false;
  await send(way);
  const moved = called[0] === 'n#1' ? 'n#9' : 'n#8';
  pool.change({ urls: ['n#8', 'n#9'] });
  world.isAnswering = true;
  expect(await send(way)).toBe('acknowledged');
  expect(called[1]).toBe(moved);
  expect(pin.get()).toBe(moved);
});

test('a next process stays with an address of the last one that is no longer there, for all that may have been sent', async () => {
  const pin = memoryPin('http://n:1#10.0.0.1', '05');
  const { way, called } = openChanging(['http://n:1#10.0.0.2', 'http://n:1#10.0.0.3'], {}, pin);
  const call = { signal: 'traces', body: [], headers: { [HOP_HEADERS.batch]: '01-02' } } as const;
  await way.call(call);
  expect(called).toEqual(['http://n:1#10.0.0.1']);
});

test('the only target there is is used also while it seems to be down', async () => {
  const { pool, way, called } = openChanging(['n']);
  for (let failures = 0; failures < 2 * LIMITS.ejectAfterFailures; failures++) pool.noteAnswer('n', false);
  expect(await send(way)).toBe('acknowledged');
  expect(called).toEqual(['n']);
});
