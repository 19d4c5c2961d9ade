import { useEffect, useRef } from 'react';
import { serviceColour } from '../../frame/service-colour.ts';
import { resolveColour, useTheme } from '../../frame/theme.ts';
import type { SpanTable } from '../../model/span-table.ts';
import { placeBar, type TimeView } from '../../model/trace-view.ts';
import { beginDrawing, useDrag, useSize } from '../../parts/measure.ts';
import styles from './trace.module.css';

const HEIGHT_PX = 44;
const LEAST_WIDTH_PX = 1;

/** The whole trace at once, errors in red on top. A drag zooms the waterfall, a double click shows the whole again. */
export function Minimap(props: {
  readonly table: SpanTable;
  readonly time: TimeView;
  readonly onTime: (time: TimeView | null) => void;
}) {
  const { table, time } = props;
  const [ref, { width }] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const { dark } = useTheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme changes the colours that are drawn with
  useEffect(() => draw(canvas.current, table, width), [table, width, dark]);
  const nsOf = (x: number) => (x / width) * table.durationNs;
  const { drag, handlers } = useDrag(({ x0, x1 }) => props.onTime({ fromNs: nsOf(x0), toNs: nsOf(x1) }));
  const shown = placeBar(time.fromNs, time.toNs - time.fromNs, { fromNs: 0, toNs: Math.max(1, table.durationNs) });
  const zoomed = shown.width < 99.9;
  return (
    <div className={styles.minimap} ref={ref} {...handlers} onDoubleClick={() => props.onTime(null)}>
      <canvas ref={canvas} role="img" aria-label="The whole trace; drag to zoom" />
      {zoomed && (
        <>
          <i className={styles.outside} style={{ left: 0, width: `${shown.left}%` }} />
          <i className={styles.outside} style={{ left: `${shown.left + shown.width}%`, right: 0 }} />
        </>
      )}
      {drag !== null && <i className={styles.dragged} style={{ left: drag.x0, width: drag.x1 - drag.x0 }} />}
    </div>
  );
}

function draw(canvas: HTMLCanvasElement | null, table: SpanTable, width: number): void {
  const context = beginDrawing(canvas, width, HEIGHT_PX);
  if (context === null) return;
  const colours = table.services.map((service) => resolveColour(serviceColour(service)));
  const pxPerNs = width / Math.max(1, table.durationNs);
  const room = HEIGHT_PX - 6;
  const tall = Math.min(4, Math.max(1, room / table.count - 0.5));
  const y = (i: number) => 3 + (table.count === 1 ? 0 : (i / (table.count - 1)) * (room - tall));
  for (let i = 0; i < table.count; i++) {
    context.fillStyle = colours[table.serviceOf[i]];
    context.fillRect(table.startsNs[i] * pxPerNs, y(i), Math.max(LEAST_WIDTH_PX, table.durationsNs[i] * pxPerNs), tall);
  }
  context.fillStyle = resolveColour('var(--red-fill)');
  for (let i = 0; i < table.count; i++) {
    if (table.errors[i] === 1) context.fillRect(table.startsNs[i] * pxPerNs - 1, y(i) - 1, 4, Math.max(3, tall));
  }
}
