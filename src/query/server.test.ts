/** The API port with real rows behind it: searches, pages, problems, and what it refuses. */
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import type { LogRecord, Page, ServiceSummary, Status, TraceSummary } from './api.ts';
import type { FleetNode } from './api-fleet.ts';
import { startApi } from './server.ts';

let api: TestApi;
const SECOND = 1_000_000_000n;
/** Seconds before NOW. */
const ago = (seconds: number): string => (NOW - BigInt(Math.round(seconds * 1e3)) * (SECOND / 1000n)).toString();
const id = (n: number): string => n.toString(16).padStart(32, '0');
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

interface Drawn {
  readonly trace: number;
  readonly span: number;
  readonly parent?: number;
  /** Seconds before NOW that it starts, and for how long. */
  readonly at: number;
  readonly seconds?: number;
  readonly name?: string;
  readonly error?: boolean;
  readonly attributes?: readonly object[];
}

const spanOf = (drawn: Drawn): object => ({
  traceId: id(drawn.trace),
  spanId: drawn.span.toString(16).padStart(16, '0'),
  ...(drawn.parent === undefined ? {} : { parentSpanId: drawn.parent.toString(16).padStart(16, '0') }),
  name: drawn.name ?? 'work',
  kind: 2,
  startTimeUnixNano: ago(drawn.at),
  endTimeUnixNano: ago(drawn.at - (drawn.seconds ?? 0.001)),
  attributes: drawn.attributes ?? [],
  status: drawn.error ? { code: 2 } : {},
});

const storeSpans = (service: string, spans: readonly Drawn[], baggage?: string): Promise<void> =>
  api.store(
    'traces',
    {
      resourceSpans: [
        {
          resource: { attributes: [text('service.name', service), text('region', 'eu')] },
          scopeSpans: [{ spans: spans.map(spanOf) }],
        },
      ],
    },
    baggage,
  );

beforeAll(async () => {
  api = await openTestApi();
  await storeSpans('shop', [
    { trace: 1, span: 1, at: 100, seconds: 3, name: 'checkout' },
    {
      trace: 2,
      span: 4,
      at: 50,
      name: 'browse',
      attributes: [{ key: 'http.response.status_code', value: { intValue: '200' } }],
    },
  ]);
  await storeSpans('cart', [
    { trace: 1, span: 2, parent: 1, at: 99, seconds: 1, error: true, attributes: [text('enduser.id', 'anna')] },
    { trace: 1, span: 3, parent: 1, at: 98, seconds: 5 },
  ]);
  await storeSpans('mail', [{ trace: 3, span: 5, parent: 99, at: 20 }], 'tenant=acme');
  // Fifty traces that start at the same time, and a long one that matches before and after them.
  const same = Array.from({ length: 50 }, (_, i): Drawn => ({ trace: 1000 + i, span: 1000 + i, at: 1000 }));
  const long = [1001, 999, 1002].map((at, i): Drawn => ({ trace: 900, span: 900 + i, at }));
  await storeSpans('paged', [...same, ...long]);
  const record = (at: number, severityNumber: number, body: string, more: object = {}) => ({
    timeUnixNano: ago(at),
    severityNumber,
    body: { stringValue: body },
    ...more,
  });
  await api.store('logs', {
    resourceLogs: [
      {
        resource: { attributes: [text('service.name', 'shop')] },
        scopeLogs: [
          {
            logRecords: [
              record(10, 9, 'Payment accepted for order 17', { traceId: id(1) }),
              record(9, 17, 'payment REFUSED: größer als erlaubt', { attributes: [text('code', 'E42')] }),
              record(8, 5, 'cache_hit user-id=7'),
              ...Array.from({ length: 25 }, (_, i) => record(500, 0, `same time ${i}`)),
            ],
          },
        ],
      },
    ],
  });
});
afterAll(() => api?.close());

const traces = async (query: string): Promise<string[]> =>
  (await api.get<Page<TraceSummary>>(`/api/v1/traces?${query}`)).items.map(({ traceId }) =>
    Number.parseInt(traceId, 16).toString(),
  );

describe('traces', () => {
  it('are summarised by root, services, errors and extent', async () => {
    const { items } = await api.get<Page<TraceSummary>>('/api/v1/traces?service=cart');
    expect(items).toEqual([
      {
        traceId: id(1),
        rootService: 'shop',
        rootOperation: 'checkout',
        hasRoot: true,
        startTimeUnixNano: ago(100),
        durationNano: String(7n * SECOND),
        spanCount: 3,
        errorCount: 1,
        services: [
          { service: 'cart', spans: 2, errors: 1, durationNano: String(6n * SECOND) },
          { service: 'shop', spans: 1, errors: 0, durationNano: String(3n * SECOND) },
        ],
      },
    ]);
  });

  it.each([
    ['limit=3', ['3', '2', '1']],
    ['operation=browse', ['2']],
    ['status=error', ['1']],
    ['kind=server&limit=1', ['3']],
    ['kind=client', []],
    ['minDuration=4s', ['1']],
    ['minDuration=500ms&maxDuration=2s', ['1']],
    ['attribute=enduser.id%3Danna', ['1']],
    ['attribute=enduser.id', ['1']],
    ['attribute=enduser.id%3Dbert', []],
    ['attribute=http.response.status_code%3D200', ['2']],
    ['attribute=region%3Deu&limit=1', ['3']],
    ['attribute=region%3Deu&attribute=enduser.id%3Danna', ['1']],
    ['service=cart&attribute=enduser.id!%3Danna', ['1']],
    ['service=shop&attribute=http.response.status_code!%3D200', ['1']],
    ['attribute=baggage.tenant%3Dacme', ['3']],
    ['attribute=baggage.tenant', ['3']],
    [`start=${ago(60)}&end=${ago(30)}`, ['2']],
    ['start=now-60s&end=now-30s', ['2']],
    ["attribute=x%3D'%20OR%201%3D1%20--", []],
  ])('%s finds %j', async (query, found) => {
    expect(await traces(query)).toEqual(found);
  });

  it('come in pages: each once, whether times are equal or a trace matches again later', async () => {
    const seen: string[] = [];
    let cursor = '';
    do {
      const page: Page<TraceSummary> = await api.get(`/api/v1/traces?service=paged&limit=7${cursor}`);
      seen.push(...page.items.map(({ traceId }) => traceId));
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
    expect(seen).toEqual([id(900), ...Array.from({ length: 50 }, (_, i) => id(1000 + i))]);
  });

  it('baggage of the request is shown beside its resource', async () => {
    const { resourceSpans } = await api.get<{ resourceSpans: object[] }>(`/api/v1/traces/${id(3)}`);
    expect(resourceSpans).toMatchObject([{ clewBaggage: [{ key: 'tenant', value: 'acme' }] }]);
  });

  it('histogram, facets, services and operations count what is there', async () => {
    const { buckets } = await api.get<{ buckets: { spans: number; errors: number }[] }>(
      '/api/v1/traces/histogram?start=now-2m&buckets=4',
    );
    expect(buckets.reduce((sum, { spans }) => sum + spans, 0)).toBe(5);
    const { items } = await api.get<Page<{ field: string; values: object[] }>>('/api/v1/traces/facets?start=now-2m');
    expect(items.find(({ field }) => field === 'service')?.values).toEqual([
      { value: 'cart', count: 2 },
      { value: 'shop', count: 2 },
      { value: 'mail', count: 1 },
    ]);
    expect(items.find(({ field }) => field === 'enduser.id')?.values).toEqual([{ value: 'anna', count: 1 }]);
    const services = await api.get<Page<ServiceSummary>>('/api/v1/services?start=now-2m');
    expect(services.items.find(({ service }) => service === 'shop')).toEqual({
      service: 'shop',
      spans: 2,
      errors: 0,
      logs: 3,
    });
    const operations = await api.get<Page<object>>('/api/v1/services/cart/operations?start=now-2m');
    expect(operations.items).toMatchObject([{ operation: 'work', kind: 'Server', spans: 2, errors: 1 }]);
  });
});

describe('logs', () => {
  it.each([
    ['start=now-1m', 3],
    ['start=now-1m&severity=info', 2],
    ['start=now-1m&severity=error', 1],
    ['text=payment', 2],
    ['text=payment%20refused', 1],
    ['text=pay', 0],
    ['text=%22ment%20acc%22', 1],
    ['text=gr%C3%B6%C3%9Fer', 1],
    ['text=user-id%3D7', 1],
    ['text=cache_hit', 1],
    ['attribute=code%3DE42', 1],
    [`traceId=${id(1)}`, 1],
    ['service=cart', 0],
  ])('%s: %d records', async (query, count) => {
    const { items } = await api.get<Page<LogRecord>>(`/api/v1/logs?${query}`);
    expect(items.length).toBe(count);
  });

  it('come in pages: each once, though their times are equal', async () => {
    const seen: string[] = [];
    let cursor = '';
    do {
      const page: Page<LogRecord> = await api.get(`/api/v1/logs?end=now-1m&limit=10${cursor}`);
      seen.push(...page.items.map(({ body }) => body));
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
    expect(seen.length).toBe(25);
    expect(new Set(seen).size).toBe(25);
  });

  it('are counted over time by severity', async () => {
    const { buckets } = await api.get<{ buckets: { counts: object }[] }>(
      '/api/v1/logs/histogram?start=now-1m&buckets=1',
    );
    expect(buckets.map(({ counts }) => counts)).toEqual([
      { unset: 0, trace: 0, debug: 1, info: 1, warn: 0, error: 1, fatal: 0 },
    ]);
  });
});

describe('what is wrong is a problem that names its parameter', () => {
  it.each([
    ['/api/v1/traces?status=bad', 400, 'status'],
    ['/api/v1/traces?limit=0', 400, 'limit'],
    ['/api/v1/traces?limit=100000', 400, 'limit'],
    ['/api/v1/traces?start=yesterday', 400, 'start'],
    ['/api/v1/traces?start=now&end=now-1h', 400, 'start'],
    ['/api/v1/traces?minDuration=4', 400, 'minDuration'],
    ['/api/v1/traces?cursor=x', 400, 'cursor'],
    ['/api/v1/traces?colour=red', 400, 'colour'],
    ['/api/v1/traces/zzz', 400, 'traceId'],
    [`/api/v1/traces/${id(77)}`, 404, undefined],
    ['/api/v1/nothing', 404, undefined],
    ['/api/v1/services/%ff/operations', 400, undefined],
  ])('%s: %d %s', async (target, status, parameter) => {
    const response = await fetch(api.url + target);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const problem = (await response.json()) as { status: number; parameter?: string };
    expect([response.status, problem.status, problem.parameter]).toEqual([status, status, parameter]);
  });

  const post = (headers: Record<string, string>, body: string): Promise<Response> =>
    fetch(`${api.url}/api/v1/sql`, { method: 'POST', headers, body });

  it('SQL: content type, JSON and size are checked', async () => {
    const json = { 'content-type': 'application/json' };
    expect((await post({ 'content-type': 'text/plain' }, '{"query":"SELECT 1"}')).status).toBe(415);
    expect((await post(json, '{')).status).toBe(400);
    expect((await post(json, `{"query":"SELECT ${'1+'.repeat(600_000)}1"}`)).status).toBe(413);
    expect(await (await post(json, '{"query":"SELECT 1 AS a"}')).json()).toMatchObject({
      rows: [[1]],
      truncated: false,
    });
    expect((await fetch(`${api.url}/api/v1/sql`)).status).toBe(405);
  });
});

/** The status of a GET with headers that fetch does not let one set. */
const statusWith = (url: string, target: string, headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    http
      .get(url + target, { headers, path: target }, (response) => resolve(response.resume().statusCode))
      .on('error', reject);
  });

describe('who may ask', () => {
  it('a name that is not of loopback is refused (DNS rebinding), and pages of other sites', async () => {
    expect(await statusWith(api.url, '/api/v1/status', {})).toBe(200);
    expect(await statusWith(api.url, '/api/v1/status', { host: 'evil.example' })).toBe(421);
    expect(await statusWith(api.url, '/', { host: 'evil.example:4319' })).toBe(421);
    expect(await statusWith(api.url, '/api/v1/status', { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await statusWith(api.url, '/api/v1/status', { 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await statusWith(api.url, '//evil/%', {})).toBe(404);
    const response = await fetch(`${api.url}/api/v1/status`);
    expect(response.headers.get('access-control-allow-origin')).toBe(null);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('with tokens, API and metrics ask for one; page, health and readiness do not; the UI is served and nothing beside it', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-ui-'));
    fs.mkdirSync(path.join(directory, 'ui/assets'), { recursive: true });
    fs.writeFileSync(path.join(directory, 'ui/index.html'), '<p>page</p>');
    fs.writeFileSync(path.join(directory, 'ui/assets/a-1.js'), 'x'.repeat(100));
    fs.writeFileSync(path.join(directory, 'secret'), 'secret');
    const guarded = await startApi({
      graph: api.graph,
      guard: api.guard,
      locks: api.locks,
      engine: api.engine,
      host: '127.0.0.1',
      port: 0,
      now: () => NOW,
      alerts: () => ({ alerts: [], receivers: [] }),
      status: async () => ({}) as Status,
      fleet: async () => ({}) as FleetNode,
      metricsText: async () => '',
      authorize: (header) => header === 'Bearer right',
      uiDirectory: path.join(directory, 'ui'),
      ready: () => ({ ready: false, reasons: ['receiver 0 is down'] }),
    });
    const url = `http://127.0.0.1:${guarded.port}`;
    const at = (target: string, headers = {}): Promise<Response> => fetch(url + target, { headers });
    const statusesOf = (targets: string[], headers = {}): Promise<number[]> =>
      Promise.all(targets.map(async (target) => (await at(target, headers)).status));
    expect(await statusesOf(['/api/v1/status', '/api/v1/nothing', '/metrics'])).toEqual([401, 401, 401]);
    expect(await statusesOf(['/api/v1/status', '/metrics'], { authorization: 'Bearer right' })).toEqual([200, 200]);
    expect(await statusesOf(['/', '/traces/1', '/healthz', '/readyz'])).toEqual([200, 200, 200, 503]);
    expect(await (await at('/readyz')).json()).toEqual({ ready: false, reasons: ['receiver 0 is down'] });
    const page = await at('/some/client/route');
    expect([await page.text(), page.headers.get('cache-control')]).toEqual(['<p>page</p>', 'no-cache']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const script = await at('/assets/a-1.js');
    expect(script.headers.get('content-type')).toContain('text/javascript');
    expect(script.headers.get('cache-control')).toContain('immutable');
    for (const target of ['/../secret', '/%2e%2e/secret', '/..%2fsecret', '/assets/../../secret', '/%00'])
      expect(await statusWith(url, target, {}), target).toBe(200);
    const sneaked = await Promise.all(
      ['/..%2fsecret', '/%2e%2e%2fsecret'].map(async (target) => (await at(target)).text()),
    );
    expect(sneaked).toEqual(['<p>page</p>', '<p>page</p>']);
    await guarded.close();
    fs.rmSync(directory, { recursive: true });
  });
});
