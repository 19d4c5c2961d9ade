import { ByteBuffer, type ByteSource } from '../base/bytes.ts';
import { U32List } from '../base/lists.ts';
import { Dictionary } from './dictionary.ts';
import type { NativeWriter } from './native.ts';

/**
 * Growing columns. A row is appended to each column of a table; `prefix` and `bulk` write the two parts of ClickHouse's Native encoding
 * (serialisation state first, then values). Every list and dictionary inside is handed to `parts`, so that a batch can be cut back to
 * a mark without knowing what its columns are.
 */
export interface GrowingColumn {
  readonly parts: readonly Part[];
  /** True when every row holds the type's default value; such a column is left out of the file. */
  isDefault(): boolean;
  prefix(out: NativeWriter): void;
  /** All values, or those that the first step writes: between two steps, what was written so far may be taken. */
  bulk(out: NativeWriter): Steps | undefined;
  /** Of a map: all keys that its rows have, and perhaps a few that none has. */
  readonly keys?: Dictionary | undefined;
}

/** A piece of work that others may be seen to in the middle of: each `next` does a millisecond or so of it. */
export type Steps = Iterable<undefined>;

/** Of the text of a column, what one step writes: half a millisecond. */
export const STEP_BYTES = 256 * 1024;

/** What can be cut back to an earlier length. */
export type Part = U32List | ByteBuffer | Dictionary;

export const partLength = (part: Part): number => (part instanceof Dictionary ? part.size : part.length);

export function truncatePart(part: Part, length: number): void {
  if (part instanceof Dictionary) part.truncate(length);
  else part.length = length;
}

/** Empties a part and gives its memory back. */
export const releasePart = (part: Part): void => part.release();

/** Memory that a part holds, for what is in it and for what will come. */
export function partBytes(part: Part): number {
  if (part instanceof Dictionary) return part.sizeBytes;
  return part instanceof U32List ? part.values.length * 4 : part.bytes.length;
}

/** Memory that what is in a part takes. */
export function partUsedBytes(part: Part): number {
  if (part instanceof Dictionary) return part.usedBytes;
  return part instanceof U32List ? part.length * 4 : part.length;
}

/** UInt8, Bool. */
export class ByteColumn implements GrowingColumn {
  readonly list = new ByteBuffer();
  readonly parts = [this.list];

  push(value: number): void {
    this.list.byte(value);
  }
  isDefault(): boolean {
    const { bytes, length } = this.list;
    for (let i = 0; i < length; i++) if (bytes[i] !== 0) return false;
    return true;
  }
  prefix(): void {}
  bulk(out: NativeWriter): undefined {
    out.chunk(this.list.view());
  }
}

/** UInt32, Int32. */
export class Fixed32Column implements GrowingColumn {
  readonly list = new U32List();
  readonly parts = [this.list];

  push(value: number): void {
    this.list.push(value);
  }
  isDefault(): boolean {
    return allZero(this.list);
  }
  prefix(): void {}
  bulk(out: NativeWriter): undefined {
    out.words(this.list.values, this.list.length);
  }
}

/** UInt64, Int64, Float64 and DateTime64, all as two halves. */
export class Fixed64Column implements GrowingColumn {
  readonly list = new U32List();
  readonly parts = [this.list];

  push(low: number, high: number): void {
    this.list.push64(low, high);
  }
  isDefault(): boolean {
    return allZero(this.list);
  }
  prefix(): void {}
  bulk(out: NativeWriter): undefined {
    out.words(this.list.values, this.list.length);
  }
}

/** String: kept as Native writes it, each value behind its length. */
export class StringColumn implements GrowingColumn {
  readonly data = new ByteBuffer();
  readonly ends = new U32List();
  readonly parts = [this.data, this.ends];

  push(bytes: Uint8Array, start: number, end: number): void {
    this.data.varint(end - start);
    this.data.append(bytes, start, end);
    this.ends.push(this.data.length);
  }
  /** A string that already stands behind its length, as protobuf writes it too. */
  pushWithLength(source: ByteSource, start: number, end: number): void {
    this.data.appendFrom(source, start, end);
    this.ends.push(this.data.length);
  }
  isDefault(): boolean {
    // An empty string is one byte, its length.
    return this.data.length === this.ends.length;
  }
  prefix(): void {}
  bulk(out: NativeWriter): undefined {
    out.chunk(this.data.view());
  }
}

/** LowCardinality(String). */
export class LowColumn implements GrowingColumn {
  readonly dictionary = new Dictionary();
  readonly ids = new U32List();
  readonly parts = [this.dictionary, this.ids];

  push(bytes: Uint8Array, start: number, end: number): void {
    const ids = this.ids;
    if (ids.length > 0) {
      // Neighbours are often equal: one comparison instead of a hash.
      const last = ids.values[ids.length - 1];
      if (this.dictionary.equals(last, bytes, start, end)) {
        ids.push(last);
        return;
      }
    }
    ids.push(this.dictionary.add(bytes, start, end));
  }
  isDefault(): boolean {
    const { dictionary, ids } = this;
    return ids.length === 0 || (dictionary.size === 1 && dictionary.starts.values[1] === 0);
  }
  prefix(out: NativeWriter): void {
    out.lowCardinalityPrefix();
  }
  bulk(out: NativeWriter): undefined {
    out.lowCardinality(this.dictionary, this.ids.values, this.ids.length);
  }
}

/** LowCardinality(String) that holds names of a protobuf enum: its numbers until it is written, and decimal text for numbers without a name. */
export class EnumColumn implements GrowingColumn {
  readonly list = new U32List();
  readonly parts = [this.list];
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }
  push(value: number): void {
    this.list.push(value);
  }
  isDefault(): boolean {
    return this.list.length === 0;
  }
  prefix(out: NativeWriter): void {
    out.lowCardinalityPrefix();
  }
  bulk(out: NativeWriter): undefined {
    this.write(undefined, out);
  }
  /** Writes row `order[i]` as row i. */
  write(order: Uint32Array | undefined, out: NativeWriter): void {
    const { values, length } = this.list;
    const dictionary = new Dictionary();
    const entries = new Int32Array(SMALL_NUMBERS).fill(-1);
    const entriesOfOthers = new Map<number, number>();
    const ids = out.scratch.words(length);
    for (let i = 0; i < length; i++) {
      const number = values[order === undefined ? i : order[i]];
      let entry = number < SMALL_NUMBERS ? entries[number] : (entriesOfOthers.get(number) ?? -1);
      if (entry < 0) {
        entry = this.#enter(number, dictionary);
        if (number < SMALL_NUMBERS) entries[number] = entry;
        else entriesOfOthers.set(number, entry);
      }
      ids[i] = entry;
    }
    out.lowCardinality(dictionary, ids, length);
  }
  #enter(number: number, dictionary: Dictionary): number {
    const name = ENCODER.encode(this.#names[number] ?? String(number | 0));
    return dictionary.add(name, 0, name.length);
  }
}

/** Numbers of an enum that are looked up in an array: those that have names, and more. */
const SMALL_NUMBERS = 64;

const ENCODER = new TextEncoder();

/** Map(LowCardinality(String), String): entries of all rows one after another, `ends[row]` is where a row's entries end. */
export class MapColumn implements GrowingColumn {
  readonly ends = new U32List();
  readonly keys = new Dictionary();
  readonly keyIds = new U32List();
  readonly values = new StringColumn();
  readonly parts = [this.ends, this.keys, this.keyIds, ...this.values.parts];
  /** Where the previous row's entries begin: its key at slot i is a good guess for this row's. */
  #previous = 0;
  #current = 0;

  /** Adds the key of the next entry; its value must be added to `values` after it. */
  key(source: ByteSource, start: number, end: number): void {
    const ids = this.keyIds;
    const guess = this.#previous + (ids.length - this.#current);
    if (guess < this.#current) {
      const id = ids.values[guess];
      if (this.keys.equalsWords(id, source, start, end)) {
        ids.push(id);
        return;
      }
    }
    ids.push(this.keys.add(source.bytes, start, end));
  }
  /** Ends the row; entries added since the last call are its map. */
  endRow(): void {
    this.ends.push(this.keyIds.length);
    this.#previous = this.#current;
    this.#current = this.keyIds.length;
  }
  /** After the parts were cut back, the guesses must not point behind their end. */
  forgetGuess(): void {
    this.#previous = this.keyIds.length;
    this.#current = this.keyIds.length;
  }
  isDefault(): boolean {
    return this.keyIds.length === 0;
  }
  prefix(out: NativeWriter): void {
    out.lowCardinalityPrefix();
  }
  bulk(out: NativeWriter): undefined {
    out.offsets(this.ends);
    out.lowCardinality(this.keys, this.keyIds.values, this.keyIds.length);
    this.values.bulk(out);
  }
}

/** Array(…): `ends` is shared by the members of a Nested, whose arrays have one length a row. */
export class ArrayColumn<Inner extends GrowingColumn> implements GrowingColumn {
  readonly ends: U32List;
  readonly inner: Inner;
  readonly parts: readonly Part[];
  readonly #fillable: boolean;

  /**
   * @param fillable another member of the same Nested is always written when there are elements, so ClickHouse can fill this one
   * with defaults of the right lengths when all its elements are defaults
   */
  constructor(inner: Inner, ends: U32List, fillable: boolean) {
    this.inner = inner;
    this.ends = ends;
    this.parts = [...inner.parts, ends];
    this.#fillable = fillable;
  }
  isDefault(): boolean {
    const elements = this.ends.length === 0 ? 0 : this.ends.values[this.ends.length - 1];
    return elements === 0 || (this.#fillable && this.inner.isDefault());
  }
  prefix(out: NativeWriter): void {
    this.inner.prefix(out);
  }
  bulk(out: NativeWriter): undefined {
    out.offsets(this.ends);
    this.inner.bulk(out);
  }
}

function allZero({ values, length }: U32List): boolean {
  for (let i = 0; i < length; i++) if (values[i] !== 0) return false;
  return true;
}
