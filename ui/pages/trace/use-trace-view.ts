import { useCallback, useEffect, useMemo, useState } from 'react';
import { useTracePath } from '../../data/queries.ts';
import { useCursorParam, useUrl } from '../../frame/url.ts';
import { type SectionsBySpan, sectionsBySpan } from '../../model/path-sections.ts';
import { type Folds, findFolds, type Rows, reveal, rowOfSpan, type Unfolding, visibleRows } from '../../model/rows.ts';
import type { SpanTable } from '../../model/span-table.ts';
import { searchSpans } from '../../model/trace-search.ts';
import { readView, type TimeView, writeView } from '../../model/trace-view.ts';

/** What the trace page shows of a trace: rows, selection, search, the part of time. Selection, search and time are in the URL. */
export interface TraceView {
  /** The critical path by span id; null while it is not shown. */
  readonly sections: SectionsBySpan | null;
  readonly isPathShown: boolean;
  readonly showPath: (shown: boolean) => void;

  readonly table: SpanTable;
  readonly folds: Folds;
  readonly rows: Rows;
  readonly unfolding: Unfolding;
  /** The selected row, or -1. */
  readonly cursor: number;
  readonly select: (row: number) => void;
  readonly deselect: () => void;
  /** Selects a span, opening what hides it. */
  readonly selectSpan: (index: number) => void;
  /** Closes or opens what is below a row. */
  readonly toggle: (row: number, open?: boolean) => void;
  readonly found: Int32Array | null;
  readonly isFound: Uint8Array | null;
  readonly text: string;
  readonly service: string | null;
  readonly setService: (service: string | null) => void;
  readonly time: TimeView;
  readonly setTime: (time: TimeView | null) => void;
}

/** A selected header of repeated siblings is written with this before the id of its first span. */
const FOLD_PREFIX = 'x';

export function useTraceView(table: SpanTable, traceId: string): TraceView {
  const { params, set } = useUrl();
  const [selected, setSelected] = useCursorParam('span');
  const folds = useMemo(() => findFolds(table), [table]);
  const indexOfId = useMemo(() => new Map(table.spans.map((span, i) => [span.spanId, i])), [table]);
  const [unfolding, setUnfolding] = useState<Unfolding>(() => {
    const index = indexOfId.get(selected ?? '') ?? -1;
    const closed = { collapsed: new Set<number>(), opened: new Set<number>() };
    return index < 0 ? closed : reveal(table, folds, closed, index);
  });
  const rows = useMemo(() => visibleRows(table, folds, unfolding), [table, folds, unfolding]);
  const text = params.get('q') ?? '';
  const service = params.get('svc');
  const found = useMemo(() => searchSpans(table, { text, service }), [table, text, service]);
  const isFound = useMemo(() => flags(table.count, found), [table, found]);
  const cursor = useMemo(() => rowOfSelection(rows, indexOfId, selected), [rows, indexOfId, selected]);
  const view = params.get('view');
  const time = useMemo(() => readView(view, table.durationNs), [view, table]);
  const { isPathShown, sections } = useSections(table, traceId, params.get('path') === '1');

  const select = useCallback(
    (row: number) => setSelected(`${rows.folded[row] > 0 ? FOLD_PREFIX : ''}${table.spans[rows.span[row]].spanId}`),
    [rows, table, setSelected],
  );
  const selectSpan = useCallback(
    (index: number) => {
      setUnfolding((before) => reveal(table, folds, before, index));
      setSelected(table.spans[index].spanId);
    },
    [table, folds, setSelected],
  );
  const toggle = useCallback(
    (row: number, open?: boolean) => {
      const span = rows.span[row];
      if (rows.folded[row] > 0) setUnfolding((before) => ({ ...before, opened: toggled(before.opened, span, open) }));
      else if (table.subtreeEnds[span] > span + 1) {
        const closed = open === undefined ? undefined : !open;
        setUnfolding((before) => ({ ...before, collapsed: toggled(before.collapsed, span, closed) }));
      }
    },
    [rows, table],
  );
  // Back and forward may select a span that is hidden.
  useEffect(() => {
    const index = indexOfId.get(selected ?? '');
    if (index !== undefined && cursor < 0) setUnfolding((before) => reveal(table, folds, before, index));
  }, [selected, cursor, indexOfId, table, folds]);

  return {
    table,
    folds,
    rows,
    unfolding,
    cursor,
    select,
    deselect: () => setSelected(null),
    selectSpan,
    toggle,
    found,
    isFound,
    text,
    service,
    setService: (next) => set({ svc: next }),
    time,
    sections,
    isPathShown,
    showPath: (shown) => set({ path: shown ? '1' : null }),
    setTime: (next) => set({ view: next === null ? null : writeView(next) }),
  };
}

function useSections(table: SpanTable, traceId: string, isPathShown: boolean) {
  const path = useTracePath(traceId, isPathShown).data;
  const sections = useMemo(
    () => (isPathShown && path !== undefined ? sectionsBySpan(path, table.originNano) : null),
    [isPathShown, path, table],
  );
  return { isPathShown, sections };
}

function rowOfSelection(rows: Rows, indexOfId: ReadonlyMap<string, number>, selected: string | null): number {
  if (selected === null) return -1;
  if (!selected.startsWith(FOLD_PREFIX)) return rowOfSpan(rows, indexOfId.get(selected) ?? -1);
  const head = indexOfId.get(selected.slice(FOLD_PREFIX.length));
  return head === undefined ? -1 : rows.span.findIndex((span, row) => span === head && rows.folded[row] > 0);
}

/** With `present` the member is put in or taken out, without it is turned over. */
function toggled(set: ReadonlySet<number>, member: number, present = !set.has(member)): ReadonlySet<number> {
  const next = new Set(set);
  if (present) next.add(member);
  else next.delete(member);
  return next;
}

function flags(count: number, found: Int32Array | null): Uint8Array | null {
  if (found === null) return null;
  const is = new Uint8Array(count);
  for (const i of found) is[i] = 1;
  return is;
}
