import { useEffect, useRef, useState } from 'react';
import type { MetricSeries } from '../../../src/query/api.ts';
import { resolveColour, useTheme } from '../../frame/theme.ts';
import { formatCount, formatDateTime, formatTick } from '../../model/format.ts';
import type { Stretch } from '../../model/time-range.ts';
import chart from '../../parts/charts.module.css';
import { TimeAxis } from '../../parts/histogram.tsx';
import { beginDrawing, clamp, useDrag, useSize } from '../../parts/measure.ts';
import { Exemplars } from './exemplars.tsx';
import styles from './metrics.module.css';

type Heat = NonNullable<MetricSeries['heatmap']>;

const LABELS = 8;

/** A distribution over time: each bucket a band, the darker the more values fell into it. Only the buckets that hold something are shown. */
export function HeatMap(props: {
  readonly heatmap: Heat;
  readonly stepMs: number;
  readonly unit: string;
  readonly exemplars: MetricSeries['exemplars'];
  readonly stretch: Stretch;
  readonly height: number;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}) {
  const { heatmap, stretch, stepMs, height } = props;
  const [ref, { width }] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hover, setHover] = useState<{ readonly x: number; readonly y: number } | null>(null);
  const { dark } = useTheme();
  const { first, last } = usedBands(heatmap);
  const bands = last - first + 1;
  const bandPx = height / bands;
  const pxPerMs = width / (stretch.toMs - stretch.fromMs);
  const msOf = (x: number) => stretch.fromMs + x / pxPerMs;
  const { drag, handlers } = useDrag(({ x0, x1 }) => props.onZoom(msOf(x0), msOf(x1)));
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme changes the colours that are drawn with
  useEffect(
    () => draw(canvas.current, heatmap, { first, bands, width, height, fromMs: stretch.fromMs, pxPerMs, stepMs }),
    [heatmap, first, bands, width, height, stretch, stepMs, dark],
  );
  const bound = (band: number) => (band < 0 ? 0 : (heatmap.bounds[band] ?? Number.POSITIVE_INFINITY));
  return (
    <div className={styles.chart}>
      <div className={chart.chart} style={{ height: height }}>
        {labelledBands(first, last).map((band) => (
          <span key={band} className={chart.gutter} style={{ top: (last - band) * bandPx }}>
            {boundText(heatmap.bounds[band] ?? null, props.unit)}
          </span>
        ))}
        <div
          className={chart.plot}
          ref={ref}
          {...handlers}
          onMouseMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            setHover({ x: event.clientX - box.left, y: event.clientY - box.top });
          }}
          onMouseLeave={() => setHover(null)}
        >
          <canvas ref={canvas} role="img" aria-label="Distribution of the values over time" />
          {drag !== null && (
            <div className={chart.drag} style={{ left: drag.x0, width: drag.x1 - drag.x0, top: 0, bottom: 0 }} />
          )}
          {hover !== null && drag === null && (
            <CellTip
              heatmap={heatmap}
              band={clamp(last - Math.floor(hover.y / bandPx), first, last)}
              ms={msOf(hover.x)}
              stepMs={stepMs}
              unit={props.unit}
              {...hover}
              width={width}
            />
          )}
          <Exemplars
            exemplars={props.exemplars}
            unit={props.unit}
            place={(ms, value) => {
              if (ms < stretch.fromMs || ms > stretch.toMs) return null;
              const band = clamp(bandOf(heatmap, value), first, last);
              const low = bound(band - 1);
              const high = bound(band);
              const within = Number.isFinite(high) && high > low ? clamp((value - low) / (high - low), 0.1, 0.9) : 0.5;
              return { x: (ms - stretch.fromMs) * pxPerMs, y: (last - band + 1 - within) * bandPx };
            }}
          />
        </div>
      </div>
      <TimeAxis stretch={stretch} width={width} />
    </div>
  );
}

function usedBands({ counts, bounds }: Heat): { readonly first: number; readonly last: number } {
  let first = bounds.length - 1;
  let last = 0;
  for (const column of counts) {
    for (let band = 0; band < column.length; band++) {
      if (column[band] === 0) continue;
      if (band < first) first = band;
      if (band > last) last = band;
    }
  }
  return first > last ? { first: 0, last: bounds.length - 1 } : { first, last };
}

function labelledBands(first: number, last: number): readonly number[] {
  const step = Math.ceil((last - first + 1) / LABELS);
  const bands = [];
  for (let band = last; band >= first; band -= step) bands.push(band);
  return bands;
}

function boundText(bound: number | null, unit: string): string {
  return bound === null ? '+∞' : formatTick(bound, unit);
}

function bandOf({ bounds }: Heat, value: number): number {
  const band = bounds.findIndex((bound) => bound === null || value <= bound);
  return band < 0 ? bounds.length - 1 : band;
}

interface Frame {
  readonly first: number;
  readonly bands: number;
  readonly width: number;
  readonly height: number;
  readonly fromMs: number;
  readonly pxPerMs: number;
  readonly stepMs: number;
}

const FAINTEST = 0.1;

function draw(canvas: HTMLCanvasElement | null, heatmap: Heat, frame: Frame): void {
  const context = beginDrawing(canvas, frame.width, frame.height);
  if (context === null) return;
  const most = heatmap.counts.reduce((max, column) => column.reduce((m, count) => Math.max(m, count), max), 1);
  const bandPx = frame.height / frame.bands;
  context.fillStyle = resolveColour('var(--accent)');
  heatmap.timesMs.forEach((ms, column) => {
    const x = Math.max(0, (ms - frame.fromMs) * frame.pxPerMs);
    const wide = Math.min(frame.width, (ms + frame.stepMs - frame.fromMs) * frame.pxPerMs) - x - 0.5;
    for (let band = 0; band < frame.bands; band++) {
      const count = heatmap.counts[column][frame.first + band] ?? 0;
      if (count === 0 || wide <= 0) continue;
      // The root brings out the rare slow ones beside the many quick ones.
      context.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.sqrt(count / most);
      context.fillRect(x, (frame.bands - 1 - band) * bandPx, wide, bandPx - 0.5);
    }
  });
}

function CellTip(props: {
  readonly heatmap: Heat;
  readonly band: number;
  readonly ms: number;
  readonly stepMs: number;
  readonly unit: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}) {
  const { heatmap, band } = props;
  const column = heatmap.timesMs.findIndex((ms) => props.ms >= ms && props.ms < ms + props.stepMs);
  if (column < 0) return null;
  const side = props.x > props.width / 2 ? { right: props.width - props.x + 12 } : { left: props.x + 12 };
  const low = band === 0 ? null : heatmap.bounds[band - 1];
  return (
    <div className={chart.tip} style={{ ...side, top: Math.max(0, props.y - 30) }}>
      <small>{formatDateTime(heatmap.timesMs[column])}</small>
      <div>
        {low === null ? '≤' : `${boundText(low, props.unit)} –`} {boundText(heatmap.bounds[band] ?? null, props.unit)}{' '}
        <b>{formatCount(heatmap.counts[column][band] ?? 0)}</b>
      </div>
    </div>
  );
}
