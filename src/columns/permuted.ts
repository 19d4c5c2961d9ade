import { ByteBuffer } from '../base/bytes.ts';
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
  StringColumn,
} from './builders.ts';
import type { NativeWriter } from './native.ts';

/**
 * A column whose row i is row `order[i]` of `column`: for a segment whose rows are written in the order of their table, so that ClickHouse need not
 * sort them. Only what is written is new; the column stays as it is.
 */
export function permuted(column: GrowingColumn, order: Uint32Array): GrowingColumn {
  return {
    parts: [],
    isDefault: () => column.isDefault(),
    prefix: (out) => column.prefix(out),
    bulk: (out) => writePermuted(column, order, out),
  };
}

/** Entry i is entry `order[i]` of `list`. */
export function permutedList(list: U32List, order: Uint32Array): U32List {
  const result = new U32List();
  result.values = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) result.values[i] = list.values[order[i]];
  result.length = order.length;
  return result;
}

function writePermuted(column: GrowingColumn, order: Uint32Array, out: NativeWriter): void {
  if (column instanceof Fixed64Column) writeFixed64(column, order, out);
  else if (column instanceof Fixed32Column) out.words(permutedList(column.list, order).values, order.length);
  else if (column instanceof ByteColumn) out.chunk(Uint8Array.from(order, (row) => column.list.bytes[row]));
  else if (column instanceof StringColumn) writeRanges(column.data, column.ends, order, out);
  else if (column instanceof LowColumn)
    out.lowCardinality(column.dictionary, permutedList(column.ids, order).values, order.length);
  else if (column instanceof EnumColumn) column.bulkOf(permutedList(column.list, order), out);
  else if (column instanceof MapColumn) writeMap(column, order, out);
  else if (column instanceof ArrayColumn) writeArray(column, order, out);
  else throw new Error('broken invariant: a column that cannot be put in order');
}

function writeFixed64({ list }: Fixed64Column, order: Uint32Array, out: NativeWriter): void {
  const values = new Uint32Array(order.length * 2);
  for (let i = 0; i < order.length; i++) {
    const row = order[i] * 2;
    values[i * 2] = list.values[row];
    values[i * 2 + 1] = list.values[row + 1];
  }
  out.words(values, values.length);
}

/** Rows of `data`, each from the end of the row before to its own end. */
function writeRanges(data: ByteBuffer, ends: U32List, order: Uint32Array, out: NativeWriter): void {
  const text = new ByteBuffer();
  text.reserve(data.length);
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    text.appendFrom(data, row === 0 ? 0 : ends.values[row - 1], ends.values[row]);
  }
  out.chunk(text.view());
}

/** Row ends in the new order, and which elements then follow one another. */
function orderOfElements(
  ends: U32List,
  order: Uint32Array,
): { readonly ends: U32List; readonly elements: Uint32Array } {
  const total = ends.length === 0 ? 0 : ends.values[ends.length - 1];
  const elements = new Uint32Array(total);
  const newEnds = new U32List();
  newEnds.values = new Uint32Array(order.length);
  newEnds.length = order.length;
  let count = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    const end = ends.values[row];
    for (let element = row === 0 ? 0 : ends.values[row - 1]; element < end; element++) elements[count++] = element;
    newEnds.values[i] = count;
  }
  return { ends: newEnds, elements };
}

function writeMap({ ends, keys, keyIds, values }: MapColumn, order: Uint32Array, out: NativeWriter): void {
  const entries = orderOfElements(ends, order);
  out.offsets(entries.ends);
  const ids = permutedList(keyIds, entries.elements);
  out.lowCardinality(keys, ids.values, ids.length);
  // The values of a row stand together: they are copied at once.
  const valueEnds = new U32List();
  valueEnds.values = new Uint32Array(ends.length);
  for (let row = 0; row < ends.length; row++) {
    const entry = ends.values[row];
    valueEnds.values[row] = entry === 0 ? 0 : values.ends.values[entry - 1];
  }
  writeRanges(values.data, valueEnds, order, out);
}

function writeArray({ ends, inner }: ArrayColumn<GrowingColumn>, order: Uint32Array, out: NativeWriter): void {
  const elements = orderOfElements(ends, order);
  out.offsets(elements.ends);
  writePermuted(inner, elements.elements, out);
}
