import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import type { Problem } from '../../../src/query/api.ts';
import type { AlertsAnswer } from '../../../src/query/api-alerts.ts';
import {
  compareTraces,
  findLogs,
  findTraces,
  logHistogram,
  makeShop,
  pageOf,
  type ShopData,
  traceFacets,
  traceHistogram,
} from './answers.ts';
import { fleetAnswer } from './fleet.ts';
import { graphAnswerFor } from './graph.ts';
import { makeLargeTrace, makeOddTrace, TRACE_10K, TRACE_100K, TRACE_ODD } from './large-traces.ts';
import { metricList, metricSeries, statusOf } from './metrics.ts';
import { waitingAnswerFor } from './waiting.ts';

/**
 * The built UI with a made-up API behind it: the same addresses and security headers as the store process gives, data that are the same
 * for the same time. `mode` is what a test sets: a shop, nothing at all, or an API that fails.
 */
export interface UiServer {
  readonly url: string;
  mode: 'shop' | 'empty' | 'failing' | 'large';
  /** Paths and queries that the page asked for, oldest first. */
  readonly asked: string[];
  /** The id of a trace of the shop that has an error. */
  readonly failedTraceId: string;
  readonly close: () => Promise<void>;
}

const TRACES = 1_500;
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'";
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export async function startUiServer(directory: string, nowMs = Date.now(), port = 0): Promise<UiServer> {
  const shop = makeShop(TRACES, nowMs);
  const empty: ShopData = { traces: [], logs: [] };
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (!url.pathname.startsWith('/api/')) return sendFile(directory, url.pathname, response);
    asked.push(`${url.pathname}${url.search}`);
    if (state.mode === 'failing') {
      return sendProblem(response, {
        type: 'about:blank',
        title: 'Busy',
        status: 503,
        detail: 'The store is starting.',
      });
    }
    const graph = graphAnswerFor(url, state.mode === 'shop' ? shop : empty, state.mode === 'large', nowMs);
    const made = graph ?? waitingAnswerFor(url, state.mode === 'shop' ? shop : empty, nowMs);
    const answer = made ?? answerFor(url, state.mode === 'shop' ? shop : empty, nowMs);
    if (answer === null) return sendProblem(response, notFound(url.pathname));
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  const state: UiServer = {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`,
    mode: 'shop',
    asked,
    failedTraceId: shop.traces.find(({ summary }) => summary.errorCount > 2)?.summary.traceId ?? '',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return state;
}

function answerFor(url: URL, data: ShopData, nowMs: number): unknown {
  const params = url.searchParams;
  const [, trace] = /^\/api\/v1\/traces\/([0-9a-f]{32})$/.exec(url.pathname) ?? [];
  if (trace !== undefined) return oneTrace(trace, data, nowMs);
  const [, metric] = /^\/api\/v1\/metrics\/(.+)$/.exec(url.pathname) ?? [];
  const traceIds = data.traces.slice(0, 200).map(({ made }) => made.traceId);
  if (metric !== undefined) return metricSeries(decodeURIComponent(metric), params, nowMs, traceIds);
  const answers: Readonly<Record<string, () => unknown>> = {
    '/api/v1/traces': () => findTraces(data, params, nowMs),
    '/api/v1/traces/compare': () => compareTraces(data, params, nowMs),
    '/api/v1/traces/histogram': () => traceHistogram(data, params, nowMs),
    '/api/v1/traces/facets': () => traceFacets(data, params, nowMs),
    '/api/v1/logs': () => findLogs(data, params, nowMs),
    '/api/v1/logs/histogram': () => logHistogram(data, params, nowMs),
    '/api/v1/services': () => ({ items: services(data), next: null }),
    '/api/v1/metrics': () => pageOf(data.traces.length === 0 ? [] : metricList(nowMs), params),
    '/api/v1/alerts': () => alertsOf(data, nowMs),
    '/api/v1/status': () => statusOf(nowMs),
    '/api/v1/fleet': () => fleetAnswer(data.traces.length > 0),
  };
  return answers[url.pathname]?.() ?? null;
}

function alertsOf(data: ShopData, nowMs: number): AlertsAnswer {
  const [example] = data.traces;
  if (example === undefined) return { alerts: [], receivers: [] };
  const { traceId } = example.summary;
  const text = `a new call, pricing → cart, closes a cycle: cart → catalog → pricing → cart (for example trace ${traceId})`;
  const details = { services: ['cart', 'catalog', 'pricing'], client: 'pricing', server: 'cart', traceId };
  const counts = { accepted: 1, delivered: 0, failed: 0, dropped: 0, waiting: 1, tries: 3 };
  return {
    alerts: [{ kind: 'cycle', time: new Date(nowMs - 240_000).toISOString(), text, details }],
    receivers: [{ name: 'https://chat.example', ...counts, problem: 'answered 503' }],
  };
}

function oneTrace(traceId: string, data: ShopData, nowMs: number): unknown {
  if (traceId === TRACE_10K) return makeLargeTrace(traceId, 10_000, nowMs - 900_000);
  if (traceId === TRACE_100K) return makeLargeTrace(traceId, 100_000, nowMs - 900_000);
  if (traceId === TRACE_ODD) return makeOddTrace(nowMs - 900_000, data.traces[0]?.made.traceId ?? TRACE_10K);
  return data.traces.find(({ made }) => made.traceId === traceId)?.made.otlp ?? null;
}

function services(data: ShopData) {
  const names = new Map<string, { service: string; spans: number; errors: number; logs: number }>();
  for (const { summary } of data.traces) {
    for (const { service, spans, errors } of summary.services) {
      const sum = names.get(service) ?? { service, spans: 0, errors: 0, logs: 0 };
      names.set(service, { ...sum, spans: sum.spans + spans, errors: sum.errors + errors });
    }
  }
  return [...names.values()];
}

function notFound(name: string): Problem {
  return { type: 'about:blank', title: 'Not found', status: 404, detail: `Nothing is stored under ${name}.` };
}

function sendProblem(response: http.ServerResponse, problem: Problem): void {
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
}

/** A file of the built UI, or its page for every other path. */
function sendFile(directory: string, name: string, response: http.ServerResponse): void {
  const file = path.join(directory, path.normalize(name));
  const found = file.startsWith(directory) && fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  const sent = found ? file : path.join(directory, 'index.html');
  response.setHeader('content-security-policy', POLICY);
  response.setHeader('content-type', TYPES[path.extname(sent)] ?? 'application/octet-stream');
  response.end(fs.readFileSync(sent));
}
