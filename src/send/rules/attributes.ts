import { Cursor } from '../../wire/protobuf.ts';

const RESOURCE_TAG = 0x0a;
const ATTRIBUTES_TAG = 0x0a;
const KEY_TAG = 0x0a;
const VALUE_TAG = 0x12;
const TEXT_TAG = 0x0a;
const BOOL_TAG = 0x10;
const INTEGER_TAG = 0x18;

/** Attributes of the resource of a ResourceSpans, ResourceMetrics or ResourceLogs: those whose values are text, whole numbers or truth values. */
export function attributesOf(bytes: Uint8Array): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  const cursor = new Cursor(bytes);
  while (cursor.at < bytes.length) {
    const tag = cursor.tag(bytes.length);
    if (tag !== RESOURCE_TAG) {
      cursor.skip(tag, bytes.length);
      continue;
    }
    const end = cursor.lengthEnd(bytes.length);
    while (cursor.at < end) {
      const inner = cursor.tag(end);
      if (inner === ATTRIBUTES_TAG) readAttribute(cursor, cursor.lengthEnd(end), attributes);
      else cursor.skip(inner, end);
    }
  }
  return attributes;
}

/** A KeyValue from the cursor to `end`. The cursor stands at its end then. */
export function readAttribute(cursor: Cursor, end: number, into: Map<string, string>): void {
  let key = '';
  let value: string | undefined;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === KEY_TAG) key = textAt(cursor, cursor.lengthEnd(end));
    else if (tag === VALUE_TAG) value = valueAt(cursor, cursor.lengthEnd(end));
    else cursor.skip(tag, end);
  }
  if (value !== undefined && !into.has(key)) into.set(key, value);
}

function valueAt(cursor: Cursor, end: number): string | undefined {
  let value: string | undefined;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === TEXT_TAG) value = textAt(cursor, cursor.lengthEnd(end));
    else if (tag === BOOL_TAG) value = cursor.varint32(end) === 0 ? 'false' : 'true';
    else if (tag === INTEGER_TAG) {
      cursor.varint64(end);
      value = String((BigInt(cursor.high) << 32n) | BigInt(cursor.low >>> 0));
    } else cursor.skip(tag, end);
  }
  return value;
}

function textAt(cursor: Cursor, end: number): string {
  const { buffer, byteOffset } = cursor.bytes;
  const text = Buffer.from(buffer, byteOffset + cursor.at, end - cursor.at).toString();
  cursor.at = end;
  return text;
}
