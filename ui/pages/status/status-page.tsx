import { useEffect, useMemo } from 'react';
import type { Status } from '../../../src/query/api.ts';
import { useStatus } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { formatAge, formatCount, formatShort, formatTick } from '../../model/format.ts';
import { Plot } from '../../parts/plot.tsx';
import { CodeBlock, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { Alerts } from './alerts.tsx';
import styles from './status.module.css';
import { Configuration, Disk, Journal, Receivers, Refused, Tables, Verdict } from './status-parts.tsx';

/** Does everything that is sent arrive, and is it kept? */
export default function StatusPage() {
  const status = useStatus();
  useEffect(() => {
    document.title = 'Status · Clew';
  }, []);
  if (status.isPending) return <Skeleton lines={12} />;
  if (status.data === undefined) {
    return (
      <ErrorPanel what="The status could not be read" error={status.error} onRetry={() => status.refetch()} alone />
    );
  }
  return <Overview status={status.data} />;
}

function Overview({ status }: { readonly status: Status }) {
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1>Status</h1>
        <p>
          Clew {status.version}, up for {formatAge(Date.now() - Date.parse(status.startedAt))}, data in{' '}
          <code>{status.dataDirectory}</code>
        </p>
      </header>
      <Verdict
        troubles={troublesOf(status)}
        well={`All is well: what is acknowledged is on disk, and visible after ${formatCount(status.store.lagMs)} ms.`}
      />
      <Alerts />
      <section className={styles.wide} aria-labelledby="arriving">
        <h2 id="arriving">What arrives</h2>
        <Arriving status={status} />
      </section>
      <section className={styles.wide} aria-labelledby="receivers">
        <h2 id="receivers">Receivers</h2>
        <Receivers status={status} />
      </section>
      <section aria-labelledby="refused">
        <h2 id="refused">Refused</h2>
        <Refused status={status} />
      </section>
      <section aria-labelledby="journal">
        <h2 id="journal">Journal</h2>
        <Journal status={status} />
      </section>
      <section aria-labelledby="disk">
        <h2 id="disk">Disk</h2>
        <Disk status={status} />
      </section>
      <section className={styles.wide} aria-labelledby="store">
        <h2 id="store">
          Store: {status.store.kind === 'embedded' ? 'embedded ClickHouse' : 'ClickHouse server'} {status.store.version}
        </h2>
        <Tables status={status} />
      </section>
      <section aria-labelledby="send" className={styles.half}>
        <h2 id="send">Send to this Clew</h2>
        <CodeBlock
          text={`export OTEL_EXPORTER_OTLP_ENDPOINT=${status.endpoints.http}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\n# or over gRPC\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${status.endpoints.grpc}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=grpc`}
        />
      </section>
      <section className={styles.wide} aria-labelledby="configuration">
        <h2 id="configuration">Configuration in force</h2>
        <Configuration status={status} />
      </section>
    </div>
  );
}

const LAG_HIGH_MS = 10_000;
const DISK_LOW = 0.1;

/** What is not well, in words. */
function troublesOf({ store, journal, disk, receivers }: Status): string[] {
  const down = receivers.filter(({ up }) => !up).length;
  return [
    down > 0 && `${down} of ${receivers.length} receivers are down`,
    store.lastLoadError !== null && `the store last failed with: ${store.lastLoadError}`,
    store.lagMs > LAG_HIGH_MS && `the store is ${formatAge(store.lagMs)} behind`,
    journal.bytes > journal.quotaBytes * 0.8 && 'the journal is nearly full',
    journal.damaged.length > 0 && `${journal.damaged.length} damaged places in the journal`,
    disk.freeBytes < disk.totalBytes * DISK_LOW && 'the disk is nearly full',
  ].filter((trouble) => trouble !== false);
}

const SERIES = [
  { name: 'spans', key: 'traces', colour: 'var(--s0)' },
  { name: 'data points', key: 'metrics', colour: 'var(--s2)' },
  { name: 'log records', key: 'logs', colour: 'var(--s1)' },
  { name: 'refused', key: 'refused', colour: 'var(--red-fill)' },
] as const;

function Arriving({ status }: { readonly status: Status }) {
  const { history } = status;
  const { zoom } = useRange();
  const times = useMemo(() => history.map(({ timeMs }) => timeMs / 1e3), [history]);
  const values = useMemo(() => SERIES.map(({ key }) => history.map((point) => point[key])), [history]);
  const stretch = useMemo(() => {
    const toMs = history.at(-1)?.timeMs ?? Date.now();
    return { fromMs: Math.min(history[0]?.timeMs ?? toMs, toMs - 60e3), toMs };
  }, [history]);
  const last = history.at(-1);
  return (
    <>
      <ul className={styles.rates}>
        {SERIES.map(({ name, key, colour }) => (
          <li key={key}>
            <i style={{ background: colour }} /> {name} <b>{formatShort(last?.[key] ?? 0)}</b> /s
          </li>
        ))}
      </ul>
      <Plot
        label="Items a second over the last 15 minutes"
        times={times}
        values={values}
        series={SERIES}
        stretch={stretch}
        height={170}
        format={(value) => formatTick(value, '1')}
        onZoom={zoom}
      />
    </>
  );
}
