import http2 from 'node:http2';
import net from 'node:net';
import { framed, JSON_TYPE, openSession, PROTOBUF, rawStream, statusOf } from '../../test/support/doors.ts';
import { type Random, randomFrom } from '../../test/support/otlp-random.ts';
import { GRPC_METHODS, HTTP_PATHS } from '../base/names.ts';
import { type Corpus, damagedBody, mutate, readCorpus } from './fuzz-requests.fuzz.ts';

export interface FuzzOptions {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly requests: number;
  readonly seed: number;
  /** Requests in flight on each door. */
  readonly lanes: number;
  /** Milliseconds that the server's process was ready to run and did not, ever. */
  readonly starvedMs?: () => number;
}

export interface FuzzReport {
  /** Answers by `http 400` or `grpc 3`. */
  readonly answers: Record<string, number>;
  /** Requests that the client broke off. */
  brokenOff: number;
  slowestMs: number;
  /** What must not be, the first ten; a right server leaves this empty. */
  readonly wrong: string[];
}

/** A request without an answer after this is a hang. */
const ANSWER_MS_MAX = 1000;
/** By then the server has told how long it was without a processor. */
const TOLD_MS = 200;
const HTTP_STATUSES = new Set([200, 400, 401, 404, 405, 408, 413, 415, 429, 431, 503]);
/** UNKNOWN and INTERNAL are our own failures. */
const GRPC_STATUSES = new Set([0, 3, 4, 5, 8, 12, 14, 16]);
const SESSIONS = 4;

/** Sends damaged requests to open doors, many at once over kept connections, and judges every answer. */
export async function fuzzDoors(options: FuzzOptions): Promise<FuzzReport> {
  const report: FuzzReport = { answers: {}, brokenOff: 0, slowestMs: 0, wrong: [] };
  const corpus = readCorpus();
  const stalls = watchStalls();
  const lostMs = (): number => stalls.total() + (options.starvedMs?.() ?? 0);
  let left = options.requests;
  const take = (): boolean => left-- > 0;
  const lanes = Array.from({ length: options.lanes }, (_, lane) => {
    const judge = new Judge(report, lostMs);
    const random = randomFrom(options.seed * 1000 + lane);
    return [
      httpLane(options.httpPort, judge, randomFrom(options.seed * 1000 + 500 + lane), corpus, take),
      ...(lane < options.lanes / 2 ? [] : [grpcLane(options.grpcPort, lane, judge, random, corpus, take)]),
    ];
  });
  await Promise.all(lanes.flat());
  for (const session of sessions.splice(0)) session?.destroy();
  stalls.stop();
  return report;
}

interface Stalls {
  /** Milliseconds that this process itself did not run, ever. */
  total(): number;
  stop(): void;
}

/** Sees when this process waits for a processor. */
function watchStalls(): Stalls {
  const stepMs = 20;
  let totalMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    totalMs += Math.max(0, now - last - 2 * stepMs);
    last = now;
  }, stepMs);
  return { total: () => totalMs, stop: () => clearInterval(timer) };
}

class Judge {
  readonly #report: FuzzReport;
  /** Time for which there was no processor, of the client and of the server: no fault of the doors. */
  readonly #lostMs: () => number;

  constructor(report: FuzzReport, lostMs: () => number) {
    this.#report = report;
    this.#lostMs = lostMs;
  }

  wrong(text: string): void {
    if (this.#report.wrong.length < 10) this.#report.wrong.push(text);
  }

  brokenOff(): void {
    this.#report.brokenOff++;
  }

  answered(name: string, valid: boolean): void {
    this.#report.answers[name] = (this.#report.answers[name] ?? 0) + 1;
    if (!valid) this.wrong(`answer ${name}`);
  }

  /** Waits for an answer no longer than it may take. */
  async within<T>(what: string, answer: Promise<T>): Promise<T | undefined> {
    const startedAt = performance.now();
    const lostBefore = this.#lostMs();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ANSWER_MS_MAX * 10);
    });
    try {
      const given = await Promise.race([answer, late]);
      const wallMs = performance.now() - startedAt;
      if (wallMs > ANSWER_MS_MAX) await new Promise((resolve) => setTimeout(resolve, TOLD_MS));
      const tookMs = wallMs - (this.#lostMs() - lostBefore);
      this.#report.slowestMs = Math.max(this.#report.slowestMs, tookMs);
      if (tookMs > ANSWER_MS_MAX) this.wrong(`${what}: ${Math.round(tookMs)} ms to the answer`);
      return given;
    } catch (error) {
      this.wrong(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

interface HttpText {
  readonly bytes: Buffer;
  /** Not even HTTP: the connection is closed, perhaps before its answer can be read. */
  readonly garbage: boolean;
}

const TYPES = ['text/plain', '', 'application/json; charset=utf-8', 'application/x-protobuf;x=y', PROTOBUF];
const ENCODINGS = ['br', 'gzip', 'zstd', 'identity', 'GZIP', 'constructor'];
const PATHS = ['/', '/v1/traces/', '/v1/traces?x=1', '/%00', `/${'x'.repeat(3000)}`];

function httpText(random: Random, corpus: Corpus): HttpText {
  const { signal, json, encoding, body } = damagedBody(random, corpus);
  const path = random.oneIn(60) ? random.pick(PATHS) : HTTP_PATHS[random.oneIn(20) ? 'traces' : signal];
  const method = random.oneIn(80) ? random.pick(['GET', 'PUT', 'OPTIONS', 'TRACE']) : 'POST';
  const type = random.oneIn(50) ? random.pick(TYPES) : json !== random.oneIn(40) ? JSON_TYPE : PROTOBUF;
  const packed = random.oneIn(50) ? random.pick(ENCODINGS) : encoding;
  const head = [`${method} ${path} HTTP/1.1`, 'host: x', `content-type: ${type}`];
  if (packed !== '') head.push(`content-encoding: ${packed}`);
  if (random.oneIn(30)) head.push(`baggage: ${'k=v,'.repeat(random.below(2000))}`);
  if (random.oneIn(20)) head.push('accept-encoding: gzip');
  const chunked = random.oneIn(10);
  head.push(chunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`);
  const start = Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1');
  const bytes = Buffer.concat([start, chunked ? chunksOf(random, body) : body]);
  if (!random.oneIn(200)) return { bytes, garbage: false };
  // Damaged where HTTP itself stands. An end of headers behind it keeps the server from waiting for one.
  const broken = mutate(random, Buffer.concat([Buffer.from([random.below(256)]), start]));
  return { bytes: Buffer.concat([Buffer.from('\u0001'), broken, Buffer.from('\r\n\r\n')]), garbage: true };
}

function chunksOf(random: Random, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const to = Math.min(body.length, at + 1 + random.below(2000));
    parts.push(Buffer.from(`${(to - at).toString(16)}\r\n`), body.subarray(at, to), Buffer.from('\r\n'));
    at = to;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly packed: boolean;
  readonly close: boolean;
  readonly body: Buffer;
}

/** A kept connection with one request in flight: much cheaper than node:http, and it can send what is no HTTP. */
class Connection {
  readonly #socket: net.Socket;
  #received: Buffer = Buffer.alloc(0);
  #settle: ((answer: Answered | undefined) => void) | undefined;
  closed = false;

  constructor(port: number) {
    this.#socket = net.connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#read();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.closed = true;
      this.#settle?.(undefined);
    });
  }

  /** Undefined when the connection was closed without an answer. */
  ask(bytes: Buffer): Promise<Answered | undefined> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#socket.write(bytes);
    });
  }

  destroy(): void {
    this.closed = true;
    this.#socket.destroy();
  }

  /** Writes a part of a request and leaves. */
  breakOff(bytes: Buffer): void {
    this.closed = true;
    this.#socket.write(bytes, () => this.#socket.destroy());
  }

  #read(): void {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#received.toString('latin1', 0, end).toLowerCase();
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
    if (this.#received.length < end + 4 + length) return;
    const body = this.#received.subarray(end + 4, end + 4 + length);
    this.#received = this.#received.subarray(end + 4 + length);
    this.#settle?.({
      status: Number(head.slice(9, 12)),
      type: /\r\ncontent-type: (\S+)/.exec(head)?.[1] ?? '',
      packed: head.includes('\r\ncontent-encoding: gzip'),
      close: head.includes('\r\nconnection: close'),
      body,
    });
  }
}

async function httpLane(
  port: number,
  judge: Judge,
  random: Random,
  corpus: Corpus,
  take: () => boolean,
): Promise<void> {
  let connection = new Connection(port);
  while (take()) {
    if (connection.closed) connection = new Connection(port);
    const { bytes, garbage } = httpText(random, corpus);
    if (random.oneIn(200)) {
      judge.brokenOff();
      connection.breakOff(bytes.subarray(0, random.below(bytes.length)));
      continue;
    }
    const what = `http ${/\r\ncontent-encoding: (\S+)/.exec(bytes.toString('latin1', 0, 300))?.[1] ?? 'plain'}`;
    const answer = await judge.within(what, connection.ask(bytes));
    if (answer === undefined) {
      if (garbage) judge.brokenOff();
      else judge.wrong(`http: no answer to ${bytes.toString('latin1', 0, 300)}`);
      connection.destroy();
      continue;
    }
    judge.answered(`http ${answer.status}`, HTTP_STATUSES.has(answer.status));
    if (answer.status !== 200 && !isStatus(answer)) judge.wrong(`http ${answer.status} without a google.rpc.Status`);
    // What is behind garbage is read as further requests, or the connection is closed.
    if (answer.close || garbage) connection.destroy();
  }
  connection.destroy();
}

function isStatus({ status, type, packed, body }: Answered): boolean {
  if (packed) return true;
  try {
    return statusOf({ status, headers: { 'content-type': type }, body }).message !== '';
  } catch {
    return false;
  }
}

const sessions: (http2.ClientHttp2Session | undefined)[] = [];

function sessionOf(port: number, lane: number): http2.ClientHttp2Session {
  const index = lane % SESSIONS;
  const held = sessions[index];
  if (held !== undefined && !held.closed && !held.destroyed) return held;
  const session = openSession(port);
  session.setMaxListeners(0);
  sessions[index] = session;
  return session;
}

function grpcMessage(random: Random, body: Buffer, packed: boolean): Buffer {
  const frame = framed(body, packed);
  switch (random.below(40)) {
    case 0:
      return mutate(random, frame);
    case 1:
      return Buffer.concat([frame, frame]);
    case 2:
      return framed(body, packed, random.pick([0, body.length + 1, body.length - 1, 0xffffffff]) >>> 0);
    case 3:
      return frame.subarray(0, random.below(frame.length));
    case 4:
      return framed(body, !packed);
    default:
      return frame;
  }
}

function grpcHeaders(random: Random, method: string, encoding: string): http2.OutgoingHttpHeaders {
  const headers: http2.OutgoingHttpHeaders = { ':path': method };
  if (encoding !== '') headers['grpc-encoding'] = encoding;
  if (random.oneIn(40)) headers['grpc-encoding'] = random.pick(['br', 'identity', 'lz4', 'constructor', 'gzip']);
  if (random.oneIn(60)) headers[':path'] = random.pick(['/', '/a.B/C', '/grpc.health.v1.Health/Check']);
  if (random.oneIn(40)) headers['grpc-timeout'] = random.pick(['10S', '1n', 'soon', '99999999H', '0m', '50m']);
  if (random.oneIn(60)) headers['content-type'] = random.pick(['application/grpc+proto', 'application/grpc+json', 'x']);
  if (random.oneIn(100)) headers[':method'] = random.pick(['PUT', 'POST']);
  if (random.oneIn(40)) headers['baggage'] = 'k=v,'.repeat(random.below(1000));
  return headers;
}

async function grpcLane(
  port: number,
  lane: number,
  judge: Judge,
  random: Random,
  corpus: Corpus,
  take: () => boolean,
): Promise<void> {
  while (take()) {
    const { signal, encoding, body } = damagedBody(random, corpus);
    const headers = grpcHeaders(random, GRPC_METHODS[signal], encoding);
    const message = grpcMessage(random, body, encoding !== '');
    const session = sessionOf(port, lane);
    if (random.oneIn(100)) {
      judge.brokenOff();
      cancel(random, session, headers, message);
      continue;
    }
    const answer = await judge.within(
      `grpc ${JSON.stringify(headers).slice(0, 200)}`,
      rawStream(session, headers, message),
    );
    if (answer === undefined) continue;
    const status = Number(answer.headers[':status']);
    if (answer.code === undefined) judge.answered(`grpc http ${status}`, status === 415 || status === 405);
    else judge.answered(`grpc ${answer.code}`, GRPC_STATUSES.has(answer.code));
  }
}

/** Begins a call and resets it: at once, or when a part of the message was written. */
function cancel(
  random: Random,
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  message: Buffer,
): void {
  const stream = session.request({ ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ...headers });
  stream.on('error', () => undefined);
  const reset = (): void => stream.close(http2.constants.NGHTTP2_CANCEL);
  if (random.oneIn(2)) reset();
  else stream.write(message.subarray(0, random.below(message.length + 1)), reset);
}
