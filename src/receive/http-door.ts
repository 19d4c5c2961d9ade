import http from 'node:http';
import zlib from 'node:zlib';
import { HTTP_PATHS } from '../base/names.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import { exportResponse, exportResponseJson, httpStatusOf, statusJson, statusMessage } from '../wire/answers.ts';
import { HTTP_ENCODINGS } from '../wire/compression.ts';
import type { Outcome } from '../wire/outcome.ts';
import { type DoorContext, Reservation } from './door.ts';
import { BodyCollector, baggageOf, exportRequest } from './exporting.ts';

type Request = http.IncomingMessage;
type Response = http.ServerResponse;

const SIGNAL_BY_PATH = new Map<string, Signal>(SIGNALS.map((signal) => [HTTP_PATHS[signal], signal]));
const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json';
/** Answers below this are not worth compressing. */
const GZIP_BYTES_MIN = 1024;

/** A plain refusal: status, what to say, further headers. */
interface Refusal {
  readonly status: number;
  readonly outcome: Exclude<Outcome, { kind: 'success' }>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** OTLP/HTTP (OTLP specification, "OTLP/HTTP"): the request listener of the HTTP door. */
export function httpListener(context: DoorContext): (request: Request, response: Response) => void {
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0];
    const json = mediaType(request) === JSON_TYPE;
    applyCors(context, request, response);
    if (request.method === 'OPTIONS' && request.headers.origin !== undefined) {
      response.writeHead(204).end();
      return;
    }
    const signal = SIGNAL_BY_PATH.get(path);
    const refusal = signal === undefined ? notFound(path) : refusalOf(context, request);
    if (signal === undefined || refusal !== undefined) {
      if (refusal !== undefined) refuse(context, request, response, json, refusal);
      return;
    }
    receive(context, request, response, signal, json);
  };
}

const notFound = (path: string): Refusal => ({
  status: 404,
  outcome: { kind: 'invalid', message: `no such path ${path}; there are ${[...SIGNAL_BY_PATH.keys()].join(', ')}` },
});

function mediaType(request: Request): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0].trim().toLowerCase();
}

function contentEncoding(request: Request): string {
  return (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase() || 'identity';
}

/** What can be refused before the body is read. */
function refusalOf(context: DoorContext, request: Request): Refusal | undefined {
  if (request.method !== 'POST') {
    const message = `method ${request.method} is not allowed, use POST`;
    return { status: 405, outcome: { kind: 'invalid', message }, headers: { allow: 'POST' } };
  }
  if (!context.authorize(request.headers.authorization)) {
    const outcome = {
      kind: 'unauthenticated',
      message: 'missing or wrong bearer token in the authorization header',
    } as const;
    return { status: 401, outcome, headers: { 'www-authenticate': 'Bearer' } };
  }
  const type = mediaType(request);
  if (type !== PROTOBUF && type !== JSON_TYPE) {
    const message = `content-type ${type === '' ? 'is missing' : `${type} is not supported`}, use ${PROTOBUF} or ${JSON_TYPE}`;
    return { status: 415, outcome: { kind: 'unsupported', message } };
  }
  const encoding = contentEncoding(request);
  if (!Object.hasOwn(HTTP_ENCODINGS, encoding)) {
    const message = `content-encoding ${encoding} is not supported, use one of ${Object.keys(HTTP_ENCODINGS).join(', ')}`;
    return { status: 415, outcome: { kind: 'unsupported', message } };
  }
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > context.limits.requestBytesMax) return tooLarge(context, announced);
  return undefined;
}

function tooLarge(context: DoorContext, bytes: number): Refusal {
  const message = `the request has ${bytes} bytes or more, the limit is ${context.limits.requestBytesMax} (limits.requestBytesMax)`;
  return { status: 413, outcome: { kind: 'tooLarge', message }, headers: { connection: 'close' } };
}

function receive(context: DoorContext, request: Request, response: Response, signal: Signal, json: boolean): void {
  const reservation = new Reservation(context.sink);
  const announced = Number(request.headers['content-length'] ?? 0);
  if (!reservation.growTo(announced)) {
    answerOverload(context, request, response, json);
    return;
  }
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  const body = new BodyCollector(reservation, context.limits.requestBytesMax);
  let settled = false;
  const giveUp = (answer: () => void): void => {
    if (settled) return;
    settled = true;
    reservation.release();
    answer();
  };
  request.on('data', (chunk: Buffer) => {
    if (settled) return;
    const taken = body.add(chunk);
    if (taken === 'tooLarge')
      giveUp(() => refuse(context, request, response, json, tooLarge(context, body.sizeBytes + chunk.length)));
    else if (taken === 'noRoom') giveUp(() => answerOverload(context, request, response, json));
  });
  // The client went away in mid-request: there is nobody to answer.
  request.on('close', () => giveUp(() => undefined));
  request.on('error', () => giveUp(() => undefined));
  request.on('end', () => {
    if (settled) return;
    settled = true;
    const wire = {
      signal,
      body: body.whole(),
      encodings: HTTP_ENCODINGS,
      encoding: contentEncoding(request),
      json,
      baggage: baggageOf(request.headers.baggage, context.limits.baggageBytesMax),
    };
    void exportRequest(context, wire, reservation).then((outcome) => {
      reservation.release();
      context.counters.answered(outcome, body.sizeBytes);
      answer(request, response, signal, json, outcome);
    });
  });
}

function answerOverload(context: DoorContext, request: Request, response: Response, json: boolean): void {
  const outcome = context.sink.overload();
  if (outcome.kind === 'success') throw new Error('broken invariant: overload() is a refusal');
  refuse(context, request, response, json, { status: httpStatusOf(outcome), outcome, headers: retryAfter(outcome) });
}

/** Whole seconds, rounded up: the header has no smaller unit. */
const retryAfter = (outcome: Outcome): Record<string, string> =>
  outcome.kind === 'overloaded' ? { 'retry-after': String(Math.max(1, Math.ceil(outcome.retryAfterMs / 1000))) } : {};

function answer(request: Request, response: Response, signal: Signal, json: boolean, outcome: Outcome): void {
  if (outcome.kind !== 'success') {
    const headers = retryAfter(outcome);
    const payload = json ? Buffer.from(statusJson(outcome)) : statusMessage(outcome);
    send(request, response, httpStatusOf(outcome), json, payload, headers);
    return;
  }
  const { rejected, message } = outcome;
  const payload = json ? Buffer.from(exportResponseJson(signal, rejected, message)) : exportResponse(rejected, message);
  send(request, response, 200, json, payload, {});
}

function refuse(context: DoorContext, request: Request, response: Response, json: boolean, refusal: Refusal): void {
  context.counters.answered(refusal.outcome, 0);
  const payload = json ? Buffer.from(statusJson(refusal.outcome)) : statusMessage(refusal.outcome);
  send(request, response, refusal.status, json, payload, refusal.headers ?? {});
  // What the client still sends is read and dropped, so that it can read this answer.
  request.resume();
}

function send(
  request: Request,
  response: Response,
  status: number,
  json: boolean,
  payload: Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  if (response.headersSent || response.destroyed) return;
  const zip = payload.length >= GZIP_BYTES_MIN && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const body = zip ? zlib.gzipSync(payload) : payload;
  response.writeHead(status, {
    'content-type': json ? JSON_TYPE : PROTOBUF,
    'content-length': body.length,
    ...(zip ? { 'content-encoding': 'gzip' } : {}),
    ...headers,
  });
  response.end(body);
}

/** Browsers ask before they send from another origin; only configured origins are told that they may. */
function applyCors(context: DoorContext, request: Request, response: Response): void {
  const origin = request.headers.origin;
  if (origin === undefined) return;
  if (!context.corsOrigins.includes('*') && !context.corsOrigins.includes(origin)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'origin');
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-headers', 'authorization, baggage, content-encoding, content-type');
  response.setHeader('access-control-max-age', '7200');
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'request headers are over the limit (limits.headerBytesMax)'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time (limits.requestTimeoutMs)'],
};

/** Answers what is not even HTTP, or too slow, before the connection is closed. */
export function answerClientError(
  context: DoorContext,
  error: NodeJS.ErrnoException,
  socket: import('node:stream').Duplex,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = CLIENT_ERRORS[error.code ?? ''] ?? [400, 'the request is not HTTP/1.1'];
  const outcome = { kind: 'invalid', message } as const;
  context.counters.answered(outcome, 0);
  const body = statusMessage(outcome);
  const head = [
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
    `content-type: ${PROTOBUF}`,
    `content-length: ${body.length}`,
    'connection: close',
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
}
