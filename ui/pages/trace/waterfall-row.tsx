import { type CSSProperties, memo, useMemo } from 'react';
import { serviceColour } from '../../frame/service-colour.ts';
import { formatCount, formatDurationNs } from '../../model/format.ts';
import { nanosSince } from '../../model/nanos.ts';
import { summarizeFold } from '../../model/rows.ts';
import { MARK } from '../../model/span-table.ts';
import { type BarPlace, placeBar } from '../../model/trace-view.ts';
import controls from '../../parts/controls.module.css';
import { Icon } from '../../parts/icon.tsx';
import styles from './trace.module.css';
import type { TraceView } from './use-trace-view.ts';

interface RowProps {
  readonly view: TraceView;
  readonly row: number;
  readonly selected: boolean;
  /** Width of the time column in pixels. */
  readonly timePx: number;
}

const INDENT_PX = 12;
/** Deeper spans stand no further right: the depth is told in the dock, the name must stay readable. */
const INDENTS_MAX = 16;
/** Room that a label needs beside its bar. */
const LABEL_PX = 62;
const FOLD_LABEL_PX = 190;

/** Where the label of a bar stands: right of it, left of it, or on it when there is room on neither side. */
function labelPlace(place: BarPlace, needPercent: number): { readonly style: CSSProperties; readonly within: boolean } {
  const end = place.left + place.width;
  if (end + needPercent <= 100) return { style: { left: `${Math.max(0, end)}%` }, within: false };
  if (place.left >= needPercent) return { style: { right: `${100 - place.left}%` }, within: false };
  return { style: { right: `${Math.max(0, 100 - end)}%` }, within: true };
}

function sameRow(a: RowProps, b: RowProps): boolean {
  return (
    a.row === b.row &&
    a.selected === b.selected &&
    a.timePx === b.timePx &&
    a.view.rows === b.view.rows &&
    a.view.time === b.view.time &&
    a.view.isFound === b.view.isFound &&
    a.view.sections === b.view.sections &&
    a.view.toggle === b.view.toggle
  );
}

/** A span: service where it changes, name, bar with events as ticks, duration. */
export const SpanRow = memo(function SpanRow({ view, row, selected, timePx }: RowProps) {
  const { table, rows, unfolding } = view;
  const i = rows.span[row];
  const span = table.spans[i];
  const below = table.subtreeEnds[i] - i - 1;
  const open = !unfolding.collapsed.has(i);
  const failed = table.errors[i] === 1;
  const hiddenErrors = open ? 0 : table.errorsBelow[i] - table.errors[i];
  return (
    <Line view={view} row={row} selected={selected} failed={failed} expanded={below > 0 ? open : undefined}>
      <Names view={view} row={row} expanded={below > 0 ? open : null}>
        {failed && <Icon name="error" label="Error" size={12} />}
        <b>{span.name || '(no name)'}</b>
        <Marks marks={table.marks[i]} />
        {!open && <small>+{formatCount(below)}</small>}
        {hiddenErrors > 0 && <small className={styles.hiddenErrors}>{formatCount(hiddenErrors)} errors below</small>}
      </Names>
      <div className={styles.time}>
        <Bar view={view} i={i} timePx={timePx} />
      </div>
    </Line>
  );
}, sameRow);

/** Repeated siblings in one row: how many, how long 95 of 100 took at most, and all together. */
export const FoldRow = memo(function FoldRow({ view, row, selected, timePx }: RowProps) {
  const { table, rows, folds } = view;
  const head = rows.span[row];
  const fold = useMemo(() => summarizeFold(table, folds, head), [table, folds, head]);
  const open = view.unfolding.opened.has(head);
  const place = placeBar(fold.fromNs, fold.toNs - fold.fromNs, view.time);
  const label = labelPlace(place, (100 * FOLD_LABEL_PX) / timePx);
  return (
    <Line view={view} row={row} selected={selected} failed={fold.errors > 0} expanded={open}>
      <Names view={view} row={row} expanded={open}>
        {fold.errors > 0 && <Icon name="error" label="Errors" size={12} />}
        <b>{table.spans[head].name || '(no name)'}</b>
        <span className={styles.times}>×{formatCount(fold.count)}</span>
        {fold.errors > 0 && <small className={styles.hiddenErrors}>{formatCount(fold.errors)} errors</small>}
      </Names>
      <div className={styles.time}>
        {place.visible && (
          <i
            className={styles.hull}
            style={{
              left: `${place.left}%`,
              width: `${place.width}%`,
              color: serviceColour(table.services[table.serviceOf[head]]),
            }}
          />
        )}
        <span className={`${styles.label} ${label.within ? styles.onBar : ''}`} style={label.style}>
          p95 {formatDurationNs(fold.p95Ns)} · sum {formatDurationNs(fold.totalNs)}
        </span>
      </div>
    </Line>
  );
}, sameRow);

function Line(
  props: Omit<RowProps, 'timePx'> & {
    readonly failed: boolean;
    readonly expanded: boolean | undefined;
    readonly children: React.ReactNode;
  },
) {
  const { view, row } = props;
  const i = view.rows.span[row];
  const dim = view.isFound !== null && view.isFound[i] === 0;
  const classes = [styles.row, props.selected && styles.selected, props.failed && styles.failed, dim && styles.dim];
  return (
    // The keys are those of the tree (useWaterfallKeys), which has the focus
    <div
      id={`row-${row}`}
      role="treeitem"
      tabIndex={-1}
      aria-level={view.table.depths[i] + 1}
      aria-selected={props.selected}
      aria-expanded={props.expanded}
      className={classes.filter(Boolean).join(' ')}
      onClick={() => view.select(row)}
    >
      {props.children}
    </div>
  );
}

function Names(props: {
  readonly view: TraceView;
  readonly row: number;
  readonly expanded: boolean | null;
  readonly children: React.ReactNode;
}) {
  const { table, rows } = props.view;
  const i = rows.span[props.row];
  const service = table.services[table.serviceOf[i]];
  const parent = table.parents[i];
  // The service is named where it changes; its colour stands on every row.
  const named = parent < 0 || table.serviceOf[parent] !== table.serviceOf[i];
  return (
    <div className={styles.names} style={{ paddingLeft: 4 + Math.min(table.depths[i], INDENTS_MAX) * INDENT_PX }}>
      {props.expanded === null ? (
        <i className={styles.noToggle} />
      ) : (
        // Part of a treeitem, which tells its state; the keyboard has the arrows
        <span
          className={styles.toggle}
          onClick={(event) => {
            event.stopPropagation();
            props.view.toggle(props.row);
          }}
        >
          <Icon name={props.expanded ? 'down' : 'right'} size={9} />
        </span>
      )}
      <i className={controls.swatch} style={{ background: serviceColour(service) }} />
      {named && <span className={styles.service}>{service}</span>}
      {props.children}
    </div>
  );
}

function Bar({ view, i, timePx }: { readonly view: TraceView; readonly i: number; readonly timePx: number }) {
  const { table, time } = view;
  const place = placeBar(table.startsNs[i], table.durationsNs[i], time);
  const label = formatDurationNs(table.durationsNs[i]);
  if (!place.visible) return <span className={styles.beyond}>{table.startsNs[i] < time.fromNs ? '◂' : '▸'}</span>;
  const beside = labelPlace(place, (100 * LABEL_PX) / timePx);
  return (
    <>
      <i
        className={styles.bar}
        style={{
          left: `${place.left}%`,
          width: `${place.width}%`,
          background: serviceColour(table.services[table.serviceOf[i]]),
        }}
      />
      {view.sections?.get(table.spans[i].spanId)?.map(({ fromNs, toNs, kind, title }) => {
        const part = placeBar(fromNs, toNs - fromNs, time);
        if (!part.visible) return null;
        const style = { left: `${part.left}%`, width: `${part.width}%` };
        return <i key={fromNs} className={`${styles.section} ${styles[kind]}`} style={style} title={title} />;
      })}
      {table.spans[i].events?.map((event, at) => (
        <EventTick
          // biome-ignore lint/suspicious/noArrayIndexKey: events have no id, and their order never changes
          key={`${event.timeUnixNano} ${at}`}
          view={view}
          ns={nanosSince(event.timeUnixNano ?? '0', table.originNano)}
          name={event.name ?? ''}
        />
      ))}
      <span className={`${styles.label} ${beside.within ? styles.onBar : ''}`} style={beside.style}>
        {label}
      </span>
    </>
  );
}

function EventTick({ view, ns, name }: { readonly view: TraceView; readonly ns: number; readonly name: string }) {
  const { left, visible } = placeBar(ns, 0, view.time);
  if (!visible || ns < 0) return null;
  return (
    <i
      className={`${styles.event} ${name === 'exception' ? styles.exception : ''}`}
      style={{ left: `${left}%` }}
      title={name}
    />
  );
}

const MARK_TEXT: readonly (readonly [number, 'skew' | 'orphan', string])[] = [
  [MARK.orphan, 'orphan', 'Its parent has not arrived'],
  [MARK.skewed, 'skew', 'It begins before its parent: the clocks of the two machines differ'],
  [MARK.duplicate, 'orphan', 'Another span of this trace has the same id'],
  [MARK.ring, 'orphan', 'Its ancestors form a ring; it is shown as a root'],
];

function Marks({ marks }: { readonly marks: number }) {
  if (marks === 0) return null;
  return (
    <>
      {MARK_TEXT.filter(([bit]) => (marks & bit) !== 0).map(([bit, icon, text]) => (
        <span key={bit} className={styles.mark} title={text}>
          <Icon name={icon} label={text} size={12} />
        </span>
      ))}
    </>
  );
}
