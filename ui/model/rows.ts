import type { SpanTable } from './span-table.ts';

/** Siblings of the same service and name, from this many on, are folded into one row. */
export const FOLD_MIN = 10;

/** Repeated siblings: heads[i] is the first span of the group that span i belongs to, or -1; counts and next are of the group's heads and members. */
export interface Folds {
  readonly heads: Int32Array;
  readonly counts: Int32Array;
  /** The next member of the same group, or -1. */
  readonly next: Int32Array;
}

/** Finds the groups of repeated siblings. */
export function findFolds(table: SpanTable): Folds {
  const { count, parents, serviceOf, spans } = table;
  const names = new Map<string, number>();
  const first = new Map<number, number>();
  const heads = new Int32Array(count);
  const last = new Int32Array(count);
  const counts = new Int32Array(count);
  const next = new Int32Array(count).fill(-1);
  for (let i = 0; i < count; i++) {
    const name = `${serviceOf[i]} ${spans[i].name ?? ''}`;
    const nameId = names.get(name) ?? names.size;
    names.set(name, nameId);
    const key = (parents[i] + 1) * (count + 1) + nameId;
    const head = first.get(key) ?? i;
    if (head === i) first.set(key, i);
    else next[last[head]] = i;
    heads[i] = head;
    last[head] = i;
    counts[head]++;
  }
  for (let i = 0; i < count; i++) if (counts[heads[i]] < FOLD_MIN || parents[i] < 0) heads[i] = -1;
  return { heads, counts, next };
}

/** Rows of the waterfall: a span, or (folded[row] > 0) the header of that many repeated siblings beginning with the span. */
export interface Rows {
  readonly length: number;
  readonly span: Int32Array;
  readonly folded: Int32Array;
}

/** What is closed and what is opened. */
export interface Unfolding {
  /** Spans whose descendants are hidden. */
  readonly collapsed: ReadonlySet<number>;
  /** Heads of groups whose members are shown. */
  readonly opened: ReadonlySet<number>;
}

/** The rows to show, in the order of the table: one pass over it. */
export function visibleRows(table: SpanTable, folds: Folds, { collapsed, opened }: Unfolding): Rows {
  const span = new Int32Array(table.count * 2);
  const folded = new Int32Array(table.count * 2);
  let length = 0;
  for (let i = 0; i < table.count; ) {
    const head = folds.heads[i];
    if (head === i) {
      span[length] = i;
      folded[length++] = folds.counts[i];
    }
    if (head >= 0 && !opened.has(head)) {
      i = table.subtreeEnds[i];
      continue;
    }
    span[length++] = i;
    i = collapsed.has(i) ? table.subtreeEnds[i] : i + 1;
  }
  return { length, span: span.subarray(0, length), folded: folded.subarray(0, length) };
}

/** What must be opened so that a span has a row: none of its ancestors collapsed, no group around it or them closed. */
export function reveal(table: SpanTable, folds: Folds, { collapsed, opened }: Unfolding, target: number): Unfolding {
  const nextCollapsed = new Set(collapsed);
  const nextOpened = new Set(opened);
  for (let i = target; i >= 0; i = table.parents[i]) {
    if (i !== target) nextCollapsed.delete(i);
    if (folds.heads[i] >= 0) nextOpened.add(folds.heads[i]);
  }
  return { collapsed: nextCollapsed, opened: nextOpened };
}

/** The row of a span itself (not the header of its group), or -1. */
export function rowOfSpan(rows: Rows, target: number): number {
  // Rows stand in the order of the table, so they can be halved.
  let low = 0;
  let high = rows.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (rows.span[middle] < target) low = middle + 1;
    else if (rows.span[middle] > target) high = middle - 1;
    else if (rows.folded[middle] > 0) low = middle + 1;
    else return middle;
  }
  return -1;
}

/** What a row of repeated siblings says about its members. */
export interface FoldSummary {
  readonly count: number;
  readonly errors: number;
  readonly p95Ns: number;
  readonly totalNs: number;
  readonly fromNs: number;
  readonly toNs: number;
}

export function summarizeFold(table: SpanTable, folds: Folds, head: number): FoldSummary {
  const durations: number[] = [];
  let errors = 0;
  let totalNs = 0;
  let toNs = 0;
  for (let i = head; i >= 0; i = folds.next[i]) {
    durations.push(table.durationsNs[i]);
    totalNs += table.durationsNs[i];
    errors += table.errorsBelow[i];
    toNs = Math.max(toNs, table.startsNs[i] + table.durationsNs[i]);
  }
  durations.sort((a, b) => a - b);
  const p95Ns = durations[Math.ceil(durations.length * 0.95) - 1];
  return { count: durations.length, errors, p95Ns, totalNs, fromNs: table.startsNs[head], toNs };
}
