import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { Status } from './api.ts';
import type { AlertsAnswer } from './api-alerts.ts';
import type { FleetNode } from './api-fleet.ts';
import { COMPARE_PARAMETERS, PATH_PARAMETERS, pathComparison, pathSums, tracePath } from './critical-path.ts';
import { CYCLES_PARAMETERS, callCycles, callGraph, callOrder, GRAPH_PARAMETERS, ORDER_PARAMETERS } from './graph.ts';
import type { GraphKeeper } from './graph-keeper.ts';
import type { GuardDesk } from './guard-desk.ts';
import { checkCall, setRules } from './guard-requests.ts';
import type { LockDesk } from './locks.ts';
import { LOG_FILTERS, logHistogram, logsAsOtlp, searchLogs } from './logs.ts';
import { metricSeries } from './metric-series.ts';
import { listMetrics, metricPoints } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { Parameters, readHex } from './parameters.ts';
import { POOL_PARAMETERS, poolsOf } from './pools.ts';
import { ApiError, notFound } from './problem.ts';
import { SPAN_FILTERS } from './span-filter.ts';
import { runSql } from './sql.ts';
import { findTrace } from './trace.ts';
import { compareTraces, TRACE_COMPARE_PARAMETERS } from './trace-compare.ts';
import { listOperations, listServices, traceFacets, traceHistogram } from './trace-overview.ts';
import { searchTraces } from './trace-search.ts';

/** What the routes need of the process around them. */
export interface ApiWorld {
  readonly engine: Engine;
  /** What keeps the call graph. */
  readonly graph: GraphKeeper;
  /** The guard that services ask over HTTP. */
  readonly guard: GuardDesk;
  /** What follows the locks. */
  readonly locks: LockDesk;
  readonly alerts: () => AlertsAnswer;
  readonly status: () => Promise<Status>;
  readonly fleet: () => Promise<FleetNode>;
  /** Unix nanoseconds. */
  readonly now: () => bigint;
}

export interface RouteRequest {
  readonly world: ApiWorld;
  /** The parts of the path that stand for names, decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

export interface RouteAnswer {
  readonly body: unknown;
  /** The body is text of this media type, not JSON. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** `{name}` stands for one part of the path. */
  readonly path: string;
  readonly summary: string;
  readonly parameters: readonly string[];
  /** Name of the schema of a POST's body. Default SqlRequest. */
  readonly asks?: string;
  /** Name of the answer's schema in the OpenAPI document. */
  readonly answer: string;
  run(request: RouteRequest): Promise<RouteAnswer>;
}

type Ask = (request: RouteRequest, parameters: Parameters) => Promise<unknown>;

function get(path: string, summary: string, answer: string, parameters: readonly string[], ask: Ask): Route {
  const run = async (request: RouteRequest): Promise<RouteAnswer> => ({
    body: await ask(request, new Parameters(request.query, request.world.now(), parameters)),
  });
  return { method: 'GET', path, summary, parameters, answer, run };
}

const PAGE = ['limit', 'cursor'];
const RANGE = ['start', 'end'];

/** Every path of the API below /api/v1, in the order of the documentation. The OpenAPI document is made from this table. */
const ROUTES: readonly Route[] = [
  get('/traces', 'Search traces, newest match first', 'TracePage', [...SPAN_FILTERS, ...PAGE], ({ world, signal }, p) =>
    searchTraces(world.engine, p, signal),
  ),
  get(
    '/traces/histogram',
    'Matching spans and errors over time',
    'TraceHistogram',
    [...SPAN_FILTERS, 'buckets'],
    ({ world, signal }, p) => traceHistogram(world.engine, p, signal),
  ),
  get('/traces/facets', 'Values to filter by, with counts', 'FacetPage', SPAN_FILTERS, ({ world, signal }, p) =>
    traceFacets(world.engine, p, signal),
  ),
  get(
    '/traces/compare',
    'How selected traces differ from the other found ones',
    'TraceComparison',
    TRACE_COMPARE_PARAMETERS,
    ({ world, signal }, p) => compareTraces(world.engine, p, signal),
  ),
  {
    method: 'GET',
    path: '/traces/{traceId}',
    summary: 'One trace as OTLP/JSON, every field that arrived',
    parameters: [],
    answer: 'OtlpTraces',
    run: readTrace,
  },
  {
    method: 'GET',
    path: '/traces/{traceId}/critical-path',
    summary: 'What one trace waited for',
    parameters: ['mode'],
    answer: 'TracePath',
    run: readTracePath,
  },
  get('/critical-path', 'What the found traces waited for', 'PathSums', PATH_PARAMETERS, ({ world, signal }, p) =>
    pathSums(world.engine, p, signal),
  ),
  get(
    '/critical-path/compare',
    'What got slower from one window to another',
    'PathComparison',
    COMPARE_PARAMETERS,
    ({ world, signal }, p) => pathComparison(world.engine, p, signal),
  ),
  get('/services', 'Services that sent spans or logs', 'ServicePage', RANGE, ({ world, signal }, p) =>
    listServices(world.engine, p, signal),
  ),
  get(
    '/services/{service}/operations',
    'Operations of one service',
    'OperationPage',
    RANGE,
    ({ world, path, signal }, p) => listOperations(world.engine, p, path[0], signal),
  ),
  get('/logs', 'Search log records, newest first', 'LogPage', [...LOG_FILTERS, ...PAGE], ({ world, signal }, p) =>
    searchLogs(world.engine, p, signal),
  ),
  get(
    '/logs/histogram',
    'Log records over time, by severity',
    'LogHistogram',
    [...LOG_FILTERS, 'buckets'],
    ({ world, signal }, p) => logHistogram(world.engine, p, signal),
  ),
  get(
    '/logs/otlp',
    'Log records as OTLP/JSON, every field that arrived',
    'OtlpLogs',
    [...LOG_FILTERS, 'limit'],
    ({ world, signal }, p) => logsAsOtlp(world.engine, p, signal),
  ),
  get('/metrics', 'Metrics with kind, unit and services', 'MetricPage', ['service', ...RANGE], ({ world, signal }, p) =>
    listMetrics(world.engine, p, undefined, signal),
  ),
  get(
    '/metrics/{name}',
    'Series of one metric',
    'MetricSeries',
    ['service', 'attribute', 'groupBy', 'function', 'step', ...RANGE],
    ({ world, path, signal }, p) => metricSeries(world.engine, p, path[0], signal),
  ),
  get(
    '/metrics/{name}/points',
    'Points of one metric as OTLP/JSON',
    'OtlpMetrics',
    ['service', 'limit', ...RANGE],
    ({ world, path, signal }, p) => metricPoints(world.engine, p, path[0], signal),
  ),
  {
    method: 'GET',
    path: '/graph',
    summary: 'Who calls whom',
    parameters: GRAPH_PARAMETERS,
    answer: 'CallGraph',
    run: readCallGraph,
  },
  get('/cycles', 'Calls that go round in a circle', 'CallCycles', CYCLES_PARAMETERS, ({ world, signal }, p) =>
    callCycles(world, p, signal),
  ),
  get(
    '/order',
    'Callers before callees, and stages to start in',
    'CallOrder',
    ORDER_PARAMETERS,
    ({ world, signal }, p) => callOrder(world, p, signal),
  ),
  get('/deadlocks', 'Who waits for whom, and who will for ever', 'Locks', [], async ({ world }) =>
    world.locks.answer(),
  ),
  get(
    '/pools',
    'Pools that requests come back into, and how many requests can deadlock them',
    'Pools',
    POOL_PARAMETERS,
    ({ world, signal }, p) => poolsOf(world.engine, p, signal),
  ),
  {
    method: 'POST',
    path: '/locks',
    summary: 'Tell who holds and waits for what now',
    parameters: [],
    asks: 'LockSnapshot',
    answer: 'LockSnapshotTaken',
    run: async ({ world, body }) => ({ body: world.locks.snapshot(body) }),
  },
  {
    method: 'POST',
    path: '/guard/check',
    summary: 'May this service call that one now?',
    parameters: [],
    asks: 'GuardQuestion',
    answer: 'GuardDecision',
    run: async ({ world, body }) => ({ body: await checkCall(world.guard, body) }),
  },
  get('/guard', 'Rules of the guard', 'GuardRules', [], async ({ world }) => world.guard.rules()),
  {
    method: 'POST',
    path: '/guard/rules',
    summary: 'Replace the rules of the guard',
    parameters: [],
    asks: 'GuardRuleSet',
    answer: 'GuardRules',
    run: async ({ world, body }) => ({ body: await setRules(world.guard, body) }),
  },
  {
    method: 'POST',
    path: '/sql',
    summary: 'Run one read-only SQL statement',
    parameters: [],
    answer: 'SqlResult',
    run: async ({ world, body, signal }) => ({ body: await runSql(world.engine, queryOf(body), signal) }),
  },
  get('/alerts', 'What people are told of, and whether it reached them', 'Alerts', [], async ({ world }) =>
    world.alerts(),
  ),
  get('/status', 'What arrives, what waits, what is stored', 'Status', [], ({ world }) => world.status()),
  get('/fleet', 'This node of a fleet: what it received and what became of it', 'FleetNode', [], ({ world }) =>
    world.fleet(),
  ),
  get('/openapi.json', 'This description', 'OpenApi', [], async () => openApiDocument(ROUTES)),
];

async function readTrace({ world, path, signal }: RouteRequest): Promise<RouteAnswer> {
  const traceId = readHex('traceId', path[0], 32);
  const answer = await findTrace(world.engine, traceId, signal);
  if (answer === undefined) throw notFound(`no span of trace ${traceId} is stored`);
  const headers = answer.truncated ? { 'clew-truncated': 'true', 'clew-spans-max': String(LIMITS.traceSpansMax) } : {};
  return { body: answer.otlp, headers };
}

async function readTracePath({ world, path, query, signal }: RouteRequest): Promise<RouteAnswer> {
  const traceId = readHex('traceId', path[0], 32);
  const body = await tracePath(world.engine, traceId, new Parameters(query, world.now(), ['mode']), signal);
  if (body === undefined) throw notFound(`no span of trace ${traceId} is stored`);
  return { body };
}

async function readCallGraph({ world, query, signal }: RouteRequest): Promise<RouteAnswer> {
  const body = await callGraph(world, new Parameters(query, world.now(), GRAPH_PARAMETERS), signal);
  return typeof body === 'string' ? { body, type: 'text/vnd.graphviz; charset=utf-8' } : { body };
}

function queryOf(body: unknown): unknown {
  if (body === null || typeof body !== 'object' || !('query' in body)) {
    throw new ApiError(400, 'Bad request', 'the body must be {"query": "SELECT …"}', 'query');
  }
  return body.query;
}

/** The route of a path below /api/v1, with the decoded names in it; `allowed` are the methods of the path when only the method is wrong. */
export function findRoute(method: string, pathname: string): { route?: Route; path: string[]; allowed: string[] } {
  const parts = pathname.split('/').slice(1).map(decode);
  const allowed: string[] = [];
  for (const route of ROUTES) {
    const names = route.path.split('/').slice(1);
    if (names.length !== parts.length) continue;
    const path: string[] = [];
    const fits = names.every((name, i) => {
      if (!name.startsWith('{')) return name === parts[i];
      path.push(parts[i]);
      return parts[i] !== '';
    });
    if (!fits) continue;
    if (route.method === method) return { route, path, allowed };
    allowed.push(route.method);
  }
  return { path: [], allowed };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ApiError(400, 'Bad request', `the path part ${part} is not percent-encoded UTF-8`);
  }
}
