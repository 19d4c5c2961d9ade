import { ByteBuffer } from '../../base/bytes.ts';
import type { Signal } from '../../base/signal.ts';
import { isValidSpan } from '../../wire/check.ts';
import { Cursor } from '../../wire/protobuf.ts';
import { type Field, type MessageName, REQUEST_MESSAGE, SCHEMA } from '../../wire/schema.ts';
import { traceHash } from '../balance/hash.ts';
import { addedTo, applyTo, type RuleSet } from './rules.ts';

const BYTES = 2;
const STRING_VALUE_TAG = 0x0a;
const TRACE_ID_TAG = 0x0a;
const TRACE_ID_BYTES = 16;

/** Envelopes that are left out when a rule has emptied them, with the number of their repeated field. */
const ENVELOPES: Readonly<Partial<Record<MessageName, number>>> = {
  ResourceSpans: 2,
  ScopeSpans: 2,
};

/** Messages that hold attributes, themselves or further inside: all others are copied as they are. */
const HOLDERS = holders();

function holders(): ReadonlySet<MessageName> {
  const names = Object.keys(SCHEMA) as MessageName[];
  const found = new Set<MessageName>(names.filter((name) => [...SCHEMA[name].byNumber.values()].some(isAttributes)));
  for (let grown = true; grown; ) {
    grown = false;
    for (const name of names) {
      if (found.has(name) || name === 'KeyValue' || name === 'AnyValue') continue;
      const inside = [...SCHEMA[name].byNumber.values()].some(
        ({ message }) => message !== undefined && found.has(message),
      );
      if (inside) grown = found.add(name).has(name);
    }
  }
  return found;
}

function isAttributes({ name, message }: Field): boolean {
  return message === 'KeyValue' && (name === 'attributes' || name === 'filteredAttributes');
}

/** An export request as the rules leave it: the same object when they change nothing, empty when they leave nothing. */
export function rewriteRequest(rules: RuleSet, signal: Signal, body: Uint8Array): Uint8Array {
  const cursor = new Cursor(new Uint8Array(body.buffer, body.byteOffset, body.length));
  return rewriteMessage(rules, cursor, REQUEST_MESSAGE[signal], body.length) ?? body;
}

/**
 * A request of spans without those whose ids are not valid. The client was told that they are rejected; sent on, they would make some receivers
 * (the OpenTelemetry Collector) refuse all that is with them.
 */
export function withoutInvalidSpans(body: Uint8Array): Uint8Array {
  return rewriteRequest({ rules: [], keptTraces: 1, dropsInvalid: true }, 'traces', body);
}

/** The message from the cursor to `end`; undefined when it stays as it is. The request was checked when it was taken in. */
function rewriteMessage(rules: RuleSet, cursor: Cursor, name: MessageName, end: number): Uint8Array | undefined {
  const fields = SCHEMA[name].byNumber;
  const out = new ByteBuffer();
  const keys = name === 'Resource' ? new Set<string>() : undefined;
  const inside = ENVELOPES[name];
  let [changed, kept, removed] = [false, 0, 0];
  while (cursor.at < end) {
    const start = cursor.at;
    const tag = cursor.tag(end);
    const field = fields.get(tag >>> 3);
    if ((tag & 7) !== BYTES || field?.message === undefined) {
      cursor.skip(tag, end);
      out.append(cursor.bytes, start, cursor.at);
      continue;
    }
    const fieldEnd = cursor.lengthEnd(end);
    const next = rewriteField(rules, cursor, field, fieldEnd, keys);
    cursor.at = fieldEnd;
    if (field.number === inside && next !== REMOVED) kept++;
    if (next === undefined) {
      out.append(cursor.bytes, start, fieldEnd);
      continue;
    }
    changed = true;
    if (next === REMOVED) removed++;
    else writeBytes(out, tag, next);
  }
  for (const [key, value] of keys === undefined ? [] : addedTo(rules.rules, keys)) {
    changed = true;
    writeBytes(out, STRING_VALUE_TAG, keyValue(key, value));
  }
  if (!changed) return undefined;
  return inside !== undefined && removed > 0 && kept === 0 ? REMOVED : out.view();
}

/** Stands for a message that is left out. */
const REMOVED = new Uint8Array(0);

function rewriteField(
  rules: RuleSet,
  cursor: Cursor,
  field: Field,
  end: number,
  keys: Set<string> | undefined,
): Uint8Array | undefined {
  if (isAttributes(field)) return rewriteAttribute(rules, cursor, end, keys);
  if (field.message === undefined || !HOLDERS.has(field.message)) return undefined;
  if (field.message === 'Span') {
    if (rules.keepsSpan !== undefined && !rules.keepsSpan()) return REMOVED;
    if (rules.keptTraces < 1 && !isKept(rules, cursor, end)) return REMOVED;
    if (rules.dropsInvalid === true) return isValidSpan(cursor.bytes, cursor.at, end) ? undefined : REMOVED;
    // Nothing but attribute rules looks further.
    if (rules.rules.length === 0) return undefined;
  }
  return rewriteMessage(rules, cursor, field.message, end);
}

/** Whether a span's trace is among those that are kept. The cursor is left where it was. */
function isKept({ keptTraces }: RuleSet, cursor: Cursor, end: number): boolean {
  const start = cursor.at;
  let kept = true;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== TRACE_ID_TAG) {
      cursor.skip(tag, end);
      continue;
    }
    const idEnd = cursor.lengthEnd(end);
    // A span whose id is not valid is the receiver's to reject.
    if (idEnd - cursor.at === TRACE_ID_BYTES) kept = traceHash(cursor.bytes, cursor.at) < keptTraces * 2 ** 32;
    cursor.at = idEnd;
  }
  cursor.at = start;
  return kept;
}

/** A KeyValue after the rules; undefined when it stays as it is. */
function rewriteAttribute(
  { rules }: RuleSet,
  cursor: Cursor,
  end: number,
  keys: Set<string> | undefined,
): Uint8Array | undefined {
  let key = '';
  let value: Uint8Array = REMOVED;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if ((tag & 7) !== BYTES || tag >>> 3 > 2) {
      cursor.skip(tag, end);
      continue;
    }
    const fieldEnd = cursor.lengthEnd(end);
    const bytes = cursor.bytes.subarray(cursor.at, fieldEnd);
    if (tag >>> 3 === 1) key = Buffer.from(bytes).toString();
    else value = bytes;
    cursor.at = fieldEnd;
  }
  const text = textOf(value);
  const before = { key, text, bytes: text === undefined ? value : Buffer.from(text) };
  const after = applyTo(rules, before);
  if (after !== undefined) keys?.add(after.key);
  if (after === before) return undefined;
  if (after === undefined) return REMOVED;
  return after.text === text ? keyAnd(after.key, value) : keyValue(after.key, after.text ?? '');
}

/** The text of an AnyValue that is one. */
function textOf(value: Uint8Array): string | undefined {
  if (value[0] !== STRING_VALUE_TAG) return undefined;
  const cursor = new Cursor(value);
  cursor.at = 1;
  const end = cursor.lengthEnd(value.length);
  return end === value.length ? Buffer.from(value.subarray(cursor.at, end)).toString() : undefined;
}

function keyValue(key: string, text: string): Uint8Array {
  const value = new ByteBuffer();
  writeBytes(value, STRING_VALUE_TAG, Buffer.from(text));
  return keyAnd(key, value.view());
}

function keyAnd(key: string, value: Uint8Array): Uint8Array {
  const out = new ByteBuffer();
  writeBytes(out, 0x0a, Buffer.from(key));
  writeBytes(out, 0x12, value);
  return out.view();
}

function writeBytes(out: ByteBuffer, tag: number, bytes: Uint8Array): void {
  out.varint(tag);
  out.varint(bytes.length);
  out.append(bytes, 0, bytes.length);
}
