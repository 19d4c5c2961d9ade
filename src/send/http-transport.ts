import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { crc32cText } from '../base/crc32c.ts';
import { LIMITS } from '../base/limits.ts';
import { HOP_HEADERS, HTTP_PATHS, PEER_PATHS } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import { protobufToJson } from '../wire/json-writer.ts';
import { pack } from '../wire/packing.ts';
import { Lines, type Wire, type WireEvents } from './lines.ts';
import type { Link } from './link.ts';
import { bytesOf, packParts } from './parts.ts';
import type { Target } from './target.ts';
import type { ExportCall, Reply, TlsTrust, Transport, TransportOptions } from './transport.ts';

const gunzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gunzip);

/** OTLP/HTTP with protobuf or JSON over kept-alive connections, one request at a time on each. */
export class HttpTransport implements Transport {
  readonly #target: Target;
  readonly #options: TransportOptions;
  readonly #lines: Lines<SocketWire>;

  constructor(target: Target, options: TransportOptions, link: Link) {
    this.#target = target;
    this.#options = options;
    this.#lines = new Lines({
      link,
      streamsMax: 1,
      ageMsMax: options.connectionAgeMsMax,
      open: (events, withinMs) => openSocket(target, options.tls, events, withinMs),
    });
  }

  async call(call: ExportCall): Promise<Reply> {
    const { packing, encoding, timeoutMs } = this.#options;
    const line = await this.#lines.take(timeoutMs);
    if (typeof line === 'string') return { kind: 'none', reason: line, sent: false };
    // It may be gone when the request is packed.
    const { wire } = line;
    call.onBegin?.();
    // Not before there is a connection: while a target is away nothing is packed for each try.
    const encoded = call.signal !== 'peer' && encoding === 'json' ? asJson(call, call.signal) : call;
    const parts = await packParts(encoded.body, (body) => pack(packing, body), packing);
    const reply = await this.#exchange(encoded, parts, wire);
    if (reply.kind === 'none') line.broke();
    else line.release();
    return reply;
  }

  close(): void {
    this.#lines.close();
  }

  connections(): ReturnType<Transport['connections']> {
    return this.#lines.states();
  }

  #exchange(call: ExportCall, parts: readonly Uint8Array[], wire: SocketWire): Promise<Reply> {
    const { timeoutMs } = this.#options;
    // On a socket that was closed while the request was packed nothing would ever happen.
    if (wire.isGone()) return Promise.resolve({ kind: 'none', reason: 'the connection was closed', sent: true });
    return new Promise((resolve) => {
      const request = this.#request(call, parts, wire);
      const timer = setTimeout(() => {
        settle({ kind: 'none', reason: `no answer within ${timeoutMs} ms`, sent: true });
        request.destroy();
      }, timeoutMs);
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        resolve(reply);
      };
      request.on('error', (error) => settle({ kind: 'none', reason: error.message, sent: true }));
      request.on('response', (response) => void readReply(response).then(settle));
      for (const part of parts) request.write(part);
      request.end();
    });
  }

  #request(call: ExportCall, parts: readonly Uint8Array[], wire: SocketWire): http.ClientRequest {
    const { host, port, path, secure } = this.#target;
    const { packing, encoding, headers } = this.#options;
    return http.request({
      host,
      port,
      defaultPort: secure ? 443 : 80,
      path: path + (call.signal === 'peer' ? PEER_PATHS.http : HTTP_PATHS[call.signal]),
      method: 'POST',
      agent: wire.agent,
      headers: {
        'content-type': encoding === 'json' || call.signal === 'peer' ? 'application/json' : 'application/x-protobuf',
        'content-length': bytesOf(parts),
        'accept-encoding': 'gzip',
        'user-agent': USER_AGENT,
        ...(packing === 'none' ? {} : { 'content-encoding': packing }),
        ...headers,
        ...call.headers,
      },
    });
  }
}

/** An agent of one socket that is open: whether there is another one is for the connection machine to say. */
class OneSocketAgent extends http.Agent {
  readonly #socket: net.Socket;

  constructor(socket: net.Socket) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
  }

  override createConnection(): net.Socket {
    return this.#socket;
  }
}

interface SocketWire extends Wire {
  readonly agent: http.Agent;
  readonly isGone: () => boolean;
}

/** Resolves with a connected socket, over TLS also shaken hands with; rejects with what kept it from being so. */
function openSocket(target: Target, trust: TlsTrust, events: WireEvents, withinMs: number): Promise<SocketWire> {
  const { port, secure } = target;
  const host = target.address === '' ? target.host : target.address;
  const servername = net.isIP(target.host) === 0 ? target.host : '';
  return new Promise((resolve, reject) => {
    const socket = secure ? tls.connect({ host, port, servername, ...trust }) : net.connect({ host, port });
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${withinMs} ms`)), withinMs);
    let problem = new Error('the connection was cut');
    socket.on('error', (error) => {
      problem = error;
    });
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      const agent = new OneSocketAgent(socket);
      const close = (): void => {
        agent.destroy();
        socket.destroy();
      };
      resolve({ agent, isGone: () => socket.destroyed, close });
    });
    socket.once('close', (hadError) => {
      clearTimeout(timer);
      // Before it was open the promise is rejected, later that changes nothing.
      reject(problem);
      if (hadError) events.broken();
      else events.leaving();
    });
    socket.once('end', events.leaving);
  });
}

export const USER_AGENT = 'clew';

/** The call in OTLP/JSON; the checksum is that of the body as it is sent. */
function asJson(call: ExportCall, signal: Signal): ExportCall {
  const body = protobufToJson(signal, call.body);
  if (call.headers[HOP_HEADERS.checksum] === undefined) return { ...call, body: [body] };
  return { ...call, body: [body], headers: { ...call.headers, [HOP_HEADERS.checksum]: crc32cText(body) } };
}

/** Reads an answer up to LIMITS.responseBytesMax, also after unpacking (checklist 31). */
async function readReply(response: http.IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > LIMITS.responseBytesMax) {
        response.destroy();
        return { kind: 'unreadable', reason: `the answer has more than ${LIMITS.responseBytesMax} bytes` };
      }
    }
  } catch (error) {
    return { kind: 'none', reason: error instanceof Error ? error.message : String(error), sent: true };
  }
  const body = Buffer.concat(chunks, bytes);
  const { statusCode = 0, headers } = response;
  if (headers['content-encoding'] !== 'gzip') return { kind: 'http', status: statusCode, headers, body };
  try {
    const unpacked = await gunzip(body, { maxOutputLength: LIMITS.responseBytesMax });
    return { kind: 'http', status: statusCode, headers, body: unpacked };
  } catch (error) {
    return { kind: 'unreadable', reason: `the answer cannot be unpacked: ${String(error)}` };
  }
}
