/** The routes about the call graph and the guard, over real rows. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import type { Decision } from '../guard/guard.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import type { CyclesAnswer, GraphAnswer, OrderAnswer, Problem } from './api.ts';
import { watchCycles } from './graph-watch.ts';
import { GuardDesk } from './guard-desk.ts';

let api: TestApi;
const hex = (id: number, digits = 16): string => id.toString(16).padStart(digits, '0');

/** One trace in which each service calls the next, the first called by a user, each server calling its database. */
async function storeChain(trace: number, services: readonly string[], failed = false): Promise<void> {
  const startNs = NOW - 600_000_000_000n;
  const spans = services.flatMap((service, i) => [
    { service, id: 3 * i + 1, parent: i === 0 ? 0 : 3 * i, kind: 2, attributes: [] },
    {
      service,
      id: 3 * i + 2,
      parent: 3 * i + 1,
      kind: 3,
      attributes: [{ key: 'db.name', value: { stringValue: `${service}-db` } }],
    },
    ...(i + 1 < services.length ? [{ service, id: 3 * i + 3, parent: 3 * i + 1, kind: 3, attributes: [] }] : []),
  ]);
  await api.store('traces', {
    resourceSpans: spans.map(({ service, id, parent, kind, attributes }) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [
        {
          spans: [
            {
              traceId: hex(trace, 32),
              spanId: hex(id),
              ...(parent === 0 ? {} : { parentSpanId: hex(parent) }),
              name: `work of ${service}`,
              kind,
              startTimeUnixNano: startNs.toString(),
              endTimeUnixNano: (startNs + 1_000_000n).toString(),
              status: failed ? { code: 2 } : {},
              attributes,
            },
          ],
        },
      ],
    })),
  });
}

async function post<T>(route: string, body: unknown, status = 200): Promise<T> {
  const response = await fetch(`${api.url}/api/v1${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(status);
  return (await response.json()) as T;
}

beforeAll(async () => {
  api = await openTestApi();
  await storeChain(1, ['web', 'cart', 'pay']);
  await storeChain(2, ['pay', 'cart']);
  await storeChain(3, ['web', 'mail'], true);
  await api.graph.idle();
});
afterAll(() => api?.close());

describe('GET /api/v1/graph', () => {
  test('says who calls whom, how often, how long, and what kind of thing it is', async () => {
    const graph = await api.get<GraphAnswer>('/api/v1/graph');
    expect(graph.pendingMinutes).toBe(0);
    expect(graph.edges.map((edge) => `${edge.client} ${edge.server} ${edge.calls} ${edge.failed}`)).toEqual([
      'cart cart-db 2 0',
      'cart pay 1 0',
      'mail mail-db 1 1',
      'pay cart 1 0',
      'pay pay-db 2 0',
      'user pay 1 0',
      'user web 2 1',
      'web cart 1 0',
      'web mail 1 1',
      'web web-db 2 1',
    ]);
    expect(graph.edges.find(({ client, server }) => client === 'cart' && server === 'pay')).toMatchObject({
      meanNano: '1000000',
      p95Nano: '1048575',
      inCycle: true,
      slowestTraceId: hex(1, 32),
    });
    const kinds = Object.fromEntries(graph.nodes.map(({ service, kind, level }) => [service, `${kind} ${level}`]));
    expect(kinds).toMatchObject({
      user: 'user 0',
      web: 'service 1',
      cart: 'service 2',
      pay: 'service 2',
      'pay-db': 'database 3',
    });
  });

  test('by operation, around one service, and as Graphviz', async () => {
    const operations = await api.get<GraphAnswer>('/api/v1/graph?level=operation');
    expect(operations.nodes).toContainEqual(expect.objectContaining({ service: 'cart', operation: 'work of cart' }));
    const near = await api.get<GraphAnswer>('/api/v1/graph?service=mail&hops=1');
    expect(near.nodes.map(({ service }) => service)).toEqual(['mail', 'mail-db', 'web']);
    const dot = await fetch(`${api.url}/api/v1/graph?format=dot`);
    expect(dot.headers.get('content-type')).toContain('graphviz');
    expect(await dot.text()).toContain('subgraph cluster_0');
  });

  test('of a time without calls is empty; what cannot be understood is a problem', async () => {
    expect((await api.get<GraphAnswer>('/api/v1/graph?start=now-5m')).edges).toEqual([]);
    expect((await api.get<Problem>('/api/v1/graph?level=pod', 400)).parameter).toBe('level');
    expect((await api.get<Problem>('/api/v1/cycles?limit=0', 400)).parameter).toBe('limit');
  });
});

test('GET /api/v1/cycles lists the cycle with severity, first sight, examples and cut', async () => {
  const { cycles, cut, summary, truncated } = await api.get<CyclesAnswer>('/api/v1/cycles');
  expect({ summary, truncated }).toEqual({
    summary: { count: 1, longest: 2, meanLength: 2, services: 2 },
    truncated: false,
  });
  expect(cycles).toEqual([
    {
      kind: 'service',
      severity: 'low',
      vertices: [
        { service: 'cart', operation: '' },
        { service: 'pay', operation: '' },
      ],
      calls: 1,
      firstSeenUnixNano: String(NOW - 600_000_000_000n),
      noticedUnixNano: NOW.toString(),
      traceIds: [hex(1, 32), hex(2, 32)],
      cutAt: expect.any(Number),
    },
  ]);
  expect(cut).toMatchObject({ calls: 1 });
  await storeChain(4, ['cart', 'pay', 'cart']);
  await api.graph.idle();
  const again = await api.get<CyclesAnswer>('/api/v1/cycles');
  expect(again.cycles.map(({ kind, severity }) => `${kind} ${severity}`).sort()).toEqual(
    ['service high', 're-entrant high'].sort(),
  );
  expect((await api.get<CyclesAnswer>('/api/v1/cycles?level=operation')).cycles.map(({ kind }) => kind).sort()).toEqual(
    ['operation', 're-entrant'],
  );
});

test('GET /api/v1/order gives stages to start in, cyclic ones together', async () => {
  const order = await api.get<OrderAnswer>('/api/v1/order');
  expect(order.isCyclic).toBe(true);
  expect(order.stages.map((stage) => stage.map(({ service }) => service))).toEqual([
    ['cart-db', 'mail-db', 'pay-db', 'web-db'],
    ['cart', 'mail', 'pay'],
    ['web'],
  ]);
  expect(order.order[0]?.service).toBe('web');
});

describe('POST /api/v1/guard', () => {
  test('knows what the graph knows, decides, and keeps rules and edges over a restart', async () => {
    expect(await post<Decision>('/guard/check', { client: 'mail', server: 'web' })).toMatchObject({
      allowed: true,
      flagged: true,
      reason: 'cycle',
      path: ['web', 'mail'],
    });
    await post('/guard/rules', { mode: 'enforce', deny: [{ client: '*', server: 'legacy' }], callsPerMinute: 2 });
    expect((await post<Decision>('/guard/check', { client: 'web', server: 'legacy' })).reason).toBe('denied');
    expect((await post<Decision>('/guard/check', { client: 'mail', server: 'smtp' })).reason).toBe('new');
    expect((await post<Decision>('/guard/check', { client: 'smtp', server: 'web' })).allowed).toBe(false);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-desk-'));
    const watch = watchCycles(systemClock, () => {});
    const options = { disk: nodeDisk, clock: systemClock, directory, watch, report: () => {} };
    const desk = await GuardDesk.open(options);
    await desk.setRules({ mode: 'enforce', callsPerMinute: 2 });
    expect((await desk.check('a', 'b')).reason).toBe('new');
    // Not closed: the process is killed. What admitted an edge was on disk before it was answered.
    const next = await GuardDesk.open(options);
    expect((await next.check('b', 'a')).path).toEqual(['a', 'b']);
    expect([(await next.check('a', 'b')).reason, (await next.check('a', 'b')).reason]).toEqual(['known', 'rate']);
    await next.close();
    await desk.close();
    fs.rmSync(directory, { recursive: true });
  });

  test('refuses what it cannot read', async () => {
    expect((await post<Problem>('/guard/check', { client: 'a' }, 400)).parameter).toBe('server');
    expect((await post<Problem>('/guard/rules', { mode: 'strict' }, 400)).parameter).toBe('mode');
    expect((await post<Problem>('/guard/rules', { modes: 'strict' }, 400)).detail).toContain('is no rule');
  });
});
