import { type CallGraph, mergeGraphs, serviceEdges } from '../../../src/analysis/call-graph.ts';
import { CallSpansBuilder, KIND } from '../../../src/analysis/call-spans.ts';
import { hexId, spanOf } from '../../../src/analysis/drawn-spans-world.ts';
import { pairCalls } from '../../../src/analysis/pairing.ts';
import { peerOf } from '../../../src/analysis/peer.ts';
import { cyclesAnswer, graphAnswer } from '../../../src/query/graph-answers.ts';
import { type ShopData, timeOf } from './answers.ts';
import { seededChance } from './shop.ts';

/** Answers of the API about the calls of the made-up shop, or of 1,200 services that are in one tangle. Null for any other address. */
export function graphAnswerFor(url: URL, data: ShopData, isLarge: boolean, nowMs: number): unknown {
  const name = url.pathname.replace('/api/v1/', '');
  if (name !== 'graph' && name !== 'cycles') return null;
  const level = url.searchParams.get('level') === 'operation' ? 'operation' : 'service';
  const calls = isLarge ? largeCalls() : shopCalls(within(data, url.searchParams, nowMs));
  const graph = level === 'service' ? { ...calls, edges: serviceEdges(calls.edges) } : calls;
  const range = {
    startTimeUnixNano: '0',
    endTimeUnixNano: '60000000000',
    pendingMinutes: 0,
    completeUntilUnixNano: null,
  };
  if (name === 'graph') return { ...range, ...graphAnswer(graph, level) };
  return { ...range, ...cyclesAnswer(graph, { level, lengthMax: 6, limit: 200 }) };
}

function within({ traces, logs }: ShopData, params: URLSearchParams, nowMs: number): ShopData {
  const [from, to] = [timeOf(params.get('start'), 0, nowMs), timeOf(params.get('end'), nowMs, nowMs)];
  return { traces: traces.filter(({ made }) => made.startMs >= from && made.startMs < to), logs };
}

/** The shop's own calls, and one that closes a circle: the catalogue asks the cart, and once a request comes back that way. */
function shopCalls(data: ShopData): CallGraph {
  const flat = data.traces.flatMap(({ spans }) => spans);
  const spans = new CallSpansBuilder(flat.length + 100);
  for (const { span, service, startMs, durationNs, attributes } of flat) {
    const kind = span.kind ?? 0;
    spans.add({
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId ?? '',
      kind,
      service,
      operation: span.name ?? '',
      startNs: startMs * 1e6,
      durationNs,
      failed: span.status?.code === 2,
      ...peerOf(kind, span.parentSpanId === undefined, (key) => attributes.get(key) ?? ''),
      isCounted: true,
    });
  }
  if (data.traces.length > 0) {
    const traceId = data.traces[0].made.traceId;
    const ring = ['cart', 'catalog', 'pricing', 'cart'];
    ring.slice(1).forEach((callee, i) => {
      const id = 0xfff000 + 10 * i;
      const operation = `GET /${ring[i]}`;
      spans.add(
        spanOf({ traceId, id, parent: id - 9, service: ring[i], operation, kind: KIND.client, durationNs: 5e6 }),
      );
      spans.add(
        spanOf({
          traceId,
          id: id + 1,
          parent: id,
          service: callee,
          operation: `GET /${callee}`,
          kind: KIND.server,
          durationNs: 4e6,
        }),
      );
    });
  }
  return mergeGraphs([pairCalls(spans.finish())]);
}

const LARGE = { services: 1200, calls: 4300 } as const;

function largeCalls(): CallGraph {
  const chance = seededChance(77);
  const spans = new CallSpansBuilder(LARGE.calls * 2);
  const hub = (): number => Math.floor(LARGE.services * chance() ** 2.2);
  const nameOf = (n: number): string => `service-${String(n).padStart(4, '0')}`;
  for (let call = 0; call < LARGE.calls; call++) {
    const [a, b] = [hub(), Math.floor(LARGE.services * chance())];
    // Mostly from low to high numbers; a few calls go back and tie the knot.
    const [from, to] = chance() < 0.985 ? [Math.min(a, b), Math.max(a, b)] : [Math.max(a, b), Math.min(a, b)];
    const traceId = hexId(call + 1).repeat(2);
    const failed = chance() < 0.02;
    const durationNs = 1e6 * (1 + 40 * chance() ** 4);
    spans.add(spanOf({ traceId, id: 2 * call + 1, service: nameOf(from), kind: KIND.client, durationNs, failed }));
    spans.add(
      spanOf({ traceId, id: 2 * call + 2, parent: 2 * call + 1, service: nameOf(to), kind: KIND.server, durationNs }),
    );
  }
  return mergeGraphs([pairCalls(spans.finish())]);
}
