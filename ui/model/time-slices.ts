import type { Stretch } from './time-range.ts';

/** A stretch of time cut into equal slices of whole minutes: the call graph is kept in minutes. */
export interface Slices {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

const MINUTE_MS = 60_000;
const SLICES_MAX = 60;

/** Slices that cover the stretch: a minute each, or more where there would be too many. */
export function slicesOf({ fromMs, toMs }: Stretch): Slices {
  const stepMs = Math.max(1, Math.ceil((toMs - fromMs) / SLICES_MAX / MINUTE_MS)) * MINUTE_MS;
  const startMs = Math.floor(fromMs / stepMs) * stepMs;
  return { startMs, stepMs, count: Math.max(1, Math.ceil((toMs - startMs) / stepMs)) };
}

/** The slice that holds a time as the URL writes it; null when there is none. */
export function sliceAt({ startMs, stepMs, count }: Slices, text: string | null): number | null {
  if (text === null || !/^\d{12,14}$/.test(text)) return null;
  const index = Math.floor((Number(text) - startMs) / stepMs);
  return index >= 0 && index < count ? index : null;
}
