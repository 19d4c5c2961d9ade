import { assert } from '../base/assert.ts';
import { LIMITS } from '../base/limits.ts';

/**
 * The way back from attribute text and type signature (attributes.md) to the values that were sent. The shapes are those of OTLP/JSON,
 * so an answer can hold them as they are: 64-bit integers as decimal text, bytes as base64, and the doubles that JSON has no number
 * for as text, as is -0, whose sign JSON.stringify drops.
 */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number | 'NaN' | 'Infinity' | '-Infinity' | '-0' }
  | { readonly bytesValue: string }
  | { readonly arrayValue: { readonly values?: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values?: readonly KeyValue[] } }
  /** An AnyValue without a value. */
  | Readonly<Record<string, never>>;

/** `value` is missing when the KeyValue was sent without one. */
export interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue;
}

/**
 * The attributes that a map column and the `…Types` column beside it hold, in the order they were sent. Rows that another program wrote
 * have no signature, or one that does not fit: what cannot be read as its type is answered as the string that it is.
 */
export function readAttributes(keys: readonly string[], texts: readonly string[], signature: string): KeyValue[] {
  assert(keys.length === texts.length, 'a map has as many values as keys');
  const items = itemsOf(signature) ?? [];
  return keys.map((key, i) => {
    const item = items[i] ?? STRING;
    return item.letter === 'z' ? { key } : { key, value: textValue(texts[i], item) };
  });
}

/** One value that stands alone (a log body); undefined when there is none. */
export function readSingle(text: string, signature: string): AnyValue | undefined {
  if (signature === '') return text === '' ? undefined : { stringValue: text };
  const [item] = itemsOf(signature) ?? [STRING];
  return item.letter === 'z' ? undefined : textValue(text, item);
}

/** One item of a signature; runs are already repeated. */
interface Item {
  readonly letter: string;
  /** Of `a` and `k`: the items in the brackets. */
  readonly inner: readonly Item[];
}

const SCALARS = 'sbidynz';
const NO_ITEMS: readonly Item[] = [];
const SCALAR_ITEMS: Readonly<Record<string, Item>> = Object.fromEntries(
  [...SCALARS].map((letter) => [letter, { letter, inner: NO_ITEMS }]),
);
const STRING = SCALAR_ITEMS['s'];

/** Values that one signature can stand for: more cannot arrive in one request, so a longer run is not ours. */
const ITEMS_MAX = LIMITS.requestBytesMax / 2;

/** Signatures repeat: the last short ones are kept. */
const known = new Map<string, readonly Item[]>();
const KNOWN_MAX = 10_000;
const KNOWN_CHARS_MAX = 100;

/** The items of a signature, runs repeated; undefined when it is not one. */
function itemsOf(signature: string): readonly Item[] | undefined {
  const before = known.get(signature);
  if (before !== undefined) return before;
  const items = parseSignature(signature);
  if (items === undefined || signature.length > KNOWN_CHARS_MAX || items.length > KNOWN_CHARS_MAX) return items;
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(signature, items);
  return items;
}

function parseSignature(signature: string): readonly Item[] | undefined {
  const top: Item[] = [];
  const open: Item[][] = [top];
  let count = 0;
  for (let at = 0; at < signature.length; ) {
    const letter = signature[at++];
    const list = open[open.length - 1];
    if (letter === ')') {
      if (open.length === 1) return undefined;
      open.pop();
    } else if (letter === 'a' || letter === 'k') {
      if (signature[at++] !== '(' || open.length > LIMITS.nestingDepthMax) return undefined;
      const inner: Item[] = [];
      list.push({ letter, inner });
      open.push(inner);
    } else {
      const item = SCALAR_ITEMS[letter];
      if (item === undefined) return undefined;
      const start = at;
      while (at < signature.length && signature[at] >= '0' && signature[at] <= '9') at++;
      const run = at === start ? 1 : Number(signature.slice(start, at));
      count += run;
      if (count > ITEMS_MAX) return undefined;
      for (let i = 0; i < run; i++) list.push(item);
    }
  }
  return open.length === 1 ? top : undefined;
}

/** The value of a whole text; as a string when the text is not what the item says. */
function textValue(text: string, item: Item): AnyValue {
  switch (item.letter) {
    case 's':
      return { stringValue: text };
    case 'b':
      return text === 'true' || text === 'false' ? { boolValue: text === 'true' } : { stringValue: text };
    case 'i':
      return INTEGER.test(text) ? { intValue: text } : { stringValue: text };
    case 'd':
      return doubleOf(text) ?? { stringValue: text };
    case 'y':
      return { bytesValue: text };
    case 'n':
      return {};
  }
  const reader: Reader = { text, at: 0 };
  const value = nestedValue(reader, item);
  return value === undefined || reader.at !== text.length ? { stringValue: text } : value;
}

const INTEGER = /^-?\d{1,20}$/;
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;

function doubleOf(text: string): AnyValue | undefined {
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity' || text === '-0') return { doubleValue: text };
  return NUMBER.test(text) ? { doubleValue: Number(text) } : undefined;
}

/**
 * A place in the JSON text. JSON.parse would round integers, reorder keys and drop all but one of equal ones; the signature says what comes
 * next, so this reader only has to find where it ends. Recursion is bounded by the signature's own depth.
 */
interface Reader {
  readonly text: string;
  at: number;
}

/** Undefined: the text is not what the item says. */
function nestedValue(reader: Reader, item: Item): AnyValue | undefined {
  switch (item.letter) {
    case 'a':
      return arrayOf(reader, item.inner);
    case 'k':
      return keyValuesOf(reader, item.inner);
    case 's': {
      const text = stringToken(reader);
      return text === undefined ? undefined : { stringValue: text };
    }
    case 'y': {
      const text = stringToken(reader);
      return text === undefined ? undefined : { bytesValue: text };
    }
    case 'd':
      return doubleOf((reader.text[reader.at] === '"' ? stringToken(reader) : bareToken(reader)) ?? '');
    case 'n':
      return bareToken(reader) === 'null' ? {} : undefined;
  }
  const token = bareToken(reader);
  if (item.letter === 'i') return INTEGER.test(token) ? { intValue: token } : undefined;
  return token === 'true' || token === 'false' ? { boolValue: token === 'true' } : undefined;
}

function arrayOf(reader: Reader, inner: readonly Item[]): AnyValue | undefined {
  const values: AnyValue[] = [];
  if (!take(reader, '[')) return undefined;
  for (const item of inner) {
    if (values.length > 0 && !take(reader, ',')) return undefined;
    const value = nestedValue(reader, item);
    if (value === undefined) return undefined;
    values.push(value);
  }
  if (!take(reader, ']')) return undefined;
  return { arrayValue: values.length === 0 ? {} : { values } };
}

function keyValuesOf(reader: Reader, inner: readonly Item[]): AnyValue | undefined {
  const values: KeyValue[] = [];
  if (!take(reader, '{')) return undefined;
  for (const item of inner) {
    if (values.length > 0 && !take(reader, ',')) return undefined;
    const key = stringToken(reader);
    if (key === undefined || !take(reader, ':')) return undefined;
    if (item.letter === 'z') {
      if (bareToken(reader) !== 'null') return undefined;
      values.push({ key });
      continue;
    }
    const value = nestedValue(reader, item);
    if (value === undefined) return undefined;
    values.push({ key, value });
  }
  if (!take(reader, '}')) return undefined;
  return { kvlistValue: values.length === 0 ? {} : { values } };
}

function take(reader: Reader, character: string): boolean {
  if (reader.text[reader.at] !== character) return false;
  reader.at++;
  return true;
}

/** A number, `true`, `false` or `null`: everything up to the next punctuation. */
function bareToken(reader: Reader): string {
  const start = reader.at;
  while (reader.at < reader.text.length && !',]}'.includes(reader.text[reader.at])) reader.at++;
  return reader.text.slice(start, reader.at);
}

function stringToken(reader: Reader): string | undefined {
  const { text, at: start } = reader;
  if (text[start] !== '"') return undefined;
  let escaped = false;
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') {
      escaped = true;
      at++;
    } else if (character === '"') {
      reader.at = at + 1;
      return escaped ? unescaped(text.slice(start, at + 1)) : text.slice(start + 1, at);
    }
  }
  return undefined;
}

function unescaped(token: string): string | undefined {
  try {
    const value: unknown = JSON.parse(token);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
