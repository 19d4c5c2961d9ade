import { useUrl } from '../../frame/url.ts';
import { formatCount, formatDurationNs } from '../../model/format.ts';
import { summarizeFold } from '../../model/rows.ts';
import { Button, Copy, IconButton, ServiceName } from '../../parts/controls.tsx';
import { Dock } from '../../parts/dock.tsx';
import { Icon } from '../../parts/icon.tsx';
import { AttributesTab, EventsTab, LinksTab, LogsTab, RawTab, ResourceTab } from './span-tabs.tsx';
import styles from './trace.module.css';
import type { TraceView } from './use-trace-view.ts';

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

/** All that is known of the selected span, beside the waterfall. */
export function SpanDock({ view, traceId }: { readonly view: TraceView; readonly traceId: string }) {
  const folded = view.rows.folded[view.cursor] > 0;
  return (
    <Dock label="Span details" name="span" width={420}>
      {folded ? <FoldDetails view={view} /> : <SpanDetails view={view} traceId={traceId} />}
    </Dock>
  );
}

function SpanDetails({ view, traceId }: { readonly view: TraceView; readonly traceId: string }) {
  const { table } = view;
  const i = view.rows.span[view.cursor];
  const span = table.spans[i];
  return (
    <>
      <div className={styles.dockHead}>
        <div>
          <ServiceName service={table.services[table.serviceOf[i]]} />
          <IconButton icon="close" label="Close (Esc)" onClick={view.deselect} />
        </div>
        <h2>{span.name || '(no name)'}</h2>
        {table.errors[i] === 1 && (
          <p className={styles.failure}>
            <Icon name="error" size={12} /> {span.status?.message || 'Error'}
          </p>
        )}
        <dl className={styles.facts}>
          <Fact name="Duration" value={formatDurationNs(table.durationsNs[i])} />
          <Fact name="Self" value={formatDurationNs(table.selfNs[i])} />
          <Fact name="Starts at" value={formatDurationNs(table.startsNs[i])} />
          <Fact name="Kind" value={KINDS[span.kind ?? 0] ?? String(span.kind)} />
          <Fact name="Depth" value={String(table.depths[i] + 1)} />
          <div>
            <dt>Span</dt>
            <dd>
              <Copy text={span.spanId} shown={span.spanId.slice(0, 8)} label="span id" />
            </dd>
          </div>
        </dl>
      </div>
      <Tabs view={view} i={i} traceId={traceId} />
    </>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Tabs({ view, i, traceId }: { readonly view: TraceView; readonly i: number; readonly traceId: string }) {
  const { params, set } = useUrl();
  const span = view.table.spans[i];
  const context = view.table.contexts[view.table.contextOf[i]];
  const chosen = params.get('tab') ?? 'attributes';
  const tabs: readonly (readonly [string, string, number | null])[] = [
    ['attributes', 'Attributes', span.attributes?.length ?? 0],
    ['events', 'Events', span.events?.length ?? 0],
    ['links', 'Links', span.links?.length ?? 0],
    ['logs', 'Logs', null],
    ['resource', 'Resource', null],
    ['raw', 'Raw', null],
  ];
  return (
    <>
      <div className={styles.tabs} role="tablist" aria-label="Span details">
        {tabs.map(([key, name, count]) => (
          <button
            key={key}
            type="button"
            role="tab"
            id={`tab-${key}`}
            aria-controls="tab-panel"
            aria-selected={key === chosen}
            onClick={() => set({ tab: key === 'attributes' ? null : key }, { replace: true })}
          >
            {name}
            {count !== null && count > 0 && <small>{count}</small>}
          </button>
        ))}
      </div>
      {/* A scrolling area must be reachable by keyboard */}
      <div className={styles.tab} id="tab-panel" role="tabpanel" aria-labelledby={`tab-${chosen}`} tabIndex={0}>
        {chosen === 'attributes' && <AttributesTab span={span} />}
        {chosen === 'events' && <EventsTab span={span} originNano={view.table.originNano} />}
        {chosen === 'links' && <LinksTab span={span} />}
        {chosen === 'logs' && <LogsTab span={span} traceId={traceId} />}
        {chosen === 'resource' && <ResourceTab context={context} span={span} />}
        {chosen === 'raw' && <RawTab context={context} span={span} />}
      </div>
    </>
  );
}

function FoldDetails({ view }: { readonly view: TraceView }) {
  const head = view.rows.span[view.cursor];
  const fold = summarizeFold(view.table, view.folds, head);
  const open = view.unfolding.opened.has(head);
  return (
    <div className={styles.dockHead}>
      <div>
        <ServiceName service={view.table.services[view.table.serviceOf[head]]} />
        <IconButton icon="close" label="Close (Esc)" onClick={view.deselect} />
      </div>
      <h2>
        {view.table.spans[head].name || '(no name)'} ×{formatCount(fold.count)}
      </h2>
      <dl className={styles.facts}>
        <Fact name="p95" value={formatDurationNs(fold.p95Ns)} />
        <Fact name="Sum" value={formatDurationNs(fold.totalNs)} />
        <Fact name="From first to last" value={formatDurationNs(fold.toNs - fold.fromNs)} />
        <Fact name="Errors" value={formatCount(fold.errors)} />
      </dl>
      <p className={styles.foldNote}>
        The same operation, called again and again by one parent. When the calls stand one after the other, one call for
        all of them may save the time between.
      </p>
      <div>
        <Button onClick={() => view.toggle(view.cursor)}>{open ? 'Fold them again' : 'Show each of them'}</Button>
      </div>
    </div>
  );
}
