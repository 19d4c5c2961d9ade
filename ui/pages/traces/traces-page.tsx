import { useEffect, useMemo, useState } from 'react';
import type { Facet, TraceSummary } from '../../../src/query/api.ts';
import { useTraceFacets, useTraceHistogram, useTraces } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { shownPair } from '../../model/filters.ts';
import { formatCount } from '../../model/format.ts';
import { nanosToMs } from '../../model/nanos.ts';
import { readSelection, writeSelection } from '../../model/trace-selection.ts';
import controls from '../../parts/controls.module.css';
import { Button, Chip, IconButton } from '../../parts/controls.tsx';
import { Dock } from '../../parts/dock.tsx';
import { FilterBox } from '../../parts/filter-box.tsx';
import { Histogram } from '../../parts/histogram.tsx';
import { ConnectPanel, EmptyPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { Compare } from './compare.tsx';
import { FacetBar } from './facet-bar.tsx';
import { Scatter } from './scatter.tsx';
import {
  addTyped,
  hasTraceFilter,
  LIST_PARAMETERS,
  NO_TRACE_FILTER,
  TRACE_PARAMETERS,
  toggleFilter,
  traceQuery,
} from './trace-filters.ts';
import { TraceTable } from './trace-table.tsx';
import styles from './traces.module.css';

const FACETS_KEY = 'clew.facets';
const NARROW_PX = 760;
const SERIES = [
  { name: 'errors', colour: 'var(--red-fill)' },
  { name: 'spans', colour: 'var(--bar)' },
];
const HISTOGRAM_BUCKETS = 96;

/** Which traces are there, how long did they take, which failed? */
export default function TracesPage() {
  const url = useUrl();
  const { query: range, tick } = useRange();
  const query = useMemo(() => ({ ...range, ...traceQuery(url.params) }), [range, url.params]);
  const facets = useTraceFacets(query, tick);
  const [open, setOpen] = useState(
    () => window.innerWidth > NARROW_PX && localStorage.getItem(FACETS_KEY) !== 'closed',
  );
  useEffect(() => {
    document.title = 'Traces · Clew';
  }, []);
  const toggle = () => {
    if (window.innerWidth > NARROW_PX) localStorage.setItem(FACETS_KEY, open ? 'closed' : 'open');
    setOpen(!open);
  };
  const found = facets.data?.items ?? [];
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Traces</h1>
      <div className={styles.bar}>
        <IconButton icon="panel" label="Facets" pressed={open} onClick={toggle} />
        <FilterBox
          label="Filter traces"
          placeholder="Filter: service=cart, status=error, duration>250ms, http.route=/cart"
          suggestions={suggest(found)}
          onAdd={(text) => addTyped(url, text)}
        />
        <TraceChips />
      </div>
      <div className={styles.body}>
        {open && (facets.isPending || found.length > 0) && <FacetBar facets={found} loading={facets.isPending} />}
        <Results query={query} />
      </div>
    </div>
  );
}

function suggest(facets: readonly Facet[]): readonly string[] {
  return facets.flatMap(({ field, values }) =>
    values.map(({ value }) => `${field}=${field === 'status' || field === 'kind' ? value.toLowerCase() : value}`),
  );
}

const SHOWN_NAME: Readonly<Record<string, string>> = { minDuration: 'duration ≥', maxDuration: 'duration ≤' };

function TraceChips() {
  const url = useUrl();
  const single = TRACE_PARAMETERS.flatMap((name) => {
    const value = url.params.get(name);
    return value === null ? [] : [{ name, value }];
  });
  const listed = LIST_PARAMETERS.flatMap((parameter) =>
    url.params.getAll(parameter).map((value) => ({ parameter, value })),
  );
  if (single.length + listed.length === 0) return null;
  return (
    <div className={controls.chips}>
      {single.map(({ name, value }) => (
        <Chip key={name} name={SHOWN_NAME[name] ?? name} value={value} onRemove={() => url.set({ [name]: null })} />
      ))}
      {listed.map((filter) => (
        <Chip
          key={`${filter.parameter} ${filter.value}`}
          {...shownPair(filter.parameter, filter.value)}
          onRemove={() => toggleFilter(url, filter)}
        />
      ))}
      {single.length + listed.length > 1 && <Button onClick={() => url.set(NO_TRACE_FILTER)}>Clear</Button>}
    </div>
  );
}

type TracesQuery = Readonly<Record<string, string | readonly string[] | null>>;

function Results({ query }: { readonly query: TracesQuery }) {
  const { tick } = useRange();
  const { params } = useUrl();
  const selection = readSelection(params.get('box'));
  const traces = useTraces(query, tick);
  const found = useMemo(() => traces.data?.pages.flatMap((page) => page.items) ?? [], [traces.data]);
  if (traces.isError) {
    return <ErrorPanel what="The traces could not be read" error={traces.error} onRetry={() => traces.refetch()} />;
  }
  if (traces.isPending) return <Skeleton lines={12} />;
  if (found.length === 0) return <NothingFound />;
  const more = () => {
    if (traces.hasNextPage && !traces.isFetchingNextPage) traces.fetchNextPage();
  };
  return (
    <>
      <section className={styles.results} aria-label="Found traces" aria-busy={traces.isPlaceholderData}>
        <TraceHistogramChart query={query} />
        <ScatterChart traces={found} more={traces.hasNextPage} onMore={more} />
        <p className={styles.note}>
          <span>
            {formatCount(found.length)} {found.length === 1 ? 'trace' : 'traces'}
            {traces.hasNextPage && ', the newest of more'}
          </span>
          <span>drag over the points to compare them with the others</span>
        </p>
        <TraceTable traces={found} onEnd={more} />
      </section>
      {selection !== null && (
        <Dock label="Selected traces" name="compare" width={360}>
          <Compare query={query} selection={selection} drawn={found.length} />
        </Dock>
      )}
    </>
  );
}

function TraceHistogramChart({ query }: { readonly query: TracesQuery }) {
  const { stretch, tick, zoom } = useRange();
  const { data } = useTraceHistogram({ ...query, buckets: String(HISTOGRAM_BUCKETS) }, tick);
  const buckets = useMemo(
    () =>
      (data?.buckets ?? []).map(({ startTimeUnixNano, spans, errors }) => ({
        startMs: nanosToMs(startTimeUnixNano),
        counts: [errors, Math.max(0, spans - errors)],
      })),
    [data],
  );
  return (
    <Histogram
      label="Spans and errors over time"
      series={SERIES}
      buckets={buckets}
      stepMs={Number(data?.stepNano ?? 1e9) / 1e6}
      stretch={stretch}
      height={52}
      axis={false}
      onZoom={zoom}
    />
  );
}

function ScatterChart({
  traces,
  more,
  onMore,
}: {
  readonly traces: readonly TraceSummary[];
  readonly more: boolean;
  readonly onMore: () => void;
}) {
  const url = useUrl();
  const { stretch } = useRange();
  return (
    <Scatter
      selection={readSelection(url.params.get('box'))}
      traces={traces}
      more={more}
      onMore={onMore}
      stretch={stretch}
      height={168}
      onOpen={(traceId) => url.go(placeAddress(`/traces/${traceId}`, url.params))}
      onSelect={(selection) => url.set({ box: writeSelection(selection) })}
    />
  );
}

function NothingFound() {
  const url = useUrl();
  const { setRange } = useRange();
  const wider = <Button onClick={() => setRange({ start: 'now-24h', end: 'now' })}>Look at the last 24 hours</Button>;
  if (hasTraceFilter(url.params)) {
    return (
      <EmptyPanel
        title="No trace matches"
        actions={
          <>
            <Button onClick={() => url.set(NO_TRACE_FILTER)}>Remove the filters</Button>
            {wider}
          </>
        }
      >
        <p>No span in this time range has all that the filters ask for.</p>
      </EmptyPanel>
    );
  }
  return (
    <div className={styles.results}>
      <ConnectPanel what="traces in this time range" />
      <EmptyPanel title="Or they are older" actions={wider}>
        <p>What arrived before this time range is kept as long as retention says.</p>
      </EmptyPanel>
    </div>
  );
}
