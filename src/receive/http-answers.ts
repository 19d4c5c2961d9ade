import http from 'node:http';
import type { Duplex } from 'node:stream';
import zlib from 'node:zlib';
import { HOP_HEADERS } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import { exportResponse, exportResponseJson, httpStatusOf, statusJson, statusMessage } from '../wire/answers.ts';
import type { Outcome, Refused } from '../wire/outcome.ts';
import type { DoorContext } from './door.ts';

/** What the HTTP door writes, in the encoding of the request. */
export const PROTOBUF_TYPE = 'application/x-protobuf';
export const JSON_TYPE = 'application/json';

/** One request with its response; `json` is the encoding of both. */
export interface Exchange {
  readonly context: DoorContext;
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly json: boolean;
}

/** A refusal: what to say, and where HTTP has more to say than the outcome, its status and further headers. */
export interface Refusal {
  readonly outcome: Refused;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers what the sink said of a whole request. */
export function answer(exchange: Exchange, signal: Signal, outcome: Outcome): void {
  if (outcome.kind !== 'success') {
    send(exchange, httpStatusOf(outcome), statusOf(exchange, outcome), headersOf(outcome));
    return;
  }
  const { rejected, message } = outcome;
  const payload = exchange.json
    ? Buffer.from(exportResponseJson(signal, rejected, message))
    : exportResponse(rejected, message);
  send(exchange, 200, payload, {});
}

/**
 * Answers a request whose body has not all arrived. What the client still sends is read and dropped, so that it can finish and read the answer.
 * When that is more than the client should send, the connection is closed after a moment.
 */
export function refuse(exchange: Exchange, refusal: Refusal): void {
  const { context, request, response } = exchange;
  const { outcome } = refusal;
  context.counters.answered(outcome, 0);
  const status = refusal.status ?? httpStatusOf(outcome);
  const headers = { ...retryAfter(outcome), ...refusal.headers };
  const waitsForUs = request.headers.expect !== undefined;
  if (outcome.kind !== 'tooLarge' || waitsForUs) {
    // A client that was not told to continue sends no body, and the connection cannot tell what comes next.
    send(exchange, status, statusOf(exchange, outcome), waitsForUs ? { ...headers, connection: 'close' } : headers);
    request.on('data', (chunk: Buffer) => context.letGo(chunk.length));
    return;
  }
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  let droppedBytes = 0;
  request.on('data', (chunk: Buffer) => {
    context.letGo(chunk.length);
    droppedBytes += chunk.length;
    if (droppedBytes > context.limits.requestBytesMax) end();
  });
  request.once('end', end);
  request.once('close', end);
  const payload = statusOf(exchange, outcome);
  response.writeHead(status, { ...headHeaders(exchange, payload), ...headers, connection: 'close' });
  response.write(payload);
}

/** How long a client may take to notice that its request is too large. */
const LINGER_MS = 2_000;

const statusOf = ({ json }: Exchange, outcome: Refused): Buffer =>
  json ? Buffer.from(statusJson(outcome)) : statusMessage(outcome);

/** What a refusal says besides its status and text. */
export const headersOf = (outcome: Refused): Readonly<Record<string, string>> => ({
  ...retryAfter(outcome),
  ...markOf(outcome),
});

/** Whole seconds, rounded up: the header has no smaller unit. */
const retryAfter = (outcome: Refused): Readonly<Record<string, string>> =>
  outcome.kind === 'overloaded' ? { 'retry-after': String(Math.max(1, Math.ceil(outcome.retryAfterMs / 1000))) } : {};

/** What a forwarding Clew must know to go on. */
const markOf = (outcome: Refused): Readonly<Record<string, string>> =>
  outcome.kind === 'overlap' ? { [HOP_HEADERS.mark]: outcome.mark } : {};

const headHeaders = ({ json }: Exchange, body: Buffer): Record<string, string | number> => ({
  'content-type': json ? JSON_TYPE : PROTOBUF_TYPE,
  'content-length': body.length,
});

/** Answers below this are not worth compressing. */
const GZIP_BYTES_MIN = 1024;

/** Writes an answer, packed when that is worth it and wanted. */
export function send(
  exchange: Exchange,
  status: number,
  payload: Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  const { context, request, response } = exchange;
  if (response.headersSent || response.destroyed) return;
  const zip = payload.length >= GZIP_BYTES_MIN && acceptsGzip(request.headers['accept-encoding']);
  const body = zip ? zlib.gzipSync(payload) : payload;
  const head = headHeaders(exchange, body);
  if (zip) head['content-encoding'] = 'gzip';
  if (context.draining) head['connection'] = 'close';
  response.writeHead(status, Object.assign(head, headers));
  // The answer to a success is mostly empty: without a piece of its own it is one write of the head.
  if (body.length === 0) response.end();
  else response.end(body);
}

/** `Accept-Encoding` names gzip, and not with the weight 0 that forbids it (RFC 9110 section 12.5.3). */
function acceptsGzip(header: string | string[] | undefined): boolean {
  return /(^|[\s,])gzip\s*($|,|;(?!\s*q=0(\.0*)?\s*($|,)))/i.test(String(header ?? ''));
}

const CLIENT_ERRORS: Readonly<Record<string, { status: number; outcome: Refused }>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    outcome: { kind: 'invalid', message: 'the request headers are over the limit (limits.headerBytesMax)' },
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    outcome: { kind: 'deadline', message: 'the request did not arrive in time (limits.requestTimeoutMs)' },
  },
};
const NOT_HTTP: { status: number; outcome: Refused } = {
  status: 400,
  outcome: { kind: 'invalid', message: 'the request is not HTTP/1.1' },
};

/** Answers what is not even HTTP, or too slow, before the connection is closed. */
export function answerClientError(context: DoorContext, error: NodeJS.ErrnoException, socket: Duplex): void {
  // Without a handshake there is nothing to write on: an end would wait for it for ever.
  if (error.code === 'ECONNRESET' || /^ERR_(SSL|TLS)_/.test(error.code ?? '') || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, outcome } = CLIENT_ERRORS[error.code ?? ''] ?? NOT_HTTP;
  context.counters.answered(outcome, 0);
  const body = statusMessage(outcome);
  const head = [
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
    `content-type: ${PROTOBUF_TYPE}`,
    `content-length: ${body.length}`,
    'connection: close',
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]), () => socket.destroy());
}
