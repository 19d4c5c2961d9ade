import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { resolveColour, useTheme } from '../frame/theme.ts';
import { formatDateTime } from '../model/format.ts';
import type { Stretch } from '../model/time-range.ts';
import styles from './charts.module.css';
import { useSize } from './measure.ts';

/** Lines over time, drawn by uPlot in the colours of the theme. A drag zooms. */

export interface PlotSeries {
  readonly name: string;
  readonly colour: string;
}

export interface PlotProps {
  readonly label: string;
  /** Unix seconds. */
  readonly times: readonly number[];
  /** undefined: no point here; null: a gap. */
  readonly values: readonly (readonly (number | null | undefined)[])[];
  readonly series: readonly PlotSeries[];
  readonly stretch: Stretch;
  readonly height: number;
  readonly format: (value: number) => string;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  /** Called with a function from (ms, value) to pixels of the chart whenever that changes. */
  readonly onScale?: (toPixels: ToPixels) => void;
}

export type ToPixels = (ms: number, value: number) => { readonly x: number; readonly y: number };

interface Hover {
  readonly index: number;
  readonly left: number;
}

export function Plot(props: PlotProps) {
  const [ref, { width }] = useSize<HTMLDivElement>();
  const target = useRef<HTMLDivElement>(null);
  const current = useRef(props);
  current.current = props;
  const [hover, setHover] = useState<Hover | null>(null);
  const { dark } = useTheme();
  const { times, values, series, stretch, height } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme changes the colours that are drawn with
  useEffect(() => {
    if (target.current === null || width === 0) return;
    const chart = new uPlot(options(current, width, setHover), [times, ...values] as uPlot.AlignedData, target.current);
    return () => {
      setHover(null);
      chart.destroy();
    };
  }, [times, values, series, stretch, height, width, dark]);
  return (
    <div ref={ref} className={styles.chart} style={{ height }} role="img" aria-label={props.label}>
      <div ref={target} />
      {hover !== null && hover.index < times.length && <PlotTip {...props} hover={hover} width={width} />}
    </div>
  );
}

const GUTTER_PX = 64;

function options(
  current: { readonly current: PlotProps },
  width: number,
  onHover: (hover: Hover | null) => void,
): uPlot.Options {
  const { stretch, series, height } = current.current;
  const axis = { stroke: resolveColour('var(--ink-3)'), font: '11px system-ui, sans-serif', ticks: { show: false } };
  const grid = { stroke: resolveColour('var(--line)'), width: 1 };
  return {
    width,
    height,
    padding: [8, 24, 0, 0],
    legend: { show: false },
    scales: { x: { time: true, range: [stretch.fromMs / 1e3, stretch.toMs / 1e3] }, y: { range: yRange } },
    axes: [
      { ...axis, grid: { show: false }, size: 24, space: 90, values: timeValues },
      { ...axis, grid, size: GUTTER_PX, values: (_, ticks) => ticks.map(current.current.format) },
    ],
    series: [
      {},
      ...series.map(({ name, colour }) => ({
        label: name,
        stroke: resolveColour(colour),
        width: 1.5,
        spanGaps: false,
        points: { show: sparse, size: 4 },
      })),
    ],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
    hooks: {
      setCursor: [
        ({ cursor }) =>
          onHover(cursor.idx == null ? null : { index: cursor.idx, left: (cursor.left ?? 0) + GUTTER_PX }),
      ],
      setSelect: [
        (chart) => {
          const { left, width: wide } = chart.select;
          if (wide < 4) return;
          current.current.onZoom(chart.posToVal(left, 'x') * 1e3, chart.posToVal(left + wide, 'x') * 1e3);
        },
      ],
      draw: [
        (chart) =>
          current.current.onScale?.((ms, value) => ({
            x: chart.valToPos(ms / 1e3, 'x') + chart.over.offsetLeft,
            y: chart.valToPos(value, 'y') + chart.over.offsetTop,
          })),
      ],
    },
  };
}

/** Few points are shown as dots: a line of one point would not be seen. */
const DOTS_MAX = 30;

function sparse(chart: uPlot, series: number): boolean {
  return Array.from(chart.data[series] ?? []).filter((value) => value != null).length <= DOTS_MAX;
}

/** From zero, so that heights compare; a flat line of zeros keeps some room. */
function yRange(_: uPlot, least: number | null, most: number | null): [number, number] {
  const low = Math.min(0, least ?? 0);
  const high = Math.max(0, most ?? 0);
  return high === low ? [low, low + 1] : [low, high + (high - low) * 0.08];
}

function timeValues(_: uPlot, ticks: number[], __: number, ___: number, step: number): string[] {
  return ticks.map((seconds) => {
    const text = formatDateTime(seconds * 1e3);
    if (step >= 86400) return text.slice(0, -9);
    return step >= 60 ? text.slice(-8, -3) : text.slice(-8);
  });
}

const TIP_ROWS = 10;

function PlotTip(props: PlotProps & { readonly hover: Hover; readonly width: number }) {
  const { hover, width } = props;
  const rows = props.series
    .map((one, s) => ({ ...one, value: props.values[s][hover.index] }))
    .filter((row) => row.value != null)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0))
    .slice(0, TIP_ROWS);
  if (rows.length === 0) return null;
  const side = hover.left > width / 2 ? { right: width - hover.left + 12 } : { left: hover.left + 12 };
  return (
    <div className={styles.tip} style={{ ...side, top: 8 }}>
      <small>{formatDateTime(props.times[hover.index] * 1e3)}</small>
      {rows.map(({ name, colour, value }) => (
        <div key={name}>
          <i style={{ background: colour }} /> {name} <b>{props.format(value ?? 0)}</b>
        </div>
      ))}
    </div>
  );
}
