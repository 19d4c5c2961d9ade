import type { Signal } from '../base/signal.ts';
import { Cursor } from './protobuf.ts';
import { type Field, type MessageSchema, REQUEST_MESSAGE, SCHEMA } from './schema.ts';

/**
 * OTLP/protobuf as OTLP/JSON (OTLP specification, "JSON Protobuf Encoding"): names in lowerCamelCase, ids in lower-case hexadecimal, other bytes in
 * base64, enums as integers, 64-bit integers as decimal text, numbers that JSON lacks as text. Fields that the schema does not know are left out.
 * @param body a request that was checked when it was taken in; in pieces, whose concatenation it is
 */
export function protobufToJson(signal: Signal, body: readonly Uint8Array[]): Buffer {
  const [first] = body;
  const whole = body.length === 1 && first !== undefined ? first : Buffer.concat(body);
  const cursor = new Cursor(whole);
  return Buffer.from(messageText(cursor, whole.length, SCHEMA[REQUEST_MESSAGE[signal]]));
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** The values of a message's fields as they are found, by name. */
interface Members {
  readonly single: Map<string, string>;
  readonly repeated: Map<string, string[]>;
  /** Bytes of messages that are not repeated: one that comes twice is both, one after the other. */
  readonly bytes: Map<string, Uint8Array>;
}

function messageText(cursor: Cursor, end: number, schema: MessageSchema): string {
  const members: Members = { single: new Map(), repeated: new Map(), bytes: new Map() };
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    const field = schema.byNumber.get(tag >>> 3);
    if (field === undefined) cursor.skip(tag, end);
    else if (field.repeated) readRepeated(cursor, end, tag & 7, field, members);
    else {
      // Of a value there is one kind: the last one counts.
      if (schema.name === 'AnyValue') members.single.clear();
      readSingle(cursor, end, tag, field, members);
    }
  }
  let text = '';
  for (const [name, value] of members.single) text += `${text === '' ? '' : ','}"${name}":${value}`;
  for (const [name, values] of members.repeated) text += `${text === '' ? '' : ','}"${name}":[${values.join(',')}]`;
  return `{${text}}`;
}

function readSingle(cursor: Cursor, end: number, tag: number, field: Field, { single, bytes }: Members): void {
  if ((tag & 7) !== wireTypeOf(field)) {
    cursor.skip(tag, end);
    return;
  }
  if (field.message === undefined) {
    single.set(field.name, scalarText(cursor, end, field));
    return;
  }
  const fieldEnd = cursor.lengthEnd(end);
  const own = cursor.bytes.subarray(cursor.at, fieldEnd);
  const before = bytes.get(field.name);
  const whole = before === undefined ? own : Buffer.concat([before, own]);
  bytes.set(field.name, whole);
  single.set(field.name, messageText(new Cursor(whole), whole.length, SCHEMA[field.message]));
  cursor.at = fieldEnd;
}

/** One value of a repeated field, or all of them where they are packed. */
function readRepeated(cursor: Cursor, end: number, wireType: number, field: Field, { repeated }: Members): void {
  let values = repeated.get(field.name);
  if (values === undefined) {
    values = [];
    repeated.set(field.name, values);
  }
  if (field.message !== undefined && wireType === BYTES) {
    const fieldEnd = cursor.lengthEnd(end);
    values.push(messageText(cursor, fieldEnd, SCHEMA[field.message]));
  } else if (wireType === wireTypeOf(field)) {
    values.push(scalarText(cursor, end, field));
  } else if (wireType === BYTES) {
    const fieldEnd = cursor.lengthEnd(end);
    while (cursor.at < fieldEnd) values.push(scalarText(cursor, fieldEnd, field));
  } else cursor.skip(field.number * 8 + wireType, end);
}

function wireTypeOf({ type }: Field): number {
  switch (type) {
    case 'message':
    case 'string':
    case 'bytes':
    case 'id':
      return BYTES;
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return FIXED64;
    case 'fixed32':
      return FIXED32;
    default:
      return VARINT;
  }
}

function scalarText(cursor: Cursor, end: number, { type }: Field): string {
  switch (type) {
    case 'string':
    case 'bytes':
    case 'id':
      return bytesText(cursor, end, type);
    case 'double':
      cursor.fixed64(end);
      return doubleText(cursor);
    case 'fixed64':
    case 'sfixed64':
      cursor.fixed64(end);
      return wideText(cursor, type === 'sfixed64');
    case 'int64':
    case 'uint64':
      cursor.varint64(end);
      return wideText(cursor, type === 'int64');
    case 'fixed32':
      return String(cursor.fixed32(end));
    case 'bool':
      cursor.varint64(end);
      return cursor.low !== 0 || cursor.high !== 0 ? 'true' : 'false';
    case 'uint32':
      return String(cursor.varint32(end));
    case 'sint32': {
      const folded = cursor.varint32(end);
      return String((folded >>> 1) ^ -(folded & 1));
    }
    default:
      // int32 and enums: negative ones are ten bytes, of which the low half tells all.
      return String(cursor.varint32(end) | 0);
  }
}

function bytesText(cursor: Cursor, end: number, type: 'string' | 'bytes' | 'id'): string {
  const fieldEnd = cursor.lengthEnd(end);
  const { buffer, byteOffset } = cursor.bytes;
  const bytes = Buffer.from(buffer, byteOffset + cursor.at, fieldEnd - cursor.at);
  cursor.at = fieldEnd;
  if (type === 'string') return JSON.stringify(bytes.toString('utf8'));
  return `"${bytes.toString(type === 'id' ? 'hex' : 'base64')}"`;
}

/** A 64-bit integer as decimal text. */
function wideText({ low, high }: Cursor, signed: boolean): string {
  const wide = (BigInt(high) << 32n) | BigInt(low >>> 0);
  return `"${signed ? wide : BigInt.asUintN(64, wide)}"`;
}

const DOUBLE = new DataView(new ArrayBuffer(8));

function doubleText({ low, high }: Cursor): string {
  DOUBLE.setInt32(0, low, true);
  DOUBLE.setInt32(4, high, true);
  const value = DOUBLE.getFloat64(0, true);
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}
