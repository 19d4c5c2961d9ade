import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { LIMITS } from '../base/limits.ts';
import { errorText } from '../host/disk.ts';
import type { FleetNode } from '../query/api-fleet.ts';
import type { ServerTls } from '../receive/tls.ts';
import { BALANCERS, type BalancerName } from '../send/balance/balancer.ts';
import type { DeadDesk } from './dead-desk.ts';

export interface AdminOptions {
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  readonly tls: ServerTls | undefined;
  readonly authorize: (header: string | undefined) => boolean;
  readonly ready: () => boolean;
  readonly node: () => Promise<FleetNode>;
  readonly metricsText: () => Promise<string>;
  /** Chooses among the targets of every destination in another way, until the next start. */
  readonly balance: (name: BalancerName) => void;
  readonly dead: Pick<DeadDesk, 'list' | 'read' | 'resend' | 'drop'>;
}

export interface Admin {
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The admin port of a Clew that stores nothing: health, metrics, the account of the fleet, dead letters. */
export async function openAdmin(options: AdminOptions): Promise<Admin> {
  const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    answerTo(options, request)
      .catch((error: unknown) => json(500, { title: 'Internal error', detail: errorText(error) }))
      .then(({ status, type, body }) => {
        response.writeHead(status, {
          'content-type': type,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        });
        response.end(request.method === 'HEAD' ? undefined : body);
      });
  };
  const times = { requestTimeout: LIMITS.requestTimeoutMs, keepAliveTimeout: LIMITS.idleTimeoutMs };
  const server =
    options.tls === undefined
      ? http.createServer(times, listener)
      : https.createServer({ ...times, ...options.tls }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const json = (status: number, value: unknown): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(value),
});

async function answerTo(options: AdminOptions, request: http.IncomingMessage): Promise<Answer> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  if (path === '/healthz') return { status: 200, type: 'text/plain; charset=utf-8', body: 'ok\n' };
  if (path === '/readyz') {
    const ready = options.ready();
    return json(ready ? 200 : 503, { ready, reasons: ready ? [] : ['not every receiver is up'] });
  }
  const refusal = refusalOf(options, request);
  if (refusal !== undefined) return refusal;
  if (method === 'POST') return command(options, request, path);
  if (method !== 'GET') return json(405, { title: 'Method not allowed' });
  if (path === '/metrics') {
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await options.metricsText() };
  }
  if (path === '/api/v1/fleet') return json(200, await options.node());
  if (path === '/api/v1/dead') return json(200, { letters: await options.dead.list() });
  if (path.startsWith('/api/v1/dead/')) {
    const found = await options.dead.read(path.slice('/api/v1/dead/'.length));
    if (found !== undefined) return json(200, { ...found.letter, body: found.body.toString('base64') });
  }
  return json(404, { title: 'Not found', detail: `${path} is not here` });
}

/** As on the API port: pages of other sites and foreign names of loopback may not ask, and a token is needed where there are some. */
function refusalOf(options: AdminOptions, request: http.IncomingMessage): Answer | undefined {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  const isLoopback = options.host === '127.0.0.1' || options.host === '::1' || options.host === 'localhost';
  if (isLoopback && !LOOPBACK.has(host)) return json(421, { title: 'Misdirected request' });
  if (request.headers['sec-fetch-site'] === 'cross-site') return json(403, { title: 'Forbidden' });
  if (!options.authorize(request.headers.authorization)) return json(401, { title: 'Unauthorized' });
  return undefined;
}

/** `POST /api/v1/dead/resend` and `/drop` with `{"ids": […]}`, `POST /api/v1/balancer` with `{"balancer": "…"}`. */
async function command(options: AdminOptions, request: http.IncomingMessage, path: string): Promise<Answer> {
  const body = await bodyOf(request);
  if (path === '/api/v1/balancer') {
    const name = String(body?.['balancer']);
    if (!isBalancer(name)) {
      const detail = `the body must be {"balancer": "…"} with one of ${Object.keys(BALANCERS).join(', ')}`;
      return json(400, { title: 'Bad request', detail });
    }
    options.balance(name);
    return json(200, { balancer: name });
  }
  const ids = idsIn(body);
  if (ids === undefined) return json(400, { title: 'Bad request', detail: 'the body must be {"ids": ["…"]}' });
  if (path === '/api/v1/dead/resend') return json(200, { answers: await options.dead.resend(ids) });
  if (path === '/api/v1/dead/drop') return json(200, { answers: await options.dead.drop(ids) });
  return json(404, { title: 'Not found', detail: `${path} is not here` });
}

const isBalancer = (name: string): name is BalancerName => Object.hasOwn(BALANCERS, name);

/** The members of a body that is a JSON object. */
async function bodyOf(request: http.IncomingMessage): Promise<Readonly<Record<string, unknown>> | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > LIMITS.apiRequestBytesMax) return undefined;
    chunks.push(chunk as Buffer);
  }
  if (!String(request.headers['content-type'] ?? '').startsWith('application/json')) return undefined;
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function idsIn(body: Readonly<Record<string, unknown>> | undefined): string[] | undefined {
  const ids = body?.['ids'];
  return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : undefined;
}
