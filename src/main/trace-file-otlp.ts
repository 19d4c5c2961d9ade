import type { OtlpAnyValue, OtlpKeyValue, OtlpSpan, OtlpTrace } from '../query/api.ts';
import type { FileSpan } from './trace-files.ts';

const KIND_NAMES = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];

/** Spans of an OTLP/JSON document (ExportTraceServiceRequest or TracesData). */
export function otlpJsonSpans(document: object): FileSpan[] {
  return (document as OtlpTrace).resourceSpans.flatMap((resourceSpans) => {
    const resource = attributesOf(resourceSpans.resource?.attributes);
    return (resourceSpans.scopeSpans ?? []).flatMap(({ spans }) =>
      (spans ?? []).map((span) => fileSpan(resource, span)),
    );
  });
}

function fileSpan(resource: ReadonlyMap<string, string>, span: OtlpSpan): FileSpan {
  const parent = (span.parentSpanId ?? '').toLowerCase();
  return {
    traceId: idOf(span.traceId, 32),
    spanId: idOf(span.spanId, 16),
    parentSpanId: /^0*$/.test(parent) ? '' : idOf(parent, 16),
    kind: kindOf(span.kind),
    service: resource.get('service.name') ?? '',
    operation: span.name ?? '',
    startNs: BigInt(span.startTimeUnixNano ?? 0),
    endNs: BigInt(span.endTimeUnixNano ?? 0),
    failed: isError(span.status?.code),
    attributes: attributesOf(span.attributes),
    resource,
  };
}

/** Hexadecimal, as OTLP/JSON has ids; base64, as plain protobuf JSON has them, is told by its length. */
function idOf(text: unknown, digits: number): string {
  const id = String(text);
  if (id.length === digits && /^[0-9a-fA-F]+$/.test(id)) return id.toLowerCase();
  const bytes = Buffer.from(id, 'base64');
  if (bytes.length * 2 === digits) return bytes.toString('hex');
  throw new Error(`${JSON.stringify(id)} is no id of ${digits} hexadecimal digits`);
}

/** A number, or its name as plain protobuf JSON has it. */
function kindOf(kind: unknown): number {
  if (typeof kind === 'number') return kind;
  return Math.max(0, KIND_NAMES.indexOf(String(kind ?? '').replace('SPAN_KIND_', '')));
}

const isError = (code: unknown): boolean => code === 2 || code === 'STATUS_CODE_ERROR';

function attributesOf(list: readonly OtlpKeyValue[] | undefined): Map<string, string> {
  return new Map((list ?? []).map(({ key, value }) => [key, textOf(value)]));
}

function textOf(value: OtlpAnyValue | undefined): string {
  const [[, plain] = []] = Object.entries(value ?? {});
  if (plain === undefined) return '';
  return typeof plain === 'object' ? JSON.stringify(plain) : String(plain);
}
