import { afterEach, expect, test } from 'vitest';
import { openWorld, type RecordingSink, type World } from '../../../test/support/doors.ts';
import { type Hop, openTestHop } from '../../../test/support/hop.ts';
import { encodeProto } from '../../../test/support/otlp-proto.ts';
import type { Forwarder, Routing } from '../forwarder.ts';
import { parseRoutes, type RouteSet, routeFilter, routesProblem } from './routes.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function routesOf(lines: readonly string[]): RouteSet {
  const routes = parseRoutes(lines);
  if ('problem' in routes) throw new Error(routes.problem);
  return routes;
}

const routing = (...lines: string[]): Routing => ({
  lines,
  filter: (given, destination) => routeFilter(routesOf(given), destination),
});

/** One span in each of some resources; it is named after them. */
function spans(...environments: readonly string[]): Uint8Array {
  const resources = environments.map((stringValue, index) => ({
    resource: { attributes: [{ key: 'env', value: { stringValue } }] },
    scopes: [
      { items: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, index + 1), name: `span of ${stringValue}` }] },
    ],
  }));
  return encodeProto('traces', { resources });
}

const arrived = ({ sink }: World<RecordingSink>): string[] =>
  sink.requests
    .flatMap(({ body }) => [
      ...Buffer.from(body)
        .toString('latin1')
        .matchAll(/span of (\w+)/g),
    ])
    .map(([, name = '']) => name);

async function threeDoors(): Promise<{ hop: Hop; doors: World<RecordingSink>[]; urls: Record<string, string> }> {
  const hop = await openTestHop(closers);
  const doors = await Promise.all([openWorld(), openWorld(), openWorld()]);
  for (const door of doors) closers.push(() => door.close());
  const names = ['prod', 'rest', 'all'];
  const urls = Object.fromEntries(doors.map(({ httpPort }, i) => [names[i], `http://127.0.0.1:${httpPort}`]));
  return { hop, doors, urls };
}

const counts = (forwarder: Forwarder) =>
  Object.fromEntries(
    forwarder
      .accounts()
      .filter(({ signal }) => signal === 'traces')
      .map(({ destination, received, forwarded, queued, elsewhere }) => [
        destination,
        { received, forwarded, queued, elsewhere },
      ]),
  );

test('each resource goes where the first route that fits leads, and each account is exact', async () => {
  const { hop, doors, urls } = await threeDoors();
  const forwarder = await hop.start({ urls, routing: routing('env=prod prod', 'env=prod rest', 'default rest') });
  await hop.take(['traces', spans('prod', 'test', 'prod')], ['traces', spans('dev')]);
  await forwarder.idle(10_000);
  expect(doors.map(arrived)).toEqual([
    ['prod', 'prod'],
    ['test', 'dev'],
    ['prod', 'test', 'prod', 'dev'],
  ]);
  expect(counts(forwarder)).toEqual({
    prod: { received: 4, forwarded: 2, queued: 0, elsewhere: 2 },
    rest: { received: 4, forwarded: 2, queued: 0, elsewhere: 2 },
    all: { received: 4, forwarded: 4, queued: 0, elsewhere: 0 },
  });
});

test('a route that is away holds up no other, and routes that change lead what waits where it was to go', async () => {
  const { hop, doors, urls } = await threeDoors();
  const [prod, rest] = doors;
  if (prod === undefined || rest === undefined) throw new Error('three doors');
  prod.sink.reply = () => ({ kind: 'overloaded', message: 'later', retryAfterMs: 50 });
  const first = await hop.start({ urls, routing: routing('env=prod prod', 'default rest') });
  await hop.take(['traces', spans('prod', 'test')]);
  // Settled, not only arrived: what has no answer yet is sent again after a stop.
  while (counts(first)['rest']?.forwarded !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await first.stop();
  prod.sink.reply = () => ({ kind: 'success', rejected: 0, message: '' });
  prod.sink.requests.length = 0;
  // Now prod goes to `rest`, which is past the segment that waits: it must still arrive at `prod`, and once.
  const second = await hop.start({ urls, routing: routing('env=test prod', 'default rest') });
  await hop.take(['traces', spans('prod', 'test')]);
  await second.idle(10_000);
  expect([arrived(prod), arrived(rest)]).toEqual([
    ['prod', 'test'],
    ['test', 'prod'],
  ]);
  expect(counts(second)['prod']).toEqual({ received: 4, forwarded: 2, queued: 0, elsewhere: 2 });
  expect(counts(second)['rest']).toEqual({ received: 4, forwarded: 2, queued: 0, elsewhere: 2 });
});

test('routes without a place for the rest, or to nowhere, are refused', () => {
  expect(routesProblem(routesOf(['env=a x']), ['x'])).toContain('add `default DESTINATION`');
  expect(routesProblem(routesOf(['env=a x', 'default y']), ['x'])).toBe('y is no entry of forward');
  expect(routesProblem(routesOf(['env=a x']), ['x', 'y'])).toBeUndefined();
  expect(routesProblem(routesOf([]), ['x'])).toBeUndefined();
});

test.each(['', 'x', 'env x', '=a x', 'default'])('the line %j is refused with what to write', (line) => {
  expect(parseRoutes([line])).toMatchObject({ problem: expect.stringContaining('write KEY=VALUE DESTINATION') });
});
