import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { drawGraph, reachable } from '../analysis/random-graphs-world.ts';
import { seededChance } from '../host/seeded-chance.ts';
import {
  Guard,
  GuardDenied,
  type GuardOptions,
  GuardSpanProcessor,
  guarded,
  guardedFetch,
  guardInterceptor,
  loadGuard,
  saveGuard,
} from './index.ts';

const MINUTE = 60_000;

function guardAt(options: GuardOptions = {}): { guard: Guard; clock: { ms: number } } {
  const clock = { ms: 1_000_000_000_000 };
  return { clock, guard: new Guard({ mode: 'enforce', now: () => clock.ms, ...options }) };
}

describe('the guard', () => {
  test('allows new edges until one would close a cycle, and shows the way back', () => {
    const { guard } = guardAt();
    expect(guard.check('a', 'b')).toMatchObject({ allowed: true, reason: 'new' });
    expect(guard.check('b', 'c')).toMatchObject({ allowed: true, reason: 'new' });
    expect(guard.check('a', 'b')).toMatchObject({ allowed: true, reason: 'known' });
    expect(guard.check('c', 'a')).toMatchObject({ allowed: false, reason: 'cycle', path: ['a', 'b', 'c'] });
    expect(guard.check('c', 'a').cut).toMatchObject({ client: 'b', server: 'c' });
    expect(guard.edgeCount).toBe(2);
  });

  test('of A calls B and B calls A admits exactly one', () => {
    const { guard } = guardAt();
    expect([guard.check('a', 'b').allowed, guard.check('b', 'a').allowed]).toEqual([true, false]);
  });

  test('a million calls on known edges look at no vertex and remember nothing more', () => {
    const { guard } = guardAt({ callsPerMinute: null });
    const names = Array.from({ length: 100 }, (_, i) => `s${i}`);
    for (let i = 1; i < names.length; i++) guard.check(names[i - 1], names[i]);
    const { visited } = guard;
    for (let i = 0; i < 1_000_000; i++) guard.check(names[i % 99], names[(i % 99) + 1]);
    expect(guard.visited).toBe(visited);
    expect(guard.edgeCount).toBe(99);
  });

  test('forgets an edge after an hour without a call: what it refused is then allowed', () => {
    const { guard, clock } = guardAt();
    guard.check('a', 'b');
    clock.ms += 59 * MINUTE;
    expect(guard.check('b', 'a').allowed).toBe(false);
    clock.ms += 2 * MINUTE;
    expect(guard.check('b', 'a')).toMatchObject({ allowed: true, reason: 'new' });
    expect(guard.check('a', 'b').allowed).toBe(false);
    expect(guard.edgeCount).toBe(1);
  });

  test('lets a hundred calls a minute through on an edge, and a refused call uses none of them', () => {
    const { guard, clock } = guardAt();
    const admitted = (): number =>
      Array.from({ length: 150 }, () => guard.check('a', 'b').allowed).filter(Boolean).length;
    expect(admitted()).toBe(100);
    expect(guard.check('a', 'b')).toMatchObject({ reason: 'rate', retryAfterMs: 600 });
    clock.ms += 600;
    expect(admitted()).toBe(1);
    clock.ms += MINUTE;
    expect(admitted()).toBe(100);
    expect(guard.check('a', 'c').allowed).toBe(true);
    guard.check('c', 'd');
    for (let i = 0; i < 500; i++) expect(guard.check('d', 'a').reason).toBe('cycle');
    clock.ms += 61 * MINUTE;
    expect(guard.check('d', 'a')).toMatchObject({ allowed: true, reason: 'new' });
  });

  test('keeps to lists, layers, and what is said of self-calls', () => {
    const { guard } = guardAt({
      deny: [{ client: '*', server: 'legacy' }],
      allow: [
        { client: 'web', server: '*' },
        { client: 'cart', server: 'db' },
        { client: 'db', server: 'web' },
      ],
      layers: [['web'], ['cart'], ['db']],
      selfCalls: false,
    });
    expect(guard.check('web', 'cart').allowed).toBe(true);
    expect(guard.check('web', 'legacy').reason).toBe('denied');
    expect(guard.check('cart', 'mail').reason).toBe('not-allowed');
    expect(guard.check('db', 'web').reason).toBe('layer');
    expect(guard.check('web', 'web').reason).toBe('self');
    guard.setRules({ mode: 'enforce', deny: [{ client: 'web', server: 'cart' }] });
    expect(guard.check('web', 'cart').reason).toBe('denied');
    expect(guard.check('web', 'web').allowed).toBe(true);
  });

  test('only reports until it is told to enforce', () => {
    const { guard } = guardAt({ mode: 'report' });
    guard.check('a', 'b');
    expect(guard.check('b', 'a')).toMatchObject({ allowed: true, flagged: true, reason: 'cycle', path: ['a', 'b'] });
  });

  test('says when it remembers as many edges as it may', () => {
    const { guard } = guardAt({ edgesMax: 2 });
    for (const server of ['b', 'c']) guard.check('a', server);
    expect(guard.check('a', 'd').reason).toBe('full');
    expect(guard.check('a', 'c').reason).toBe('known');
  });

  test('decides as a search of the whole graph would, while edges come, go and come again (1,000 random runs)', () => {
    const random = seededChance(21);
    for (let run = 0; run < 1000; run++) {
      const { guard, clock } = guardAt({ callsPerMinute: null });
      const graph = drawGraph(random, 7);
      const alive = new Map<string, number>();
      graph.sources.forEach((from, i) => {
        const to = graph.targets[i];
        clock.ms += Math.floor(random() * 20 * MINUTE);
        for (const [edge, last] of alive) if (clock.ms - last > 60 * MINUTE) alive.delete(edge);
        const edges = [...alive.keys()].map((edge) => edge.split(' ').map(Number));
        const now = { ...graph, sources: edges.map(([a]) => a), targets: edges.map(([, b]) => b) };
        const decision = guard.check(`s${from}`, `s${to}`);
        expect(decision.allowed).toBe(from === to || !reachable(now)[to][from]);
        if (decision.allowed) {
          if (from !== to) alive.set(`${from} ${to}`, clock.ms);
          return;
        }
        const path = (decision.path ?? []).map((name) => name.slice(1));
        expect([path[0], path[path.length - 1]]).toEqual([String(to), String(from)]);
        for (let k = 1; k < path.length; k++) expect(alive.has(`${path[k - 1]} ${path[k]}`)).toBe(true);
      });
    }
  });
});

describe('its state', () => {
  test('goes through JSON and a file, with rates', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-guard-'));
    const { guard, clock } = guardAt();
    for (let i = 0; i < 100; i++) guard.check('a', 'b');
    guard.check('b', 'b');
    const file = path.join(directory, 'guard.json');
    await saveGuard(guard, file);
    const again = await loadGuard(file, { mode: 'enforce', now: () => clock.ms });
    expect(again.toJSON()).toEqual(guard.toJSON());
    expect(again.check('a', 'b').reason).toBe('rate');
    expect(again.check('b', 'a').path).toEqual(['a', 'b']);
    expect((await loadGuard(path.join(directory, 'absent'))).edgeCount).toBe(0);
    fs.rmSync(directory, { recursive: true });
  });
});

describe('its hooks', () => {
  test('throw before the call is made', async () => {
    const { guard } = guardAt();
    guard.check('cart', 'shop');
    expect(() => guarded(guard, 'shop', 'cart', () => 1)).toThrow('shop may not call cart (cycle: shop → cart → shop)');
    let calls = 0;
    const counting: typeof fetch = async () => new Response(String(++calls));
    const guardedCall = guardedFetch(guard, 'shop', (url) => url.hostname, counting);
    await expect(guardedCall('http://cart/x')).rejects.toThrow(GuardDenied);
    await guardedCall(new Request('http://pay/x'));
    expect(calls).toBe(1);
    const intercept = guardInterceptor(guard, 'shop', 'cart');
    expect(() => intercept({}, () => calls++)).toThrow(GuardDenied);
  });

  test('mark spans of the OpenTelemetry SDK', async () => {
    const { TracerProvider } = await import('@opentelemetry/sdk-trace');
    const { resourceFromAttributes } = await import('@opentelemetry/resources');
    const { guard } = guardAt({ mode: 'report' });
    guard.check('cart', 'shop');
    const flagged: string[] = [];
    const processor = new GuardSpanProcessor(guard, (client, server) => flagged.push(`${client} ${server}`));
    const resource = resourceFromAttributes({ 'service.name': 'shop' });
    const tracer = new TracerProvider({ resource, spanProcessors: [processor] }).getTracer('test');
    const span = tracer.startSpan('call', { kind: 2, attributes: { 'peer.service': 'cart' } });
    tracer.startSpan('call', { kind: 2, attributes: { 'server.address': 'pay' } });
    tracer.startSpan('inside', { attributes: { 'peer.service': 'cart' } });
    expect(flagged).toEqual(['shop cart']);
    expect((span as unknown as { attributes: object }).attributes).toMatchObject({
      'clew.guard': 'cycle',
      'clew.guard.path': 'cart shop',
    });
  });
});
