import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { crc32cText } from '../base/crc32c.ts';
import { LIMITS } from '../base/limits.ts';
import { HOP_HEADERS, HTTP_PATHS, PEER_PATHS } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import { protobufToJson } from '../wire/json-writer.ts';
import { pack } from '../wire/packing.ts';
import { bytesOf, packParts } from './parts.ts';
import type { Target } from './target.ts';
import type { ExportCall, Reply, Transport, TransportOptions } from './transport.ts';

const gunzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gunzip);

/** OTLP/HTTP with protobuf or JSON over one kept-alive connection. */
export class HttpTransport implements Transport {
  readonly #target: Target;
  readonly #options: TransportOptions;
  #agent: http.Agent;
  #agentSinceMs = performance.now();

  constructor(target: Target, options: TransportOptions) {
    this.#target = target;
    this.#options = options;
    this.#agent = this.#newAgent();
  }

  async call(call: ExportCall): Promise<Reply> {
    const { packing, encoding } = this.#options;
    const encoded = call.signal !== 'peer' && encoding === 'json' ? asJson(call, call.signal) : call;
    const parts = await packParts(encoded.body, (body) => pack(packing, body), packing);
    return new Promise((resolve) => {
      const request = this.#request(encoded, parts);
      let sent = false;
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${this.#options.timeoutMs} ms`)),
        this.#options.timeoutMs,
      );
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        resolve(reply);
      };
      request.on('socket', (socket) => {
        if (!socket.connecting) sent = true;
        else
          socket.once(this.#target.secure ? 'secureConnect' : 'connect', () => {
            sent = true;
          });
      });
      request.on('error', (error) => settle({ kind: 'none', reason: error.message, sent }));
      request.on('response', (response) => void readReply(response).then(settle));
      for (const part of parts) request.write(part);
      request.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #newAgent(): http.Agent {
    const { tls } = this.#options;
    const shared = { keepAlive: true, maxSockets: 1, scheduling: 'fifo' } as const;
    return this.#target.secure ? new https.Agent({ ...shared, ...tls }) : new http.Agent(shared);
  }

  #request(call: ExportCall, parts: readonly Uint8Array[]): http.ClientRequest {
    const { host, port, path, secure } = this.#target;
    const { packing, encoding, headers, connectionAgeMsMax } = this.#options;
    if (performance.now() - this.#agentSinceMs > connectionAgeMsMax) {
      this.#agent.destroy();
      this.#agent = this.#newAgent();
      this.#agentSinceMs = performance.now();
    }
    return (secure ? https : http).request({
      host,
      port,
      path: path + (call.signal === 'peer' ? PEER_PATHS.http : HTTP_PATHS[call.signal]),
      method: 'POST',
      agent: this.#agent,
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
