import type http2 from 'node:http2';
import { GRPC_METHODS, PEER_PATHS } from '../base/names.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import { GRPC_ENCODINGS } from '../wire/compression.ts';
import { FRAME_HEADER_BYTES, parseGrpcTimeout, readFrameHeader } from '../wire/grpc.ts';
import type { Outcome, Refused } from '../wire/outcome.ts';
import { WireError } from '../wire/wire-error.ts';
import { clientOf, type DoorContext, overloadOf, tooSlow } from './door.ts';
import { BodyCollector, baggageOf, exportRequest, hopOf } from './exporting.ts';
import { ACCEPT_ENCODING, answerExport, refuse } from './grpc-answers.ts';
import type { HealthService } from './grpc-health.ts';
import { servePeer } from './peer-door.ts';

type Stream = http2.ServerHttp2Stream;
type Headers = http2.IncomingHttpHeaders;

const SIGNAL_BY_METHOD = new Map<string, Signal>(SIGNALS.map((signal) => [GRPC_METHODS[signal], signal]));

/** OTLP/gRPC directly on HTTP/2 streams: unary calls of the three Export services, and the health service. */
export function grpcListener(context: DoorContext, health: HealthService): (stream: Stream, headers: Headers) => void {
  return (stream, headers) => {
    // Errors of a stream are the client's going away; the close that follows ends everything.
    stream.on('error', () => undefined);
    const isPost = headers[':method'] === 'POST';
    if (!isPost || !/^application\/grpc(\+proto)?($|;)/.test(String(headers['content-type'] ?? ''))) {
      stream.respond({ ':status': isPost ? 415 : 405 }, { endStream: true });
      stream.resume();
      return;
    }
    const path = String(headers[':path'] ?? '');
    if (health.serve(stream, path)) return;
    const signal = SIGNAL_BY_METHOD.get(path);
    const { takePeer } = context;
    if (path === PEER_PATHS.grpc && takePeer !== undefined) {
      const refusal = refusalOf(context, headers);
      if (refusal === undefined) servePeer(context, takePeer, stream);
      else refuse(context, stream, refusal, 0);
      return;
    }
    if (signal === undefined) {
      refuse(context, stream, unknownMethod(path), 0);
      return;
    }
    const refusal = refusalOf(context, headers);
    if (refusal === undefined) new UnaryCall(context, stream, headers, signal).start();
    else refuse(context, stream, refusal, 0);
  };
}

const unknownMethod = (path: string): Refused => ({
  kind: 'unsupported',
  message: `unknown method ${path}; there are ${[...SIGNAL_BY_METHOD.keys()].join(', ')}`,
});

const IDENTITY = 'identity';
const encodingOf = (headers: Headers): string => String(headers['grpc-encoding'] ?? IDENTITY);

function refusalOf(context: DoorContext, headers: Headers): Refused | undefined {
  const headerBytes = sizeOf(headers);
  if (headerBytes > context.limits.headerBytesMax) {
    const limit = `${context.limits.headerBytesMax} (limits.headerBytesMax)`;
    return { kind: 'tooLarge', message: `the metadata has ${headerBytes} bytes, the limit is ${limit}` };
  }
  if (!context.authorize(headers.authorization)) {
    return { kind: 'unauthenticated', message: 'missing or wrong bearer token in the authorization metadata' };
  }
  const encoding = encodingOf(headers);
  if (encoding === IDENTITY || Object.hasOwn(GRPC_ENCODINGS, encoding)) return undefined;
  return { kind: 'unsupported', message: `grpc-encoding ${encoding} is not supported, use one of ${ACCEPT_ENCODING}` };
}

/** As HTTP/2 counts: names, values, and 32 bytes for each (RFC 9113 section 6.5.2). */
function sizeOf(headers: Headers): number {
  let total = 0;
  for (const [name, value] of Object.entries(headers)) total += name.length + String(value).length + 32;
  return total;
}

/** A timer of Node that should wait longer fires at once; nobody waits 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** How long the rest of a refused call is waited for. */
const REST_MS_MAX = 1_000;

/** One Export call, from its headers to its trailers. */
class UnaryCall {
  readonly #context: DoorContext;
  readonly #stream: Stream;
  readonly #headers: Headers;
  readonly #signal: Signal;
  readonly #body: BodyCollector;
  /** When the client gives up, undefined when it never says. */
  readonly #deadlineMs: number | undefined;
  readonly #startedAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #frame: { compressed: boolean; length: number } | undefined;
  #answered = false;
  /** The sink has the body, and gives its memory back. */
  #handedOver = false;

  constructor(context: DoorContext, stream: Stream, headers: Headers, signal: Signal) {
    this.#context = context;
    this.#stream = stream;
    this.#headers = headers;
    this.#signal = signal;
    // A stream whose session has gone already has nobody to share with.
    const client = clientOf(stream.session ?? stream);
    const bytesMax = context.limits.requestBytesMax + FRAME_HEADER_BYTES;
    this.#body = new BodyCollector(context, bytesMax, client, () => this.#refuse(tooSlow(context)));
    this.#deadlineMs = parseGrpcTimeout(String(headers['grpc-timeout'] ?? ''));
  }

  start(): void {
    const stream = this.#stream;
    const { requestTimeoutMs } = this.#context.limits;
    this.#refuseAfter(Math.min(this.#deadlineMs ?? requestTimeoutMs, requestTimeoutMs));
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => this.#complete());
    stream.on('close', () => this.#leave());
  }

  #refuseAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    const answer = (): void => this.#refuse({ kind: 'deadline', message: this.#deadlineText() });
    this.#timer = setTimeout(answer, Math.min(delayMs, TIMER_MS_MAX));
  }

  #deadlineText(): string {
    const asked = this.#headers['grpc-timeout'];
    const isClients =
      this.#deadlineMs !== undefined && (this.#handedOver || this.#deadlineMs <= this.#context.limits.requestTimeoutMs);
    return isClients
      ? `the deadline of the call (grpc-timeout ${String(asked)}) has passed`
      : `the request did not arrive within ${this.#context.limits.requestTimeoutMs} ms (limits.requestTimeoutMs)`;
  }

  #take(chunk: Buffer): void {
    this.#context.letGo(chunk.length);
    if (this.#answered) return;
    const taken = this.#body.add(chunk);
    if (taken === 'tooLarge') this.#refuse(this.#tooLarge(this.#body.sizeBytes + chunk.length - FRAME_HEADER_BYTES));
    else if (taken === 'noRoom') this.#refuseAtEnd(overloadOf(this.#context));
    else if (this.#frame === undefined) this.#readHeader();
  }

  /** The header of the frame tells its size before the rest has come. */
  #readHeader(): void {
    const head = this.#body.head(FRAME_HEADER_BYTES);
    if (head === undefined) return;
    const refusal = this.#checkHeader(head);
    if (refusal !== undefined) this.#refuse(refusal);
    else if (!this.#body.expect((this.#frame?.length ?? 0) + FRAME_HEADER_BYTES))
      this.#refuseAtEnd(overloadOf(this.#context));
  }

  #checkHeader(head: Buffer): Refused | undefined {
    try {
      this.#frame = readFrameHeader(head, 0);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { kind: 'invalid', message: error.message };
    }
    if (this.#frame.length > this.#context.limits.requestBytesMax) return this.#tooLarge(this.#frame.length);
    if (this.#frame.compressed && encodingOf(this.#headers) === IDENTITY) {
      return { kind: 'invalid', message: 'gRPC frame is compressed, but the call has no grpc-encoding' };
    }
    return undefined;
  }

  #tooLarge(bytes: number): Refused {
    const limit = this.#context.limits.requestBytesMax;
    return {
      kind: 'tooLarge',
      message: `the message has ${bytes} bytes or more, the limit is ${limit} (limits.requestBytesMax)`,
    };
  }

  #complete(): void {
    if (this.#answered) return;
    const frame = this.#frame;
    const problem = this.#countProblem();
    if (frame === undefined || problem !== undefined) {
      this.#refuse({ kind: 'invalid', message: problem ?? 'gRPC call has no message' });
      return;
    }
    // From here on the answer depends on us alone; only the client's own deadline still counts.
    if (this.#deadlineMs === undefined) clearTimeout(this.#timer);
    else this.#refuseAfter(Math.max(0, this.#deadlineMs - (performance.now() - this.#startedAtMs)));
    const encoding = frame.compressed ? encodingOf(this.#headers) : IDENTITY;
    const { sizeBytes } = this.#body;
    const wire = {
      signal: this.#signal,
      body: this.#body.whole().subarray(FRAME_HEADER_BYTES),
      unpacker: GRPC_ENCODINGS[encoding],
      encoding,
      json: false,
      baggage: baggageOf(this.#headers.baggage, this.#context.limits.baggageBytesMax),
      hop: hopOf(this.#headers),
    };
    this.#handedOver = true;
    exportRequest(this.#context, wire, this.#body.reservation, (outcome) => {
      this.#body.recycle(outcome);
      this.#answer(outcome, sizeBytes);
    });
  }

  /** A unary call is exactly one frame. */
  #countProblem(): string | undefined {
    const length = this.#body.sizeBytes - FRAME_HEADER_BYTES;
    if (this.#frame === undefined) return `gRPC call has ${this.#body.sizeBytes} bytes, not even a frame header`;
    if (this.#frame.length > length) return `gRPC frame says ${this.#frame.length} bytes, ${length} came`;
    if (this.#frame.length < length) return 'more than one message in a unary call';
    return undefined;
  }

  #answer(outcome: Outcome, bytes: number): void {
    if (this.#answered) return;
    this.#answered = true;
    clearTimeout(this.#timer);
    if (outcome.kind !== 'success') {
      refuse(this.#context, this.#stream, outcome, bytes);
      return;
    }
    this.#context.counters.answered(outcome, bytes);
    answerExport(this.#stream, outcome.rejected, outcome.message);
  }

  #refuse(outcome: Refused): void {
    if (this.#answered) return;
    refuse(this.#context, this.#stream, outcome, this.#settle());
  }

  /** Takes no more of the body, and gives back what the sink has not got. Answers how much had come. */
  #settle(): number {
    this.#answered = true;
    clearTimeout(this.#timer);
    const { sizeBytes } = this.#body;
    if (!this.#handedOver) this.#body.drop();
    return sizeBytes;
  }

  /**
   * Refuses once the body has come, which is read and forgotten. What a client sends before it hears of a reset counts as wrong frames, and after a
   * thousand of those node:http2 ends the connection with all its calls: a client that was only sent too soon would lose those that were taken.
   */
  #refuseAtEnd(outcome: Refused): void {
    const sizeBytes = this.#settle();
    const answer = (): void => {
      clearTimeout(this.#timer);
      this.#stream.off('end', answer);
      refuse(this.#context, this.#stream, outcome, sizeBytes);
    };
    this.#stream.on('end', answer);
    this.#timer = setTimeout(answer, REST_MS_MAX);
  }

  /** The client went away. */
  #leave(): void {
    clearTimeout(this.#timer);
    if (!this.#handedOver) this.#settle();
  }
}
