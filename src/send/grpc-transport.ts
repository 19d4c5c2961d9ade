import http2 from 'node:http2';
import { LIMITS } from '../base/limits.ts';
import { GRPC_METHODS, PEER_PATHS } from '../base/names.ts';
import { FRAME_HEADER_BYTES, readFrameHeader } from '../wire/grpc.ts';
import { packForGrpc } from '../wire/packing.ts';
import { USER_AGENT } from './http-transport.ts';
import { Lines, type Wire, type WireEvents } from './lines.ts';
import type { Link } from './link.ts';
import { bytesOf, packParts } from './parts.ts';
import type { Target } from './target.ts';
import type { ExportCall, Reply, ReplyHeaders, TlsTrust, Transport, TransportOptions } from './transport.ts';

/** Memory that one HTTP/2 session may hold, in MiB as node:http2 counts it. */
const SESSION_MEMORY_MIB = 128;

/** OTLP/gRPC: unary calls on streams of HTTP/2 connections. */
export class GrpcTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #lines: Lines<SessionWire>;

  constructor(target: Target, options: TransportOptions, link: Link) {
    this.#options = options;
    this.#lines = new Lines({
      link,
      streamsMax: LIMITS.streamsPerConnectionMax,
      ageMsMax: options.connectionAgeMsMax,
      open: (events, withinMs) => openSession(target, options.tls, events, withinMs),
    });
  }

  async call(call: ExportCall): Promise<Reply> {
    const { packing, timeoutMs } = this.#options;
    // gRPC has no name for lz4 (the configuration is refused): what cannot be named is sent as it is.
    const named = packing === 'lz4' ? 'none' : packing;
    const line = await this.#lines.take(timeoutMs);
    if (typeof line === 'string') return { kind: 'none', reason: line, sent: false };
    // It may be gone when the request is packed.
    const { session } = line.wire;
    call.onBegin?.();
    // Not before there is a connection: while a target is away nothing is packed for each try.
    const parts = await packParts(call.body, (body) => packForGrpc(named, body), named);
    const reply = await exchange(session, { ...this.#headers(call, named) }, parts, named !== 'none', timeoutMs);
    if (session.destroyed) line.broke();
    else line.release();
    return reply;
  }

  close(): void {
    this.#lines.close();
  }

  connections(): ReturnType<Transport['connections']> {
    return this.#lines.states();
  }

  #headers(call: ExportCall, encoding: string): http2.OutgoingHttpHeaders {
    return {
      ':method': 'POST',
      ':path': call.signal === 'peer' ? PEER_PATHS.grpc : GRPC_METHODS[call.signal],
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      'user-agent': USER_AGENT,
      'grpc-timeout': `${Math.min(99_999_999, this.#options.timeoutMs)}m`,
      ...(encoding === 'none' ? {} : { 'grpc-encoding': encoding }),
      ...this.#options.headers,
      ...call.headers,
    };
  }
}

interface SessionWire extends Wire {
  readonly session: http2.ClientHttp2Session;
}

/** Resolves with a connected session; rejects with what kept it from being so. */
function openSession(target: Target, trust: TlsTrust, events: WireEvents, withinMs: number): Promise<SessionWire> {
  const { secure, port, address } = target;
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  return new Promise((resolve, reject) => {
    const session = http2.connect(`${secure ? 'https' : 'http'}://${host}:${port}`, {
      ...(secure ? trust : {}),
      // Of the name in the authority, which is also that of its certificate.
      ...(address === '' ? {} : { host: address, servername: target.host }),
      maxSessionMemory: SESSION_MEMORY_MIB,
    });
    const timer = setTimeout(() => session.destroy(new Error(`no connection within ${withinMs} ms`)), withinMs);
    let problem = new Error('the connection was cut');
    let isLeaving = false;
    session.on('error', (error) => {
      problem = error;
      session.destroy();
    });
    session.once('goaway', () => {
      isLeaving = true;
      events.leaving();
      session.close();
    });
    session.once('connect', () => {
      clearTimeout(timer);
      // The connection alone does not keep the process: calls under way do.
      session.unref();
      resolve({ session, close: () => session.destroy() });
    });
    session.once('close', () => {
      clearTimeout(timer);
      // Before it was open the promise is rejected, later that changes nothing.
      reject(problem);
      if (!isLeaving) events.broken();
    });
  });
}

/** One call on a stream of its own. */
function exchange(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  parts: readonly Uint8Array[],
  isPacked: boolean,
  timeoutMs: number,
): Promise<Reply> {
  return new Promise((resolve) => {
    let stream: http2.ClientHttp2Stream;
    try {
      stream = session.request(headers, { endStream: false });
    } catch (error) {
      session.destroy();
      resolve({ kind: 'none', reason: String(error), sent: false });
      return;
    }
    readCall(stream, session, timeoutMs, resolve);
    const head = Buffer.alloc(FRAME_HEADER_BYTES);
    head.writeUInt8(isPacked ? 1 : 0, 0);
    head.writeUInt32BE(bytesOf(parts), 1);
    stream.cork();
    stream.write(head);
    for (const part of parts) stream.write(part);
    stream.uncork();
    stream.end();
  });
}

/** Collects one call's answer. */
function readCall(
  stream: http2.ClientHttp2Stream,
  session: http2.ClientHttp2Session,
  timeoutMs: number,
  settle: (reply: Reply) => void,
): void {
  let headers: ReplyHeaders = {};
  let trailers: ReplyHeaders | undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let failure = '';
  let unreadable: string | undefined;
  const timer = setTimeout(() => {
    failure = `no answer within ${timeoutMs} ms`;
    stream.close(http2.constants.NGHTTP2_CANCEL);
    // A connection that swallowed a request is not asked again.
    session.destroy();
  }, timeoutMs);
  stream.on('response', (got) => {
    headers = got;
    // Trailers only: the status stands in the headers.
    if (got['grpc-status'] !== undefined) trailers = got;
  });
  stream.on('trailers', (got) => {
    trailers = got;
  });
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= LIMITS.responseBytesMax + FRAME_HEADER_BYTES) chunks.push(chunk);
    else unreadable ??= `the answer has more than ${LIMITS.responseBytesMax} bytes`;
    if (unreadable !== undefined) stream.close(http2.constants.NGHTTP2_CANCEL);
  });
  stream.on('error', (error) => {
    failure ||= error.message;
  });
  stream.on('close', () => {
    clearTimeout(timer);
    if (unreadable !== undefined) settle({ kind: 'unreadable', reason: unreadable });
    else if (trailers === undefined) settle(withoutStatus(headers, failure));
    else settle(replyOf(headers, trailers, Buffer.concat(chunks)));
  });
}

/** An HTTP answer without a gRPC status comes from something that is no gRPC server (a proxy): its HTTP status says what to do. */
function withoutStatus(headers: ReplyHeaders, failure: string): Reply {
  const status = Number(headers[':status'] ?? 0);
  if (status !== 0 && status !== 200) return { kind: 'http', status, headers, body: new Uint8Array(0) };
  return { kind: 'none', reason: failure || 'the connection was cut', sent: true };
}

function replyOf(headers: ReplyHeaders, trailers: ReplyHeaders, framed: Buffer): Reply {
  const details = trailers['grpc-status-details-bin'];
  return {
    kind: 'grpc',
    code: Number(trailers['grpc-status']),
    message: decodeURIComponentSafe(String(trailers['grpc-message'] ?? '')),
    details: details === undefined ? undefined : Buffer.from(String(details), 'base64'),
    headers: { ...headers, ...trailers },
    body: messageOf(framed),
  };
}

/** The one message of a unary answer; undefined when there is none that can be read without unpacking (we accept no encoding). */
function messageOf(framed: Buffer): Uint8Array | undefined {
  if (framed.length < FRAME_HEADER_BYTES) return undefined;
  const { compressed, length } = readFrameHeader(framed, 0);
  if (compressed || framed.length < FRAME_HEADER_BYTES + length) return undefined;
  return framed.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length);
}

function decodeURIComponentSafe(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
