import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import type tls from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { GRPC_METHODS, HTTP_PATHS } from '../../src/base/names.ts';
import type { Signal } from '../../src/base/signal.ts';
import { type DoorOptions, type Doors, openDoors } from '../../src/receive/doors.ts';
import type { ExportRequest, ExportSink } from '../../src/receive/sink.ts';
import { SegmentColumns, transcode } from '../../src/transcode/transcode.ts';
import type { Outcome } from '../../src/wire/outcome.ts';
import { type ExportAnswer, type RpcStatus, readExportResponse, readStatus, readStatusJson } from './otlp-answers.ts';

/** A world around the doors: real sockets, real clients, and a sink that writes down what it is given. */

export const SUCCESS: Outcome = { kind: 'success', rejected: 0, message: '' };

type Refusal = ReturnType<ExportSink['overload']>;

/** Keeps every request, answers as it is told, and counts the memory that is held. */
export class RecordingSink implements ExportSink {
  readonly requests: ExportRequest[] = [];
  reply: (request: ExportRequest) => Outcome | Promise<Outcome> = () => SUCCESS;
  roomBytes = Number.POSITIVE_INFINITY;
  heldBytes = 0;
  peakBytes = 0;
  /** Calls at every change of `heldBytes`. */
  onHeld: () => void = () => undefined;

  reserve(bytes: number): boolean {
    if (this.heldBytes + bytes > this.roomBytes) return false;
    this.heldBytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.heldBytes);
    this.onHeld();
    return true;
  }

  release(bytes: number): void {
    this.heldBytes -= bytes;
    this.onHeld();
  }

  isHeldUp(): boolean {
    return false;
  }

  async export(request: ExportRequest): Promise<Outcome> {
    this.requests.push(request);
    return this.reply(request);
  }

  overload(): Refusal {
    return { kind: 'overloaded', message: 'no memory left (limits.inflightBytesMax)', retryAfterMs: 1500 };
  }
}

const COLUMN_BYTES_MAX = 16 * 1024 * 1024;

/** A sink that reads requests as the intake does, into columns that nobody writes. */
export class TranscodingSink extends RecordingSink {
  readonly columns = new SegmentColumns();
  items = 0;

  override async export({ signal, body, baggage }: ExportRequest): Promise<Outcome> {
    const result = transcode(this.columns, signal, body, baggage, 1_764_000_000_000_000_000n);
    if (this.columns.sizeBytes > COLUMN_BYTES_MAX) this.columns.reset();
    if (result.kind === 'invalid') return result;
    this.items += result.accepted;
    return { kind: 'success', rejected: result.rejected, message: result.message };
  }
}

export interface World<Sink extends ExportSink> {
  readonly doors: Doors;
  readonly sink: Sink;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly reports: string[];
  close(): Promise<void>;
}

/** Opens both doors on ports that the operating system chooses. */
export async function openWorld<Sink extends ExportSink = RecordingSink>(
  options: Partial<DoorOptions> = {},
  sink: Sink = new RecordingSink() as unknown as Sink,
): Promise<World<Sink>> {
  const reports: string[] = [];
  const address = { host: '127.0.0.1', port: 0 };
  const onReport = (text: string): void => {
    reports.push(text);
  };
  const doors = await openDoors({ sink, grpc: address, http: address, onReport, ...options });
  return {
    doors,
    sink,
    httpPort: doors.httpAddress?.port ?? 0,
    grpcPort: doors.grpcAddress?.port ?? 0,
    reports,
    close: () => doors.close(),
  };
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpRequest {
  readonly port: number;
  readonly signal?: Signal;
  readonly path?: string;
  readonly method?: string;
  readonly type?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: Uint8Array | string;
  readonly agent?: http.Agent;
  readonly tls?: tls.ConnectionOptions;
}

export const PROTOBUF = 'application/x-protobuf';
export const JSON_TYPE = 'application/json';

/** One request over its own connection, unless an agent says otherwise. */
export function send(request: HttpRequest): Promise<HttpAnswer> {
  const { port, signal = 'traces', path = HTTP_PATHS[signal], method = 'POST', type = PROTOBUF, body = '' } = request;
  const options = {
    host: '127.0.0.1',
    port,
    path,
    method,
    agent: request.agent ?? false,
    headers: { ...(type === '' ? {} : { 'content-type': type }), ...request.headers },
    ...request.tls,
  } as const;
  return new Promise((resolve, reject) => {
    const take = (response: http.IncomingMessage): void => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    };
    const outgoing = request.tls === undefined ? http.request(options, take) : https.request(options, take);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export const sendJson = (port: number, signal: Signal, value: unknown): Promise<HttpAnswer> =>
  send({ port, signal, type: JSON_TYPE, body: typeof value === 'string' ? value : JSON.stringify(value) });

/** The google.rpc.Status of an answer, in the encoding that its content type names. */
export function statusOf(answer: HttpAnswer): RpcStatus {
  if (answer.headers['content-type'] === JSON_TYPE) return readStatusJson(answer.body.toString());
  if (answer.headers['content-type'] === PROTOBUF) return readStatus(answer.body);
  throw new Error(`content-type ${answer.headers['content-type']}`);
}

export interface GrpcAnswer {
  readonly code: number;
  readonly details: string;
  /** Undefined unless the call succeeded. */
  readonly response: ExportAnswer | undefined;
  readonly status: RpcStatus | undefined;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** A client of @grpc/grpc-js; close it. */
export function grpcClient(
  port: number,
  credentials: grpc.ChannelCredentials = grpc.credentials.createInsecure(),
  options: grpc.ChannelOptions = {},
): grpc.Client {
  return new grpc.Client(`127.0.0.1:${port}`, credentials, { 'grpc.enable_retries': 0, ...options });
}

export interface GrpcCall {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  readonly method?: string;
  readonly gzip?: boolean;
}

/** One unary call. */
export function exportGrpc(
  client: grpc.Client,
  signal: Signal,
  body: Uint8Array,
  call: GrpcCall = {},
): Promise<GrpcAnswer> {
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(call.metadata ?? {})) metadata.set(key, value);
  const deadline = call.deadlineMs === undefined ? {} : { deadline: Date.now() + call.deadlineMs };
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      call.method ?? GRPC_METHODS[signal],
      identity,
      identity,
      Buffer.from(body),
      metadata,
      deadline,
      (error: grpc.ServiceError | null, bytes?: Buffer) => {
        const [detail] = error?.metadata?.get('grpc-status-details-bin') ?? [];
        resolve({
          code: error?.code ?? 0,
          details: error?.details ?? '',
          response: bytes === undefined ? undefined : readExportResponse(bytes),
          status: Buffer.isBuffer(detail) ? readStatus(detail) : undefined,
        });
      },
    );
  });
}

export interface RawAnswer {
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  /** `grpc-status`, wherever it stood. */
  readonly code: number | undefined;
  readonly message: string;
}

/** One HTTP/2 stream written by hand; `end: false` leaves it open. */
export function rawStream(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body: Uint8Array,
  end = true,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': GRPC_METHODS.traces,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      },
      { endStream: false },
    );
    let first: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (received) => {
      first = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      const status = first['grpc-status'] ?? trailers['grpc-status'];
      resolve({
        headers: first,
        trailers,
        body: Buffer.concat(chunks),
        code: status === undefined ? undefined : Number(status),
        message: decodeURIComponent(String(first['grpc-message'] ?? trailers['grpc-message'] ?? '')),
      });
    });
    if (end) stream.end(body);
    else stream.write(body);
  });
}

/** A message as gRPC frames it. */
export function framed(message: Uint8Array, compressed = false, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

export function openSession(port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  return session;
}

/** A bare connection: what it wrote until it was closed. */
export function rawConnection(port: number): { socket: net.Socket; closed: Promise<string> } {
  const socket = net.connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) =>
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1'))),
  );
  return { socket, closed };
}

/** Resolves when the sink holds nothing any more. */
export async function released(sink: RecordingSink): Promise<void> {
  while (sink.heldBytes !== 0) {
    await new Promise<void>((resolve) => {
      sink.onHeld = resolve;
    });
  }
}
