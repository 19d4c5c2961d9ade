import { type CSSProperties, type PointerEvent, useEffect, useRef, useState } from 'react';
import { useKeys } from '../../frame/keys.ts';
import { formatDurationTick } from '../../model/format.ts';
import { viewTicks } from '../../model/trace-view.ts';
import { clamp, scrollToRow, useRowWindow, useSize } from '../../parts/measure.ts';
import styles from './trace.module.css';
import { jumpToError } from './trace-header.tsx';
import type { TraceView } from './use-trace-view.ts';
import { FoldRow, SpanRow } from './waterfall-row.tsx';

const ROW_PX = 24;
const HEAD_PX = 24;
const NAMES_KEY = 'clew.trace.names';
const PAGE_ROWS = 20;

/** Every span as a row, its time as a bar. Only the rows in view are in the page, so that 100,000 scroll like 100. */
export function Waterfall({ view }: { readonly view: TraceView }) {
  const scroller = useRef<HTMLDivElement>(null);
  const { first, end } = useRowWindow(scroller, view.rows.length, ROW_PX, HEAD_PX);
  const [names, setNames] = useState(
    () => Number(localStorage.getItem(NAMES_KEY)) || Math.min(380, window.innerWidth * 0.4),
  );
  const [head, { width }] = useSize<HTMLDivElement>();
  const timePx = Math.max(1, width - names - 12);
  useWaterfallKeys(view);
  useEffect(() => scrollToRow(scroller.current, view.cursor, ROW_PX, HEAD_PX), [view.cursor]);
  const rows = [];
  for (let row = first; row < end; row++) {
    const Row = view.rows.folded[row] > 0 ? FoldRow : SpanRow;
    rows.push(
      <Row
        key={`${view.rows.span[row]} ${view.rows.folded[row]}`}
        view={view}
        row={row}
        selected={row === view.cursor}
        timePx={timePx}
      />,
    );
  }
  return (
    <div className={styles.waterfall} ref={scroller} style={{ '--names': `${names}px` } as CSSProperties}>
      <div ref={head} className={styles.headBox}>
        <TimeHead view={view} onNames={setNames} />
      </div>
      <div
        className={styles.rows}
        style={{ height: view.rows.length * ROW_PX }}
        role="tree"
        tabIndex={0}
        aria-label="Spans"
        aria-activedescendant={view.cursor >= first && view.cursor < end ? `row-${view.cursor}` : undefined}
      >
        <div role="presentation" style={{ transform: `translateY(${first * ROW_PX}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

function TimeHead({ view, onNames }: { readonly view: TraceView; readonly onNames: (width: number) => void }) {
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.parentElement?.getBoundingClientRect();
    const width = Math.round(clamp(event.clientX - (box?.left ?? 0), 120, (box?.width ?? 800) - 160));
    onNames(width);
    localStorage.setItem(NAMES_KEY, String(width));
  };
  const ticks = viewTicks(view.time);
  return (
    <div className={styles.head} aria-hidden="true">
      <span>Service and operation</span>
      <i
        className={styles.split}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onPointerMove}
      />
      <div className={styles.ticks}>
        {ticks.map(({ ns, at }) => (
          <span key={ns} className={at > 92 ? styles.tickLeft : undefined} style={{ left: `${at}%` }}>
            {formatDurationTick(ns)}
          </span>
        ))}
      </div>
    </div>
  );
}

function useWaterfallKeys(view: TraceView): void {
  const last = useRef(0);
  if (view.cursor >= 0) last.current = view.cursor;
  const move = (by: number) => {
    const from = view.cursor >= 0 ? view.cursor + by : last.current;
    view.select(clamp(from, 0, view.rows.length - 1));
  };
  const onRow = (action: (row: number) => void) => () => {
    if (view.cursor >= 0) action(view.cursor);
  };
  useKeys({
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    PageDown: () => move(PAGE_ROWS),
    PageUp: () => move(-PAGE_ROWS),
    g: () => view.select(0),
    G: () => view.select(view.rows.length - 1),
    Home: () => view.select(0),
    End: () => view.select(view.rows.length - 1),
    Enter: onRow((row) => view.toggle(row)),
    ArrowLeft: onRow((row) => closeOrLeave(view, row)),
    ArrowRight: onRow((row) => view.toggle(row, true)),
    e: () => jumpToError(view),
    z: () => zoomToSpan(view),
    Escape: view.deselect,
  });
}

/** Left closes what is open below a row; where nothing is, it goes to the parent. */
function closeOrLeave(view: TraceView, row: number): void {
  const span = view.rows.span[row];
  const fold = view.rows.folded[row] > 0;
  const open = fold
    ? view.unfolding.opened.has(span)
    : view.table.subtreeEnds[span] > span + 1 && !view.unfolding.collapsed.has(span);
  if (open) view.toggle(row, false);
  else if (view.table.parents[span] >= 0) view.selectSpan(view.table.parents[span]);
}

/** The selected span fills the width, with a little room around it; the whole trace when it already does. */
function zoomToSpan(view: TraceView): void {
  const { table, time } = view;
  if (view.cursor < 0 || time.fromNs > 0 || time.toNs < table.durationNs) {
    view.setTime(null);
    return;
  }
  const span = view.rows.span[view.cursor];
  const room = Math.max(table.durationsNs[span] * 0.05, 500);
  view.setTime({ fromNs: table.startsNs[span] - room, toNs: table.startsNs[span] + table.durationsNs[span] + room });
}
