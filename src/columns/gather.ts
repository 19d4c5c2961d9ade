import type { U32List } from '../base/lists.ts';
import { Fixed32Column, type GrowingColumn, LowColumn, type MapColumn, STEP_BYTES, type Steps } from './builders.ts';
import type { Ids, NativeWriter } from './native.ts';

/**
 * Columns whose rows repeat a few distinct values: row i is row `index[i]` of a column that holds each value once. Resource and scope are
 * stored so: a span costs two numbers, and the map of its resource is written out only when the segment is sealed.
 */
export function gather(source: LowColumn | MapColumn | Fixed32Column, index: U32List): GrowingColumn {
  if (source instanceof Fixed32Column) {
    return columnOf(source, NO_PREFIX, (out) => writeFixed(source.list.values, index, out));
  }
  if (source instanceof LowColumn) {
    return columnOf(source, LOW_PREFIX, (out) => writeLow(source, index, out));
  }
  const map = columnOf(source, LOW_PREFIX, (out) => writeGatheredMap(source, index, out));
  return { ...map, keys: source.keys };
}

const NO_PARTS: readonly [] = [];
const NO_PREFIX = (): void => {};
const LOW_PREFIX = (out: NativeWriter): void => out.lowCardinalityPrefix();

function columnOf(
  source: GrowingColumn,
  prefix: (out: NativeWriter) => void,
  bulk: (out: NativeWriter) => Steps | undefined,
): GrowingColumn {
  return { parts: NO_PARTS, isDefault: () => source.isDefault(), prefix, bulk };
}

function writeFixed(source: Uint32Array, index: U32List, out: NativeWriter): undefined {
  const values = out.scratch.words(index.length);
  for (let i = 0; i < index.length; i++) values[i] = source[index.values[i]];
  out.words(values, values.length);
}

function writeLow(source: LowColumn, index: U32List, out: NativeWriter): undefined {
  const ids = out.beginLowCardinality(source.dictionary, index.length);
  for (let i = 0; i < index.length; i++) ids[i] = source.ids.values[index.values[i]];
  out.endLowCardinality(ids);
}

/** How many rows from `i` on are the same. */
function runAt(index: U32List, i: number): number {
  const row = index.values[i];
  let end = i + 1;
  while (end < index.length && index.values[end] === row) end++;
  return end - i;
}

/** Start of row `row` in a list of row ends. */
const startOf = (ends: U32List, row: number): number => (row === 0 ? 0 : ends.values[row - 1]);

function* writeGatheredMap(source: MapColumn, index: U32List, out: NativeWriter): Steps {
  const { ends, values } = source;
  const offsets = out.scratch.words(index.length * 2);
  let entries = 0;
  let bytes = 0;
  for (let i = 0; i < index.length; i++) {
    const row = index.values[i];
    const from = startOf(ends, row);
    entries += ends.values[row] - from;
    bytes += startOf(values.ends, ends.values[row]) - startOf(values.ends, from);
    offsets[i * 2] = entries;
    offsets[i * 2 + 1] = 0;
  }
  out.words(offsets, offsets.length);
  const ids = out.beginLowCardinality(source.keys, entries);
  gatherKeys(source, index, ids);
  out.endLowCardinality(ids);
  yield;
  let text = out.scratch.buffer(Math.min(bytes, STEP_BYTES));
  for (let i = 0; i < index.length; ) {
    const run = runAt(index, i);
    const row = index.values[i];
    i += run;
    // The values of a row stand side by side, each behind its length: one copy for all of them, and for all rows of a run.
    const start = startOf(values.ends, startOf(ends, row));
    const end = startOf(values.ends, ends.values[row]);
    for (let left = run; left > 0; ) {
      const room = text.bytes.length - text.length;
      const fitting = start === end ? left : Math.min(left, Math.floor(room / (end - start)));
      text.appendRepeated(values.data.bytes, start, end, fitting);
      left -= fitting;
      if (left === 0) break;
      bytes -= text.length;
      out.chunk(text.view());
      yield;
      text = out.scratch.buffer(Math.min(bytes, Math.max(STEP_BYTES, end - start)));
    }
  }
  out.chunk(text.view());
}

/** The keys of all entries, row after row. */
function gatherKeys({ ends, keyIds }: MapColumn, index: U32List, ids: Ids): void {
  let at = 0;
  for (let i = 0; i < index.length; i++) {
    const row = index.values[i];
    const to = ends.values[row];
    for (let entry = startOf(ends, row); entry < to; entry++) ids[at++] = keyIds.values[entry];
  }
}
