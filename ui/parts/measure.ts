import { type PointerEvent as ReactPointerEvent, type RefObject, useEffect, useRef, useState } from 'react';

/** Width and height of an element in CSS pixels, followed as they change; 0 before the first measure. */
export function useSize<T extends HTMLElement>(): readonly [RefObject<T | null>, { width: number; height: number }] {
  const ref = useRef<T>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      const height = element.clientHeight;
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, size];
}

/** The part of rows of equal height that a scrolling element shows, with some more on both sides. */
export interface RowWindow {
  readonly first: number;
  readonly end: number;
}

const OVERSCAN_ROWS = 12;

/** Follows the scrolling of `ref`. Rows of equal height need no measuring, so 100,000 cost nothing. `offset`: pixels above the first row. */
export function useRowWindow(
  ref: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
  offset = 0,
): RowWindow {
  const [span, setSpan] = useState({ top: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const read = () => {
      // A step of some rows, so that most scroll events change nothing.
      const step = rowHeight * (OVERSCAN_ROWS / 2);
      const top = Math.floor(element.scrollTop / step) * step;
      const height = element.clientHeight;
      setSpan((before) => (before.top === top && before.height === height ? before : { top, height }));
    };
    read();
    element.addEventListener('scroll', read, { passive: true });
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', read);
      observer.disconnect();
    };
  }, [ref, rowHeight]);
  const first = Math.max(0, Math.floor((span.top - offset) / rowHeight) - OVERSCAN_ROWS);
  const end = Math.min(count, Math.ceil((span.top + span.height) / rowHeight) + OVERSCAN_ROWS + OVERSCAN_ROWS / 2);
  return { first: Math.min(first, count), end: Math.max(end, Math.min(first, count)) };
}

/** Scrolls so that a row of equal height is in view, a row away from the edges. */
export function scrollToRow(element: HTMLElement | null, row: number, rowHeight: number, header = 0): void {
  if (element === null || row < 0) return;
  const top = row * rowHeight;
  const visible = element.clientHeight - header;
  if (top < element.scrollTop + rowHeight) element.scrollTop = top - rowHeight;
  else if (top + 2 * rowHeight > element.scrollTop + visible) element.scrollTop = top + 2 * rowHeight - visible;
}

/** A rectangle being dragged, in pixels of the element. */
export interface Drag {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

const DRAG_LEAST_PX = 4;

/** Drags with the pointer over an element: `onDrag` when one of at least 4 px ends, `onClick` otherwise. */
export function useDrag(onDrag: (drag: Drag) => void, onClick?: (x: number, y: number) => void) {
  const [drag, setDrag] = useState<Drag | null>(null);
  const at = (event: ReactPointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top, width: box.width, height: box.height };
  };
  const handlers = {
    onPointerDown: (event: ReactPointerEvent<HTMLElement>) => {
      if (event.button !== 0) return;
      const { x, y } = at(event);
      event.currentTarget.setPointerCapture(event.pointerId);
      setDrag({ x0: x, y0: y, x1: x, y1: y });
    },
    onPointerMove: (event: ReactPointerEvent<HTMLElement>) => {
      if (drag === null) return;
      const { x, y, width, height } = at(event);
      setDrag({ ...drag, x1: clamp(x, 0, width), y1: clamp(y, 0, height) });
    },
    onPointerUp: (event: ReactPointerEvent<HTMLElement>) => {
      if (drag === null) return;
      setDrag(null);
      if (Math.abs(drag.x1 - drag.x0) < DRAG_LEAST_PX) onClick?.(at(event).x, at(event).y);
      else onDrag(ordered(drag));
    },
    onPointerCancel: () => setDrag(null),
  };
  return { drag: drag === null ? null : ordered(drag), handlers };
}

function ordered({ x0, y0, x1, y1 }: Drag): Drag {
  return { x0: Math.min(x0, x1), y0: Math.min(y0, y1), x1: Math.max(x0, x1), y1: Math.max(y0, y1) };
}

export function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** The 2D context of a canvas, sized for the screen's pixels and cleared; null while it has no size. */
export function beginDrawing(
  canvas: HTMLCanvasElement | null,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const context = canvas?.getContext('2d') ?? null;
  if (canvas === null || context === null || width <= 0 || height <= 0) return null;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  context.scale(ratio, ratio);
  context.clearRect(0, 0, width, height);
  return context;
}
