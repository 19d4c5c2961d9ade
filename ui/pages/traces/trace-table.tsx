import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import type { TraceSummary } from '../../../src/query/api.ts';
import { useKeys } from '../../frame/keys.ts';
import { serviceColour } from '../../frame/service-colour.ts';
import { placeAddress, useCursorParam, useUrl } from '../../frame/url.ts';
import { formatCount, formatDurationNs } from '../../model/format.ts';
import { nanosToMs } from '../../model/nanos.ts';
import { ErrorCount, Moment, ServiceName } from '../../parts/controls.tsx';
import { clamp, scrollToRow, useRowWindow } from '../../parts/measure.ts';
import styles from './traces.module.css';

const ROW_PX = 24;
const HEAD_PX = 26;
const END_ROWS = 40;
/** A shorter bar beside the duration would look like dirt. */
const SHARE_LEAST = 0.05;

/** The found traces, newest first: rows of one line, only those in view are in the page. */
export function TraceTable({
  traces,
  onEnd,
}: {
  readonly traces: readonly TraceSummary[];
  readonly onEnd: () => void;
}) {
  const url = useUrl();
  const scroller = useRef<HTMLDivElement>(null);
  const { first, end } = useRowWindow(scroller, traces.length, ROW_PX, HEAD_PX);
  const [selected, select] = useCursorParam('sel');
  const at = traces.findIndex(({ traceId }) => traceId === selected);
  const move = (to: number) => {
    const row = clamp(to, 0, traces.length - 1);
    select(traces[row].traceId);
    scrollToRow(scroller.current, row, ROW_PX, HEAD_PX);
  };
  useKeys({
    j: () => move(at + 1),
    ArrowDown: () => move(at + 1),
    k: () => move(at < 0 ? 0 : at - 1),
    ArrowUp: () => move(at < 0 ? 0 : at - 1),
    g: () => move(0),
    G: () => move(traces.length - 1),
    Enter: () => {
      if (at >= 0) url.go(placeAddress(`/traces/${traces[at].traceId}`, url.params));
    },
    Escape: () => select(null),
  });
  useEffect(() => {
    if (end >= traces.length - END_ROWS) onEnd();
  });
  // Coming back from a trace, its row is in view again.
  const first0 = useRef(at);
  useEffect(() => scrollToRow(scroller.current, first0.current, ROW_PX, HEAD_PX), []);
  const longest = traces.reduce((most, { durationNano }) => Math.max(most, Number(durationNano)), 1);
  return (
    // A scrolling area must be reachable by keyboard
    <div className={styles.scroller} ref={scroller} tabIndex={0} role="region" aria-label="Traces">
      <table className={styles.table} aria-rowcount={traces.length + 1}>
        <thead>
          <tr>
            <th>Root operation</th>
            <th className={styles.wide}>Time by service</th>
            <th className={styles.number}>Spans</th>
            <th className={styles.number}>Errors</th>
            <th className={styles.number}>Duration</th>
            <th className={`${styles.number} ${styles.wide}`}>Start</th>
          </tr>
        </thead>
        <tbody>
          <Spacer height={first * ROW_PX} />
          {traces.slice(first, end).map((trace, i) => (
            <TraceRow
              key={trace.traceId}
              trace={trace}
              href={placeAddress(`/traces/${trace.traceId}`, url.params)}
              index={first + i}
              selected={trace.traceId === selected}
              share={Number(trace.durationNano) / longest}
              onSelect={() => select(trace.traceId)}
            />
          ))}
          <Spacer height={(traces.length - end) * ROW_PX} />
        </tbody>
      </table>
    </div>
  );
}

function Spacer({ height }: { readonly height: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden="true">
      <td style={{ height, padding: 0 }} />
    </tr>
  );
}

function TraceRow(props: {
  readonly trace: TraceSummary;
  readonly href: string;
  readonly index: number;
  readonly selected: boolean;
  readonly share: number;
  readonly onSelect: () => void;
}) {
  const { trace } = props;
  const startMs = nanosToMs(trace.startTimeUnixNano);
  return (
    <tr aria-rowindex={props.index + 2} className={props.selected ? styles.selected : undefined}>
      <td>
        <Link className={styles.root} href={props.href} onClick={props.onSelect}>
          <ServiceName service={trace.rootService} />
          <b>{trace.rootOperation}</b>
          {!trace.hasRoot && (
            <em title="The root span has not arrived; this is the first span that has">no root yet</em>
          )}
        </Link>
      </td>
      <td className={styles.wide}>
        <ServiceStrip services={trace.services} />
      </td>
      <td className={styles.number}>{formatCount(trace.spanCount)}</td>
      <td className={styles.number}>
        <ErrorCount count={trace.errorCount} />
      </td>
      <td className={styles.number}>
        <span className={styles.duration}>
          {props.share > SHARE_LEAST && <i style={{ width: `${props.share * 100}%` }} />}
          <span>{formatDurationNs(Number(trace.durationNano))}</span>
        </span>
      </td>
      <td className={`${styles.number} ${styles.wide}`}>
        <Moment ms={startMs} date={Date.now() - startMs > 20 * 3600e3} />
      </td>
    </tr>
  );
}

const STRIP_MAX = 8;

/** How the time of a trace's spans is shared among its services. */
function ServiceStrip({ services }: { readonly services: TraceSummary['services'] }) {
  const ranked = [...services].sort((a, b) => Number(b.durationNano) - Number(a.durationNano));
  const total = ranked.reduce((sum, { durationNano }) => sum + Number(durationNano), 0) || 1;
  const text = ranked
    .slice(0, STRIP_MAX)
    .map(({ service, spans }) => `${service} ${spans}`)
    .join(', ');
  return (
    <span className={styles.strip} title={text}>
      <span role="img" aria-label={`${services.length} services: ${text}`}>
        {ranked.map(({ service, durationNano }) => (
          <i key={service} style={{ background: serviceColour(service), flexGrow: Number(durationNano) / total }} />
        ))}
      </span>
      <small>{services.length}</small>
    </span>
  );
}
