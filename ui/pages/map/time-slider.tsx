import { useEffect, useState } from 'react';
import { useTraceHistogram } from '../../data/queries.ts';
import { useRange } from '../../frame/range.tsx';
import { useUrl } from '../../frame/url.ts';
import { formatDateTime } from '../../model/format.ts';
import { nanosToMs } from '../../model/nanos.ts';
import { type Slices, sliceAt, slicesOf } from '../../model/time-slices.ts';
import { Button } from '../../parts/controls.tsx';
import styles from './map.module.css';

/** A drag asks for the graph at each place it rests on. */
const REST_MS = 120;

/** Which part of the chosen time is shown: all of it, or a slice that is dragged through it, over the spans of each slice. */
export function TimeSlider() {
  const { stretch } = useRange();
  const { params, set } = useUrl();
  const slices = slicesOf(stretch);
  const inUrl = sliceAt(slices, params.get('at'));
  const [held, hold] = useState<number | null>(null);
  useEffect(() => {
    if (held === null) return;
    const timer = setTimeout(() => {
      set({ at: String(slices.startMs + held * slices.stepMs) }, { replace: true });
      hold(null);
    }, REST_MS);
    return () => clearTimeout(timer);
  });
  const index = held ?? inUrl;
  const fromMs = slices.startMs + (index ?? 0) * slices.stepMs;
  const text =
    index === null ? 'the whole time' : `${formatDateTime(fromMs)} – ${formatDateTime(fromMs + slices.stepMs)}`;
  return (
    <div className={styles.slider}>
      <div className={styles.track}>
        <Volume slices={slices} index={index} />
        <input
          type="range"
          min={0}
          max={slices.count - 1}
          value={index ?? slices.count - 1}
          className={index === null ? styles.whole : undefined}
          aria-label="Show the map at a time"
          aria-valuetext={text}
          onChange={(event) => hold(Number(event.currentTarget.value))}
        />
      </div>
      <output>{text}</output>
      <Button pressed={index === null} onClick={() => set({ at: null }, { replace: true })}>
        Whole time
      </Button>
    </div>
  );
}

/** Spans of each slice, errors below. */
function Volume({ slices, index }: { readonly slices: Slices; readonly index: number | null }) {
  const { tick } = useRange();
  const { startMs, stepMs, count } = slices;
  const { data } = useTraceHistogram(
    { start: String(startMs), end: String(startMs + count * stepMs), buckets: String(count) },
    tick,
  );
  const spans = new Array<number>(count).fill(0);
  for (const bucket of data?.buckets ?? []) {
    const at = Math.round((nanosToMs(bucket.startTimeUnixNano) - startMs) / stepMs);
    if (at >= 0 && at < count) spans[at] += bucket.spans;
  }
  const most = Math.max(1, ...spans);
  return (
    <svg viewBox={`0 0 ${count} 1`} preserveAspectRatio="none" aria-hidden="true">
      {spans.map((value, i) => {
        const height = value / most;
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a slice is its place
            key={i}
            className={i === index ? styles.current : undefined}
            x={i + 0.08}
            width={0.84}
            y={1 - height}
            height={height}
          />
        );
      })}
    </svg>
  );
}
