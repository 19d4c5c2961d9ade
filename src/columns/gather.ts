import { ByteBuffer } from '../base/bytes.ts';
import type { U32List } from '../base/lists.ts';
import { Fixed32Column, type GrowingColumn, LowColumn, type MapColumn } from './builders.ts';
import type { NativeWriter } from './native.ts';

/**
 * Columns whose rows repeat a few distinct values: row i is row `index[i]` of a column that holds each value once. Resource and scope are
 * stored so: a span costs two numbers, and the map of its resource is written out only when the segment is sealed.
 */
export function gather(source: LowColumn | MapColumn | Fixed32Column, index: U32List, type: string): GrowingColumn {
  if (source instanceof Fixed32Column) return gatherFixed(source, index);
  if (source instanceof LowColumn) return type === 'String' ? gatherText(source, index) : gatherLow(source, index);
  return gatherMap(source, index);
}

const NO_PARTS: readonly [] = [];

function usesOnly(index: U32List, isDefaultAt: (row: number) => boolean): boolean {
  let last = -1;
  for (let i = 0; i < index.length; i++) {
    const row = index.values[i];
    if (row === last) continue;
    if (!isDefaultAt(row)) return false;
    last = row;
  }
  return true;
}

function gatherFixed(source: Fixed32Column, index: U32List): GrowingColumn {
  return {
    parts: NO_PARTS,
    isDefault: () => usesOnly(index, (row) => source.list.values[row] === 0),
    prefix: () => {},
    bulk: (out) => {
      const values = new Uint32Array(index.length);
      for (let i = 0; i < index.length; i++) values[i] = source.list.values[index.values[i]];
      out.words(values, values.length);
    },
  };
}

const isEmptyEntry = (source: LowColumn, row: number): boolean => {
  const id = source.ids.values[row];
  return source.dictionary.starts.values[id] === source.dictionary.starts.values[id + 1];
};

function gatherLow(source: LowColumn, index: U32List): GrowingColumn {
  return {
    parts: NO_PARTS,
    isDefault: () => usesOnly(index, (row) => isEmptyEntry(source, row)),
    prefix: (out) => out.lowCardinalityPrefix(),
    bulk: (out) => {
      const ids = new Uint32Array(index.length);
      for (let i = 0; i < index.length; i++) ids[i] = source.ids.values[index.values[i]];
      out.lowCardinality(source.dictionary, ids, ids.length);
    },
  };
}

function gatherText(source: LowColumn, index: U32List): GrowingColumn {
  return {
    parts: NO_PARTS,
    isDefault: () => usesOnly(index, (row) => isEmptyEntry(source, row)),
    prefix: () => {},
    bulk: (out) => {
      const { starts, data } = source.dictionary;
      const sizeOf = (id: number): number => starts.values[id + 1] - starts.values[id];
      let bytes = 0;
      for (let i = 0; i < index.length; i++) bytes += sizeOf(source.ids.values[index.values[i]]) + VARINT32_BYTES_MAX;
      const text = new ByteBuffer();
      text.reserve(bytes);
      const one = new ByteBuffer();
      for (let i = 0; i < index.length; ) {
        const run = runAt(index, i);
        const id = source.ids.values[index.values[i]];
        one.length = 0;
        one.varint(sizeOf(id));
        one.append(data.bytes, starts.values[id], starts.values[id + 1]);
        text.appendRepeated(one.bytes, 0, one.length, run);
        i += run;
      }
      out.chunk(text.view());
    },
  };
}

const VARINT32_BYTES_MAX = 5;

/** How many rows from `i` on are the same. */
function runAt(index: U32List, i: number): number {
  const row = index.values[i];
  let end = i + 1;
  while (end < index.length && index.values[end] === row) end++;
  return end - i;
}

/** Start of row `row` in a list of row ends. */
const startOf = (ends: U32List, row: number): number => (row === 0 ? 0 : ends.values[row - 1]);

function gatherMap(source: MapColumn, index: U32List): GrowingColumn {
  return {
    parts: NO_PARTS,
    isDefault: () => usesOnly(index, (row) => startOf(source.ends, row) === source.ends.values[row]),
    prefix: (out) => out.lowCardinalityPrefix(),
    bulk: (out) => writeGatheredMap(source, index, out),
  };
}

function writeGatheredMap(source: MapColumn, index: U32List, out: NativeWriter): void {
  const { ends, keyIds, values } = source;
  const offsets = new Uint32Array(index.length * 2);
  let entries = 0;
  let bytes = 0;
  for (let i = 0; i < index.length; i++) {
    const row = index.values[i];
    const from = startOf(ends, row);
    entries += ends.values[row] - from;
    bytes += startOf(values.ends, ends.values[row]) - startOf(values.ends, from);
    offsets[i * 2] = entries;
  }
  out.words(offsets, offsets.length);
  const ids = new Uint32Array(entries);
  const text = new ByteBuffer();
  text.reserve(bytes);
  let at = 0;
  for (let i = 0; i < index.length; ) {
    const run = runAt(index, i);
    const row = index.values[i];
    const from = startOf(ends, row);
    const to = ends.values[row];
    for (let repeat = 0; repeat < run; repeat++) {
      for (let entry = from; entry < to; entry++) ids[at++] = keyIds.values[entry];
    }
    // The values of a row stand side by side, each behind its length: one copy for all of them, and for all rows of a run.
    text.appendRepeated(values.data.bytes, startOf(values.ends, from), startOf(values.ends, to), run);
    i += run;
  }
  out.lowCardinality(source.keys, ids, entries);
  out.chunk(text.view());
}
