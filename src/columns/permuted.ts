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
  pick(list.values, order, result.values);
  result.length = order.length;
  return result;
}

function writePermuted(column: GrowingColumn, order: Uint32Array, out: NativeWriter): void {
  if (column instanceof Fixed64Column) writeFixed64(column, order, out);
  else if (column instanceof Fixed32Column) out.words(picked(column.list, order, out), order.length);
  else if (column instanceof ByteColumn) writeBytes(column, order, out);
  else if (column instanceof StringColumn) writeRanges(column.data, column.ends.values, order, out);
  else if (column instanceof LowColumn)
    out.lowCardinality(column.dictionary, picked(column.ids, order, out), order.length);
  else if (column instanceof EnumColumn) column.write(picked(column.list, order, out), out);
  else if (column instanceof MapColumn) writeMap(column, order, out);
  else if (column instanceof ArrayColumn) writeArray(column, order, out);
  else throw new Error('broken invariant: a column that cannot be put in order');
}

function picked(list: U32List, order: Uint32Array, out: NativeWriter): Uint32Array {
  const result = out.scratch.words(order.length);
  pick(list.values, order, result);
  return result;
}

function pick(values: Uint32Array, order: Uint32Array, target: Uint32Array): void {
  for (let i = 0; i < order.length; i++) target[i] = values[order[i]];
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

function writeBytes({ list }: ByteColumn, order: Uint32Array, out: NativeWriter): void {
  const target = out.scratch.bytes(order.length);
  for (let i = 0; i < order.length; i++) target[i] = list.bytes[order[i]];
  out.chunk(target);
}

/** Rows of `data`, each from the end of the row before to its own end. */
function writeRanges(data: ByteBuffer, ends: Uint32Array, order: Uint32Array, out: NativeWriter): void {
  const text = out.scratch.buffer(data.length);
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    text.appendFrom(data, row === 0 ? 0 : ends[row - 1], ends[row]);
  }
  out.chunk(text.view());
}

/** Row ends in the new order, and which elements then follow one another. */
function orderOfElements(ends: U32List, order: Uint32Array, out: NativeWriter) {
  const total = ends.length === 0 ? 0 : ends.values[ends.length - 1];
  const elements = out.scratch.words(total);
  const offsets = out.scratch.words(order.length * 2);
  let count = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    const end = ends.values[row];
    for (let element = row === 0 ? 0 : ends.values[row - 1]; element < end; element++) elements[count++] = element;
    offsets[i * 2] = count;
    offsets[i * 2 + 1] = 0;
  }
  return { offsets, elements };
}

function writeMap({ ends, keys, keyIds, values }: MapColumn, order: Uint32Array, out: NativeWriter): void {
  const { offsets, elements } = orderOfElements(ends, order, out);
  out.words(offsets, offsets.length);
  out.lowCardinality(keys, picked(keyIds, elements, out), elements.length);
  // The values of a row stand together: they are copied at once.
  const valueEnds = out.scratch.words(ends.length);
  for (let row = 0; row < ends.length; row++) {
    const entry = ends.values[row];
    valueEnds[row] = entry === 0 ? 0 : values.ends.values[entry - 1];
  }
  writeRanges(values.data, valueEnds, order, out);
}

function writeArray({ ends, inner }: ArrayColumn<GrowingColumn>, order: Uint32Array, out: NativeWriter): void {
  const { offsets, elements } = orderOfElements(ends, order, out);
  out.words(offsets, offsets.length);
  writePermuted(inner, elements, out);
}
