import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { LIMITS } from '../base/limits.ts';
import { ApiError, problemOf } from './problem.ts';
import { type ApiWorld, findRoute, type RouteAnswer } from './routes.ts';
import { StaticFiles } from './static-files.ts';

export interface ApiOptions extends ApiWorld {
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  /** The built UI; null serves the API alone. */
  readonly uiDirectory: string | null;
  readonly metricsText: () => Promise<string>;
  readonly ready: () => { readonly ready: boolean; readonly reasons: readonly string[] };
  /** Certificate and key as PEM, and what is asked of clients. */
  readonly tls?: https.ServerOptions;
  /** Says whether an `authorization` header may read; absent, everybody may. */
  readonly authorize?: (header: string | undefined) => boolean;
  readonly report?: (text: string) => void;
}

export interface ApiServer {
  readonly port: number;
  close(): Promise<void>;
}

const PREFIX = '/api/v1';
/** Less goes out in the first ten packets of a connection, before any answer to them: packing and unpacking it would only cost a millisecond. */
const GZIP_BYTES_MIN = 14_000;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Answers are data: no page may frame them, run them, or read them from elsewhere. The page of the UI has a policy of its own. */
const SAFETY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

/** Opens the port of API and UI. Rejects when it cannot be listened on. */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const files = options.uiDirectory === null ? undefined : new StaticFiles(options.uiDirectory);
  const running = { count: 0 };
  const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    for (const [name, value] of Object.entries(SAFETY_HEADERS)) response.setHeader(name, value);
    answer(options, files, running, request, response).catch((error: unknown) => {
      if (response.destroyed) return;
      const problem = problemOf(error);
      if (problem.problem.status === 500)
        options.report?.(`API ${request.method} ${request.url}: ${problem.problem.detail}`);
      return sendProblem(request, response, problem);
    });
  };
  const times = { requestTimeout: LIMITS.requestTimeoutMs, keepAliveTimeout: LIMITS.idleTimeoutMs };
  const server =
    options.tls === undefined
      ? http.createServer(times, listener)
      : https.createServer({ ...times, ...options.tls }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.removeListener('error', reject);
      resolve();
    });
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

async function answer(
  options: ApiOptions,
  files: StaticFiles | undefined,
  running: { count: number },
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  refuseForeignHosts(options, request);
  const url = urlOf(request);
  if (url.pathname === '/healthz') return send(request, response, 200, 'text/plain; charset=utf-8', 'ok\n');
  if (url.pathname === '/readyz') return sendReadiness(options, request, response);
  const isApi = url.pathname === PREFIX || url.pathname.startsWith(`${PREFIX}/`);
  if (isApi || url.pathname === '/metrics') {
    refuseForeignPages(request);
    requireToken(options, request);
  }
  if (url.pathname === '/metrics') {
    return send(request, response, 200, 'text/plain; version=0.0.4; charset=utf-8', await options.metricsText());
  }
  if (isApi) return runRoute(options, running, request, response, url);
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed(['GET']);
  const served = await files?.serve(decoded(url.pathname), acceptsGzip(request), response);
  if (served !== true) throw new ApiError(404, 'Not found', `${url.pathname} is not here; the API is below ${PREFIX}`);
}

/**
 * A server that is bound to loopback and asks for no token could be read by any web page through a host name that resolves to loopback
 * (DNS rebinding): only the names of loopback are answered then.
 */
function refuseForeignHosts(options: ApiOptions, request: http.IncomingMessage): void {
  const isOpen =
    options.authorize === undefined &&
    (options.host === '127.0.0.1' || options.host === '::1' || options.host === 'localhost');
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (isOpen && !LOOPBACK.has(host)) {
    throw new ApiError(
      421,
      'Misdirected request',
      `host ${host} is not a name of this machine's loopback; set auth.tokens and host to serve others`,
    );
  }
}

/** Browsers say when a page of another site asks: it could not read the answer, but it could keep the store busy. */
function refuseForeignPages(request: http.IncomingMessage): void {
  if (request.headers['sec-fetch-site'] === 'cross-site' && request.headers['sec-fetch-mode'] !== 'navigate') {
    throw new ApiError(403, 'Forbidden', 'pages of other sites may not use this API');
  }
}

/** A path alone: `//name/…` is no address of another host. */
function urlOf(request: http.IncomingMessage): URL {
  try {
    return new URL(`http://host${(request.url ?? '/').replace(/^\/*/, '/')}`);
  } catch {
    throw new ApiError(400, 'Bad request', 'the path is no valid URL');
  }
}

function decoded(pathname: string): string {
  try {
    return decodeURI(pathname);
  } catch {
    throw new ApiError(400, 'Bad request', `the path ${pathname.slice(0, 200)} is not percent-encoded UTF-8`);
  }
}

function requireToken(options: ApiOptions, request: http.IncomingMessage): void {
  if (options.authorize === undefined || options.authorize(request.headers.authorization)) return;
  const headers = { 'www-authenticate': 'Bearer' };
  throw new ApiError(
    401,
    'Unauthorized',
    'missing or wrong bearer token in the authorization header',
    undefined,
    headers,
  );
}

const methodNotAllowed = (allowed: readonly string[]): ApiError =>
  new ApiError(405, 'Method not allowed', `use ${allowed.join(' or ')}`, undefined, { allow: allowed.join(', ') });

async function runRoute(
  options: ApiOptions,
  running: { count: number },
  request: http.IncomingMessage,
  response: http.ServerResponse,
  url: URL,
): Promise<void> {
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const { route, path, allowed } = findRoute(method, url.pathname.slice(PREFIX.length));
  if (route === undefined) {
    if (allowed.length > 0) throw methodNotAllowed(allowed);
    throw new ApiError(404, 'Not found', `${url.pathname} is no path of the API; see ${PREFIX}/openapi.json`);
  }
  if (running.count >= LIMITS.apiRequestsMax) {
    throw new ApiError(
      503,
      'Too many requests at once',
      `${LIMITS.apiRequestsMax} requests are being answered`,
      undefined,
      { 'retry-after': '1' },
    );
  }
  running.count++;
  const abort = new AbortController();
  response.on('close', () => abort.abort());
  try {
    const body = method === 'POST' ? await readJson(request) : undefined;
    const answered = await route.run({ world: options, path, query: url.searchParams, body, signal: abort.signal });
    await sendJson(request, response, 200, 'application/json', answered);
  } finally {
    running.count--;
  }
}

/** The body as JSON. The content type is demanded, because browsers send it to other origins only after asking. */
async function readJson(request: http.IncomingMessage): Promise<unknown> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0].trim().toLowerCase();
  if (type !== 'application/json')
    throw new ApiError(415, 'Unsupported media type', 'content-type must be application/json');
  const chunks: Buffer[] = [];
  let size = 0;
  // Kept open when it is too large, so that the answer can still be sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > LIMITS.apiRequestBytesMax) {
      request.resume();
      const detail = `the body has more than ${LIMITS.apiRequestBytesMax} bytes`;
      throw new ApiError(413, 'Request is too large', detail, undefined, { connection: 'close' });
    }
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new ApiError(
      400,
      'Bad request',
      `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function sendReadiness(
  options: ApiOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const { ready, reasons } = options.ready();
  return send(request, response, ready ? 200 : 503, 'application/json', JSON.stringify({ ready, reasons }));
}

async function sendProblem(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  error: ApiError,
): Promise<void> {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
  await sendJson(request, response, error.problem.status, 'application/problem+json', { body: error.problem });
}

async function sendJson(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  status: number,
  type: string,
  answered: RouteAnswer,
): Promise<void> {
  for (const [name, value] of Object.entries(answered.headers ?? {})) response.setHeader(name, value);
  response.setHeader('cache-control', 'no-store');
  const isText = answered.type !== undefined && typeof answered.body === 'string';
  const text = isText ? String(answered.body) : JSON.stringify(answered.body);
  await send(request, response, status, answered.type ?? type, text);
}

const acceptsGzip = (request: http.IncomingMessage): boolean =>
  /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));

const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);

async function send(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  status: number,
  type: string,
  text: string,
): Promise<void> {
  const plain = Buffer.from(text);
  const zip = plain.length >= GZIP_BYTES_MIN && acceptsGzip(request);
  const body = zip ? await gzip(plain, { level: 1 }) : plain;
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.length,
    ...(zip ? { 'content-encoding': 'gzip', vary: 'accept-encoding' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
