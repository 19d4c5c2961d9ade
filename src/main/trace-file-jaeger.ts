import type { FileSpan } from './trace-files.ts';

interface JaegerTag {
  readonly key: string;
  readonly value: unknown;
}
interface JaegerProcess {
  readonly serviceName: string;
  readonly tags?: readonly JaegerTag[];
}
interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly parentSpanID?: string;
  readonly operationName: string;
  readonly references?: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
  /** Microseconds. */
  readonly startTime: number;
  readonly duration: number;
  readonly tags?: readonly JaegerTag[];
  readonly processID?: string;
  readonly process?: JaegerProcess;
}
interface JaegerTrace {
  readonly spans: readonly JaegerSpan[];
  readonly processes?: Readonly<Record<string, JaegerProcess>>;
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];

/** Spans of Jaeger's JSON: `{"data": [trace, …]}` or one trace. */
export function jaegerSpans(document: object): FileSpan[] {
  const traces = 'data' in document ? (document.data as readonly JaegerTrace[]) : [document as JaegerTrace];
  return traces.flatMap((trace) => trace.spans.map((span) => fileSpan(trace, span)));
}

function fileSpan(trace: JaegerTrace, span: JaegerSpan): FileSpan {
  const attributes = tagsOf(span.tags);
  const process = span.process ?? trace.processes?.[span.processID ?? ''];
  const parents = (span.references ?? []).filter(({ traceID }) => traceID === span.traceID);
  const parent = parents.find(({ refType }) => refType === 'CHILD_OF') ?? parents[0];
  const parentId = parent?.spanID ?? span.parentSpanID ?? '';
  const startNs = microsecondsToNanos(span.startTime);
  const kind = KINDS.indexOf(attributes.get('span.kind') ?? '');
  return {
    traceId: span.traceID.toLowerCase().padStart(32, '0'),
    spanId: span.spanID.toLowerCase().padStart(16, '0'),
    parentSpanId: /^0*$/.test(parentId) ? '' : parentId.toLowerCase().padStart(16, '0'),
    kind: Math.max(0, kind),
    service: process?.serviceName ?? '',
    operation: span.operationName,
    startNs,
    endNs: startNs + microsecondsToNanos(span.duration),
    failed: attributes.get('error') === 'true' || attributes.get('otel.status_code') === 'ERROR',
    attributes,
    resource: tagsOf(process?.tags).set('service.name', process?.serviceName ?? ''),
  };
}

const tagsOf = (tags: readonly JaegerTag[] = []): Map<string, string> =>
  new Map(tags.map(({ key, value }) => [key, String(value)]));

/** Jaeger's times are whole microseconds, but some writers add a fraction. */
const microsecondsToNanos = (value: number): bigint =>
  BigInt(Math.trunc(value)) * 1000n + BigInt(Math.round((value % 1) * 1000));
