import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { bucketOf, type CallGraph, histogramQuantile, mergeGraphs } from './call-graph.ts';
import { type CallSpan, KIND } from './call-spans.ts';
import { arrows, type Drawn, drawSpans, pair, spanOf } from './drawn-spans-world.ts';
import { peerOf } from './peer.ts';

const { client, server, producer, consumer, internal } = KIND;
const draw = (...spans: readonly Drawn[]): CallGraph => pair(spans.map(spanOf));

/** The same by looking at every pair of spans: slow and short. Null for spans without a call. */
function bruteArrows(all: readonly CallSpan[]): string[] {
  const text = (span: CallSpan): string =>
    JSON.stringify([span.traceId, span.spanId, span.kind, span.service, span.startNs]);
  const rank = (s: CallSpan) => [s.durationNs, s.failed ? 1 : 0, Number.parseInt(s.parentSpanId || '0', 16)];
  const longest = new Map<string, CallSpan>();
  for (const span of all) {
    const known = longest.get(text(span));
    const isLess = (a: CallSpan, b: CallSpan) => {
      const [x, y] = [rank(a), rank(b)];
      const at = x.findIndex((value, i) => value !== y[i]);
      return at < 0 ? a.operation < b.operation : x[at] < y[at];
    };
    if (known === undefined || isLess(known, span)) longest.set(text(span), span);
  }
  const spans = [...longest.values()];
  const caller = (s: CallSpan) => s.kind === client || s.kind === producer;
  const callee = (s: CallSpan) => s.kind === server || s.kind === consumer;
  const first = (list: CallSpan[]): CallSpan | undefined =>
    list.sort(
      (a, b) =>
        a.startNs - b.startNs ||
        b.kind - a.kind ||
        (`${a.service}\0${a.operation}` < `${b.service}\0${b.operation}` ? -1 : 1),
    )[0];
  const parentOf = (s: CallSpan): CallSpan | undefined => {
    const inTrace = spans.filter((o) => o.traceId === s.traceId && o !== s);
    const sharing = callee(s) ? first(inTrace.filter((o) => o.spanId === s.spanId && caller(o))) : undefined;
    if (sharing !== undefined) return sharing;
    const named = inTrace.filter((o) => o.spanId === s.parentSpanId);
    return first(named.filter((o) => o.service === s.service)) ?? first(named);
  };
  const calls = (s: CallSpan): CallSpan | undefined => {
    const p = parentOf(s);
    return p !== undefined && ((callee(s) && caller(p)) || p.service !== s.service) ? p : undefined;
  };
  const called = new Set(spans.map(calls));
  const edges = new Map<string, [number, number]>();
  const add = (from: string, to: string, connection: string, failed: boolean) => {
    const name = `${from} > ${to}${connection && ` (${connection})`}`;
    const [n, f] = edges.get(name) ?? [0, 0];
    edges.set(name, [n + 1, f + (failed ? 1 : 0)]);
  };
  for (const s of spans.filter((span) => span.isCounted)) {
    const p = calls(s);
    if (p !== undefined) {
      const isMessage = p.kind === producer || s.kind === consumer;
      add(p.service, s.service, isMessage ? 'messaging_system' : '', s.failed || (caller(p) && p.failed));
    } else if (callee(s) && parentOf(s) === undefined && s.parentSpanId === '' && s.peer !== '') {
      add(s.peer, s.service, s.kind === consumer ? 'messaging_system' : 'virtual_node', s.failed);
    }
    if (caller(s) && !called.has(s) && s.peer !== '') {
      const connection = s.isDatabase ? 'database' : s.kind === producer ? 'messaging_system' : 'virtual_node';
      add(s.service, s.peer, connection, s.failed);
    }
  }
  return [...edges].map(([name, [n, f]]) => `${name} ${n}${f > 0 ? `, ${f} failed` : ''}`).sort();
}

describe('pairing', () => {
  test('joins a client and the server below it, and a root server with the user', () => {
    const graph = draw(
      { id: 1, service: 'shop', kind: server, peer: 'user', operation: 'GET /buy', durationNs: 90 },
      { id: 2, parent: 1, service: 'shop', operation: 'render' },
      { id: 3, parent: 2, service: 'shop', kind: client, operation: 'POST', durationNs: 50 },
      { id: 4, parent: 3, service: 'pay', kind: server, operation: 'Charge', durationNs: 30, failed: true },
    );
    expect(arrows(graph)).toEqual(['shop > pay 1, 1 failed', 'user > shop (virtual_node) 1']);
    const [edge] = graph.edges.filter(({ server }) => server === 'pay');
    expect(edge).toMatchObject({ clientOperation: 'GET /buy', serverOperation: 'Charge', waitNs: 50, serverNs: 30 });
  });

  test('joins sides that come in any order, and never across traces with equal span ids', () => {
    const spans: Drawn[] = [
      { id: 2, parent: 1, service: 'b', kind: server },
      { id: 2, parent: 1, service: 'c', kind: server, traceId: 't2' },
      { id: 1, service: 'a', kind: client },
    ];
    expect(arrows(draw(...spans))).toEqual(['a > b 1']);
    expect(draw(...spans).unpairedServers).toBe(1);
  });

  test('counts a producer once for each consumer, and the time in the queue but never less than nothing', () => {
    const graph = draw(
      { id: 1, service: 'shop', kind: producer, startNs: 0, durationNs: 10 },
      { id: 2, parent: 1, service: 'mail', kind: consumer, startNs: 25 },
      { id: 3, parent: 1, service: 'audit', kind: consumer, startNs: 5 },
    );
    expect(arrows(graph)).toEqual(['shop > audit (messaging_system) 1', 'shop > mail (messaging_system) 1']);
    expect(graph.edges.map(({ server, waitNs }) => [server, waitNs]).sort()).toEqual([
      ['audit', 0],
      ['mail', 15],
    ]);
  });

  test('lets a database, a queue or a named peer stand in for a side that sends nothing, and counts what names nobody', () => {
    const graph = draw(
      { id: 1, service: 'shop', kind: client, peer: 'orders', isDatabase: true },
      { id: 2, service: 'shop', kind: client, peer: 'api.example.com' },
      { id: 3, service: 'shop', kind: producer, peer: 'jobs' },
      { id: 4, service: 'mail', kind: consumer, peer: 'jobs' },
      { id: 5, service: 'shop', kind: client },
      { id: 6, parent: 99, service: 'shop', kind: server, peer: 'user' },
    );
    expect(arrows(graph)).toEqual([
      'jobs > mail (messaging_system) 1',
      'shop > api.example.com (virtual_node) 1',
      'shop > jobs (messaging_system) 1',
      'shop > orders (database) 1',
    ]);
    expect([graph.unpairedClients, graph.unpairedServers]).toEqual([1, 1]);
  });

  test('sees a call of another service where the client span is missing, a call of itself, and none between nested servers', () => {
    const graph = draw(
      { id: 1, service: 'a', kind: internal },
      { id: 2, parent: 1, service: 'b', kind: server },
      { id: 3, parent: 2, service: 'b', kind: server },
      { id: 4, parent: 3, service: 'b', kind: client },
      { id: 5, parent: 4, service: 'b', kind: server },
    );
    expect(arrows(graph)).toEqual(['a > b 1', 'b > b 1']);
    expect(graph.reentrances).toEqual([{ services: ['b'], isBlocking: true, calls: 1, traceIds: ['t1'] }]);
  });

  test('joins sides that share one span id', () => {
    expect(
      arrows(draw({ id: 1, service: 'a', kind: client }, { id: 1, parent: 7, service: 'b', kind: server })),
    ).toEqual(['a > b 1']);
  });

  test('counts a span that came twice once, and leaves out what is only there to be found', () => {
    const sides: Drawn[] = [
      { id: 1, service: 'a', kind: client, isCounted: false },
      { id: 2, parent: 1, service: 'b', kind: server },
      { id: 2, parent: 1, service: 'b', kind: server },
      { id: 3, parent: 1, service: 'c', kind: server, isCounted: false },
    ];
    expect(arrows(draw(...sides))).toEqual(['a > b 1']);
    expect(draw(...sides).duplicates).toBe(1);
  });

  test('says when one request came back to a service that still serves it, and whether that can block', () => {
    const round = (kinds: readonly [number, number]): CallGraph =>
      draw(
        { id: 1, service: 'shop', kind: server, peer: 'user' },
        { id: 2, parent: 1, service: 'shop', kind: client },
        { id: 3, parent: 2, service: 'cart', kind: server },
        { id: 4, parent: 3, service: 'cart', kind: kinds[0] },
        { id: 5, parent: 4, service: 'shop', kind: kinds[1] },
      );
    expect(round([client, server]).reentrances).toEqual([
      { services: ['cart', 'shop'], isBlocking: true, calls: 1, traceIds: ['t1'] },
    ]);
    expect(round([producer, consumer]).reentrances[0]?.isBlocking).toBe(false);
  });

  test('ends on spans that are their own ancestors, and on a chain of 100,000', () => {
    expect(() =>
      draw({ id: 1, parent: 2, service: 'a' }, { id: 2, parent: 1, service: 'b' }, { id: 3, parent: 3, service: 'a' }),
    ).not.toThrow();
    const chain = Array.from({ length: 100_000 }, (_, i) => ({
      id: i + 1,
      parent: i,
      service: `s${i % 7}`,
      kind: i % 2 === 0 ? client : server,
    }));
    expect(draw(...chain).edges.length).toBe(7);
  });

  test('agrees with looking at every pair of spans, in any order of 400 random sets', () => {
    const random = seededChance(3);
    for (let round = 0; round < 400; round++) {
      const spans = drawSpans(random, 24);
      const shuffled = [...spans].map((span) => [random(), span] as const).sort(([a], [b]) => a - b);
      const found = pair(spans);
      expect(arrows(found).sort()).toEqual(bruteArrows(spans));
      const again = pair(shuffled.map(([, span]) => span));
      expect(mergeGraphs([again])).toEqual(mergeGraphs([found]));
    }
  });

  test('gives the same whether traces are paired together or apart', () => {
    const random = seededChance(5);
    for (let round = 0; round < 100; round++) {
      const spans = drawSpans(random, 30);
      const parts = ['t0', 't1', 't2'].map((id) => pair(spans.filter(({ traceId }) => traceId === id)));
      expect(mergeGraphs(parts)).toEqual(mergeGraphs([pair(spans)]));
    }
  });
});

describe('waits', () => {
  test('are known to an eighth, and quantiles are the nearest rank', () => {
    expect([0, 7, 15, 16, 17, 18, 1000, 2 ** 40 + 5].map(bucketOf)).toEqual([0, 7, 15, 16, 16, 18, 960, 2 ** 40]);
    const histogram = new Map([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((ns) => [ns, 1]));
    expect([50, 90, 100].map((percent) => histogramQuantile(histogram, percent, 100))).toEqual([5, 9, 10]);
    expect(histogramQuantile(new Map([[960, 3]]), 1, 2)).toBe(1023);
  });
});

describe('the other side that a span names', () => {
  const named = (kind: number, isRoot: boolean, attributes: Record<string, string>) =>
    peerOf(kind, isRoot, (key) => attributes[key] ?? '');

  test('is found in the order of the rules', () => {
    expect(named(client, false, { 'db.system': 'postgresql', 'db.name': 'orders' })).toEqual({
      peer: 'orders',
      isDatabase: true,
    });
    expect(
      named(client, false, { 'db.system': 'x', 'network.peer.address': '10.0.0.1', 'network.peer.port': '5432' }).peer,
    ).toBe('10.0.0.1:5432');
    expect(named(client, false, { 'server.address': 'api', 'peer.service': 'stripe' })).toEqual({
      peer: 'stripe',
      isDatabase: false,
    });
    expect(named(server, true, {}).peer).toBe('user');
    expect(named(server, false, { 'peer.service': 'x' }).peer).toBe('');
    expect(named(producer, false, { 'messaging.system': 'kafka', 'messaging.destination.name': 'jobs' }).peer).toBe(
      'jobs',
    );
    expect(named(consumer, true, {}).peer).toBe('');
  });
});
