import { Cursor } from '../wire/protobuf.ts';
import { eachField, hex, readKeyValue, text, unsigned } from './protobuf-fields.ts';
import type { FileSpan } from './trace-files.ts';

/** Spans of one ExportTraceServiceRequest (or TracesData) in protobuf. Field numbers are those of opentelemetry-proto 1.x. */
export function protobufSpans(bytes: Uint8Array): FileSpan[] {
  const spans: FileSpan[] = [];
  const cursor = new Cursor(bytes);
  eachField(cursor, bytes.length, (field, end) => {
    if (field === 1) readResourceSpans(cursor, end, spans);
  });
  return spans;
}

function readResourceSpans(cursor: Cursor, end: number, spans: FileSpan[]): void {
  const resource = new Map<string, string>();
  const first = spans.length;
  eachField(cursor, end, (field, inner) => {
    if (field === 1) {
      eachField(cursor, inner, (resourceField, attributeEnd) => {
        if (resourceField !== 1) return;
        resource.set(...readKeyValue(cursor, attributeEnd));
      });
    } else if (field === 2) {
      eachField(cursor, inner, (scopeField, spanEnd) => {
        if (scopeField === 2) spans.push(readSpan(cursor, spanEnd));
      });
    }
  });
  // The resource may stand behind its spans.
  const service = resource.get('service.name') ?? '';
  for (let i = first; i < spans.length; i++) spans[i] = { ...spans[i], service, resource };
}

function readSpan(cursor: Cursor, end: number): FileSpan {
  const span = {
    traceId: '',
    spanId: '',
    parentSpanId: '',
    kind: 0,
    service: '',
    operation: '',
    startNs: 0n,
    endNs: 0n,
    failed: false,
    attributes: new Map<string, string>(),
    resource: new Map<string, string>(),
  };
  eachField(cursor, end, (field, inner) => {
    if (field === 1) span.traceId = hex(cursor, inner);
    else if (field === 2) span.spanId = hex(cursor, inner);
    else if (field === 4) span.parentSpanId = hex(cursor, inner).replace(/^0+$/, '');
    else if (field === 5) span.operation = text(cursor, inner);
    else if (field === 6) span.kind = cursor.low;
    else if (field === 7) span.startNs = unsigned(cursor);
    else if (field === 8) span.endNs = unsigned(cursor);
    else if (field === 9) span.attributes.set(...readKeyValue(cursor, inner));
    else if (field === 15) {
      eachField(cursor, inner, (statusField) => {
        if (statusField === 3) span.failed = cursor.low === 2;
      });
    }
  });
  return span;
}
