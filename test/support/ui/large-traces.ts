import type { OtlpSpan, OtlpTrace } from '../../../src/query/api.ts';
import { attributes, nanosAt, seededChance } from './shop.ts';

/** Traces that ask more of the waterfall than a request of the shop does. */

export const TRACE_10K = '10000000000000000000000000010000';
export const TRACE_100K = '10000000000000000000000000100000';
export const TRACE_ODD = '0dd00000000000000000000000000001';

const SERVICES = ['gateway', 'orders', 'inventory', 'ledger', 'search', 'mailer', 'auth', 'reports'];
const NAMES = ['handle', 'load', 'validate', 'SELECT rows', 'cache get', 'render', 'publish', 'encode'];

/** A trace of `count` spans: each hangs below one of the sixty before it, so that it is both deep and wide. */
export function makeLargeTrace(traceId: string, count: number, startMs: number): OtlpTrace {
  const chance = seededChance(count);
  const parents = new Int32Array(count).fill(-1);
  const starts = new Float64Array(count);
  const ends = new Float64Array(count);
  ends[0] = count * 1e6;
  for (let i = 1; i < count; i++) {
    const parent = Math.max(0, i - 1 - Math.floor(chance() * Math.min(i, 60)));
    parents[i] = parent;
    const room = ends[parent] - starts[parent];
    starts[i] = starts[parent] + room * chance() * 0.3;
    ends[i] = Math.min(ends[parent], starts[i] + room * (0.2 + 0.75 * chance()));
  }
  const spans: OtlpSpan[][] = SERVICES.map(() => []);
  for (let i = 0; i < count; i++) {
    const service = i === 0 ? 0 : Math.floor(chance() * SERVICES.length);
    spans[service].push({
      traceId,
      spanId: (i + 1).toString(16).padStart(16, '0'),
      ...(i === 0 ? {} : { parentSpanId: (parents[i] + 1).toString(16).padStart(16, '0') }),
      name: i === 0 ? 'POST /import' : NAMES[Math.floor(chance() * NAMES.length)],
      kind: 1,
      startTimeUnixNano: nanosAt(startMs, starts[i]),
      endTimeUnixNano: nanosAt(startMs, ends[i]),
      attributes: attributes({ 'item.number': i, 'item.name': `item ${i}` }),
      ...(chance() < 0.002 ? { status: { code: 2, message: 'item refused' } } : {}),
    });
  }
  return group(SERVICES, spans);
}

/** A trace with what goes wrong in the field: an orphan, a skewed clock, a ring, an id used twice, many repeated calls, events and a link. */
export function makeOddTrace(startMs: number, linkedTraceId: string): OtlpTrace {
  const at = (ms: number) => nanosAt(startMs, ms * 1e6);
  const id = (n: number) => n.toString(16).padStart(16, '0');
  const span = (
    n: number,
    parent: number | null,
    name: string,
    from: number,
    to: number,
    more: Partial<OtlpSpan> = {},
  ): OtlpSpan => ({
    traceId: TRACE_ODD,
    spanId: id(n),
    ...(parent === null ? {} : { parentSpanId: id(parent) }),
    name,
    kind: 2,
    startTimeUnixNano: at(from),
    endTimeUnixNano: at(to),
    ...more,
  });
  const repeated = Array.from({ length: 240 }, (_, i) =>
    span(1000 + i, 2, 'SELECT order_lines', 12 + i * 1.5, 13.1 + i * 1.5, { kind: 3 }),
  );
  const gateway = [
    span(1, null, 'GET /orders/report', 0, 420, {
      links: [{ traceId: linkedTraceId, spanId: id(7), attributes: attributes({ 'link.reason': 'batch' }) }],
      events: [
        { timeUnixNano: at(40), name: 'first byte', attributes: attributes({ bytes: 512 }) },
        { timeUnixNano: at(390), name: 'last byte' },
      ],
    }),
    span(5, 77, 'late callback', 300, 330),
    span(6, 8, 'ring a', 350, 360),
    span(8, 6, 'ring b', 352, 358),
  ];
  const orders = [
    span(2, 1, 'build report', 5, 400),
    ...repeated,
    span(3, 2, 'format', 375, 398),
    span(3, 2, 'format again', 376, 399),
  ];
  const clock = [span(4, 2, 'audit', -18, 6, { status: { code: 2, message: 'audit log is read-only' } })];
  return group(['gateway', 'orders', 'audit'], [gateway, orders, clock]);
}

function group(services: readonly string[], spans: readonly OtlpSpan[][]): OtlpTrace {
  return {
    resourceSpans: services.map((service, s) => ({
      resource: { attributes: attributes({ 'service.name': service }) },
      scopeSpans: [{ scope: { name: 'clew.fixture' }, spans: spans[s] }],
    })),
  };
}
