import { ByteBuffer, equalBytes } from '../base/bytes.ts';
import { LIMITS } from '../base/limits.ts';
import type { LowColumn, MapColumn, StringColumn } from '../columns/builders.ts';
import type { Cursor } from '../wire/protobuf.ts';
import { WireError } from '../wire/wire-error.ts';
import { writeDouble } from './double-text.ts';
import { writeBase64, writeInt64, writeJsonString } from './text.ts';

const code = (letter: string): number => letter.charCodeAt(0);
const S = code('s');
const B = code('b');
const I = code('i');
const D = code('d');
const Y = code('y');
const N = code('n');
const Z = code('z');
const A = code('a');
const K = code('k');
const OPEN = code('(');
const CLOSE = code(')');
/** All ones in a double that is no number, or infinite. */
const EXPONENT_BITS = 0x7ff00000;
const TRUE = new Uint8Array([0x74, 0x72, 0x75, 0x65]);
const FALSE = new Uint8Array([0x66, 0x61, 0x6c, 0x73, 0x65]);

const ANY_VALUE_FIELDS = {
  1: 'string_value',
  2: 'bool_value',
  3: 'int_value',
  4: 'double_value',
  5: 'array_value',
  6: 'kvlist_value',
  7: 'bytes_value',
};
const KEY_VALUE_FIELDS = { 1: 'key', 2: 'value' };

/**
 * Builds a type signature (src/columns/attributes.md). Letters are collected one by one; rows tend to have the same ones as the row before,
 * and then nothing has to be built or looked up.
 */
class Signature {
  #letters = new ByteBuffer();
  #before = new ByteBuffer();
  /** The column that `#before` was pushed to last, and as which entry. */
  #column: LowColumn | undefined;
  #id = 0;
  readonly #text = new ByteBuffer();

  clear(): void {
    this.#letters.length = 0;
  }
  item(letter: number): void {
    this.#letters.byte(letter);
  }
  open(letter: number): void {
    this.#letters.byte(letter);
    this.#letters.byte(OPEN);
  }
  close(): void {
    this.#letters.byte(CLOSE);
  }
  /** Ends the signature and pushes it. `stringsAreEmpty`: strings alone are the empty signature. */
  finish(column: LowColumn, stringsAreEmpty: boolean): void {
    const [letters, before] = [this.#letters, this.#before];
    const { length } = letters;
    if (column === this.#column && length === before.length && equalBytes(letters.bytes, 0, before.bytes, 0, length)) {
      column.ids.push(this.#id);
      return;
    }
    this.#shorten(stringsAreEmpty);
    column.push(this.#text.bytes, 0, this.#text.length);
    this.#column = column;
    this.#id = column.ids.values[column.ids.length - 1];
    this.#letters = before;
    this.#before = letters;
  }
  /** Writes the letters with their runs shortened. */
  #shorten(stringsAreEmpty: boolean): void {
    const { bytes, length } = this.#letters;
    const text = this.#text;
    text.length = 0;
    for (let at = 0; at < length; ) {
      const letter = bytes[at];
      let run = 1;
      // The letter of an array or list is never shortened: its bracket comes next.
      while (at + run < length && bytes[at + run] === letter && letter !== CLOSE) run++;
      if (stringsAreEmpty && run === length && letter === S) return;
      text.byte(letter);
      if (run > 1) text.ascii(String(run));
      at += run;
    }
  }
}

/** What an AnyValue holds: the signature letter, and where its content is. */
interface Found {
  letter: number;
  start: number;
  end: number;
  low: number;
  high: number;
}

/**
 * Reads repeated KeyValue fields into a map column, and the types of their values into a signature. One per request walk; `begin` starts a
 * set of attributes, `keyValue` reads one, `finish` writes the signature and ends the map's row.
 */
export class AttributeReader {
  readonly #cursor: Cursor;
  readonly #signature = new Signature();
  readonly #scratch = new ByteBuffer();
  readonly #found: Found = { letter: N, start: 0, end: 0, low: 0, high: 0 };
  /** Place of the last key that `keyValue` read. */
  keyStart = 0;
  keyEnd = 0;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  begin(): void {
    this.#signature.clear();
  }

  /** Reads the KeyValue that ends at `end` and adds it to the map. */
  keyValue(map: MapColumn, end: number): void {
    const bytes = this.#cursor.bytes;
    const start = this.#cursor.at;
    // The usual form: a key, then a value that is a string, all lengths in one byte. 0x0a is field 1, 0x12 field 2, length-delimited.
    const keyEnd = start + 2 + bytes[start + 1];
    if (bytes[start] === 0x0a && bytes[start + 1] < 128 && keyEnd + 4 <= end && bytes[keyEnd] === 0x12) {
      const size = bytes[keyEnd + 1];
      if (size < 128 && keyEnd + 2 + size === end && bytes[keyEnd + 2] === 0x0a && bytes[keyEnd + 3] === size - 2) {
        this.keyStart = start + 2;
        this.keyEnd = keyEnd;
        map.key(this.#cursor, start + 2, keyEnd);
        this.#signature.item(S);
        map.values.pushWithLength(this.#cursor, keyEnd + 3, end);
        this.#cursor.at = end;
        return;
      }
      if (keyEnd + 2 + size === end && this.#numberKeyValue(map, start + 2, keyEnd, end)) return;
    }
    this.#unusualKeyValue(map, end);
  }

  /** A value that is one double or one integer below 2^14, whose text goes straight into the column. Those are all but a few numbers. */
  #numberKeyValue(map: MapColumn, keyStart: number, keyEnd: number, end: number): boolean {
    const bytes = this.#cursor.bytes;
    const at = keyEnd + 3;
    const tag = bytes[at - 1];
    if (tag === 0x18) {
      const [first, second] = [bytes[at], bytes[at + 1]];
      const isOneByte = at + 1 === end && first < 128;
      if (!isOneByte && !(at + 2 === end && first > 127 && second < 128)) return false;
      map.key(this.#cursor, keyStart, keyEnd);
      this.#signature.item(I);
      const { data, ends } = map.values;
      const length = startText(data);
      writeInt64(data, isOneByte ? first : (first & 127) | (second << 7), 0);
      endText(data, length);
      ends.push(data.length);
    } else if (tag === 0x21 && at + 8 === end) {
      map.key(this.#cursor, keyStart, keyEnd);
      this.#signature.item(D);
      this.#cursor.at = at;
      this.#cursor.fixed64(end);
      const { data, ends } = map.values;
      const length = startText(data);
      writeDouble(data, this.#cursor.low, this.#cursor.high);
      endText(data, length);
      ends.push(data.length);
    } else return false;
    this.keyStart = keyStart;
    this.keyEnd = keyEnd;
    this.#cursor.at = end;
    return true;
  }

  #unusualKeyValue(map: MapColumn, end: number): void {
    const { start: valueStart, end: valueEnd } = this.#keyAndValue(end);
    const { keyStart, keyEnd } = this;
    map.key(this.#cursor, keyStart, keyEnd);
    if (valueStart < 0) {
      this.#signature.item(Z);
      map.values.push(this.#cursor.bytes, 0, 0);
    } else {
      this.#cursor.at = valueStart;
      this.#value(map.values, valueEnd);
      // The value may hold keys of its own.
      this.keyStart = keyStart;
      this.keyEnd = keyEnd;
    }
    this.#cursor.at = end;
  }

  finish(map: MapColumn, types: LowColumn): void {
    map.endRow();
    this.#signature.finish(types, true);
  }

  /** One AnyValue that stands alone (a log body), with its signature, in which a string is `s`. */
  single(values: StringColumn, types: LowColumn, end: number): void {
    this.#signature.clear();
    this.#value(values, end);
    this.#signature.finish(types, false);
  }

  #valueRange = { start: -1, end: -1 };

  #keyAndValue(end: number): { start: number; end: number } {
    const cursor = this.#cursor;
    const range = this.#valueRange;
    range.start = -1;
    this.keyStart = cursor.at;
    this.keyEnd = cursor.at;
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      if (tag === 0x0a) {
        this.keyEnd = cursor.lengthEnd(end);
        this.keyStart = cursor.at;
        cursor.at = this.keyEnd;
      } else if (tag === 0x12) {
        range.end = cursor.lengthEnd(end);
        range.start = cursor.at;
        cursor.at = range.end;
      } else cursor.unknown(tag, end, 'KeyValue', KEY_VALUE_FIELDS);
    }
    return range;
  }

  /** Finds what the AnyValue that ends at `end` holds; of several the last counts, as protobuf's oneof has it. */
  #find(end: number): Found {
    const cursor = this.#cursor;
    const found = this.#found;
    found.letter = N;
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      switch (tag) {
        case 0x0a:
          this.#range(S, end);
          break;
        case 0x10:
          cursor.varint64(end);
          found.letter = B;
          found.low = cursor.low | cursor.high;
          break;
        case 0x18:
          cursor.varint64(end);
          this.#number(I);
          break;
        case 0x21:
          cursor.fixed64(end);
          this.#number(D);
          break;
        case 0x2a:
          this.#range(A, end);
          break;
        case 0x32:
          this.#range(K, end);
          break;
        case 0x3a:
          this.#range(Y, end);
          break;
        default:
          cursor.unknown(tag, end, 'AnyValue', ANY_VALUE_FIELDS);
      }
    }
    return found;
  }

  #range(letter: number, end: number): void {
    const found = this.#found;
    found.letter = letter;
    found.end = this.#cursor.lengthEnd(end);
    found.start = this.#cursor.at;
    this.#cursor.at = found.end;
  }

  #number(letter: number): void {
    this.#found.letter = letter;
    this.#found.low = this.#cursor.low;
    this.#found.high = this.#cursor.high;
  }

  #value(values: StringColumn, end: number): void {
    const bytes = this.#cursor.bytes;
    const found = this.#find(end);
    if (found.letter === S) {
      this.#signature.item(S);
      values.push(bytes, found.start, found.end);
      return;
    }
    const scratch = this.#scratch;
    scratch.length = 0;
    if (found.letter === A || found.letter === K) this.#json(scratch, found.letter, found.start, found.end, 1);
    else {
      this.#signature.item(found.letter);
      if (found.letter === I) writeInt64(scratch, found.low, found.high);
      else if (found.letter === D) writeDouble(scratch, found.low, found.high);
      else if (found.letter === B) scratch.append(found.low ? TRUE : FALSE, 0, found.low ? TRUE.length : FALSE.length);
      else if (found.letter === Y) writeBase64(scratch, bytes, found.start, found.end);
    }
    values.push(scratch.bytes, 0, scratch.length);
  }

  /** An ArrayValue or KeyValueList as JSON text. Recursion is bounded by LIMITS.nestingDepthMax. */
  #json(out: ByteBuffer, letter: number, start: number, end: number, depth: number): void {
    if (depth > LIMITS.nestingDepthMax) {
      throw new WireError(`AnyValue at byte ${start} is nested deeper than ${LIMITS.nestingDepthMax}`);
    }
    const cursor = this.#cursor;
    this.#signature.open(letter);
    out.byte(letter === A ? code('[') : code('{'));
    let first = true;
    cursor.at = start;
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      if (tag !== 0x0a) {
        cursor.unknown(tag, end, letter === A ? 'ArrayValue' : 'KeyValueList', { 1: 'values' });
        continue;
      }
      const itemEnd = cursor.lengthEnd(end);
      if (!first) out.byte(code(','));
      first = false;
      if (letter === A) this.#jsonValue(out, itemEnd, depth);
      else this.#jsonMember(out, itemEnd, depth);
      cursor.at = itemEnd;
    }
    out.byte(letter === A ? code(']') : code('}'));
    this.#signature.close();
  }

  #jsonMember(out: ByteBuffer, end: number, depth: number): void {
    const { start: valueStart, end: valueEnd } = this.#keyAndValue(end);
    writeJsonString(out, this.#cursor.bytes, this.keyStart, this.keyEnd);
    out.byte(code(':'));
    if (valueStart < 0) {
      this.#signature.item(Z);
      out.ascii('null');
      return;
    }
    this.#cursor.at = valueStart;
    this.#jsonValue(out, valueEnd, depth);
  }

  #jsonValue(out: ByteBuffer, end: number, depth: number): void {
    const bytes = this.#cursor.bytes;
    const { letter, start, end: valueEnd, low, high } = this.#find(end);
    if (letter === A || letter === K) {
      this.#json(out, letter, start, valueEnd, depth + 1);
      return;
    }
    this.#signature.item(letter);
    if (letter === S) writeJsonString(out, bytes, start, valueEnd);
    else if (letter === I) writeInt64(out, low, high);
    else if (letter === B) out.ascii(low ? 'true' : 'false');
    else if (letter === N) out.ascii('null');
    else if (letter === D) {
      // JSON has no numbers for NaN and the infinities.
      const isNumber = (high & EXPONENT_BITS) !== EXPONENT_BITS;
      if (!isNumber) out.byte(code('"'));
      writeDouble(out, low, high);
      if (!isNumber) out.byte(code('"'));
    } else {
      out.byte(code('"'));
      writeBase64(out, bytes, start, valueEnd);
      out.byte(code('"'));
    }
  }
}

/** Begins a text of less than 128 bytes that is written where it is to stand; answers where its length goes. */
function startText(data: ByteBuffer): number {
  data.byte(0);
  return data.length - 1;
}

function endText(data: ByteBuffer, lengthAt: number): void {
  data.bytes[lengthAt] = data.length - lengthAt - 1;
}

/** Two sets of attributes are open at once: a span's own, and those of an event or link within it. */
export interface AttributeReaders {
  readonly item: AttributeReader;
  readonly nested: AttributeReader;
}

/** Readers remember entries of the columns they wrote to: after the columns were cut back, new ones are needed. */
export const attributeReaders = (cursor: Cursor): AttributeReaders => ({
  item: new AttributeReader(cursor),
  nested: new AttributeReader(cursor),
});
