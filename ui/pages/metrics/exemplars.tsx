import { Link } from 'wouter';
import type { MetricSeries } from '../../../src/query/api.ts';
import { placeAddress, useUrl } from '../../frame/url.ts';
import { formatClock, formatWithUnit } from '../../model/format.ts';
import styles from './metrics.module.css';

const SHOWN_MAX = 200;

/** Exemplars as dots on a chart: each opens the trace that it was measured in. Places are pixels of the chart. */
export function Exemplars(props: {
  readonly exemplars: MetricSeries['exemplars'];
  readonly unit: string;
  readonly place: (timeMs: number, value: number) => { readonly x: number; readonly y: number } | null;
}) {
  const { params } = useUrl();
  return (
    <>
      {props.exemplars.slice(0, SHOWN_MAX).map((exemplar, index) => {
        const at = props.place(exemplar.timeMs, exemplar.value);
        if (at === null || exemplar.traceId === '') return null;
        const text = `${formatWithUnit(exemplar.value, props.unit)} at ${formatClock(exemplar.timeMs)}: open the trace`;
        return (
          <Link
            // biome-ignore lint/suspicious/noArrayIndexKey: exemplars have no id
            key={index}
            className={styles.exemplar}
            href={placeAddress(`/traces/${exemplar.traceId}`, params, { span: exemplar.spanId || null })}
            style={{ left: at.x, top: at.y }}
            title={text}
            aria-label={text}
          />
        );
      })}
    </>
  );
}
