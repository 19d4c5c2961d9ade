import type http from 'node:http';
import { LIMITS } from '../base/limits.ts';
import { HTTP_PATHS, PEER_PATHS } from '../base/names.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import { HTTP_ENCODINGS } from '../wire/compression.ts';
import { clientOf, type DoorContext, overloadOf, tooSlow } from './door.ts';
import { BodyCollector, baggageOf, exportRequest, hopOf } from './exporting.ts';
import { answer, type Exchange, JSON_TYPE, PROTOBUF_TYPE, type Refusal, refuse, send } from './http-answers.ts';
import { answerPeer, type TakePeer } from './peer-door.ts';

type Request = http.IncomingMessage;
type Response = http.ServerResponse;

const SIGNAL_BY_PATH = new Map<string, Signal>(SIGNALS.map((signal) => [HTTP_PATHS[signal], signal]));

/** OTLP/HTTP (OTLP specification, "OTLP/HTTP"): the request listener of the HTTP door. */
export function httpListener(context: DoorContext): (request: Request, response: Response) => void {
  return (request, response) => {
    const path = pathOf(request.url ?? '');
    const exchange = { context, request, response, json: mediaType(request) === JSON_TYPE };
    // A connection that breaks in mid-answer concerns nobody but its client.
    response.on('error', ignore);
    applyCors(context, request, response);
    if (request.method === 'OPTIONS' && request.headers.origin !== undefined) {
      response.writeHead(204).end();
      return;
    }
    const signal = SIGNAL_BY_PATH.get(path);
    const { takePeer } = context;
    const isPeer = path === PEER_PATHS.http && takePeer !== undefined;
    if (signal === undefined && !isPeer) {
      refuse(exchange, notFound(path));
      return;
    }
    const refusal = refusalOf(context, request);
    if (refusal !== undefined) refuse(exchange, refusal);
    else if (signal !== undefined) receive(exchange, signal);
    else if (takePeer !== undefined) receivePeer(exchange, takePeer);
  };
}

const ignore = (): void => undefined;

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

const notFound = (path: string): Refusal => ({
  status: 404,
  outcome: { kind: 'invalid', message: `no such path ${path}; there are ${[...SIGNAL_BY_PATH.keys()].join(', ')}` },
});

function mediaType(request: Request): string {
  const type = request.headers['content-type'] ?? '';
  // As nearly all say it.
  return type === PROTOBUF_TYPE ? type : type.split(';', 1)[0].trim().toLowerCase();
}

const IDENTITY = 'identity';

function contentEncoding(request: Request): string {
  return (request.headers['content-encoding'] ?? '').trim().toLowerCase() || IDENTITY;
}

/** What can be refused before the body is read. */
function refusalOf(context: DoorContext, request: Request): Refusal | undefined {
  if (request.method !== 'POST') {
    const message = `method ${request.method} is not allowed, use POST`;
    return { status: 405, outcome: { kind: 'invalid', message }, headers: { allow: 'POST' } };
  }
  if (!context.authorize(request.headers.authorization)) {
    const message = 'missing or wrong bearer token in the authorization header';
    return { outcome: { kind: 'unauthenticated', message }, headers: { 'www-authenticate': 'Bearer' } };
  }
  const type = mediaType(request);
  if (type !== PROTOBUF_TYPE && type !== JSON_TYPE) {
    const problem = type === '' ? 'is missing' : `${type} is not supported`;
    const message = `content-type ${problem}, use ${PROTOBUF_TYPE} or ${JSON_TYPE}`;
    return { outcome: { kind: 'unsupported', message } };
  }
  const encoding = contentEncoding(request);
  if (encoding !== IDENTITY && !Object.hasOwn(HTTP_ENCODINGS, encoding)) {
    const message = `content-encoding ${encoding} is not supported, use one of ${Object.keys(HTTP_ENCODINGS).join(', ')}`;
    return { outcome: { kind: 'unsupported', message } };
  }
  const announced = announcedBytes(request);
  const { requestBytesMax } = context.limits;
  return announced > requestBytesMax ? tooLarge(announced, requestBytesMax, 'limits.requestBytesMax') : undefined;
}

const announcedBytes = (request: Request): number => Number(request.headers['content-length'] ?? 0);

function tooLarge(bytes: number, bytesMax: number, limit: string): Refusal {
  const message = `the request has ${bytes} bytes or more, the limit is ${bytesMax} (${limit})`;
  return { outcome: { kind: 'tooLarge', message } };
}

function receive(exchange: Exchange, signal: Signal): void {
  const { context, request } = exchange;
  collect(exchange, context.limits.requestBytesMax, 'limits.requestBytesMax', (body) => {
    const encoding = contentEncoding(request);
    const { sizeBytes } = body;
    const wire = {
      signal,
      body: body.whole(),
      unpacker: HTTP_ENCODINGS[encoding],
      encoding,
      json: exchange.json,
      baggage: baggageOf(request.headers.baggage, context.limits.baggageBytesMax),
      hop: hopOf(request.headers),
    };
    exportRequest(context, wire, body.reservation, (outcome) => {
      body.recycle(outcome);
      context.counters.answered(outcome, sizeBytes);
      answer(exchange, signal, outcome);
    });
  });
}

/** What another Clew tells of itself, in JSON. */
function receivePeer(exchange: Exchange, take: TakePeer): void {
  collect(exchange, LIMITS.peerBytesMax, 'limits.peerBytesMax', (body) => {
    void answerPeer(take, body.whole(), Object.keys(HTTP_ENCODINGS)).then((said) => {
      body.drop();
      if (Buffer.isBuffer(said)) send({ ...exchange, json: true }, 200, said, {});
      else refuse(exchange, { outcome: said });
    });
  });
}

/** Collects the body of a request and hands it on when it is whole. */
function collect(exchange: Exchange, bytesMax: number, limit: string, take: (body: BodyCollector) => void): void {
  const { context, request, response } = exchange;
  const body = new BodyCollector(context, bytesMax, clientOf(request.socket), () => {
    giveUp();
    refuse(exchange, { outcome: tooSlow(context) });
  });
  let settled = false;
  const giveUp = (): void => {
    settled = true;
    body.drop();
  };
  if (!body.expect(announcedBytes(request))) {
    giveUp();
    refuse(exchange, { outcome: overloadOf(context) });
    return;
  }
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  request.on('data', (chunk: Buffer) => {
    context.letGo(chunk.length);
    if (settled) return;
    const taken = body.add(chunk);
    if (taken === 'ok') return;
    const bytes = body.sizeBytes + chunk.length;
    giveUp();
    refuse(exchange, taken === 'tooLarge' ? tooLarge(bytes, bytesMax, limit) : { outcome: overloadOf(context) });
  });
  // The client went away in mid-request: there is nobody to answer.
  const leave = (): void => (settled ? undefined : giveUp());
  request.on('close', leave);
  request.on('error', leave);
  request.on('end', () => {
    if (settled) return;
    settled = true;
    take(body);
  });
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
  response.setHeader('access-control-expose-headers', 'retry-after');
  response.setHeader('access-control-max-age', '7200');
}
