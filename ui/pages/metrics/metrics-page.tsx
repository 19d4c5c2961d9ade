import { useEffect, useMemo, useRef, useState } from 'react';
import type { MetricSummary } from '../../../src/query/api.ts';
import { useMetrics } from '../../data/queries.ts';
import { useKeys } from '../../frame/keys.ts';
import { useRange } from '../../frame/range.tsx';
import { useUrl } from '../../frame/url.ts';
import { formatCount, formatWithUnit } from '../../model/format.ts';
import { KIND_NAME } from '../../model/metric.ts';
import controls from '../../parts/controls.module.css';
import { clamp } from '../../parts/measure.ts';
import { ConnectPanel, EmptyPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { MetricView } from './metric-view.tsx';
import styles from './metrics.module.css';

/** What do the programs measure, and how does it go? */
export default function MetricsPage() {
  const { query, tick } = useRange();
  const metrics = useMetrics(query, tick);
  useEffect(() => {
    document.title = 'Metrics · Clew';
  }, []);
  if (metrics.isError) {
    return (
      <ErrorPanel what="The metrics could not be read" error={metrics.error} onRetry={() => metrics.refetch()} alone />
    );
  }
  if (metrics.isPending) return <Skeleton lines={12} />;
  if (metrics.data.items.length === 0) {
    return (
      <div className={styles.empty}>
        <ConnectPanel what="metrics in this time range" alone />
      </div>
    );
  }
  return <Explorer metrics={metrics.data.items} />;
}

function Explorer({ metrics }: { readonly metrics: readonly MetricSummary[] }) {
  const url = useUrl();
  const [text, setText] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const shown = useMemo(() => matching(metrics, text), [metrics, text]);
  const name = url.params.get('name') ?? metrics[0].name;
  const metric = metrics.find((one) => one.name === name);
  const choose = (next: string) =>
    url.set({ name: next, function: null, groupBy: null, attribute: null, service: null });
  const move = (by: number) => {
    const at = shown.findIndex((one) => one.name === name);
    if (shown.length > 0) choose(shown[clamp(at + by, 0, shown.length - 1)].name);
  };
  useKeys({
    '/': () => input.current?.focus(),
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    Escape: () => input.current?.blur(),
  });
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Metrics</h1>
      <section className={styles.names} aria-label="Names of metrics">
        <input
          ref={input}
          className={controls.field}
          aria-label="Find a metric"
          placeholder={`Find among ${formatCount(metrics.length)} metrics`}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {shown.length === 0 && <p className={styles.none}>No metric has “{text}” in its name or description.</p>}
        <ul>
          {shown.map((one) => (
            <MetricName
              key={`${one.name} ${one.kind}`}
              metric={one}
              chosen={one.name === name}
              onChoose={() => choose(one.name)}
            />
          ))}
        </ul>
      </section>
      {metric === undefined ? (
        <EmptyPanel title="No such metric in this time range">
          <p>{name} has no points here. Choose another one, or a wider time range.</p>
        </EmptyPanel>
      ) : (
        <MetricView key={metric.name} metric={metric} />
      )}
    </div>
  );
}

function matching(metrics: readonly MetricSummary[], text: string): readonly MetricSummary[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return metrics.filter(({ name, description }) =>
    words.every((word) => `${name} ${description}`.toLowerCase().includes(word)),
  );
}

function MetricName({
  metric,
  chosen,
  onChoose,
}: {
  readonly metric: MetricSummary;
  readonly chosen: boolean;
  readonly onChoose: () => void;
}) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (chosen) button.current?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  return (
    <li>
      <button
        ref={button}
        type="button"
        className={styles.name}
        aria-current={chosen}
        title={metric.description}
        onClick={onChoose}
      >
        <b>{metric.name}</b>
        <span>
          {KIND_NAME[metric.kind]}
          {metric.unit !== '' && metric.unit !== '1' && ` · ${metric.unit}`}
        </span>
        <em>{metric.lastValue === null ? '' : formatWithUnit(metric.lastValue, metric.unit)}</em>
      </button>
    </li>
  );
}
