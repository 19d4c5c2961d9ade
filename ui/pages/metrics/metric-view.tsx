import { useMemo, useSyncExternalStore } from 'react';
import type { MetricSummary } from '../../../src/query/api.ts';
import { useMetricSeries } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { type Url, useUrl } from '../../frame/url.ts';
import { readAttributeFilter } from '../../model/filters.ts';
import { formatWithUnit } from '../../model/format.ts';
import { FUNCTIONS, KIND_NAME, seriesName, unitOf } from '../../model/metric.ts';
import controls from '../../parts/controls.module.css';
import { Chip } from '../../parts/controls.tsx';
import { FilterBox } from '../../parts/filter-box.tsx';
import { EmptyPanel, ErrorPanel, Skeleton } from '../../parts/states.tsx';
import { HeatMap } from './heat-map.tsx';
import { LineChart } from './line-chart.tsx';
import styles from './metrics.module.css';
import { seriesColour } from './series-colour.ts';

/** One metric: filter, group, function, and the chart of what comes out. */
export function MetricView({ metric }: { readonly metric: MetricSummary }) {
  const url = useUrl();
  const { query: range, tick } = useRange();
  const functions = FUNCTIONS[metric.kind];
  const asked = url.params.get('function');
  const chosen = asked !== null && functions.includes(asked) ? asked : functions[0];
  const query = useMemo(
    () => ({
      ...range,
      service: url.params.get('service'),
      attribute: url.params.getAll('attribute'),
      groupBy: chosen === 'heatmap' ? null : url.params.get('groupBy'),
      function: chosen,
    }),
    [range, url.params, chosen],
  );
  const series = useMetricSeries(metric.name, query, tick, true);
  return (
    <section className={styles.view} aria-label={metric.name}>
      <header>
        <h2>{metric.name}</h2>
        <span>
          {KIND_NAME[metric.kind]}
          {metric.unit !== '' && ` · ${metric.unit}`}
        </span>
        <p>{metric.description}</p>
      </header>
      <Builder metric={metric} functions={functions} chosen={chosen} url={url} />
      {series.isError ? (
        <ErrorPanel what="The metric could not be read" error={series.error} onRetry={() => series.refetch()} />
      ) : series.isPending ? (
        <Skeleton />
      ) : (
        <>
          {series.data.truncated && (
            <p className={styles.truncated}>
              There are more series than one answer holds: filter, or group by something with fewer values.
            </p>
          )}
          <Chart metric={metric} data={series.data} chosen={chosen} />
        </>
      )}
    </section>
  );
}

function Builder(props: {
  readonly metric: MetricSummary;
  readonly functions: readonly string[];
  readonly chosen: string;
  readonly url: Url;
}) {
  const { metric, url } = props;
  const attributes = url.params.getAll('attribute');
  const add = (text: string) => {
    const change = readAttributeFilter(text);
    if (change === null) return 'Write key=value';
    url.set({ attribute: [...new Set([...attributes, change.value])] });
    return null;
  };
  return (
    <div className={styles.builder}>
      <Choice
        name="Function"
        value={props.chosen}
        options={props.functions}
        onChange={(value) => url.set({ function: value })}
      />
      <Choice
        name="Service"
        value={url.params.get('service') ?? ''}
        none="all"
        options={metric.services}
        onChange={(service) => url.set({ service })}
      />
      {props.chosen !== 'heatmap' && (
        <Choice
          name="Group by"
          value={url.params.get('groupBy') ?? ''}
          none="nothing"
          options={['service.name', ...metric.attributeKeys.filter((key) => key !== 'service.name')]}
          onChange={(groupBy) => url.set({ groupBy })}
        />
      )}
      <FilterBox
        label="Filter points"
        placeholder="Filter: http.route=/cart"
        suggestions={metric.attributeKeys.map((key) => `${key}=`)}
        onAdd={add}
      />
      {attributes.map((pair) => (
        <Chip
          key={pair}
          name={pair.slice(0, pair.indexOf('='))}
          value={pair.slice(pair.indexOf('=') + 1)}
          onRemove={() => url.set({ attribute: attributes.filter((one) => one !== pair) })}
        />
      ))}
    </div>
  );
}

function Choice(props: {
  readonly name: string;
  readonly value: string;
  readonly none?: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
}) {
  return (
    <label className={styles.choice}>
      {props.name}
      <select className={controls.field} value={props.value} onChange={(event) => props.onChange(event.target.value)}>
        {props.none !== undefined && <option value="">{props.none}</option>}
        {props.options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

type Series = NonNullable<ReturnType<typeof useMetricSeries>['data']>;

function Chart({
  metric,
  data,
  chosen,
}: {
  readonly metric: MetricSummary;
  readonly data: Series;
  readonly chosen: string;
}) {
  const { stretch, zoom } = useRange();
  const height = useChartHeight();
  const unit = unitOf(metric.kind, metric.unit, chosen);
  if (chosen === 'heatmap' && data.heatmap !== undefined && data.heatmap.timesMs.length > 0) {
    return (
      <HeatMap
        heatmap={data.heatmap}
        stepMs={Number(data.stepNano) / 1e6}
        unit={metric.unit}
        exemplars={data.exemplars}
        stretch={stretch}
        height={height}
        onZoom={zoom}
      />
    );
  }
  if (data.series.every(({ points }) => points.length === 0)) {
    return (
      <EmptyPanel title="No points">
        <p>No point of this metric in this time range has all that the filters ask for.</p>
      </EmptyPanel>
    );
  }
  return (
    <>
      <LineChart
        name={metric.name}
        series={data.series}
        unit={unit}
        exemplars={data.exemplars}
        stretch={stretch}
        height={height}
        onZoom={zoom}
      />
      <Legend metric={metric} data={data} unit={unit} />
    </>
  );
}

const HEIGHT_SHARE = 0.5;
const HEIGHT_LEAST_PX = 220;

/** Half of the window: the chart is what the page is for. */
function useChartHeight(): number {
  const inner = useSyncExternalStore(followSize, () => window.innerHeight);
  return Math.max(HEIGHT_LEAST_PX, Math.round(inner * HEIGHT_SHARE));
}

function followSize(listener: () => void): () => void {
  window.addEventListener('resize', listener);
  return () => window.removeEventListener('resize', listener);
}

function Legend({
  metric,
  data,
  unit,
}: {
  readonly metric: MetricSummary;
  readonly data: Series;
  readonly unit: string;
}) {
  const format = (value: number | null) => (value === null ? '–' : formatWithUnit(value, unit));
  return (
    <table className={styles.legend}>
      <thead>
        <tr>
          <th>Series</th>
          <th>Least</th>
          <th>Average</th>
          <th>Most</th>
          <th>Last</th>
        </tr>
      </thead>
      <tbody>
        {data.series.map(({ labels, points }, index) => {
          const values = points.flatMap(([, value]) => (value === null ? [] : [value]));
          const sum = values.reduce((total, value) => total + value, 0);
          return (
            <tr key={JSON.stringify(labels)}>
              <td>
                <i style={{ background: seriesColour(index) }} /> {seriesName(labels, metric.name)}
              </td>
              <td>{format(values.length === 0 ? null : values.reduce((a, b) => Math.min(a, b)))}</td>
              <td>{format(values.length === 0 ? null : sum / values.length)}</td>
              <td>{format(values.length === 0 ? null : values.reduce((a, b) => Math.max(a, b)))}</td>
              <td>{format(values.at(-1) ?? null)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
