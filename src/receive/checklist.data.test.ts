/** The items of OTLP/JSON and of the data model: from the doors to the answers of the API. A title's number is the item's in the conformance checklist. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestApi, type TestApi } from '../../test/support/api.ts';
import {
  type HttpAnswer,
  openWorld,
  RecordingSink,
  send,
  sendJson,
  statusOf,
  type World,
} from '../../test/support/doors.ts';
import { decodeProto, encodeProto, type Message } from '../../test/support/otlp-proto.ts';
import type { Signal } from '../base/signal.ts';
import { SegmentColumns, transcode } from '../transcode/transcode.ts';
import type { Outcome } from '../wire/outcome.ts';

const NOW = 1_767_355_000_000_000_000n;

/** Answers as the intake does, and keeps what it took for the store. */
class StoringSink extends RecordingSink {
  override reply = ({ signal, body }: { signal: Signal; body: Uint8Array }): Outcome => {
    const result = transcode(new SegmentColumns(), signal, body, '', NOW);
    return result.kind === 'ok' ? { kind: 'success', rejected: result.rejected, message: result.message } : result;
  };

  /** Puts what came since the last call into the store. */
  async flush(api: TestApi): Promise<void> {
    for (const { signal, body } of this.requests.splice(0)) await api.storeProtobuf(signal, [body]);
  }
}

let api: TestApi;
let world: World<StoringSink>;
beforeAll(async () => {
  api = await openTestApi();
  world = await openWorld({}, new StoringSink());
});
afterAll(async () => {
  await world?.close();
  await api?.close();
});
let traceNumber = 0;
let TRACE = '';
const SPAN = 'b7ad6b7169203331';
beforeEach(() => {
  world.sink.requests.length = 0;
  TRACE = (++traceNumber).toString(16).padStart(32, 'a');
});

const TIMES = { startTimeUnixNano: String(NOW), endTimeUnixNano: String(NOW + 5n) };
const sendSpans = (...spans: object[]): Promise<HttpAnswer> =>
  sendJson(world.httpPort, 'traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] });
const span = (members: object = {}): object => ({ traceId: TRACE, spanId: SPAN, name: 'GET', ...TIMES, ...members });

interface OtlpTrace {
  readonly resourceSpans: readonly {
    readonly resource: Record<string, unknown>;
    readonly schemaUrl?: string;
    readonly scopeSpans: readonly {
      readonly scope: Record<string, unknown>;
      readonly schemaUrl?: string;
      readonly spans: readonly Record<string, unknown>[];
    }[];
  }[];
}

async function storedTrace(): Promise<OtlpTrace> {
  await world.sink.flush(api);
  return api.get<OtlpTrace>(`/api/v1/traces/${TRACE}`);
}

const spansOf = (trace: OtlpTrace): Record<string, unknown>[] =>
  trace.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));

/** The one item of the last request, as the sink got it. */
function received(signal: Signal): Message {
  const request = decodeProto(signal, world.sink.requests.at(-1)?.body ?? new Uint8Array(0));
  const [envelope] = request['resources'] as Message[];
  const [scope] = envelope['scopes'] as Message[];
  return (scope['items'] as Message[])[0];
}

const hex = (value: unknown): string => Buffer.from(value as Uint8Array).toString('hex');

test('[42] ids are hexadecimal of either case, and stored in lower case', async () => {
  const ids = { traceId: TRACE.toUpperCase(), spanId: SPAN.toUpperCase(), parentSpanId: 'ABCDEF0123456789' };
  expect((await sendSpans(span({ ...ids, links: [{ traceId: TRACE.toUpperCase(), spanId: SPAN }] }))).status).toBe(200);
  const [stored] = spansOf(await storedTrace());
  expect(stored).toMatchObject({ traceId: TRACE, spanId: SPAN, parentSpanId: 'abcdef0123456789' });
  expect(stored['links']).toMatchObject([{ traceId: TRACE, spanId: SPAN }]);
});

test('[42] an id in base64 is 400, and the place is named', async () => {
  const answer = await sendSpans(span({ traceId: 'CvdlGRbNQ92ESOshHIAxnA==' }));
  expect(answer.status).toBe(400);
  expect(statusOf(answer).message).toContain('resourceSpans[0].scopeSpans[0].spans[0].traceId');
});

test('[42] other bytes are base64, in the standard or the URL alphabet, with or without padding', async () => {
  for (const text of ['+/8=', '-_8=', '-_8', '+/8']) {
    const attributes = [{ key: 'b', value: { bytesValue: text } }];
    expect((await sendSpans(span({ attributes }))).status).toBe(200);
    const [{ value }] = received('traces')['attributes'] as { value: Message }[];
    expect(hex(value['bytesValue'])).toBe('fbff');
  }
  expect((await sendSpans(span({ attributes: [{ key: 'b', value: { bytesValue: '§' } }] }))).status).toBe(400);
});

test('[43] enums are integers; a name is 400', async () => {
  expect((await sendSpans(span({ kind: 3, status: { code: 2 } }))).status).toBe(200);
  expect(received('traces')).toMatchObject({ kind: 3, status: { code: 2 } });
  expect((await sendSpans(span({ kind: 'SPAN_KIND_CLIENT' }))).status).toBe(400);
  expect((await sendSpans(span({ status: { code: 'STATUS_CODE_ERROR' } }))).status).toBe(400);
  const [stored] = spansOf(await storedTrace());
  expect(stored).toMatchObject({ kind: 3, status: { code: 2 } });
});

test('[44] unknown member names are ignored at every level', async () => {
  const answer = await sendJson(world.httpPort, 'traces', {
    future: [1, 2, { a: null }],
    resourceSpans: [
      { future: 'x', scopeSpans: [{ future: {}, spans: [{ ...span(), future: true, status: { future: 1e300 } }] }] },
    ],
  });
  expect(answer.status).toBe(200);
  expect(spansOf(await storedTrace())).toHaveLength(1);
});

test('[45] member names are lowerCamelCase: snake_case is an unknown name', async () => {
  const snake = await sendJson(world.httpPort, 'traces', { resource_spans: [{ scope_spans: [{ spans: [span()] }] }] });
  expect(snake.status).toBe(200);
  expect(world.sink.requests[0].body).toHaveLength(0);
  await sendSpans(span({ trace_state: 'a=b', start_time_unix_nano: '1' }));
  expect(received('traces')['traceState']).toBeUndefined();
});

test('[46] 64-bit integers are taken as text and as numbers, without losing a digit', async () => {
  const values = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0'];
  for (const value of values) {
    for (const written of [`"${value}"`, value]) {
      const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span({ attributes: ['@'] })] }] }] });
      const attribute = `{"key":"n","value":{"intValue":${written}}}`;
      expect((await sendJson(world.httpPort, 'traces', body.replace('"@"', attribute))).status).toBe(200);
      const [got] = received('traces')['attributes'] as Message[];
      expect(got['value']).toEqual({ intValue: value });
    }
  }
  const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span()] }] }] });
  await sendJson(world.httpPort, 'traces', body.replace(`"${NOW}"`, String(NOW)));
  expect(received('traces')['startTimeUnixNano']).toBe(String(NOW));
});

test('[46] the API writes 64-bit integers as decimal text', async () => {
  await sendSpans(span({ attributes: [{ key: 'n', value: { intValue: 7 } }] }));
  const [stored] = spansOf(await storedTrace());
  expect(stored['startTimeUnixNano']).toBe(String(NOW));
  expect(stored['attributes']).toEqual([{ key: 'n', value: { intValue: '7' } }]);
});

test('[47] a span whose ids have a wrong length or are all zero is rejected alone, an empty one too', async () => {
  const wrong = [
    { traceId: '' },
    { spanId: '' },
    { traceId: '0'.repeat(32) },
    { spanId: '0'.repeat(16) },
    { traceId: 'abcd' },
    { spanId: 'abcd' },
  ];
  const answer = await sendSpans(...wrong.map((ids) => span(ids)), span());
  expect(answer.status).toBe(200);
  const { partialSuccess } = JSON.parse(answer.body.toString()) as { partialSuccess: Record<string, string> };
  expect(partialSuccess['rejectedSpans']).toBe('6');
  expect(partialSuccess['errorMessage']).toMatch(/trace_id must be 16 bytes/);
  expect(spansOf(await storedTrace())).toHaveLength(1);
});

test('[47] the ids of log records are optional', async () => {
  const logRecords = [{ body: { stringValue: 'without' } }, { traceId: TRACE, spanId: SPAN }];
  const answer = await sendJson(world.httpPort, 'logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
  expect([answer.status, answer.body.toString()]).toEqual([200, '{}']);
});

test('[48] spans without a name or with an end before their start are kept as they are', async () => {
  const skewed = span({ name: '', startTimeUnixNano: String(NOW), endTimeUnixNano: String(NOW - 1000n) });
  const answer = await sendSpans(skewed);
  expect([answer.status, answer.body.toString()]).toEqual([200, '{}']);
  const [stored] = spansOf(await storedTrace());
  expect(stored).toMatchObject({ startTimeUnixNano: String(NOW), endTimeUnixNano: String(NOW - 1000n) });
});

test('[49] duplicate attribute keys are taken, and none is lost', async () => {
  const attributes = ['a', 'b', 'a'].map((key, i) => ({ key, value: { stringValue: `v${i}` } }));
  expect((await sendSpans(span({ attributes }))).body.toString()).toBe('{}');
  const [stored] = spansOf(await storedTrace());
  expect(stored['attributes']).toEqual(attributes);
});

test('[50] all 32 bits of flags are kept, on spans and links', async () => {
  const links = [{ traceId: TRACE, spanId: SPAN, flags: 4294967040 }];
  await sendSpans(span({ flags: 4294967295, links }));
  const [stored] = spansOf(await storedTrace());
  expect(stored['flags']).toBe(4294967295);
  expect(stored['links']).toMatchObject([{ flags: 4294967040 }]);
});

test('[51] points without a value, exemplars and the zero threshold are carried', async () => {
  const exemplar = { traceId: TRACE, spanId: SPAN, asInt: '5', timeUnixNano: String(NOW) };
  const points = [
    { timeUnixNano: String(NOW), flags: 1 },
    { timeUnixNano: String(NOW), asInt: '9', exemplars: [exemplar] },
  ];
  const exponential = { timeUnixNano: String(NOW), count: '3', scale: -2, zeroCount: '1', zeroThreshold: 0.25 };
  const metrics = [
    { name: 'g51', gauge: { dataPoints: points } },
    { name: 'e51', exponentialHistogram: { aggregationTemporality: 0, dataPoints: [exponential] } },
  ];
  const answer = await sendJson(world.httpPort, 'metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
  expect([answer.status, answer.body.toString()]).toEqual([200, '{}']);
  await world.sink.flush(api);
  const { rows } = await api.engine.query(
    `SELECT toString(Flags), toString(length(Exemplars.TraceId)) FROM otel_metrics_gauge WHERE MetricName = 'g51' ORDER BY Flags`,
  );
  expect(rows).toEqual([
    ['0', '1'],
    ['1', '0'],
  ]);
  const found = await api.engine.query(
    `SELECT toString(ZeroThreshold), toString(AggregationTemporality) FROM otel_metrics_exponential_histogram WHERE MetricName = 'e51'`,
  );
  expect(found.rows).toEqual([['0.25', '0']]);
});

test('[52] schema URLs, dropped counts, trace state and scope attributes are kept, through both encodings', async () => {
  const dropped = { droppedAttributesCount: 1, droppedEventsCount: 2, droppedLinksCount: 3 };
  const attributes = [{ key: 'k', value: { stringValue: 'v' } }];
  const scope = { name: 'lib', version: '1', attributes, droppedAttributesCount: 4 };
  const resource = { attributes, droppedAttributesCount: 5 };
  const scopeSpans = [{ scope, schemaUrl: 'https://s/1', spans: [span({ ...dropped, traceState: 'a=b,c=d' })] }];
  await sendJson(world.httpPort, 'traces', { resourceSpans: [{ resource, schemaUrl: 'https://s/2', scopeSpans }] });
  const twin = {
    traceId: Buffer.from(TRACE, 'hex'),
    spanId: Buffer.alloc(8, 9),
    traceState: 'a=b,c=d',
    ...TIMES,
    ...dropped,
  };
  const scopes = [{ scope, schemaUrl: 'https://s/1', items: [twin] }];
  const body = encodeProto('traces', { resources: [{ resource, schemaUrl: 'https://s/2', scopes }] });
  expect((await send({ port: world.httpPort, body })).status).toBe(200);
  const stored = await storedTrace();
  expect(spansOf(stored)).toHaveLength(2);
  for (const envelope of stored.resourceSpans) {
    expect(envelope).toMatchObject({ resource, schemaUrl: 'https://s/2' });
    for (const scoped of envelope.scopeSpans) {
      expect(scoped).toMatchObject({ scope, schemaUrl: 'https://s/1' });
      for (const each of scoped.spans) expect(each).toMatchObject({ ...dropped, traceState: 'a=b,c=d' });
    }
  }
});
