import { Cursor } from '../../wire/protobuf.ts';
import { attributesOf, readAttribute } from '../rules/attributes.ts';
import type { TailRule } from './tail-rules.ts';

const RESOURCE_SPANS_TAG = 0x0a;
const SCOPE_SPANS_TAG = 0x12;
const SPAN_TAG = 0x12;
const TRACE_ID_TAG = 0x0a;
const START_TAG = 0x39;
const END_TAG = 0x41;
const ATTRIBUTE_TAG = 0x4a;
const STATUS_TAG = 0x7a;
const STATUS_CODE_TAG = 0x18;
const STATUS_ERROR = 2;
const TRACE_ID_BYTES = 16;
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** Takes a span: where its trace id stands in the request, and the index of the first rule that it fits, -1 when none does. */
export type TakeSpan = (body: Uint8Array, traceIdAt: number, rule: number) => void;

/** Every span of a request in the order in which it is written; the request was checked when it was taken in, and its spans have valid ids. */
export function forEachSpan(body: Uint8Array, rules: readonly TailRule[], take: TakeSpan): void {
  const wantsAttributes = rules.some(({ reason }) => reason.kind === 'attribute');
  const cursor = new Cursor(new Uint8Array(body.buffer, body.byteOffset, body.length));
  const end = body.length;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== RESOURCE_SPANS_TAG) {
      cursor.skip(tag, end);
      continue;
    }
    const resourceEnd = cursor.lengthEnd(end);
    const resource = wantsAttributes ? attributesOf(cursor.bytes.subarray(cursor.at, resourceEnd)) : NO_ATTRIBUTES;
    const view = { cursor, rules, resource, wantsAttributes, take };
    inside(cursor, resourceEnd, SCOPE_SPANS_TAG, (scopeEnd) =>
      inside(cursor, scopeEnd, SPAN_TAG, (spanEnd) => readSpan(view, spanEnd)),
    );
  }
}

/** Calls `read` for each field of one tag; `read` leaves the cursor at the end that it is given. */
function inside(cursor: Cursor, end: number, wanted: number, read: (fieldEnd: number) => void): void {
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === wanted) read(cursor.lengthEnd(end));
    else cursor.skip(tag, end);
  }
}

interface View {
  readonly cursor: Cursor;
  readonly rules: readonly TailRule[];
  readonly resource: ReadonlyMap<string, string>;
  readonly wantsAttributes: boolean;
  readonly take: TakeSpan;
}

function readSpan({ cursor, rules, resource, wantsAttributes, take }: View, end: number): void {
  let [traceIdAt, isError] = [-1, false];
  let [startLow, startHigh, endLow, endHigh] = [0, 0, 0, 0];
  const attributes = wantsAttributes ? new Map<string, string>() : undefined;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === TRACE_ID_TAG) {
      const idEnd = cursor.lengthEnd(end);
      if (idEnd - cursor.at === TRACE_ID_BYTES) traceIdAt = cursor.at;
      cursor.at = idEnd;
    } else if (tag === START_TAG) {
      cursor.fixed64(end);
      [startLow, startHigh] = [cursor.low >>> 0, cursor.high >>> 0];
    } else if (tag === END_TAG) {
      cursor.fixed64(end);
      [endLow, endHigh] = [cursor.low >>> 0, cursor.high >>> 0];
    } else if (tag === STATUS_TAG) {
      isError = readIsError(cursor, cursor.lengthEnd(end));
    } else if (tag === ATTRIBUTE_TAG && attributes !== undefined) {
      readAttribute(cursor, cursor.lengthEnd(end), attributes);
    } else cursor.skip(tag, end);
  }
  // The halves are subtracted apart: the whole numbers are beyond what a double holds exactly.
  const nanos = (endHigh - startHigh) * 2 ** 32 + (endLow - startLow);
  const rule = rules.findIndex(({ reason }) => {
    if (reason.kind === 'errors') return isError;
    if (reason.kind === 'slower') return nanos >= reason.nanos;
    if (reason.kind === 'share') return false;
    const value = attributes?.get(reason.key) ?? resource.get(reason.key);
    return value !== undefined && (reason.value === undefined || reason.value === value);
  });
  take(cursor.bytes, traceIdAt, rule);
}

function readIsError(cursor: Cursor, end: number): boolean {
  let isError = false;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === STATUS_CODE_TAG) isError = cursor.varint32(end) === STATUS_ERROR;
    else cursor.skip(tag, end);
  }
  return isError;
}
