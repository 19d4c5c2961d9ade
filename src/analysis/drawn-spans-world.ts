import { type CallGraph, serviceEdges } from './call-graph.ts';
import { type CallSpan, CallSpansBuilder, KIND } from './call-spans.ts';
import { pairCalls } from './pairing.ts';

/** A span of a drawing: what is left out is what most spans have. */
export type Drawn = Partial<Omit<CallSpan, 'spanId' | 'parentSpanId'>> & {
  readonly id: number;
  readonly parent?: number;
  readonly service: string;
};

export const hexId = (id: number): string => id.toString(16).padStart(16, '0');

export function spanOf(drawn: Drawn): CallSpan {
  return {
    traceId: 't1',
    kind: KIND.internal,
    operation: 'work',
    startNs: 0,
    durationNs: 100,
    failed: false,
    peer: '',
    isDatabase: false,
    isCounted: true,
    ...drawn,
    spanId: hexId(drawn.id),
    parentSpanId: drawn.parent === undefined ? '' : hexId(drawn.parent),
  };
}

export function pair(spans: readonly CallSpan[]): CallGraph {
  const builder = new CallSpansBuilder(spans.length);
  for (const span of spans) builder.add(span);
  return pairCalls(builder.finish());
}

/** `A > B` or `A > B (database)`, with calls and failures: what a person would draw. */
export function arrows(graph: CallGraph): string[] {
  return serviceEdges(graph.edges).map(
    ({ client, server, connection, calls, failed }) =>
      `${client} > ${server}${connection === '' ? '' : ` (${connection})`} ${calls}${failed > 0 ? `, ${failed} failed` : ''}`,
  );
}

/** A random forest of calls over few traces, services and ids: ids are shared, parents missing, spans repeated. */
export function drawSpans(random: () => number, count: number): CallSpan[] {
  const pick = (n: number): number => Math.floor(random() * n);
  const spans = Array.from({ length: count }, (_, i): CallSpan => {
    const kind = pick(6);
    const peer = random() < 0.4 ? `peer${pick(2)}` : '';
    return spanOf({
      traceId: `t${pick(3)}`,
      id: random() < 0.9 ? i + 1 : 1 + pick(count),
      ...(random() < 0.8 ? { parent: 1 + pick(count) } : {}),
      kind,
      service: `s${pick(3)}`,
      operation: `o${pick(2)}`,
      startNs: pick(50),
      durationNs: pick(200),
      failed: random() < 0.2,
      peer,
      isDatabase: kind === KIND.client && peer !== '' && random() < 0.5,
      isCounted: random() < 0.8,
    });
  });
  return [...spans, ...spans.filter(() => random() < 0.1)];
}
