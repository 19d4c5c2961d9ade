import { useState } from 'react';
import { formatCount, formatDateTime, formatShort } from '../model/format.ts';
import { timeTicks } from '../model/scale.ts';
import type { Stretch } from '../model/time-range.ts';
import styles from './charts.module.css';
import { useDrag, useSize } from './measure.ts';

/** Counts over time as stacked bars. A drag zooms into the time it covers. */

export interface HistogramSeries {
  readonly name: string;
  readonly colour: string;
}

export interface HistogramBucket {
  readonly startMs: number;
  /** One count for each series, the lowest of the stack first. */
  readonly counts: readonly number[];
}

export interface HistogramProps {
  readonly label: string;
  readonly series: readonly HistogramSeries[];
  readonly buckets: readonly HistogramBucket[];
  readonly stepMs: number;
  readonly stretch: Stretch;
  readonly height: number;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  /** False when a chart below has the same axis. */
  readonly axis?: boolean;
}

const GAP_PX = 1;

export function Histogram(props: HistogramProps) {
  const { stretch, buckets, stepMs, height } = props;
  const [ref, { width }] = useSize<HTMLDivElement>();
  const [hoverX, setHoverX] = useState<number | null>(null);
  const msOf = (x: number) => stretch.fromMs + (x / width) * (stretch.toMs - stretch.fromMs);
  const { drag, handlers } = useDrag(({ x0, x1 }) => props.onZoom(msOf(x0), msOf(x1)));
  const most = buckets.reduce((max, { counts }) => Math.max(max, sum(counts)), 0);
  const hovered = hoverX === null ? undefined : buckets.find(({ startMs }) => within(msOf(hoverX), startMs, stepMs));
  return (
    <div>
      <div className={styles.chart} style={{ height }}>
        {most > 0 && (
          <>
            <span className={styles.gutter} style={{ top: 6 }}>
              {formatShort(most)}
            </span>
            {props.axis !== false && (
              <span className={styles.gutter} style={{ top: height - 6 }}>
                0
              </span>
            )}
          </>
        )}
        <div
          className={styles.plot}
          ref={ref}
          {...handlers}
          onMouseMove={(event) => setHoverX(event.clientX - event.currentTarget.getBoundingClientRect().left)}
          onMouseLeave={() => setHoverX(null)}
        >
          {width > 0 && <Bars {...props} width={width} most={most} />}
          {drag !== null && (
            <div className={styles.drag} style={{ left: drag.x0, width: drag.x1 - drag.x0, top: 0, bottom: 0 }} />
          )}
          {hovered !== undefined && drag === null && hoverX !== null && (
            <BucketTip bucket={hovered} series={props.series} x={hoverX} width={width} />
          )}
        </div>
      </div>
      {props.axis !== false && <TimeAxis stretch={stretch} width={width} />}
    </div>
  );
}

function Bars(props: HistogramProps & { readonly width: number; readonly most: number }) {
  const { stretch, width, height, most, series } = props;
  const pxPerMs = width / (stretch.toMs - stretch.fromMs);
  return (
    <svg role="img" aria-label={props.label} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none">
      <line x1={0} x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--line-strong)" />
      {props.buckets.map((bucket) => {
        const x0 = Math.max(0, (bucket.startMs - stretch.fromMs) * pxPerMs);
        const x1 = Math.min(width, (bucket.startMs + props.stepMs - stretch.fromMs) * pxPerMs);
        if (x1 <= 0 || x0 >= width) return null;
        let y = height;
        return series.map(({ name, colour }, s) => {
          const count = bucket.counts[s];
          if (count === 0) return null;
          // What is there is seen, be it one in a million.
          const tall = Math.max(1.5, (count / most) * (height - 4));
          y -= tall;
          return (
            <rect
              key={`${bucket.startMs} ${name}`}
              x={x0}
              y={y}
              width={Math.max(1, x1 - x0 - GAP_PX)}
              height={tall}
              fill={colour}
            />
          );
        });
      })}
    </svg>
  );
}

function BucketTip(props: {
  readonly bucket: HistogramBucket;
  readonly series: readonly HistogramSeries[];
  readonly x: number;
  readonly width: number;
}) {
  const onRight = props.x > props.width / 2;
  return (
    <>
      <div className={styles.cross} style={{ left: props.x }} />
      <div
        className={styles.tip}
        style={onRight ? { right: props.width - props.x + 8, top: 4 } : { left: props.x + 8, top: 4 }}
      >
        <small>{formatDateTime(props.bucket.startMs)}</small>
        {props.series.map(({ name, colour }, s) =>
          props.bucket.counts[s] === 0 ? null : (
            <div key={name}>
              <i style={{ background: colour }} /> {name} <b>{formatCount(props.bucket.counts[s])}</b>
            </div>
          ),
        )}
      </div>
    </>
  );
}

/** Labels of round times under a chart. */
export function TimeAxis({ stretch, width }: { readonly stretch: Stretch; readonly width: number }) {
  return (
    <div className={styles.axis} aria-hidden="true">
      {timeTicks(stretch.fromMs, stretch.toMs, width)
        .filter(({ at }) => at > 20 && at < width - 20)
        .map(({ at, label }) => (
          <span key={at} className={styles.tick} style={{ left: at }}>
            {label}
          </span>
        ))}
    </div>
  );
}

function within(ms: number, startMs: number, stepMs: number): boolean {
  return ms >= startMs && ms < startMs + stepMs;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
