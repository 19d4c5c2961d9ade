import { formatBytes } from '../../src/base/units.ts';

/** Numbers as people read them: three digits and a unit. */

const STEPS: readonly (readonly [number, string])[] = [
  [1, 'ns'],
  [1e3, 'µs'],
  [1e6, 'ms'],
  [1e9, 's'],
  [60e9, 'min'],
  [3600e9, 'h'],
];

/** `1.24 ms`, `812 µs`, `2.05 s`, `3.5 min` of nanoseconds. */
export function formatDurationNs(ns: number): string {
  if (ns === 0) return '0 ns';
  if (ns < 0) return `−${formatDurationNs(-ns)}`;
  let step = 0;
  while (step + 1 < STEPS.length && roundTo3(ns / STEPS[step + 1][0]) >= (step === 3 ? 2 : 1)) step++;
  return `${digits3(ns / STEPS[step][0])} ${STEPS[step][1]}`;
}

function roundTo3(value: number): number {
  return Number(value.toPrecision(3));
}

/** At most three significant digits, never an exponent, no trailing zeros after the point beyond what three digits ask for. */
export function digits3(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.abs(roundTo3(value));
  if (magnitude >= 100) return Math.round(value).toLocaleString('en-US');
  if (magnitude >= 10) return value.toFixed(1);
  if (magnitude >= 1) return value.toFixed(2);
  return String(Number(value.toPrecision(3)));
}

/** A duration at a tick of an axis: `10 s`, `2.5 ms`, `0`. */
export function formatDurationTick(ns: number): string {
  if (ns === 0) return '0';
  const [value = '', unit = ''] = formatDurationNs(ns).split(' ');
  return `${trimZeros(value)} ${unit}`;
}

/** A value at a tick of an axis, with its unit. */
export function formatTick(value: number, unit: string): string {
  if (value === 0) return '0';
  const [number = '', ...rest] = formatWithUnit(value, unit).split(' ');
  return [trimZeros(number), ...rest].join(' ');
}

function trimZeros(number: string): string {
  return number.includes('.') ? number.replace(/\.?0+$/, '') : number;
}

/** `1,234`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `1 call`, `1,234 calls`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `812`, `1.24 k`, `13.2 M`: for axes and narrow places. */
export function formatShort(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e9) return `${digits3(value / 1e9)} G`;
  if (magnitude >= 1e6) return `${digits3(value / 1e6)} M`;
  if (magnitude >= 1e4) return `${digits3(value / 1e3)} k`;
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  return digits3(value);
}

/** A metric's value with its unit as UCUM names it: `By` as sizes, `s` and `ms` as durations, annotations in braces dropped. */
export function formatWithUnit(value: number, unit: string): string {
  const [base = '', per] = unit.split('/');
  const rate = per === undefined || per.startsWith('{') ? '' : `/${per}`;
  if (base === 'By') return `${formatBytes(value)}${rate}`;
  if (base === 's' && rate === '') return formatDurationNs(value * 1e9);
  if (base === 'ms' && rate === '') return formatDurationNs(value * 1e6);
  const name = base === '1' || base.startsWith('{') ? '' : base;
  return `${formatShort(value)}${name === '' ? '' : ` ${name}`}${rate}`;
}

/** `14:03:22.123` in the local zone. */
export function formatClock(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** `Nov 24 14:03:22` in the local zone. */
export function formatDateTime(ms: number): string {
  const at = new Date(ms);
  return `${MONTHS[at.getMonth()]} ${at.getDate()} ${formatClock(ms).slice(0, 8)}`;
}

/** `2026-11-24T14:03:22.123Z`: what stands beside every local time on hover. */
export function formatUtc(ms: number): string {
  return new Date(ms).toISOString();
}

export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `12 s`, `3 min`, `2 h`, `5 d`: how long ago, or how long since. */
export function formatAge(ms: number): string {
  if (ms < 90e3) return `${Math.max(0, Math.round(ms / 1e3))} s`;
  if (ms < 90 * 60e3) return `${Math.round(ms / 60e3)} min`;
  if (ms < 36 * 3600e3) return `${Math.round(ms / 3600e3)} h`;
  return `${Math.round(ms / 86400e3)} d`;
}
