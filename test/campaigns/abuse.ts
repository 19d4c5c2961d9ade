/**
 * Clients that a receiver must survive within its memory: that send a byte a second, or values of megabytes, or never the same attribute
 * key, or never the same service. What must hold: every whole request is answered, usual requests beside them are taken, nothing that was
 * acknowledged is missing.
 */
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpSender } from '../../bench/http-sender.ts';
import { countSpans, statusOf, waitForSpans } from '../../bench/ingest.ts';
import { runLoad } from '../../bench/load.ts';
import { peakMiB } from '../../bench/processes.ts';
import { type RunningClew, startClew } from '../support/clew.ts';
import { encodeProto, type Message } from '../support/otlp-proto.ts';

export interface AbuseOptions {
  /** Connections that begin a request and go on a byte a second, for so long. */
  readonly slowConnections: number;
  readonly slowSeconds: number;
  readonly giants: number;
  readonly giantBytes: number;
  readonly keys: number;
  readonly services: number;
}

export interface AbuseResult {
  readonly name: string;
  readonly acknowledgedSpans: number;
  readonly storedSpans: number;
  /** Requests by status. */
  readonly codes: Readonly<Record<string, number>>;
  /** Usual requests that were sent meanwhile, and how many of them were taken at the first try. */
  readonly besides: { readonly sent: number; readonly taken: number };
  readonly receiverPeakMiB: number;
  readonly storePeakMiB: number;
}

/** Runs each kind of abuse against a Clew of its own. */
export async function runAbuse(options: AbuseOptions, log: (line: string) => void): Promise<AbuseResult[]> {
  const { slowConnections, slowSeconds, giants, giantBytes, keys, services } = options;
  const kinds: readonly [string, (port: number) => Promise<Sent>][] = [
    ['slow connections', (port) => sendSlowly(port, slowConnections, slowSeconds)],
    ['giant attributes', (port) => sendEach(port, giants, () => giantRequest(giantBytes))],
    ['distinct keys', (port) => sendEach(port, Math.ceil(keys / KEYS_A_REQUEST), keysRequest)],
    ['distinct services', (port) => sendReady(port, Math.ceil(services / SPANS_A_REQUEST), servicesRequest)],
  ];
  const results: AbuseResult[] = [];
  for (const [name, send] of kinds) {
    const result = await runOne(name, send);
    results.push(result);
    log(JSON.stringify(result));
  }
  return results;
}

interface Sent {
  readonly spans: number;
  readonly codes: Readonly<Record<string, number>>;
}

async function runOne(name: string, send: (port: number) => Promise<Sent>): Promise<AbuseResult> {
  const clew = await startClew();
  try {
    const stop = new AbortController();
    const besides = runLoad({
      port: clew.ports.http,
      per: 10,
      rate: 500,
      inflight: 4,
      spans: 1e9,
      seconds: 3600,
      signal: stop.signal,
    });
    const sent = await send(clew.ports.http);
    stop.abort();
    const usual = await besides;
    const acknowledgedSpans = sent.spans + usual.acknowledgedSpans;
    await waitForSpans(clew, acknowledgedSpans);
    const requests = Object.values(usual.codes).reduce((sum, count) => sum + count, 0);
    return {
      name,
      acknowledgedSpans,
      storedSpans: await countSpans(clew),
      codes: sent.codes,
      besides: { sent: requests, taken: usual.codes['200'] ?? 0 },
      ...(await peaks(clew)),
    };
  } finally {
    await clew.stop();
  }
}

async function peaks(clew: RunningClew): Promise<{ receiverPeakMiB: number; storePeakMiB: number }> {
  const receivers = new Set((await statusOf(clew)).receivers.map(({ pid }) => pid));
  const all = [...peakMiB(clew.pid)].filter(([pid]) => pid !== clew.pid);
  const most = (isReceiver: boolean): number =>
    Math.max(...all.filter(([pid]) => receivers.has(pid) === isReceiver).map(([, mib]) => mib));
  return { receiverPeakMiB: most(true), storePeakMiB: most(false) };
}

/** Sends `count` requests from two slots; what is refused is sent again after a moment, as clients do. */
async function sendEach(port: number, count: number, make: (index: number) => Request): Promise<Sent> {
  const { send, close } = httpSender(port, 'none');
  const codes: Record<string, number> = {};
  let spans = 0;
  let next = 0;
  const slot = async (): Promise<void> => {
    while (next < count) {
      const request = make(next++);
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        const { code, outcome } = await send(request.body);
        codes[code] = (codes[code] ?? 0) + 1;
        if (outcome === 'ok') spans += request.spans;
        if (code !== '503') break;
        await sleep(RETRY_MS);
      }
    }
  };
  await Promise.all([slot(), slot()]);
  close();
  return { spans, codes };
}

/** The same with all requests made before the first is sent: the receiver gets them as fast as it takes them. */
function sendReady(port: number, count: number, make: (index: number) => Request): Promise<Sent> {
  const ready = Array.from({ length: count }, (_, index) => make(index));
  return sendEach(port, count, (index) => ready[index]!);
}

const TRIES_MAX = 600;
const RETRY_MS = 100;

/** Announces a usual request on every connection and sends it a byte a second. */
async function sendSlowly(port: number, connections: number, seconds: number): Promise<Sent> {
  const codes: Record<string, number> = {};
  const sockets = Array.from({ length: connections }, () => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(SLOW_HEAD));
    socket.on('data', (chunk) => {
      const code = chunk.toString('latin1', 9, 12);
      codes[code] = (codes[code] ?? 0) + 1;
    });
    socket.on('error', () => socket.destroy());
    return socket;
  });
  for (let second = 0; second < seconds; second++) {
    await sleep(1_000);
    for (const socket of sockets) if (socket.writable) socket.write('x');
  }
  for (const socket of sockets) socket.destroy();
  return { spans: 0, codes };
}

const SLOW_HEAD =
  'POST /v1/traces HTTP/1.1\r\nhost: slow\r\ncontent-type: application/x-protobuf\r\ncontent-length: 200000\r\n\r\nxx';

interface Request {
  readonly body: Buffer;
  readonly spans: number;
}

const SPANS_A_REQUEST = 500;
const KEYS_A_SPAN = 10;
const KEYS_A_REQUEST = SPANS_A_REQUEST * KEYS_A_SPAN;

let ids = 0;

function span(attributes: readonly Message[]): Message {
  const traceId = Buffer.alloc(16, 1);
  const spanId = Buffer.alloc(8, 1);
  traceId.writeUInt32BE(++ids, 0);
  spanId.writeUInt32BE(ids, 0);
  const now = BigInt(Date.now()) * 1_000_000n;
  return {
    traceId,
    spanId,
    name: 'abuse',
    startTimeUnixNano: String(now - 1_000_000n),
    endTimeUnixNano: String(now),
    attributes,
  };
}

const text = (key: string, value: string): Message => ({ key, value: { stringValue: value } });

const requestOf = (resources: readonly Message[], spans: number): Request => ({
  body: Buffer.from(encodeProto('traces', { resources })),
  spans,
});

const ofService = (service: string, items: readonly Message[]): Message => ({
  resource: { attributes: [text('service.name', service)] },
  scopes: [{ items }],
});

function giantRequest(bytes: number): Request {
  return requestOf([ofService('giant', [span([text('giant', `${ids}`.padEnd(bytes, 'x'))])])], 1);
}

function keysRequest(index: number): Request {
  const items = Array.from({ length: SPANS_A_REQUEST }, (_, row) =>
    span(
      Array.from({ length: KEYS_A_SPAN }, (_, i) => text(`key.${index * KEYS_A_REQUEST + row * KEYS_A_SPAN + i}`, 'v')),
    ),
  );
  return requestOf([ofService('keys', items)], SPANS_A_REQUEST);
}

function servicesRequest(index: number): Request {
  const resources = Array.from({ length: SPANS_A_REQUEST }, (_, i) =>
    ofService(`service-${index * SPANS_A_REQUEST + i}`, [span([])]),
  );
  return requestOf(resources, SPANS_A_REQUEST);
}
