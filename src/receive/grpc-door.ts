import type http2 from 'node:http2';
import { GRPC_METHODS } from '../base/names.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import { exportResponse, GRPC, grpcStatusOf, shorten, statusMessage } from '../wire/answers.ts';
import { GRPC_ENCODINGS } from '../wire/compression.ts';
import { encodeGrpcMessage, FRAME_HEADER_BYTES, parseGrpcTimeout, readFrameHeader, writeFrame } from '../wire/grpc.ts';
import type { Outcome } from '../wire/outcome.ts';
import { WireError } from '../wire/wire-error.ts';
import { type DoorContext, Reservation } from './door.ts';
import { BodyCollector, baggageOf, exportRequest } from './exporting.ts';
import { HEALTH_CHECK, HEALTH_WATCH, serveHealth } from './grpc-health.ts';

type Stream = http2.ServerHttp2Stream;
type Headers = http2.IncomingHttpHeaders;

const SIGNAL_BY_METHOD = new Map<string, Signal>(SIGNALS.map((signal) => [GRPC_METHODS[signal], signal]));
const ACCEPT_ENCODING = Object.keys(GRPC_ENCODINGS).join(',');
const ANSWER_HEADERS: http2.OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': ACCEPT_ENCODING,
};

/** OTLP/gRPC directly on HTTP/2 streams: unary calls of the three Export services, and the health service. */
export function grpcListener(context: DoorContext): (stream: Stream, headers: Headers) => void {
  return (stream, headers) => {
    // Errors of a stream are the client's going away; the close that follows ends everything.
    stream.on('error', () => undefined);
    const path = String(headers[':path'] ?? '');
    const contentType = String(headers['content-type'] ?? '');
    if (headers[':method'] !== 'POST' || !/^application\/grpc(\+proto)?($|;)/.test(contentType)) {
      stream.respond({ ':status': headers[':method'] === 'POST' ? 415 : 405 }, { endStream: true });
      stream.resume();
      return;
    }
    if (path === HEALTH_CHECK || path === HEALTH_WATCH) {
      serveHealth(stream, path);
      return;
    }
    const signal = SIGNAL_BY_METHOD.get(path);
    const refusal = signal === undefined ? unknownMethod(path) : refusalOf(context, headers);
    if (signal === undefined || refusal !== undefined) {
      if (refusal !== undefined) refuse(context, stream, refusal, 0);
      return;
    }
    new UnaryCall(context, stream, headers, signal).start();
  };
}

type Refused = Exclude<Outcome, { kind: 'success' }>;

const unknownMethod = (path: string): Refused => ({
  kind: 'unsupported',
  message: `unknown method ${path}; there are ${[...SIGNAL_BY_METHOD.keys()].join(', ')}`,
});

function refusalOf(context: DoorContext, headers: Headers): Refused | undefined {
  if (!context.authorize(headers.authorization)) {
    return { kind: 'unauthenticated', message: 'missing or wrong bearer token in the authorization metadata' };
  }
  const encoding = String(headers['grpc-encoding'] ?? 'identity');
  if (!Object.hasOwn(GRPC_ENCODINGS, encoding)) {
    return {
      kind: 'unsupported',
      message: `grpc-encoding ${encoding} is not supported, use one of ${ACCEPT_ENCODING}`,
    };
  }
  return undefined;
}

/** Trailers-only answer. What the client still sends is dropped. */
function refuse(context: DoorContext, stream: Stream, outcome: Refused, bytes: number): void {
  context.counters.answered(outcome, bytes);
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ...ANSWER_HEADERS, ...statusHeaders(outcome) }, { endStream: true });
  stream.resume();
}

function statusHeaders(outcome: Refused): http2.OutgoingHttpHeaders {
  return {
    'grpc-status': String(grpcStatusOf(outcome)),
    'grpc-message': encodeGrpcMessage(shorten(outcome.message)),
    'grpc-status-details-bin': statusMessage(outcome).toString('base64'),
  };
}

/** One Export call, from its headers to its trailers. */
class UnaryCall {
  readonly #context: DoorContext;
  readonly #stream: Stream;
  readonly #headers: Headers;
  readonly #signal: Signal;
  readonly #reservation: Reservation;
  readonly #body: BodyCollector;
  #timer: NodeJS.Timeout | undefined;
  #answered = false;

  constructor(context: DoorContext, stream: Stream, headers: Headers, signal: Signal) {
    this.#context = context;
    this.#stream = stream;
    this.#headers = headers;
    this.#signal = signal;
    this.#reservation = new Reservation(context.sink);
    this.#body = new BodyCollector(this.#reservation, context.limits.requestBytesMax + FRAME_HEADER_BYTES);
  }

  start(): void {
    const stream = this.#stream;
    this.#timer = setTimeout(
      () => this.#refuse({ kind: 'deadline', message: this.#deadlineText() }),
      this.#timeoutMs(),
    );
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => this.#complete());
    stream.on('close', () => this.#finish());
  }

  /** The client's own deadline, or the time that a request may take to arrive. */
  #timeoutMs(): number {
    const asked = parseGrpcTimeout(String(this.#headers['grpc-timeout'] ?? ''));
    return Math.min(asked ?? Number.POSITIVE_INFINITY, this.#context.limits.requestTimeoutMs);
  }

  #deadlineText(): string {
    const asked = this.#headers['grpc-timeout'];
    return asked === undefined
      ? `the request took longer than ${this.#context.limits.requestTimeoutMs} ms (limits.requestTimeoutMs)`
      : `the deadline of the call (grpc-timeout ${String(asked)}) has passed`;
  }

  #take(chunk: Buffer): void {
    if (this.#answered) return;
    const taken = this.#body.add(chunk);
    if (taken === 'tooLarge') this.#refuse(this.#tooLarge(this.#body.sizeBytes + chunk.length - FRAME_HEADER_BYTES));
    else if (taken === 'noRoom') this.#overloaded();
  }

  #tooLarge(bytes: number): Refused {
    const limit = this.#context.limits.requestBytesMax;
    return {
      kind: 'tooLarge',
      message: `the message has ${bytes} bytes or more, the limit is ${limit} (limits.requestBytesMax)`,
    };
  }

  #overloaded(): void {
    const outcome = this.#context.sink.overload();
    if (outcome.kind !== 'success') this.#refuse(outcome);
  }

  #complete(): void {
    if (this.#answered) return;
    // From here on the answer depends on us alone; only the client's own deadline still counts.
    if (this.#headers['grpc-timeout'] === undefined) clearTimeout(this.#timer);
    const framed = this.#body.whole();
    let frame: { compressed: boolean; length: number };
    try {
      frame = this.#frame(framed);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#refuse({ kind: 'invalid', message: error.message });
      return;
    }
    const wire = {
      signal: this.#signal,
      body: framed.subarray(FRAME_HEADER_BYTES),
      encodings: GRPC_ENCODINGS,
      encoding: frame.compressed ? String(this.#headers['grpc-encoding'] ?? 'identity') : 'identity',
      json: false,
      baggage: baggageOf(this.#headers.baggage, this.#context.limits.baggageBytesMax),
    };
    void exportRequest(this.#context, wire, this.#reservation).then((outcome) => this.#answer(outcome));
  }

  /** A unary call is exactly one frame. */
  #frame(framed: Buffer): { compressed: boolean; length: number } {
    if (framed.length < FRAME_HEADER_BYTES)
      throw new WireError(`gRPC message is cut off: ${framed.length} bytes, not even a frame header`);
    const frame = readFrameHeader(framed, 0);
    const length = framed.length - FRAME_HEADER_BYTES;
    if (frame.length > length) throw new WireError(`gRPC frame says ${frame.length} bytes, ${length} came`);
    if (frame.length < length) throw new WireError('more than one message in a unary call');
    if (frame.compressed && this.#headers['grpc-encoding'] === undefined) {
      throw new WireError('gRPC frame is compressed, but the call has no grpc-encoding');
    }
    return frame;
  }

  #answer(outcome: Outcome): void {
    this.#reservation.release();
    if (outcome.kind !== 'success') {
      this.#refuse(outcome);
      return;
    }
    if (this.#answered) return;
    this.#answered = true;
    clearTimeout(this.#timer);
    this.#context.counters.answered(outcome, this.#body.sizeBytes);
    const stream = this.#stream;
    if (stream.destroyed) return;
    stream.respond(ANSWER_HEADERS, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(GRPC.ok) }));
    stream.end(writeFrame(exportResponse(outcome.rejected, outcome.message)));
  }

  #refuse(outcome: Refused): void {
    if (this.#answered) return;
    this.#answered = true;
    clearTimeout(this.#timer);
    refuse(this.#context, this.#stream, outcome, this.#body.sizeBytes);
  }

  #finish(): void {
    clearTimeout(this.#timer);
    // A request that the sink has taken gives its memory back when it is answered, not when the client leaves.
    if (!this.#answered && this.#stream.readableEnded) return;
    this.#answered = true;
    this.#reservation.release();
  }
}
