import { useCallback, useMemo, useState } from 'react';
import type { MetricSeries } from '../../../src/query/api.ts';
import { formatTick } from '../../model/format.ts';
import { alignSeries, seriesName } from '../../model/metric.ts';
import type { Stretch } from '../../model/time-range.ts';
import { Plot, type ToPixels } from '../../parts/plot.tsx';
import { Exemplars } from './exemplars.tsx';
import styles from './metrics.module.css';
import { seriesColour } from './series-colour.ts';

/** The series of a metric as lines, with its exemplars. */
export function LineChart(props: {
  readonly name: string;
  readonly series: MetricSeries['series'];
  readonly unit: string;
  readonly exemplars: MetricSeries['exemplars'];
  readonly stretch: Stretch;
  readonly height: number;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}) {
  const [toPixels, setToPixels] = useState<ToPixels | null>(null);
  const aligned = useMemo(() => alignSeries(props.series), [props.series]);
  const lines = useMemo(
    () =>
      props.series.map(({ labels }, index) => ({ name: seriesName(labels, props.name), colour: seriesColour(index) })),
    [props.series, props.name],
  );
  const format = useCallback((value: number) => formatTick(value, props.unit), [props.unit]);
  const onScale = useCallback((next: ToPixels) => setToPixels(() => next), []);
  const most = aligned.values.flat().reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
  return (
    <div className={styles.chart}>
      <Plot
        label={`${props.name} over time`}
        times={aligned.times}
        values={aligned.values}
        series={lines}
        stretch={props.stretch}
        height={props.height}
        format={format}
        onZoom={props.onZoom}
        onScale={onScale}
      />
      {toPixels !== null && (
        <Exemplars
          exemplars={props.exemplars}
          unit={props.unit}
          place={(ms, value) => {
            const inside = ms >= props.stretch.fromMs && ms <= props.stretch.toMs;
            // What is above the lines is shown at the upper edge: it is what one looks for.
            return inside ? toPixels(ms, Math.min(value, most * 1.05)) : null;
          }}
        />
      )}
    </div>
  );
}
