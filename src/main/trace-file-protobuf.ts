import { Cursor } from '../wire/protobuf.ts';
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

function readKeyValue(cursor: Cursor, end: number): [string, string] {
  let key = '';
  let value = '';
  eachField(cursor, end, (field, inner) => {
    if (field === 1) key = text(cursor, inner);
    else if (field === 2) {
      eachField(cursor, inner, (valueField, valueEnd) => {
        if (valueField === 1) value = text(cursor, valueEnd);
        else if (valueField === 2) value = String(cursor.low !== 0);
        else if (valueField === 3) value = BigInt.asIntN(64, unsigned(cursor)).toString();
      });
    }
  });
  return [key, value];
}

const FIXED64 = 1;
const BYTES = 2;

/**
 * Calls `take` with each field's number. A length-delimited field is given with its end, the cursor at its first byte; the value of any other
 * is in the cursor's halves. What `take` does not read is passed over.
 */
function eachField(cursor: Cursor, end: number, take: (field: number, end: number) => void): void {
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if ((tag & 7) === BYTES) {
      const inner = cursor.lengthEnd(end);
      take(tag >>> 3, inner);
      cursor.at = inner;
    } else if ((tag & 7) === FIXED64) {
      cursor.fixed64(end);
      take(tag >>> 3, cursor.at);
    } else if ((tag & 7) === 0) {
      cursor.varint64(end);
      take(tag >>> 3, cursor.at);
    } else cursor.skip(tag, end);
  }
}

const hex = (cursor: Cursor, end: number): string => Buffer.from(cursor.bytes.subarray(cursor.at, end)).toString('hex');
const text = (cursor: Cursor, end: number): string => Buffer.from(cursor.bytes.subarray(cursor.at, end)).toString();
const unsigned = ({ high, low }: Cursor): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
