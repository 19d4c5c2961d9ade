import type { ByteBuffer } from '../base/bytes.ts';
import { LIMITS } from '../base/limits.ts';
import { WireError } from './wire-error.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** What the next value is, told by its first byte. */
export type Kind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null';

const ESCAPES: Readonly<Record<number, number>> = {
  34: 0x22,
  92: 0x5c,
  47: 0x2f,
  98: 0x08,
  102: 0x0c,
  110: 0x0a,
  114: 0x0d,
  116: 0x09,
};

/**
 * Reads JSON (RFC 8259) from UTF-8 bytes without making values of it: numbers stay text, so 64-bit integers lose nothing. Every failure is
 * a WireError with the byte and, through `path`, the member in which it lies.
 */
export class JsonReader {
  readonly bytes: Buffer;
  at = 0;
  /** Names and indexes of the values around the current one. */
  readonly path: (string | number)[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // A byte order mark is allowed before the text.
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.at = 3;
  }

  fail(problem: string, at = this.at): WireError {
    const place = this.path
      .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`))
      .join('');
    return new WireError(`JSON at byte ${at}${place === '' ? '' : ` (${place})`}: ${problem}`);
  }

  kind(): Kind {
    this.#space();
    const byte = this.bytes[this.at];
    if (byte === QUOTE) return 'string';
    if (byte === OPEN_OBJECT) return 'object';
    if (byte === OPEN_ARRAY) return 'array';
    if (byte === 0x74) return 'true';
    if (byte === 0x66) return 'false';
    if (byte === 0x6e) return 'null';
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) return 'number';
    throw this.fail(
      byte === undefined
        ? 'the text ends where a value should be'
        : `unexpected character ${JSON.stringify(String.fromCharCode(byte))}`,
    );
  }

  /** Reads the members of an object; `member` must consume the value. */
  object(member: (key: string) => void): void {
    this.#open(OPEN_OBJECT);
    if (this.#take(CLOSE_OBJECT)) return;
    for (;;) {
      this.#space();
      const key = this.text();
      this.#space();
      if (!this.#take(COLON)) throw this.fail(`expected ":" after ${JSON.stringify(key)}`);
      this.path.push(key);
      member(key);
      this.path.pop();
      if (this.#take(CLOSE_OBJECT)) return;
      if (!this.#take(COMMA)) throw this.fail('expected "," or "}"');
    }
  }

  /** Reads the items of an array; `item` must consume the value. */
  array(item: () => void): void {
    this.#open(OPEN_ARRAY);
    if (this.#take(CLOSE_ARRAY)) return;
    for (let index = 0; ; index++) {
      this.path.push(index);
      item();
      this.path.pop();
      if (this.#take(CLOSE_ARRAY)) return;
      if (!this.#take(COMMA)) throw this.fail('expected "," or "]"');
    }
  }

  /** A string, as JavaScript has it. */
  text(): string {
    const { end, plain } = this.#stringEnd();
    const raw = this.bytes.toString('utf8', this.at, end + 1);
    const start = this.at;
    this.at = end + 1;
    if (plain) return raw.slice(1, -1);
    try {
      return JSON.parse(raw) as string;
    } catch {
      throw this.fail('string with a wrong escape', start);
    }
  }

  /** A string's UTF-8 bytes, appended to `out`. */
  stringBytes(out: ByteBuffer): void {
    const { end, plain } = this.#stringEnd();
    if (plain) {
      out.append(this.bytes, this.at + 1, end);
      this.at = end + 1;
      return;
    }
    let at = this.at + 1;
    while (at < end) {
      const byte = this.bytes[at];
      if (byte !== BACKSLASH) {
        out.byte(byte);
        at++;
      } else at = this.#escape(out, at + 1);
    }
    this.at = end + 1;
  }

  /** A number's text, or that of a string that holds one. */
  numberText(): string {
    if (this.kind() === 'string') return this.text().trim();
    const start = this.at;
    while (this.at < this.bytes.length && isNumberByte(this.bytes[this.at])) this.at++;
    const text = this.bytes.toString('latin1', start, this.at);
    if (!isNumber(text)) throw this.fail(`${text.slice(0, 64)} is not a number`, start);
    return text;
  }

  literal(word: 'true' | 'false' | 'null'): void {
    if (this.bytes.toString('latin1', this.at, this.at + word.length) !== word) throw this.fail(`expected ${word}`);
    this.at += word.length;
  }

  /** Passes over a value of any kind. */
  skip(): void {
    const kind = this.kind();
    if (kind === 'object') this.object(() => this.skip());
    else if (kind === 'array') this.array(() => this.skip());
    else if (kind === 'string') this.text();
    else if (kind === 'number') this.numberText();
    else this.literal(kind);
  }

  /** Nothing but white space may follow. */
  end(): void {
    this.#space();
    if (this.at < this.bytes.length) throw this.fail('unexpected text behind the end of the value');
  }

  #open(bracket: number): void {
    if (this.path.length > JSON_DEPTH_MAX) throw this.fail(`nested deeper than ${JSON_DEPTH_MAX}`);
    this.#space();
    if (!this.#take(bracket)) throw this.fail(`expected ${JSON.stringify(String.fromCharCode(bracket))}`);
  }

  #take(byte: number): boolean {
    this.#space();
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  #space(): void {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.at++;
    }
  }

  /** Where the string that begins here has its closing quote, and whether it has no escapes. */
  #stringEnd(): { end: number; plain: boolean } {
    if (this.bytes[this.at] !== QUOTE) throw this.fail('expected a string');
    let plain = true;
    for (let at = this.at + 1; at < this.bytes.length; at++) {
      const byte = this.bytes[at];
      if (byte === QUOTE) return { end: at, plain };
      if (byte === BACKSLASH) {
        plain = false;
        at++;
      } else if (byte < 0x20) throw this.fail(`control character ${byte} in a string`, at);
    }
    throw this.fail('the text ends within a string');
  }

  /** Reads the escape whose letter is at `at`; answers the place behind it. */
  #escape(out: ByteBuffer, at: number): number {
    const letter = this.bytes[at];
    const simple = ESCAPES[letter];
    if (simple !== undefined) {
      out.byte(simple);
      return at + 1;
    }
    if (letter !== 0x75) throw this.fail(`wrong escape \\${String.fromCharCode(letter)}`, at);
    const first = this.#unit(at + 1);
    let next = at + 5;
    let point = first;
    if (first >= 0xd800 && first <= 0xdbff && this.bytes[next] === BACKSLASH && this.bytes[next + 1] === 0x75) {
      const second = this.#unit(next + 2);
      if (second >= 0xdc00 && second <= 0xdfff) {
        point = 0x10000 + (first - 0xd800) * 0x400 + (second - 0xdc00);
        next += 6;
      }
    }
    // A lone surrogate has no UTF-8: the replacement character stands in for it.
    const text = Buffer.from(point >= 0xd800 && point <= 0xdfff ? '\ufffd' : String.fromCodePoint(point));
    out.append(text, 0, text.length);
    return next;
  }

  #unit(at: number): number {
    const digits = this.bytes.toString('latin1', at, at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.fail(`wrong escape \\u${digits}`, at);
    return Number.parseInt(digits, 16);
  }
}

/** Every level of AnyValue takes up to four of JSON's: values, index, arrayValue, … around the levels of the envelopes. */
const JSON_DEPTH_MAX = LIMITS.nestingDepthMax * 4 + 16;

/** True when the text is a number as JSON writes it. */
export const isNumber = (text: string): boolean => /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text);

/** Digits, sign, point and exponent. */
function isNumberByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x65 || byte === 0x45
  );
}
