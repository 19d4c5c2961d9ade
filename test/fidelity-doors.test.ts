/** As fidelity.test.ts, through a whole running Clew: three doors, receivers, journal, store, API. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SIGNALS, type Signal } from '../src/base/signal.ts';
import { type RunningClew, startClew, waitUntil } from './support/clew.ts';
import { exportGrpc, grpcClient, JSON_TYPE, PROTOBUF, send } from './support/doors.ts';
import { type ExportAnswer, readExportResponse } from './support/otlp-answers.ts';
import { expectSame, readBack, rejectedSpans, sentItems } from './support/otlp-items.ts';
import { jsonOf } from './support/otlp-json.ts';
import { decodeProto } from './support/otlp-proto.ts';
import { randomBody } from './support/otlp-random.ts';

/** Requests of each signal to each door; more: CLEW_FIDELITY_REQUESTS=500. */
const REQUESTS = Number(process.env['CLEW_FIDELITY_REQUESTS'] ?? 15);
const VISIBLE_MS_MAX = 20_000;

/** Random times lie long ago, beyond every retention. */
const FOR_EVER = SIGNALS.flatMap((signal) => [`--retention-${signal}-days`, 'none']);

let clew: RunningClew;
beforeAll(async () => {
  clew = await startClew({ flags: FOR_EVER });
});
afterAll(() => clew?.stop());

type Sender = (signal: Signal, body: Uint8Array) => Promise<ExportAnswer>;

const byProtobuf: Sender = async (signal, body) => {
  const answer = await send({ port: clew.ports.http, signal, type: PROTOBUF, body });
  expect(answer.status).toBe(200);
  return readExportResponse(answer.body);
};

const byJson: Sender = async (signal, body) => {
  const text = jsonOf(signal, decodeProto(signal, body));
  const answer = await send({ port: clew.ports.http, signal, type: JSON_TYPE, body: text });
  expect(answer.status).toBe(200);
  const { partialSuccess } = JSON.parse(answer.body.toString()) as { partialSuccess?: { rejectedSpans?: string } };
  return partialSuccess === undefined
    ? {}
    : { partialSuccess: { rejected: Number(partialSuccess.rejectedSpans ?? 0) } };
};

const byGrpc: Sender = async (signal, body) => {
  const client = grpcClient(clew.ports.grpc);
  const answer = await exportGrpc(client, signal, body);
  client.close();
  expect(answer.code, answer.details).toBe(0);
  return answer.response ?? {};
};

/** Where the items are that can be read back: a metric without a name cannot. */
const SOURCES: Readonly<Record<Signal, readonly string[]>> = {
  traces: ['otel_traces'],
  logs: ['otel_logs'],
  metrics: ['gauge', 'sum', 'histogram', 'exponential_histogram', 'summary'].map(
    (kind) => `otel_metrics_${kind} WHERE MetricName != ''`,
  ),
};

async function rowsOf(signal: Signal): Promise<number> {
  const counts = SOURCES[signal].map((source) => `(SELECT count() FROM ${source})`);
  const [row] = await clew.sql(`SELECT ${counts.join(' + ')}`);
  return Number(row?.[0]);
}

async function get(path: string): Promise<object> {
  const response = await fetch(clew.url.api + path);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} from ${path}: ${text}`);
  return JSON.parse(text) as object;
}

test.each(SIGNALS)('every item of %s that a door took comes back as it was sent', async (signal) => {
  const bodies: Uint8Array[] = [];
  for (const [door, sendBody] of [byProtobuf, byJson, byGrpc].entries()) {
    for (let i = 0; i < REQUESTS; i++) {
      const body = randomBody(signal, 100_000 + door * REQUESTS + i);
      bodies.push(body);
      const { partialSuccess } = await sendBody(signal, body);
      const rejected = signal === 'traces' ? rejectedSpans(body) : 0;
      expect(partialSuccess?.rejected ?? 0).toBe(rejected);
    }
  }
  const sent = sentItems(signal, bodies);
  expect(sent.length).toBeGreaterThan(REQUESTS);
  await waitUntil(`${sent.length} items of ${signal} in the store`, VISIBLE_MS_MAX, async () =>
    (await rowsOf(signal)) >= sent.length ? true : null,
  );
  expectSame(await readBack(signal, sent, get), sent);
});
