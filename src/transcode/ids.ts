import { writeHex } from '../base/bytes.ts';
import type { U32List } from '../base/lists.ts';
import type { GrowingColumn, StringColumn } from '../columns/builders.ts';
import type { Dictionary } from '../columns/dictionary.ts';
import type { NativeWriter } from '../columns/native.ts';
import type { Range } from './contexts.ts';

export const TRACE_ID_BYTES = 16;
export const SPAN_ID_BYTES = 8;

/** Pushes an id as lower-case hexadecimal text, '' when absent. */
export function pushHex(column: StringColumn, bytes: Uint8Array, range: Range): void {
  const count = range.start < 0 ? 0 : range.end - range.start;
  const data = column.data;
  data.varint(count * 2);
  data.reserve(count * 2);
  data.length = writeHex(data.words, data.length, bytes, range.start, range.start + count);
  column.ends.push(data.length);
}

export const isZero = (bytes: Uint8Array, range: Range): boolean => {
  for (let i = range.start; i < range.end; i++) if (bytes[i] !== 0) return false;
  return true;
};

/** True for an id of the right length that is not all zero (OTLP checklist 47). */
export function isValidId(bytes: Uint8Array, range: Range, length: number): boolean {
  return range.start >= 0 && range.end - range.start === length && !isZero(bytes, range);
}

/** The column of trace ids that are kept once, as bytes, in a dictionary: row i is entry `index[i]`, in hexadecimal. */
export function traceIdColumn(ids: Dictionary, index: U32List): GrowingColumn {
  return {
    parts: [],
    isDefault: () => false,
    prefix: () => {},
    bulk(out) {
      writeTraceIds(ids, index, out);
    },
  };
}

function writeTraceIds(ids: Dictionary, index: U32List, out: NativeWriter): void {
  const text = out.scratch.buffer(index.length * (TRACE_ID_BYTES * 2 + 1));
  const { words } = text;
  const { bytes } = ids.data;
  const starts = ids.starts.values;
  const { values, length } = index;
  let at = 0;
  for (let i = 0; i < length; i++) {
    const start = starts[values[i]];
    words.setUint8(at, TRACE_ID_BYTES * 2);
    at = writeHex(words, at + 1, bytes, start, start + TRACE_ID_BYTES);
  }
  text.length = at;
  out.chunk(text.view());
}
