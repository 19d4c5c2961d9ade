import { niceStep } from './scale.ts';

/** The part of a trace's time that the waterfall shows, in nanoseconds since its beginning. */
export interface TimeView {
  readonly fromNs: number;
  readonly toNs: number;
}

/** Reads `from-to` of the URL; anything that is no part of the trace is the whole trace. */
export function readView(text: string | null, durationNs: number): TimeView {
  const whole = { fromNs: 0, toNs: Math.max(1, durationNs) };
  const match = /^(\d+)-(\d+)$/.exec(text ?? '');
  if (match === null) return whole;
  const fromNs = Number(match[1]);
  const toNs = Math.min(Number(match[2]), whole.toNs);
  return toNs > fromNs ? { fromNs, toNs } : whole;
}

export function writeView({ fromNs, toNs }: TimeView): string {
  return `${Math.max(0, Math.floor(fromNs))}-${Math.ceil(Math.max(toNs, fromNs + 1))}`;
}

/** Where a bar stands, in percent of the width. What reaches over an edge is cut just outside of it. */
export interface BarPlace {
  readonly left: number;
  readonly width: number;
  readonly visible: boolean;
}

const OUTSIDE = 1;

export function placeBar(startNs: number, durationNs: number, { fromNs, toNs }: TimeView): BarPlace {
  const scale = 100 / (toNs - fromNs);
  const left = Math.max((startNs - fromNs) * scale, -OUTSIDE);
  const right = Math.min((startNs + durationNs - fromNs) * scale, 100 + OUTSIDE);
  return { left, width: Math.max(0, right - left), visible: right >= 0 && left <= 100 };
}

const TICKS = 6;

/** Round times in the view: nanoseconds and percent of the width. */
export function viewTicks({ fromNs, toNs }: TimeView): readonly { readonly ns: number; readonly at: number }[] {
  const step = niceStep((toNs - fromNs) / TICKS);
  const ticks = [];
  for (let ns = Math.ceil(fromNs / step) * step; ns <= toNs; ns += step) {
    ticks.push({ ns, at: ((ns - fromNs) / (toNs - fromNs)) * 100 });
  }
  return ticks;
}
