import { LIMITS } from '../base/limits.ts';
import { U32List } from '../base/lists.ts';
import {
  type GrowingColumn,
  type MapColumn,
  type Part,
  partBytes,
  partLength,
  partUsedBytes,
  type Steps,
  truncatePart,
} from '../columns/builders.ts';
import { NativeWriter } from '../columns/native.ts';
import { giveBackScratch, takeScratch } from '../columns/scratch.ts';
import type { Column, Table } from '../columns/tables.ts';

/** A sealed table of a segment: the content of its Native file in groups of chunks, made while they are read. A group is valid until the next one is asked for. */
export interface FrozenTable {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly groups: Iterable<readonly Uint8Array[]>;
  /** The keys of each map column that has few of them. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

/** Bytes of a group that are enough for few writes. */
export const GROUP_BYTES_MAX = 2 * 1024 * 1024;

/** Rows that can be written. `columns()` may compute some of them (resource and scope are pointed at, not repeated). */
export interface Batch {
  readonly table: Table;
  readonly rows: number;
  /** What is to be done before `columns` is called; absent where that is nothing. */
  prepare?(): Steps;
  columns(): Readonly<Record<string, GrowingColumn>>;
}

/** Columns that are written even when every row has the default: a block must tell how many rows it has. */
const ALWAYS = new Set(['Timestamp', 'TimeUnix', 'TraceId', 'Start', 'End']);

/**
 * A batch, prepared, as one Native block without the columns that hold only defaults.
 * @param groupBytes a group has about so many bytes: with many, sealing is few writes; with few, requests are served in between
 */
export function freezeBatch(batch: Batch, groupBytes: number): FrozenTable {
  const columns = batch.columns();
  const written = batch.table.columns.filter(({ name }) => {
    const column = columns[name];
    return column !== undefined && (ALWAYS.has(name) || !column.isDefault());
  });
  return {
    table: batch.table.name,
    columns: written.map(({ name }) => name),
    rows: batch.rows,
    groups: blockOf(batch.rows, written, columns, groupBytes),
    keys: keysOf(written, columns),
  };
}

function keysOf(written: readonly Column[], columns: Readonly<Record<string, GrowingColumn>>): FrozenTable['keys'] {
  const found: Record<string, readonly string[]> = {};
  for (const { name } of written) {
    const { keys } = columns[name];
    if (keys === undefined) continue;
    if (keys.size <= LIMITS.segmentKeysMax && keys.data.length <= LIMITS.segmentKeyBytesMax) found[name] = keys.texts();
  }
  return found;
}

/** One Native block, a few columns or some of a large one at a time: between two groups the caller writes to the disk and serves requests. */
function* blockOf(
  rows: number,
  written: readonly Column[],
  columns: Readonly<Record<string, GrowingColumn>>,
  groupBytes: number,
): Generator<readonly Uint8Array[]> {
  const scratch = takeScratch();
  try {
    const out = new NativeWriter(scratch);
    out.header(written.length, rows);
    for (const { name, type } of written) {
      out.column(name, type);
      columns[name].prefix(out);
      for (const _ of columns[name].bulk(out) ?? ONE_STEP) {
        if (out.bytes < groupBytes) continue;
        yield out.take();
        out.reuse();
      }
    }
    yield out.take();
    out.reuse();
  } finally {
    giveBackScratch(scratch);
  }
}

const ONE_STEP: Steps = [undefined];

/** Writes the lengths of all parts to `mark`, to cut back to. */
export function markParts(parts: readonly Part[], mark: number[]): void {
  for (let i = 0; i < parts.length; i++) mark[i] = partLength(parts[i]);
}

export function cutParts(parts: readonly Part[], mark: readonly number[]): void {
  for (let i = 0; i < parts.length; i++) truncatePart(parts[i], mark[i]);
}

export const heldBytesOf = (parts: readonly Part[]): number => parts.reduce((sum, part) => sum + partBytes(part), 0);

export const usedBytesOf = (parts: readonly Part[]): number =>
  parts.reduce((sum, part) => sum + partUsedBytes(part), 0);

/** All parts of some columns, each once: members of a Nested share their list of ends. */
export function partsOf(columns: readonly GrowingColumn[], ...more: readonly Part[]): Part[] {
  return [...new Set([...columns.flatMap((column) => column.parts), ...more])];
}

/** The resource and scope of each row; set when the envelope around the rows ends. */
export class RowContexts {
  readonly resource = new U32List();
  readonly scope = new U32List();
  readonly parts: readonly Part[] = [this.resource, this.scope];
}

/** One signal's growing rows, which stand in a resource and a scope. */
export interface RowBatch {
  readonly rows: number;
  /** The tables that are made of them, in the order in which they are to be loaded. */
  tables(): readonly Batch[];
  readonly parts: readonly Part[];
  readonly maps: readonly MapColumn[];
  readonly contexts: RowContexts;
}

/** Ends the row of every member of a Nested: what was added to `inner` since the last row is its array. */
export function endNestedRow(ends: U32List, count: number): void {
  ends.push((ends.length === 0 ? 0 : ends.values[ends.length - 1]) + count);
}
