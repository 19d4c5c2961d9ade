import { type KeyboardEvent, type PointerEvent, type ReactNode, useState } from 'react';
import styles from './dock.module.css';
import { clamp } from './measure.ts';

const LEAST_PX = 280;
const MOST_PX = 900;
const KEY_STEP_PX = 24;

/** Details beside a list: the width is the reader's and kept on this machine. Drag its left edge, or move it with the arrow keys. */
export function Dock(props: {
  readonly label: string;
  readonly name: string;
  readonly width: number;
  readonly children: ReactNode;
}) {
  const key = `clew.dock.${props.name}`;
  const [width, setWidth] = useState(() => Number(localStorage.getItem(key)) || props.width);
  const resize = (next: number) => {
    const room = Math.max(LEAST_PX, Math.min(MOST_PX, window.innerWidth - 360));
    const kept = clamp(Math.round(next), LEAST_PX, room);
    setWidth(kept);
    localStorage.setItem(key, String(kept));
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const right = event.currentTarget.parentElement?.getBoundingClientRect().right ?? window.innerWidth;
    resize(right - event.clientX);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowLeft') resize(width + KEY_STEP_PX);
    else if (event.key === 'ArrowRight') resize(width - KEY_STEP_PX);
    else return;
    event.preventDefault();
  };
  return (
    <aside className={styles.dock} style={{ width }} aria-label={props.label}>
      {/* An <hr> cannot be moved; this separator can. */}
      <div
        className={styles.handle}
        role="separator"
        tabIndex={0}
        aria-label={`Width of ${props.label}`}
        aria-orientation="vertical"
        aria-valuenow={width}
        aria-valuemin={LEAST_PX}
        aria-valuemax={MOST_PX}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onPointerMove}
        onKeyDown={onKeyDown}
      />
      {props.children}
    </aside>
  );
}
