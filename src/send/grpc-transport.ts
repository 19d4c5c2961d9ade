import http2 from 'node:http2';
import { LIMITS } from '../base/limits.ts';
import { GRPC_METHODS, PEER_PATHS } from '../base/names.ts';
import { FRAME_HEADER_BYTES, readFrameHeader } from '../wire/grpc.ts';
import { packForGrpc } from '../wire/packing.ts';
import { USER_AGENT } from './http-transport.ts';
import { bytesOf, packParts } from './parts.ts';
import type { Target } from './target.ts';
import type { ExportCall, Reply, ReplyHeaders, Transport, TransportOptions } from './transport.ts';

/** Memory that one HTTP/2 session may hold, in MiB as node:http2 counts it. */
const SESSION_MEMORY_MIB = 128;

/** OTLP/gRPC: unary calls on streams of one HTTP/2 connection. */
export class GrpcTransport implements Transport {
  readonly #target: Target;
  readonly #options: TransportOptions;
  readonly #authority: string;
  #session: http2.ClientHttp2Session | undefined;
  #sessionSinceMs = 0;
  #closed = false;

  constructor(target: Target, options: TransportOptions) {
    this.#target = target;
    this.#options = options;
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    this.#authority = `${target.secure ? 'https' : 'http'}://${host}:${target.port}`;
  }

  async call(call: ExportCall): Promise<Reply> {
    const { packing } = this.#options;
    // gRPC has no name for lz4 (the configuration is refused): what cannot be named is sent as it is.
    const named = packing === 'lz4' ? 'none' : packing;
    const parts = await packParts(call.body, (body) => packForGrpc(named, body), named);
    if (this.#closed) return { kind: 'none', reason: 'the connection was closed', sent: false };
    const session = this.#connected();
    return new Promise((resolve) => {
      let stream: http2.ClientHttp2Stream;
      try {
        stream = session.request({ ...this.#headers(call, named) }, { endStream: false });
      } catch (error) {
        this.#session = undefined;
        resolve({ kind: 'none', reason: String(error), sent: false });
        return;
      }
      readCall(stream, session, this.#options.timeoutMs, resolve);
      const head = Buffer.alloc(FRAME_HEADER_BYTES);
      head.writeUInt8(named === 'none' ? 0 : 1, 0);
      head.writeUInt32BE(bytesOf(parts), 1);
      stream.cork();
      stream.write(head);
      for (const part of parts) stream.write(part);
      stream.uncork();
      stream.end();
    });
  }

  close(): void {
    this.#closed = true;
    this.#session?.destroy();
    this.#session = undefined;
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

  /** The session, a new one when there is none that can be used or it is old. */
  #connected(): http2.ClientHttp2Session {
    const now = performance.now();
    const old = this.#session;
    const usable = old !== undefined && !old.destroyed && !old.closed;
    if (usable && now - this.#sessionSinceMs <= this.#options.connectionAgeMsMax) return old;
    if (usable) old.close();
    const session = http2.connect(this.#authority, {
      ...(this.#target.secure ? this.#options.tls : {}),
      maxSessionMemory: SESSION_MEMORY_MIB,
    });
    session.on('error', () => session.destroy());
    session.on('goaway', () => {
      if (this.#session === session) this.#session = undefined;
      session.close();
    });
    // The connection alone does not keep the process: calls under way do.
    session.unref();
    this.#session = session;
    this.#sessionSinceMs = now;
    return session;
  }
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
  let sent = !session.connecting;
  if (!sent)
    session.once('connect', () => {
      sent = true;
    });
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
    else if (trailers === undefined) settle(withoutStatus(headers, failure, sent));
    else settle(replyOf(headers, trailers, Buffer.concat(chunks)));
  });
}

/** An HTTP answer without a gRPC status comes from something that is no gRPC server (a proxy): its HTTP status says what to do. */
function withoutStatus(headers: ReplyHeaders, failure: string, sent: boolean): Reply {
  const status = Number(headers[':status'] ?? 0);
  if (status !== 0 && status !== 200) return { kind: 'http', status, headers, body: new Uint8Array(0) };
  return { kind: 'none', reason: failure || 'the connection was cut', sent };
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
