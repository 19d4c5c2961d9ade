/**
 * Reads attribute values back from their text and type signature (attributes.md): the inverse of what the transcoder writes.
 * The result is shaped as OTLP/JSON has it, so that the API can answer it as it is.
 */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number | 'NaN' | 'Infinity' | '-Infinity' }
  | { readonly bytesValue: string }
  | { readonly arrayValue: { readonly values?: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values?: readonly KeyValue[] } }
  | Readonly<Record<string, never>>;

export interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue;
}

/** One item of a signature: a letter, and the items within an array or key-value list. */
export interface Item {
  readonly letter: string;
  readonly items?: readonly Item[];
}

/** A map column's keys and texts with its signature, as OTLP attributes. */
export function readAttributes(keys: readonly string[], texts: readonly string[], signature: string): KeyValue[] {
  const items = signature === '' ? undefined : parseSignature(signature);
  return keys.map((key, i) => {
    const item = items === undefined ? STRING : (items[i] ?? STRING);
    return item.letter === 'z' ? { key } : { key, value: readValue(texts[i] ?? '', item) };
  });
}

const STRING: Item = { letter: 's' };

/** One value that stands alone with its signature (a log body); undefined when there is none. */
export function readSingle(text: string, signature: string): AnyValue | undefined {
  const [item] = parseSignature(signature);
  return item === undefined ? undefined : readValue(text, item);
}

/** Signatures repeat: the last ones parsed are kept. */
const parsed = new Map<string, readonly Item[]>();
const PARSED_MAX = 10_000;

/** A signature as its items, runs written out. */
export function parseSignature(signature: string): readonly Item[] {
  const known = parsed.get(signature);
  if (known !== undefined) return known;
  const items = new SignatureParser(signature).items();
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(signature, items);
  return items;
}

class SignatureParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Items up to a closing bracket or the end. Nesting was bounded when the signature was written. */
  items(): Item[] {
    const items: Item[] = [];
    while (this.#at < this.#text.length && this.#text[this.#at] !== ')') {
      const letter = this.#text[this.#at++];
      if (letter === 'a' || letter === 'k') {
        this.#at++;
        items.push({ letter, items: this.items() });
        this.#at++;
      } else {
        const item = { letter };
        for (let i = this.#run(); i > 0; i--) items.push(item);
      }
    }
    return items;
  }

  #run(): number {
    const start = this.#at;
    while (this.#text[this.#at] >= '0' && this.#text[this.#at] <= '9') this.#at++;
    return start === this.#at ? 1 : Number(this.#text.slice(start, this.#at));
  }
}

function readDouble(text: string): number | 'NaN' | 'Infinity' | '-Infinity' {
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity' ? text : Number(text);
}

function readValue(text: string, item: Item): AnyValue {
  switch (item.letter) {
    case 'b':
      return { boolValue: text === 'true' };
    case 'i':
      return { intValue: text };
    case 'd':
      return { doubleValue: readDouble(text) };
    case 'y':
      return { bytesValue: text };
    case 'n':
      return {};
    case 'a':
    case 'k':
      return new NestedReader(text).value(item);
    default:
      return { stringValue: text };
  }
}

/** Reads the JSON text of an array or key-value list. Written by the transcoder, so it has no white space; keys may repeat. */
class NestedReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(item: Item): AnyValue {
    if (item.letter === 'a') {
      const values = this.#list(item.items ?? [], ']', (inner) => this.value(inner));
      return { arrayValue: values.length === 0 ? {} : { values } };
    }
    if (item.letter === 'k') {
      const values = this.#list(item.items ?? [], '}', (inner) => this.#member(inner));
      return { kvlistValue: values.length === 0 ? {} : { values } };
    }
    return readValue(this.#scalar(), item);
  }

  #member(item: Item): KeyValue {
    const key = this.#scalar();
    this.#at++;
    if (item.letter !== 'z') return { key, value: this.value(item) };
    this.#scalar();
    return { key };
  }

  #list<T>(items: readonly Item[], close: string, read: (item: Item) => T): T[] {
    this.#at++;
    const values: T[] = [];
    for (const item of items) {
      if (values.length > 0) this.#at++;
      values.push(read(item));
    }
    if (this.#text[this.#at] === close) this.#at++;
    return values;
  }

  /** The content of the string, or the text of the number or word, that begins here. */
  #scalar(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') {
      while (this.#at < this.#text.length && !',]}:'.includes(this.#text[this.#at])) this.#at++;
      return this.#text.slice(start, this.#at);
    }
    for (this.#at++; this.#at < this.#text.length && this.#text[this.#at] !== '"'; this.#at++) {
      if (this.#text[this.#at] === '\\') this.#at++;
    }
    this.#at++;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }
}
