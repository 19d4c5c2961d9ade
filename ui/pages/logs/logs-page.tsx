import { useEffect, useMemo } from 'react';
import { useLogHistogram, useLogs, useServices } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { type Url, useUrl } from '../../frame/url.ts';
import { readLogFilter, shownPair } from '../../model/filters.ts';
import { formatCount } from '../../model/format.ts';
import { nanosToMs } from '../../model/nanos.ts';
import { SEVERITIES, SEVERITY_COLOUR } from '../../model/severity.ts';
import controls from '../../parts/controls.module.css';
import { Button, Chip } from '../../parts/controls.tsx';
import { FilterBox } from '../../parts/filter-box.tsx';
import { Histogram } from '../../parts/histogram.tsx';
import { Icon } from '../../parts/icon.tsx';
import { ConnectPanel, EmptyPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { LogList } from './log-list.tsx';
import styles from './logs.module.css';

/** Least severities that can be asked for. */
const LEAST = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
const PARAMETERS = ['service', 'severity', 'text', 'traceId', 'spanId'] as const;
const NO_FILTER = Object.fromEntries([...PARAMETERS, 'attribute'].map((name) => [name, null]));
/** From the bottom of the stack: what matters most stands on the axis, where bars can be compared. */
const STACK = [...SEVERITIES].reverse();
const SERIES = STACK.map((name) => ({ name, colour: SEVERITY_COLOUR[name] }));
const HISTOGRAM_BUCKETS = 96;

type LogsQuery = Readonly<Record<string, string | readonly string[] | null>>;

/** What did the programs say? */
export default function LogsPage() {
  const url = useUrl();
  const { query: range, tick } = useRange();
  const query = useMemo<LogsQuery>(() => {
    const filters = Object.fromEntries(PARAMETERS.map((name) => [name, url.params.get(name)]));
    return { ...range, ...filters, attribute: url.params.getAll('attribute') };
  }, [range, url.params]);
  const services = useServices(range, tick).data?.items ?? [];
  useEffect(() => {
    document.title = 'Logs · Clew';
  }, []);
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Logs</h1>
      <div className={styles.bar}>
        <FilterBox
          label="Filter logs"
          placeholder="Text in the body, or service=cart, severity=warn, trace=…, key=value"
          suggestions={[
            ...services.map(({ service }) => `service=${service}`),
            ...LEAST.map((least) => `severity=${least}`),
          ]}
          onAdd={(text) => addFilter(url, text)}
        />
        <select
          className={controls.field}
          aria-label="Least severity"
          value={url.params.get('severity') ?? ''}
          onChange={(event) => url.set({ severity: event.target.value })}
        >
          <option value="">All severities</option>
          {LEAST.map((least) => (
            <option key={least} value={least}>
              {least === 'fatal' ? 'fatal' : `${least} and above`}
            </option>
          ))}
        </select>
        <LiveButton />
        <LogChips />
      </div>
      <Results query={query} />
    </div>
  );
}

function addFilter(url: Url, text: string): string | null {
  const change = readLogFilter(text);
  if (change === null) return 'Write a text or key=value';
  if (change.parameter !== 'attribute') url.set({ [change.parameter]: change.value });
  else url.set({ attribute: [...new Set([...url.params.getAll('attribute'), change.value])] });
  return null;
}

function LiveButton() {
  const { live, setLive } = useRange();
  return (
    <Button pressed={live} title="Follow new records (l)" onClick={() => setLive(!live)}>
      <Icon name={live ? 'pause' : 'live'} /> Live tail
    </Button>
  );
}

function LogChips() {
  const url = useUrl();
  const single = PARAMETERS.flatMap((name) => {
    const value = url.params.get(name);
    return value === null || name === 'severity' ? [] : [{ name, value }];
  });
  const attributes = url.params.getAll('attribute');
  if (single.length + attributes.length === 0) return null;
  return (
    <div className={controls.chips}>
      {single.map(({ name, value }) => (
        <Chip key={name} name={name} value={value} onRemove={() => url.set({ [name]: null })} />
      ))}
      {attributes.map((pair) => (
        <Chip
          key={pair}
          {...shownPair('attribute', pair)}
          onRemove={() => url.set({ attribute: attributes.filter((one) => one !== pair) })}
        />
      ))}
    </div>
  );
}

function Results({ query }: { readonly query: LogsQuery }) {
  const { tick, live } = useRange();
  const logs = useLogs(query, tick);
  const records = useMemo(() => logs.data?.pages.flatMap((page) => page.items) ?? [], [logs.data]);
  if (logs.isError)
    return <ErrorPanel what="The logs could not be read" error={logs.error} onRetry={() => logs.refetch()} />;
  if (logs.isPending) return <Skeleton lines={12} />;
  if (records.length === 0)
    return <NothingFound filtered={PARAMETERS.some((name) => query[name]) || query.attribute?.length !== 0} />;
  return (
    <section className={styles.results} aria-label="Found log records" aria-busy={logs.isPlaceholderData}>
      <LogHistogramChart query={query} />
      <p className={styles.note}>
        <span>
          {formatCount(records.length)} {records.length === 1 ? 'record' : 'records'}
          {logs.hasNextPage && ', the newest of more'}
        </span>
        <span>{live ? 'following: new records come in on top' : 'drag on the chart to zoom'}</span>
      </p>
      <LogList
        records={records}
        onEnd={() => {
          if (logs.hasNextPage && !logs.isFetchingNextPage) logs.fetchNextPage();
        }}
      />
    </section>
  );
}

function LogHistogramChart({ query }: { readonly query: LogsQuery }) {
  const { stretch, tick, zoom } = useRange();
  const { data } = useLogHistogram({ ...query, buckets: String(HISTOGRAM_BUCKETS) }, tick);
  const buckets = useMemo(
    () =>
      (data?.buckets ?? []).map(({ startTimeUnixNano, counts }) => ({
        startMs: nanosToMs(startTimeUnixNano),
        counts: STACK.map((severity) => counts[severity] ?? 0),
      })),
    [data],
  );
  return (
    <Histogram
      label="Log records over time by severity"
      series={SERIES}
      buckets={buckets}
      stepMs={Number(data?.stepNano ?? 1e9) / 1e6}
      stretch={stretch}
      height={72}
      onZoom={zoom}
    />
  );
}

function NothingFound({ filtered }: { readonly filtered: boolean }) {
  const url = useUrl();
  const { setRange } = useRange();
  const wider = <Button onClick={() => setRange({ start: 'now-24h', end: 'now' })}>Look at the last 24 hours</Button>;
  if (!filtered) {
    return (
      <div className={styles.results}>
        <ConnectPanel what="logs in this time range" />
        <EmptyPanel title="Or they are older" actions={wider}>
          <p>What arrived before this time range is kept as long as retention says.</p>
        </EmptyPanel>
      </div>
    );
  }
  return (
    <EmptyPanel
      title="No log record matches"
      actions={
        <>
          <Button onClick={() => url.set(NO_FILTER)}>Remove the filters</Button>
          {wider}
        </>
      }
    >
      <p>No record in this time range has all that the filters ask for.</p>
    </EmptyPanel>
  );
}
