import type { ByteBuffer } from '../base/bytes.ts';
import { U32List } from '../base/lists.ts';
import {
  ArrayColumn,
  ByteColumn,
  EnumColumn,
  Fixed32Column,
  Fixed64Column,
  type GrowingColumn,
  LowColumn,
  MapColumn,
  STEP_BYTES,
  type Steps,
  StringColumn,
} from './builders.ts';
import type { Ids, NativeWriter } from './native.ts';

/** Rows in another order than that in which they came. What it finds out for one column of a Nested serves the others. */
export class RowPermutation {
  readonly order: Uint32Array;
  readonly #elements = new Map<U32List, Elements>();

  constructor(order: Uint32Array) {
    this.order = order;
  }

  /** The elements of arrays that end at `ends`, in the order of their rows. */
  elements(ends: U32List): Elements {
    const known = this.#elements.get(ends);
    if (known !== undefined) return known;
    const total = ends.length === 0 ? 0 : ends.values[ends.length - 1];
    const elements = { offsets: new Uint32Array(this.order.length * 2), order: new Uint32Array(total) };
    orderElements(ends.values, this.order, elements);
    this.#elements.set(ends, elements);
    return elements;
  }
}

/** Row ends as UInt64, and which element of the column stands at each place. */
interface Elements {
  readonly offsets: Uint32Array;
  readonly order: Uint32Array;
}

/**
 * A column whose row i is row `order[i]` of `column`: for a segment whose rows are written in the order of their table, so that ClickHouse need not
 * sort them. Only what is written is new; the column stays as it is.
 */
export function permuted(column: GrowingColumn, permutation: RowPermutation): GrowingColumn {
  return {
    parts: [],
    isDefault: () => column.isDefault(),
    prefix: (out) => column.prefix(out),
    keys: column.keys,
    bulk: (out) =>
      column instanceof ArrayColumn
        ? writeArray(column, permutation, out)
        : writePermuted(column, permutation.order, out),
  };
}

/** Entry i is entry `order[i]` of `list`. */
export function permutedList(list: U32List, { order }: RowPermutation): U32List {
  const result = new U32List();
  result.values = new Uint32Array(order.length);
  pick(list.values, order, result.values);
  result.length = order.length;
  return result;
}

function writeArray(
  { ends, inner }: ArrayColumn<GrowingColumn>,
  permutation: RowPermutation,
  out: NativeWriter,
): Steps | undefined {
  const { offsets, order } = permutation.elements(ends);
  out.words(offsets, offsets.length);
  return writePermuted(inner, order, out);
}

function writePermuted(column: GrowingColumn, order: Uint32Array, out: NativeWriter): Steps | undefined {
  if (column instanceof StringColumn) return writeStrings(column, order, out);
  if (column instanceof MapColumn) return writeMap(column, order, out);
  if (column instanceof Fixed64Column) writeFixed64(column, order, out);
  else if (column instanceof Fixed32Column) writeFixed32(column, order, out);
  else if (column instanceof ByteColumn) writeBytes(column, order, out);
  else if (column instanceof LowColumn) writeLow(column, order, out);
  else if (column instanceof EnumColumn) column.write(order, out);
  else throw new Error('broken invariant: a column that cannot be put in order');
  return undefined;
}

function writeFixed64({ list }: Fixed64Column, order: Uint32Array, out: NativeWriter): void {
  const target = out.scratch.words(order.length * 2);
  const { values } = list;
  for (let i = 0; i < order.length; i++) {
    const row = order[i] * 2;
    target[i * 2] = values[row];
    target[i * 2 + 1] = values[row + 1];
  }
  out.words(target, target.length);
}

function writeFixed32({ list }: Fixed32Column, order: Uint32Array, out: NativeWriter): void {
  const target = out.scratch.words(order.length);
  pick(list.values, order, target);
  out.words(target, target.length);
}

function writeBytes({ list }: ByteColumn, order: Uint32Array, out: NativeWriter): void {
  const target = out.scratch.bytes(order.length);
  for (let i = 0; i < order.length; i++) target[i] = list.bytes[order[i]];
  out.chunk(target);
}

function writeLow({ dictionary, ids }: LowColumn, order: Uint32Array, out: NativeWriter): void {
  const target = out.beginLowCardinality(dictionary, order.length);
  pick(ids.values, order, target);
  out.endLowCardinality(target);
}

function writeStrings({ data, ends }: StringColumn, order: Uint32Array, out: NativeWriter): Steps {
  return writeRows(data, ends.values, order, out);
}

function* writeMap({ ends, keys, keyIds, values }: MapColumn, order: Uint32Array, out: NativeWriter): Steps {
  const offsets = out.scratch.words(order.length * 2);
  putOffsets(ends.values, order, offsets);
  out.words(offsets, offsets.length);
  const ids = out.beginLowCardinality(keys, keyIds.length);
  pickEntries(ends.values, keyIds.values, order, ids);
  out.endLowCardinality(ids);
  yield;
  // The values of a row stand together: they are copied at once. Where they end is needed for longer than the scratch memory lasts, which is used again from step to step.
  const valueEnds = new Uint32Array(ends.length);
  endsOfValues(ends.values, values.ends.values, valueEnds);
  yield* writeRows(values.data, valueEnds, order, out);
}

/** Rows of `source`, each from the end of the row before to its own end, in their order. */
function* writeRows(source: ByteBuffer, ends: Uint32Array, order: Uint32Array, out: NativeWriter): Steps {
  let left = source.length;
  for (let row = 0; row < order.length; ) {
    const first = order[row];
    const firstBytes = ends[first] - (first === 0 ? 0 : ends[first - 1]);
    const text = out.scratch.buffer(Math.min(left, Math.max(STEP_BYTES, firstBytes)));
    row = copyRows(source, ends, order, row, text);
    left -= text.length;
    out.chunk(text.view());
    yield;
  }
}

// Loops over rows, which V8 compiles once (native.ts).

function pick(values: Uint32Array, order: Uint32Array, target: Ids): void {
  for (let i = 0; i < order.length; i++) target[i] = values[order[i]];
}

/** Ends of the rows in the new order, as UInt64. */
function putOffsets(ends: Uint32Array, order: Uint32Array, offsets: Uint32Array): void {
  let count = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    count += row === 0 ? ends[0] : ends[row] - ends[row - 1];
    offsets[i * 2] = count;
    offsets[i * 2 + 1] = 0;
  }
}

function orderElements(ends: Uint32Array, order: Uint32Array, elements: Elements): void {
  putOffsets(ends, order, elements.offsets);
  let count = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    const end = ends[row];
    for (let element = row === 0 ? 0 : ends[row - 1]; element < end; element++) elements.order[count++] = element;
  }
}

/** The key of each entry, row after row. */
function pickEntries(ends: Uint32Array, keyIds: Uint32Array, order: Uint32Array, target: Ids): void {
  let count = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    const end = ends[row];
    for (let entry = row === 0 ? 0 : ends[row - 1]; entry < end; entry++) target[count++] = keyIds[entry];
  }
}

/** Where the values of each row end in their text. */
function endsOfValues(ends: Uint32Array, entryEnds: Uint32Array, target: Uint32Array): void {
  for (let row = 0; row < target.length; row++) {
    const entry = ends[row];
    target[row] = entry === 0 ? 0 : entryEnds[entry - 1];
  }
}

/** From place `i` of the order on, as many rows as `target` has room for; answers the place of the first that it has none for. */
function copyRows(source: ByteBuffer, ends: Uint32Array, order: Uint32Array, i: number, target: ByteBuffer): number {
  const [from, to] = [source.words, target.words];
  const room = target.bytes.length;
  let at = target.length;
  let place = i;
  for (; place < order.length; place++) {
    const row = order[place];
    const start = row === 0 ? 0 : ends[row - 1];
    const count = ends[row] - start;
    if (at + count > room) break;
    if (count === 1) to.setUint8(at, from.getUint8(start));
    else if (count < 4 || count > COPY_BY_WORDS_MAX) {
      target.bytes.set(source.bytes.subarray(start, start + count), at);
    } else {
      for (let j = 0; j < count - 3; j += 4) to.setInt32(at + j, from.getInt32(start + j, true), true);
      // What is left over, with some of what was copied already.
      to.setInt32(at + count - 4, from.getInt32(start + count - 4, true), true);
    }
    at += count;
  }
  target.length = at;
  return place;
}

/** Above it, the call of `set` costs less than the loop (measured on Node 20). */
const COPY_BY_WORDS_MAX = 100;
