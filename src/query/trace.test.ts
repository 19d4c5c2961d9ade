/** A trace by id wherever its spans lie, and whoever wrote its rows in the look-up table. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import { findTrace } from './trace.ts';

let api: TestApi;

const ID = 'ab'.repeat(16);
/** The last is longer than what stands of it in the look-up table. */
const SERVICES = ['cart', 'shop', '', 'long '.repeat(60)];
const HOUR = 3_600_000_000_000n;

/** A span of each service, in a segment and an hour of its own, and one of another trace beside it. */
beforeAll(async () => {
  api = await openTestApi();
  for (const [i, service] of SERVICES.entries()) {
    const start = NOW - HOUR * BigInt(i);
    const attributes = service === '' ? [] : [{ key: 'service.name', value: { stringValue: service } }];
    const spans = [ID, 'cd'.repeat(16)].map((traceId) => ({
      traceId,
      spanId: `${i + 1}`.repeat(16),
      startTimeUnixNano: start.toString(),
      endTimeUnixNano: (start + 5n).toString(),
      attributes: ['b', '10', 'a', 'b'].map((key) => ({ key, value: { stringValue: service } })),
    }));
    await api.store('traces', { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }] });
  }
});

afterAll(() => api.close());

interface Found {
  readonly scopeSpans: readonly {
    readonly spans: readonly { readonly spanId: string; readonly attributes?: { key: string }[] }[];
  }[];
}

async function spansOf(traceId: string): Promise<{ spanId: string; keys: string[] }[]> {
  const answer = await findTrace(api.engine, traceId);
  const resources = (answer?.otlp.resourceSpans ?? []) as readonly Found[];
  return resources
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map(({ spanId, attributes }) => ({ spanId, keys: (attributes ?? []).map(({ key }) => key) }));
}

const KEYS = ['b', '10', 'a', 'b'];
const WHOLE = [4, 3, 2, 1].map((n) => ({ spanId: `${n}`.repeat(16), keys: KEYS }));

it('is found in all of its services and segments, attributes in order and repeated as they came', async () => {
  expect(await spansOf(ID)).toEqual(WHOLE);
});

it('is found when another writer, who names no services, has rows of it', async () => {
  await api.engine.command(
    `INSERT INTO otel_traces_trace_id_ts (TraceId, Start, End) SELECT '${ID}', now() - 60, now()`,
  );
  await api.engine.command(
    `INSERT INTO otel_traces (TraceId, SpanId, ServiceName, Timestamp) SELECT '${ID}', 'foreign', 'other', toDateTime64('2026-01-02 10:30:00', 9)`,
  );
  expect((await spansOf(ID)).map(({ spanId }) => spanId).sort()).toEqual(
    [...WHOLE.map(({ spanId }) => spanId), 'foreign'].sort(),
  );
});

it('is found when it is in more segments than are put together row by row', async () => {
  await api.engine.command(
    `INSERT INTO otel_traces_trace_id_ts (TraceId, Start, End, Summary)
      SELECT '${ID}', toDateTime(1e9), toDateTime(1e9), '["1000000000000000000","0",0,"0",0,"x",[["cart",1,0,"0"]]]' FROM numbers(2000)`,
  );
  expect(await spansOf(ID)).toHaveLength(5);
});

it('answers every time as it arrived, on both sides of 1970, where ClickHouse stores those of 2^63 and more', async () => {
  const odd = [1n, NOW + 123_456_789n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1_500_000_001n, 2n ** 64n - 1n].map(
    String,
  );
  const id = 'aa'.repeat(16);
  const spans = odd.map((time, i) => ({
    traceId: id,
    spanId: `${i + 1}`.repeat(16),
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    events: [{ timeUnixNano: time, name: 'e' }],
  }));
  await api.store('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] });
  const answer = await findTrace(api.engine, id);
  const [resource] = (answer?.otlp.resourceSpans ?? []) as readonly { scopeSpans: [{ spans: typeof spans }] }[];
  const found = resource?.scopeSpans[0].spans.map(({ startTimeUnixNano, endTimeUnixNano, events }) => [
    startTimeUnixNano,
    endTimeUnixNano,
    events[0]?.timeUnixNano,
  ]);
  // In the order in which they are stored.
  expect(found).toEqual([...odd.slice(3), ...odd.slice(0, 3)].map((time) => [time, time, time]));
});

it('is undefined when nobody has sent it', async () => {
  expect(await findTrace(api.engine, 'ef'.repeat(16))).toBeUndefined();
});
