import { useEffect, useMemo, useRef, useState } from 'react';
import type { TraceSummary } from '../../../src/query/api.ts';
import { resolveColour, useTheme } from '../../frame/theme.ts';
import { formatDateTime, formatDurationNs, formatDurationTick } from '../../model/format.ts';
import { nanosToMs } from '../../model/nanos.ts';
import { logBounds, logPosition, logValue } from '../../model/scale.ts';
import type { Stretch } from '../../model/time-range.ts';
import type { Selection } from '../../model/trace-selection.ts';
import styles from '../../parts/charts.module.css';
import { Button } from '../../parts/controls.tsx';
import { TimeAxis } from '../../parts/histogram.tsx';
import { beginDrawing, clamp, useDrag, useSize } from '../../parts/measure.ts';
import traceStyles from './traces.module.css';

/** Each trace as a point: when it began, how long it took (logarithmic). A drag selects, a click opens. */

interface ScatterProps {
  readonly traces: readonly TraceSummary[];
  /** Older traces match that are not loaded. */
  readonly more: boolean;
  readonly onMore: () => void;
  readonly stretch: Stretch;
  readonly height: number;
  /** What is selected now: its place is framed. */
  readonly selection: Selection | null;
  readonly onSelect: (selection: Selection) => void;
  readonly onOpen: (traceId: string) => void;
}

const NEAR_PX = 12;
const MORE_LEAST_PX = 130;

export function Scatter(props: ScatterProps) {
  const { traces, more, onMore, stretch, height, selection, onSelect, onOpen } = props;
  const [ref, { width }] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const { dark } = useTheme();
  const [near, setNear] = useState(-1);
  const bounds = useMemo(() => logBounds(traces.map(({ durationNano }) => Number(durationNano))), [traces]);
  const points = useMemo(() => place(traces, stretch, bounds, width, height), [traces, stretch, bounds, width, height]);
  const nsOf = (y: number) => logValue(1 - y / height, bounds.min, bounds.max);
  const msOf = (x: number) => stretch.fromMs + (x / width) * (stretch.toMs - stretch.fromMs);
  const { drag, handlers } = useDrag(
    ({ x0, x1, y0, y1 }) => onSelect({ fromMs: msOf(x0), toMs: msOf(x1), minNs: nsOf(y1), maxNs: nsOf(y0) }),
    (x, y) => {
      const hit = nearest(points, x, y);
      if (hit >= 0) onOpen(traces[hit].traceId);
    },
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme changes the colours that are drawn with
  useEffect(() => draw(canvas.current, points, traces, width, height), [points, traces, width, height, dark]);
  const oldestX = points.length < 2 ? 0 : points[points.length - 2];
  const shown = near >= 0 && near < traces.length && drag === null ? near : -1;
  return (
    <div className={traceStyles.scatter}>
      <div className={styles.chart} style={{ height }}>
        {decades(bounds).map(({ value, at }) => (
          <span key={value} className={styles.gutter} style={{ top: (1 - at) * height }}>
            {formatDurationTick(value)}
          </span>
        ))}
        <div
          className={styles.plot}
          ref={ref}
          style={{ cursor: shown >= 0 ? 'pointer' : undefined }}
          {...handlers}
          onMouseMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            setNear(nearest(points, event.clientX - box.left, event.clientY - box.top));
          }}
          onMouseLeave={() => setNear(-1)}
        >
          <Lines bounds={bounds} width={width} height={height} />
          <canvas
            ref={canvas}
            role="img"
            aria-label="Duration of each trace over time, logarithmic; the table below has the same traces"
          />
          {drag === null && selection !== null && (
            <div className={traceStyles.selection} style={frameOf(selection, stretch, bounds, width, height)} />
          )}
          {drag !== null && (
            <div
              className={styles.drag}
              style={{ left: drag.x0, width: drag.x1 - drag.x0, top: drag.y0, height: drag.y1 - drag.y0 }}
            />
          )}
          {shown >= 0 && (
            <PointTip trace={traces[shown]} x={points[2 * shown]} y={points[2 * shown + 1]} width={width} />
          )}
        </div>
      </div>
      {more && oldestX > MORE_LEAST_PX && (
        <div className={traceStyles.older} style={{ width: oldestX, height }}>
          <Button onClick={onMore}>Load older ones</Button>
        </div>
      )}
      <TimeAxis stretch={stretch} width={width} />
    </div>
  );
}

function Lines({
  bounds,
  width,
  height,
}: {
  readonly bounds: Bounds;
  readonly width: number;
  readonly height: number;
}) {
  return (
    <svg aria-hidden="true" viewBox={`0 0 ${width || 1} ${height}`} preserveAspectRatio="none">
      {decades(bounds).map(({ value, at }) => (
        <line key={value} x1={0} x2={width} y1={(1 - at) * height} y2={(1 - at) * height} stroke="var(--line)" />
      ))}
    </svg>
  );
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Where a selection is drawn, cut at the edges of the plot. */
function frameOf(
  { fromMs, toMs, minNs, maxNs }: Selection,
  stretch: Stretch,
  { min, max }: Bounds,
  width: number,
  height: number,
) {
  const x = (ms: number): number => clamp(((ms - stretch.fromMs) / (stretch.toMs - stretch.fromMs)) * width, 0, width);
  const y = (ns: number): number => clamp((1 - logPosition(Math.max(1, ns), min, max)) * height, 0, height);
  return { left: x(fromMs), width: x(toMs) - x(fromMs), top: y(maxNs), height: y(minNs) - y(maxNs) };
}

/** x and y of each trace, one after the other. */
function place(
  traces: readonly TraceSummary[],
  { fromMs, toMs }: Stretch,
  { min, max }: Bounds,
  width: number,
  height: number,
): Float64Array {
  const points = new Float64Array(traces.length * 2);
  traces.forEach(({ startTimeUnixNano, durationNano }, i) => {
    points[2 * i] = ((nanosToMs(startTimeUnixNano) - fromMs) / (toMs - fromMs)) * width;
    points[2 * i + 1] = (1 - logPosition(Number(durationNano), min, max)) * height;
  });
  return points;
}

function decades({ min, max }: Bounds): readonly { readonly value: number; readonly at: number }[] {
  const count = Math.round(Math.log10(max / min));
  const step = Math.ceil(count / 5);
  const found = [];
  for (let i = 0; i <= count; i += step) found.push({ value: min * 10 ** i, at: i / count });
  return found;
}

function nearest(points: Float64Array, x: number, y: number): number {
  let best = -1;
  let bestSquare = NEAR_PX * NEAR_PX;
  for (let i = 0; i < points.length; i += 2) {
    const square = (points[i] - x) ** 2 + (points[i + 1] - y) ** 2;
    if (square < bestSquare) {
      best = i / 2;
      bestSquare = square;
    }
  }
  return best;
}

/** Errors are drawn last and as crosses, so that neither colour nor order hides them. */
function draw(
  canvas: HTMLCanvasElement | null,
  points: Float64Array,
  traces: readonly TraceSummary[],
  width: number,
  height: number,
): void {
  const context = beginDrawing(canvas, width, height);
  if (context === null) return;
  context.beginPath();
  context.rect(-3, -3, width + 6, height + 6);
  context.clip();
  context.fillStyle = resolveColour('var(--accent)');
  context.globalAlpha = traces.length > 2_000 ? 0.35 : 0.55;
  for (let i = 0; i < traces.length; i++) {
    if (traces[i].errorCount === 0) context.fillRect(points[2 * i] - 1.5, points[2 * i + 1] - 1.5, 3, 3);
  }
  context.globalAlpha = 1;
  context.strokeStyle = resolveColour('var(--red-fill)');
  context.lineWidth = 1.5;
  context.beginPath();
  for (let i = 0; i < traces.length; i++) {
    if (traces[i].errorCount === 0) continue;
    const x = points[2 * i];
    const y = points[2 * i + 1];
    context.moveTo(x - 2.5, y - 2.5);
    context.lineTo(x + 2.5, y + 2.5);
    context.moveTo(x + 2.5, y - 2.5);
    context.lineTo(x - 2.5, y + 2.5);
  }
  context.stroke();
}

function PointTip({
  trace,
  x,
  y,
  width,
}: {
  readonly trace: TraceSummary;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}) {
  const side = x > width / 2 ? { right: width - x + 10 } : { left: x + 10 };
  return (
    <div className={styles.tip} style={{ ...side, top: Math.max(0, y - 20) }}>
      <b>{trace.rootOperation}</b> {trace.rootService}
      <div>
        {formatDurationNs(Number(trace.durationNano))} · {trace.spanCount} spans
        {trace.errorCount > 0 && ` · ${trace.errorCount} errors`}
      </div>
      <small>{formatDateTime(nanosToMs(trace.startTimeUnixNano))}</small>
    </div>
  );
}
