/** Summaries of traces whose spans arrive in several segments, against sums made here of the spans themselves. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../../test/support/api.ts';
import { encodeProto, type Message } from '../../test/support/otlp-proto.ts';
import { type Random, randomFrom } from '../../test/support/otlp-random.ts';
import type { Engine } from '../store/engine.ts';
import type { TraceSummary } from './api.ts';
import { summarise } from './trace-summary.ts';

interface Span {
  readonly trace: number;
  readonly service: string;
  readonly name: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly isRoot: boolean;
  readonly code: number;
}

const TRACES = 40;
const SEGMENTS = 6;
const SERVICES = ['', 'cart', 'sh"op\\\n', 'stock', 'users'];
const BASE = 1_767_355_200_000_000_000n;
/** Times that are not of this century are kept as they came: 2^63 and more are stored as negative ones. */
const ODD_TIMES = [1n, 2n ** 62n, 2n ** 63n + 5n];

let api: TestApi;
const spans: Span[] = [];

const idOf = (trace: number): string => (trace + 1).toString(16).padStart(32, '0');

function randomSpan(random: Random, serial: number): Span {
  const odd = random.below(30) === 0 ? ODD_TIMES[random.below(ODD_TIMES.length)] : undefined;
  // Every start is another: which of two spans that start together comes first is nobody's concern.
  const start = (odd ?? BASE + BigInt(random.below(5_000_000)) * 1_000_000n) + BigInt(serial) * 16n;
  const duration = BigInt(random.below(2_000_000_000)) * BigInt(1 + random.below(9)) - 300_000_000n;
  return {
    trace: random.below(TRACES),
    service: random.pick(SERVICES),
    name: `work ${random.below(7)}`,
    start,
    end: start + duration < 0n ? 0n : start + duration,
    isRoot: random.below(8) === 0,
    code: random.below(4),
  };
}

const messageOf = (span: Span, serial: number): Message => ({
  traceId: Buffer.from(idOf(span.trace), 'hex'),
  spanId: Buffer.from((serial + 1).toString(16).padStart(16, '0'), 'hex'),
  ...(span.isRoot ? {} : { parentSpanId: Buffer.alloc(8, 7) }),
  name: span.name,
  startTimeUnixNano: String(span.start),
  endTimeUnixNano: String(span.end),
  status: { code: span.code },
});

beforeAll(async () => {
  api = await openTestApi();
  const random = randomFrom(11);
  for (let segment = 0; segment < SEGMENTS; segment++) {
    const resources: Message[] = [];
    for (let i = 0; i < 60; i++) {
      const span = randomSpan(random, spans.length);
      const attributes = span.service === '' ? [] : [{ key: 'service.name', value: { stringValue: span.service } }];
      resources.push({ resource: { attributes }, scopes: [{ items: [messageOf(span, spans.length)] }] });
      spans.push(span);
    }
    await api.storeProtobuf('traces', [encodeProto('traces', { resources })]);
  }
});

afterAll(() => api.close());

const signed = (span: Span): bigint => BigInt.asIntN(64, span.start);
const durationOf = (span: Span): bigint => (span.end > span.start ? span.end - span.start : 0n);
const least = (values: readonly bigint[]): bigint => [...values].sort((a, b) => (a < b ? -1 : 1))[0] as bigint;
const sumOf = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);

function expected(trace: number): TraceSummary {
  const own = spans.filter((span) => span.trace === trace);
  const first = least(own.map(signed));
  const last = -least(own.map((span) => -BigInt.asIntN(64, signed(span) + durationOf(span))));
  const roots = own.filter(({ isRoot }) => isRoot);
  const top = [...(roots.length > 0 ? roots : own)].sort((a, b) => (signed(a) < signed(b) ? -1 : 1))[0] as Span;
  const services = [...new Set(own.map(({ service }) => service))].map((service) => {
    const its = own.filter((span) => span.service === service);
    return {
      service,
      spans: its.length,
      errors: its.filter(({ code }) => code === 2).length,
      durationNano: sumOf(its.map(durationOf)).toString(),
    };
  });
  return {
    traceId: idOf(trace),
    rootService: top.service,
    rootOperation: top.name,
    hasRoot: roots.length > 0,
    startTimeUnixNano: BigInt.asUintN(64, first).toString(),
    durationNano: (last - first).toString(),
    spanCount: own.length,
    errorCount: own.filter(({ code }) => code === 2).length,
    services: services.sort((a, b) => b.spans - a.spans || a.service.localeCompare(b.service)),
  };
}

it('are those of the spans, whichever segments they came in', async () => {
  const traces = Array.from({ length: TRACES }, (_, trace) => trace);
  const found = await summarise(api.engine, traces.map(idOf), undefined);
  expect(found).toEqual(traces.map(expected));
  expect(new Set(found.map(({ hasRoot }) => hasRoot))).toEqual(new Set([true, false]));
  expect(found.some(({ services }) => services.length > 3)).toBe(true);
});

it('come in the order asked for, without those that nobody has sent', async () => {
  const ids = [idOf(9), 'f'.repeat(32), idOf(3)];
  const found = await summarise(api.engine, ids, undefined);
  expect(found.map(({ traceId }) => traceId)).toEqual([idOf(9), idOf(3)]);
});

it('are the same where ClickHouse puts the rows of a trace together', async () => {
  const traces = Array.from({ length: TRACES }, (_, trace) => trace);
  const statements: string[] = [];
  const engine: Engine = {
    ...api.engine,
    query: (sql, options) => {
      statements.push(sql);
      return api.engine.query(sql, options);
    },
  };
  expect(await summarise(engine, traces.map(idOf), undefined, TRACES)).toEqual(traces.map(expected));
  expect(statements).toHaveLength(2);
});

it('leave out what another writer has, and show a trace of which nobody else has a row', async () => {
  const foreign = 'e'.repeat(32);
  for (const id of [foreign, idOf(3)]) {
    await api.engine.command(
      `INSERT INTO otel_traces_trace_id_ts (TraceId, Start, End) SELECT '${id}', toDateTime(1e9), toDateTime(1e9)`,
    );
  }
  const blank = {
    traceId: foreign,
    rootService: '',
    rootOperation: '',
    hasRoot: false,
    startTimeUnixNano: '0',
    durationNano: '0',
    spanCount: 0,
    errorCount: 0,
    services: [],
  };
  for (const rowsMax of [1, 1_000])
    expect(await summarise(api.engine, [foreign, idOf(3)], undefined, rowsMax)).toEqual([blank, expected(3)]);
});
