/** Bounded OTLP load over loopback, flat out or at a rate, over HTTP or gRPC. Every answer is counted by its code; nothing is retried. */
import http2 from 'node:http2';
import zlib from 'node:zlib';
import { httpSender, type Send, type Sender } from './http-sender.ts';
import { makeTemplates, stamp, type Template } from './payload.ts';

export interface LoadOptions {
  readonly protocol: 'http' | 'grpc';
  readonly port: number;
  readonly encoding: 'none' | 'gzip';
  /** Spans a request. */
  readonly per: number;
  /** Ends after this many spans were sent … */
  readonly spans: number;
  /** … or after this time. */
  readonly seconds: number;
  readonly inflight: number;
  /** Spans a second; 0 sends as fast as answers come. */
  readonly rate: number;
  readonly connections: number;
  /** Different requests to choose from. */
  readonly templates: number;
  /** Resources of a request: an SDK has one, a collector in front of several many. */
  readonly resources: number;
  /** First four bytes of every trace id (encoding none only). */
  readonly run: number;
  /** Waits this long after a refusal or a broken connection before the slot sends again. */
  readonly backoffMs: number;
  /** Ends the load early. */
  readonly signal?: AbortSignal;
  /** Called with the number of a request that was acknowledged. */
  readonly onAcknowledged?: (sequence: number) => void;
}

export interface LoadResult {
  readonly sentSpans: number;
  readonly acknowledgedSpans: number;
  /** Spans of requests that were answered with anything but success. */
  readonly refusedSpans: number;
  /** Spans of requests that got no answer. */
  readonly unansweredSpans: number;
  /** Requests by HTTP status, gRPC status or error code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly wallSeconds: number;
  readonly spansPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const DEFAULT_LOAD: LoadOptions = {
  protocol: 'http',
  port: 4318,
  encoding: 'none',
  per: 500,
  spans: 1_000_000,
  seconds: 60,
  inflight: 16,
  rate: 0,
  connections: 4,
  templates: 100,
  resources: 5,
  run: 1,
  backoffMs: 20,
};

/** What one connection may hold. At Node's 10, one that sends a hundred large requests at once refuses its own, and may stand still. */
const SESSION_MEMORY_MIB = 256;

function grpcSender(options: LoadOptions): Sender {
  const sessions: http2.ClientHttp2Session[] = [];
  const session = (index: number): http2.ClientHttp2Session => {
    const open = sessions[index];
    if (open && !open.closed && !open.destroyed) return open;
    const fresh = http2.connect(`http://127.0.0.1:${options.port}`, { maxSessionMemory: SESSION_MEMORY_MIB });
    fresh.on('error', () => fresh.destroy());
    fresh.setMaxListeners(0);
    sessions[index] = fresh;
    return fresh;
  };
  const headers: http2.OutgoingHttpHeaders = {
    ':method': 'POST',
    ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  if (options.encoding !== 'none') headers['grpc-encoding'] = options.encoding;
  let next = 0;
  const send: Send = (body) =>
    new Promise((resolve) => {
      let status: string | undefined;
      const stream = session(next++ % options.connections).request(headers);
      const noteStatus = (received: http2.IncomingHttpHeaders): void => {
        const value = received['grpc-status'];
        if (typeof value === 'string') status = value;
      };
      stream.on('response', noteStatus);
      stream.on('trailers', noteStatus);
      stream.on('error', () => stream.close());
      stream.on('close', () => {
        if (status === undefined) resolve({ code: 'CLOSED', outcome: 'unanswered' });
        else resolve({ code: `grpc-${status}`, outcome: status === '0' ? 'ok' : 'refused' });
      });
      stream.resume();
      const frame = Buffer.alloc(5);
      frame[0] = options.encoding === 'none' ? 0 : 1;
      frame.writeUInt32BE(body.length, 1);
      stream.write(frame);
      stream.end(body);
    });
  const close = (): void => {
    for (const open of sessions) open.destroy();
  };
  return { send, close };
}

const percentile = (sorted: readonly number[], share: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs one load to its end and answers what came of it. Never rejects: a server that is down shows as unanswered requests. */
export async function runLoad(partial: Partial<LoadOptions>): Promise<LoadResult> {
  const options: LoadOptions = { ...DEFAULT_LOAD, ...partial };
  const templates: Template[] = makeTemplates(options.templates, options.per, options.resources);
  const packed =
    options.encoding === 'gzip'
      ? templates.map((template, i) => zlib.gzipSync(stamp(template, options.run, i, Date.now())))
      : null;
  const { send, close } =
    options.protocol === 'http' ? httpSender(options.port, options.encoding) : grpcSender(options);
  const codes: Record<string, number> = {};
  const latencies: number[] = [];
  const spans = { sent: 0, ok: 0, refused: 0, unanswered: 0 };
  let sequence = 0;
  const started = performance.now();
  const over = (): boolean =>
    spans.sent >= options.spans ||
    performance.now() - started > options.seconds * 1000 ||
    options.signal?.aborted === true;
  const slot = async (): Promise<void> => {
    while (!over()) {
      if (options.rate > 0) {
        const early = (spans.sent / options.rate) * 1000 - (performance.now() - started);
        spans.sent += options.per;
        if (early > 1) await sleep(early);
      } else spans.sent += options.per;
      const number = sequence++;
      const index = number % templates.length;
      const body = packed?.[index] ?? stamp(templates[index]!, options.run, number, Date.now());
      const begun = performance.now();
      const answer = await send(body);
      latencies.push(performance.now() - begun);
      codes[answer.code] = (codes[answer.code] ?? 0) + 1;
      spans[answer.outcome] += options.per;
      if (answer.outcome === 'ok') options.onAcknowledged?.(number);
      else await sleep(options.backoffMs);
    }
  };
  await Promise.all(Array.from({ length: options.inflight }, slot));
  close();
  const wallSeconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  return {
    sentSpans: spans.sent,
    acknowledgedSpans: spans.ok,
    refusedSpans: spans.refused,
    unansweredSpans: spans.unanswered,
    codes,
    wallSeconds: Number(wallSeconds.toFixed(2)),
    spansPerSecond: Math.round(spans.ok / wallSeconds),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
  };
}
