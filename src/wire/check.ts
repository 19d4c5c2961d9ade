import { LIMITS } from '../base/limits.ts';
import type { Signal } from '../base/signal.ts';
import { Cursor } from './protobuf.ts';
import { type Field, type MessageName, REQUEST_MESSAGE, SCHEMA } from './schema.ts';
import { WireError } from './wire-error.ts';

/** What a request holds, when every message in it can be decoded. */
export interface Checked {
  /** Spans, log records or data points, without the invalid ones. */
  readonly items: number;
  /** Spans that are invalid: a receiver rejects them (partial success). */
  readonly rejected: number;
  /** Why the first of them is invalid; '' when all are valid. */
  readonly message: string;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A message as the loop below reads it: by field number, its wire type (+1; 0: not known) and the message in it. */
interface Shape {
  readonly name: MessageName;
  readonly wireTypes: Uint8Array;
  readonly repeated: Uint8Array;
  readonly children: (Shape | undefined)[];
  /** It is an item that is counted. */
  readonly isItem: boolean;
  readonly isSpan: boolean;
  readonly isKeyValue: boolean;
  /** A level of nesting that is bounded. */
  readonly nests: boolean;
}

const ITEMS: ReadonlySet<MessageName> = new Set([
  'Span',
  'LogRecord',
  'NumberDataPoint',
  'HistogramDataPoint',
  'ExponentialHistogramDataPoint',
  'SummaryDataPoint',
]);

/** Field numbers of OTLP are below 32. */
const FIELDS_MAX = 32;

function wireTypeOf({ type }: Field): number {
  if (type === 'message' || type === 'string' || type === 'bytes' || type === 'id') return BYTES;
  if (type === 'fixed64' || type === 'sfixed64' || type === 'double') return FIXED64;
  return type === 'fixed32' ? FIXED32 : VARINT;
}

const SHAPES = new Map<MessageName, Shape>();

function shapeOf(name: MessageName): Shape {
  const known = SHAPES.get(name);
  if (known !== undefined) return known;
  const shape: Shape = {
    name,
    wireTypes: new Uint8Array(FIELDS_MAX),
    repeated: new Uint8Array(FIELDS_MAX),
    children: new Array<Shape | undefined>(FIELDS_MAX).fill(undefined),
    isItem: ITEMS.has(name),
    isSpan: name === 'Span',
    isKeyValue: name === 'KeyValue',
    nests: name === 'ArrayValue' || name === 'KeyValueList',
  };
  SHAPES.set(name, shape);
  for (const field of SCHEMA[name].byNumber.values()) {
    shape.wireTypes[field.number] = wireTypeOf(field) + 1;
    shape.repeated[field.number] = field.repeated === undefined ? 0 : 1;
    if (field.message !== undefined) shape.children[field.number] = shapeOf(field.message);
  }
  return shape;
}

/** The state of one check: one object, so that the loop allocates nothing. */
interface Tally {
  items: number;
  rejected: number;
  spans: number;
  message: string;
}

/**
 * Reads an export request to its last byte without keeping anything of it: every tag, length and wire type of a known field is right, and
 * the ids of spans are valid. What passes here, a receiver can decode.
 * @throws WireError when it cannot be decoded
 */
export function checkRequest(signal: Signal, body: Uint8Array): Checked {
  const cursor = new Cursor(new Uint8Array(body.buffer, body.byteOffset, body.length));
  const tally: Tally = { items: 0, rejected: 0, spans: 0, message: '' };
  checkMessage(cursor, shapeOf(REQUEST_MESSAGE[signal]), body.length, tally, 0);
  const { items, rejected, message } = tally;
  return { items, rejected, message: rejected > 1 ? `${message}; and ${rejected - 1} more invalid spans` : message };
}

/** Whether the span in `[start, end)` of a checked request has valid ids: a receiver rejects it otherwise. */
export function isValidSpan(bytes: Uint8Array, start: number, end: number): boolean {
  const cursor = new Cursor(bytes);
  cursor.at = start;
  const tally: Tally = { items: 0, rejected: 0, spans: 0, message: '' };
  checkSpan(cursor, shapeOf('Span'), end, tally);
  return tally.items === 1;
}

function checkMessage(cursor: Cursor, shape: Shape, end: number, tally: Tally, depth: number): void {
  if (shape.isSpan) {
    checkSpan(cursor, shape, end, tally);
    return;
  }
  if (shape.isItem) tally.items++;
  const deeper = shape.nests ? depth + 1 : depth;
  if (deeper > LIMITS.nestingDepthMax) {
    throw new WireError(`AnyValue at byte ${cursor.at} is nested deeper than ${LIMITS.nestingDepthMax}`);
  }
  while (cursor.at < end) checkField(cursor, shape, cursor.tag(end), end, tally, deeper);
}

function checkField(cursor: Cursor, shape: Shape, tag: number, end: number, tally: Tally, depth: number): void {
  const number = tag >>> 3;
  const wanted = number < FIELDS_MAX ? shape.wireTypes[number] : 0;
  if (wanted !== (tag & 7) + 1) {
    checkOther(cursor, shape, tag, end, wanted);
    return;
  }
  if (wanted !== BYTES + 1) {
    cursor.skip(tag, end);
    return;
  }
  const fieldEnd = cursor.lengthEnd(end);
  const child = shape.children[number];
  if (child === undefined || (child.isKeyValue && isPlainKeyValue(cursor.bytes, cursor.at, fieldEnd))) {
    cursor.at = fieldEnd;
  } else checkMessage(cursor, child, fieldEnd, tally, depth);
}

const KEY_TAG = 0x0a;
const VALUE_TAG = 0x12;
const STRING_TAG = 0x0a;
const BOOL_TAG = 0x10;
const INT_TAG = 0x18;

/**
 * True for a key and a short text, integer or boolean, nothing else, as nearly all attributes are; false says nothing. Half the time of a
 * check goes into attributes without it (measured on Node 20: 1.2 µs a span of 16 attributes with the general loop alone).
 */
function isPlainKeyValue(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 6 || bytes[start] !== KEY_TAG || bytes[start + 1] > 127) return false;
  const at = start + 2 + bytes[start + 1];
  if (at + 4 > end || bytes[at] !== VALUE_TAG || bytes[at + 1] > 127 || at + 2 + bytes[at + 1] !== end) return false;
  const kind = bytes[at + 2];
  if (kind === STRING_TAG) return bytes[at + 3] < 128 && at + 4 + bytes[at + 3] === end;
  if (kind !== INT_TAG && kind !== BOOL_TAG) return false;
  // A varint of one to five bytes that ends where the value ends.
  let last = at + 3;
  while (last < end - 1 && bytes[last] > 127) last++;
  return last === end - 1 && bytes[last] < 128 && last - at < 8;
}

/** A field that is not known is passed over; numbers of a repeated field may be packed. */
function checkOther(cursor: Cursor, shape: Shape, tag: number, end: number, wanted: number): void {
  const number = tag >>> 3;
  if (wanted === 0) {
    cursor.skip(tag, end);
  } else if ((tag & 7) === BYTES && shape.repeated[number] === 1) {
    const packedEnd = cursor.lengthEnd(end);
    const elementTag = wanted - 1;
    while (cursor.at < packedEnd) cursor.skip(elementTag, packedEnd);
  } else {
    throw new WireError(`${shape.name}: field ${number} has wire type ${tag & 7} at byte ${cursor.at}`);
  }
}

const TRACE_ID_TAG = 0x0a;
const SPAN_ID_TAG = 0x12;
const PARENT_ID_TAG = 0x22;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** A span with its ids (checklist 47). */
function checkSpan(cursor: Cursor, shape: Shape, end: number, tally: Tally): void {
  let traceId = false;
  let spanId = false;
  let parent = true;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== TRACE_ID_TAG && tag !== SPAN_ID_TAG && tag !== PARENT_ID_TAG) {
      checkField(cursor, shape, tag, end, tally, 0);
      continue;
    }
    const start = cursor.lengthEnd(end);
    const length = start - cursor.at;
    if (tag === TRACE_ID_TAG) traceId = length === TRACE_ID_BYTES && !isZero(cursor, start);
    else if (tag === SPAN_ID_TAG) spanId = length === SPAN_ID_BYTES && !isZero(cursor, start);
    else parent = length === 0 || length === SPAN_ID_BYTES;
    cursor.at = start;
  }
  const number = tally.spans++;
  if (traceId && spanId && parent) {
    tally.items++;
    return;
  }
  const what = !traceId ? 'trace_id' : !spanId ? 'span_id' : 'parent_span_id';
  if (tally.rejected++ === 0) tally.message = `span ${number}: ${what} is not valid`;
  if (tally.rejected > LIMITS.rejectedItemsMax) {
    throw new WireError(`more than ${LIMITS.rejectedItemsMax} invalid spans; ${tally.message}`);
  }
}

function isZero(cursor: Cursor, end: number): boolean {
  for (let i = cursor.at; i < end; i++) if (cursor.bytes[i] !== 0) return false;
  return true;
}
