import { useMemo } from 'react';
import { serviceColour } from '../../frame/service-colour.ts';
import { formatCount, formatDurationNs } from '../../model/format.ts';
import { nanosToMs } from '../../model/nanos.ts';
import { MARK } from '../../model/span-table.ts';
import { nextFound, timeByService } from '../../model/trace-search.ts';
import { Copy, Moment, ServiceName } from '../../parts/controls.tsx';
import { Icon } from '../../parts/icon.tsx';
import styles from './trace.module.css';
import type { TraceView } from './use-trace-view.ts';

const ID_SHOWN = 8;

/** The answer before the first click: what it was, how long, how many, what failed, who took the time. */
export function TraceHeader(props: {
  readonly view: TraceView;
  readonly traceId: string;
  readonly title: string;
  readonly truncated: boolean;
}) {
  const { table } = props.view;
  const orphans = useMemo(() => table.marks.reduce((count, mark) => count + (mark & MARK.orphan ? 1 : 0), 0), [table]);
  return (
    <header className={styles.header}>
      <div className={styles.title}>
        <ServiceName service={table.services[table.serviceOf[0]]} />
        <h1 title={props.title}>{props.title}</h1>
        <Copy text={props.traceId} shown={props.traceId.slice(0, ID_SHOWN)} label="trace id" />
      </div>
      <dl className={styles.stats}>
        <Stat name="Duration" value={formatDurationNs(table.durationNs)} />
        <Stat name="Spans" value={formatCount(table.count)} />
        <Stat name="Services" value={String(table.services.length)} />
        <div>
          <dt>Errors</dt>
          <dd>
            <ErrorJump view={props.view} />
          </dd>
        </div>
        <Stat name="Depth" value={formatCount(table.depthMax)} />
        <div>
          <dt>Start</dt>
          <dd>
            <Moment ms={nanosToMs(table.originNano)} date />
          </dd>
        </div>
      </dl>
      {(orphans > 0 || props.truncated) && (
        <p className={styles.warning}>
          <Icon name="orphan" />
          {orphans > 0 &&
            `${formatCount(orphans)} ${orphans === 1 ? 'span waits for its parent' : 'spans wait for their parents'}. `}
          {props.truncated &&
            `The trace is larger than one answer: the first ${formatCount(table.count)} spans are shown.`}
        </p>
      )}
      <ServiceBar view={props.view} />
    </header>
  );
}

function Stat({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function ErrorJump({ view }: { readonly view: TraceView }) {
  if (view.table.errorCount === 0) return <span>0</span>;
  return (
    <button type="button" className={styles.errorJump} title="Next error (e)" onClick={() => jumpToError(view)}>
      <Icon name="error" size={12} /> {formatCount(view.table.errorCount)}
    </button>
  );
}

/** Selects the next span that failed. */
export function jumpToError(view: TraceView): void {
  const failed = Int32Array.from({ length: view.table.count }, (_, i) => i).filter((i) => view.table.errors[i] === 1);
  const next = nextFound(failed, view.cursor < 0 ? -1 : view.rows.span[view.cursor], 1);
  if (next >= 0) view.selectSpan(next);
}

/** Self time by service as one bar; a click looks at one service only. */
function ServiceBar({ view }: { readonly view: TraceView }) {
  const services = useMemo(() => timeByService(view.table), [view.table]);
  const total = services.reduce((sum, { selfNs }) => sum + selfNs, 0) || 1;
  return (
    <ul className={styles.services} aria-label="Self time by service">
      {services.map(({ service, selfNs, spans }) => (
        <li key={service} style={{ flexGrow: Math.max(selfNs / total, 0.004) }}>
          <button
            type="button"
            aria-pressed={view.service === service}
            title={`${service}: ${formatDurationNs(selfNs)} of its own (${((100 * selfNs) / total).toFixed(1)} %), ${formatCount(spans)} spans`}
            onClick={() => view.setService(view.service === service ? null : service)}
          >
            <i style={{ background: serviceColour(service) }} />
            <span>
              <b>{service}</b> {formatDurationNs(selfNs)} <small>{((100 * selfNs) / total).toFixed(0)} %</small>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
