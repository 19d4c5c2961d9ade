import type { ServerHttp2Stream } from 'node:http2';
import { GRPC_METHODS } from '../base/names.ts';
import { GRPC } from '../wire/answers.ts';
import { FRAME_HEADER_BYTES } from '../wire/grpc.ts';
import { answerMessage, answerStatus, beginMessages, endMessages } from './grpc-answers.ts';

/**
 * grpc.health.v1.Health (github.com/grpc/grpc, doc/health-checking.md): what load balancers and orchestrators ask, without a token. A door that
 * answers is serving: its receiver recovers before it listens.
 */
const CHECK = '/grpc.health.v1.Health/Check';
const WATCH = '/grpc.health.v1.Health/Watch';

/** HealthCheckResponse { status }. */
const SERVING = Uint8Array.of(0x08, 1);
const SERVICE_UNKNOWN = Uint8Array.of(0x08, 3);

/** The whole server, and each service. */
const SERVICES = new Set(['', ...Object.values(GRPC_METHODS).map((path) => path.split('/')[1])]);
/** A service's name is no longer. */
const REQUEST_BYTES_MAX = 1024;

export class HealthService {
  readonly #watches = new Set<ServerHttp2Stream>();
  readonly #timeoutMs: number;

  /** @param timeoutMs for a request to arrive */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Answers a stream that is of this service; false when it is not. */
  serve(stream: ServerHttp2Stream, path: string): boolean {
    if (path !== CHECK && path !== WATCH) return false;
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    stream.setTimeout(this.#timeoutMs, () => stream.close());
    stream.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= REQUEST_BYTES_MAX) chunks.push(chunk);
    });
    stream.on('end', () => {
      stream.setTimeout(0);
      const known = SERVICES.has(serviceOf(Buffer.concat(chunks)));
      if (path === CHECK) check(stream, known);
      else this.#watch(stream, known);
    });
    return true;
  }

  /** A watch says once how it is, stays open, and ends when the doors close. */
  #watch(stream: ServerHttp2Stream, known: boolean): void {
    this.#watches.add(stream);
    stream.on('close', () => this.#watches.delete(stream));
    beginMessages(stream, known ? SERVING : SERVICE_UNKNOWN);
  }

  endWatches(): void {
    for (const stream of this.#watches) endMessages(stream);
  }
}

function check(stream: ServerHttp2Stream, known: boolean): void {
  if (known) answerMessage(stream, SERVING);
  else answerStatus(stream, { 'grpc-status': String(GRPC.notFound), 'grpc-message': 'no such service' });
}

/** HealthCheckRequest { string service = 1 } in a frame; '' when it is not that. */
function serviceOf(framed: Buffer): string {
  const message = framed.subarray(FRAME_HEADER_BYTES);
  const isName = message[0] === 0x0a && message[1] === message.length - 2;
  return isName ? message.toString('utf8', 2) : '';
}
