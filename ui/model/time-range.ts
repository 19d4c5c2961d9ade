import { MONTHS } from './format.ts';

/** A stretch of time as the URL and the API write it: relative to now (`now-1h`, `now`) or Unix milliseconds. */
export interface TimeRange {
  readonly start: string;
  readonly end: string;
}

/** A range at a moment. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

export const DEFAULT_RANGE: TimeRange = { start: 'now-1h', end: 'now' };

export const QUICK_RANGES = ['5m', '15m', '30m', '1h', '3h', '6h', '12h', '24h', '2d', '7d', '30d'] as const;

const UNIT_MS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 604800e3 };
const UNIT_NAME: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' };

/** Unix milliseconds of a time as the URL writes it, or as people write it (RFC 3339, `2026-11-24 14:00`); NaN when it is none. */
export function resolveTime(text: string, nowMs: number): number {
  const trimmed = text.trim();
  if (trimmed === 'now') return nowMs;
  const relative = /^now-(\d+)([smhdw])$/.exec(trimmed);
  if (relative !== null) return nowMs - Number(relative[1]) * UNIT_MS[relative[2]];
  if (/^\d{12,14}$/.test(trimmed)) return Number(trimmed);
  return Date.parse(trimmed);
}

export function resolveRange(range: TimeRange, nowMs: number): Stretch {
  const toMs = resolveTime(range.end, nowMs);
  const fromMs = resolveTime(range.start, nowMs);
  if (Number.isNaN(fromMs) || Number.isNaN(toMs) || fromMs >= toMs) return resolveRange(DEFAULT_RANGE, nowMs);
  return { fromMs, toMs };
}

/** True when the range ends now, so that it moves with time. */
export function endsNow(range: TimeRange): boolean {
  return range.end === 'now';
}

export function absoluteRange(fromMs: number, toMs: number): TimeRange {
  const from = Math.floor(Math.min(fromMs, toMs));
  return { start: String(from), end: String(Math.max(Math.ceil(Math.max(fromMs, toMs)), from + 1)) };
}

/** The stretch moved by half its width: -1 to the past, 1 to the future. */
export function shiftRange({ fromMs, toMs }: Stretch, direction: -1 | 1): TimeRange {
  const by = ((toMs - fromMs) / 2) * direction;
  return absoluteRange(fromMs + by, toMs + by);
}

/** The stretch made twice as wide around its middle. */
export function widenRange({ fromMs, toMs }: Stretch): TimeRange {
  const quarter = (toMs - fromMs) / 2;
  return absoluteRange(fromMs - quarter, toMs + quarter);
}

/** `Last 15 minutes`, or `Nov 24 14:00:00 – 14:20:00`. */
export function rangeLabel(range: TimeRange, nowMs: number): string {
  const relative = /^now-(\d+)([smhdw])$/.exec(range.start);
  if (relative !== null && endsNow(range)) {
    const count = Number(relative[1]);
    return count === 1 ? `Last ${UNIT_NAME[relative[2]]}` : `Last ${count} ${UNIT_NAME[relative[2]]}s`;
  }
  const { fromMs, toMs } = resolveRange(range, nowMs);
  const from = localText(fromMs);
  const to = localText(toMs);
  return from.day === to.day
    ? `${from.day} ${from.time} – ${to.time}`
    : `${from.day} ${from.time} – ${to.day} ${to.time}`;
}

function localText(ms: number): { readonly day: string; readonly time: string } {
  const at = new Date(ms);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
  return { day: `${MONTHS[at.getMonth()]} ${at.getDate()}`, time };
}

/** `2026-11-24T14:03:22` in the local zone: what an input of kind datetime-local takes. */
export function localInputValue(ms: number): string {
  const at = new Date(ms);
  return new Date(ms - at.getTimezoneOffset() * 60e3).toISOString().slice(0, 19);
}
