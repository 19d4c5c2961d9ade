import { MONTHS } from './format.ts';

/** Axes: where a value stands and where the ticks are. Pixels in, pixels out. */

export interface Tick {
  readonly at: number;
  readonly label: string;
}

const TIME_STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3,
  7200e3, 10800e3, 21600e3, 43200e3, 86400e3, 172800e3, 604800e3, 1209600e3, 2592000e3,
];

const TICK_SPACE_PX = 90;

/** Round local times in [fromMs, toMs], at least 90 px apart; `at` in pixels of `width`. */
export function timeTicks(fromMs: number, toMs: number, width: number): readonly Tick[] {
  if (!(toMs > fromMs) || width <= 0) return [];
  const wanted = ((toMs - fromMs) * TICK_SPACE_PX) / width;
  const step = TIME_STEPS_MS.find((candidate) => candidate >= wanted) ?? TIME_STEPS_MS[TIME_STEPS_MS.length - 1];
  const zoneMs = new Date(fromMs).getTimezoneOffset() * 60e3;
  const ticks: Tick[] = [];
  for (let ms = Math.ceil((fromMs - zoneMs) / step) * step + zoneMs; ms <= toMs; ms += step) {
    ticks.push({ at: ((ms - fromMs) / (toMs - fromMs)) * width, label: timeLabel(ms, step) });
  }
  return ticks;
}

function timeLabel(ms: number, step: number): string {
  const at = new Date(ms);
  if (step >= 86400e3) return `${MONTHS[at.getMonth()]} ${at.getDate()}`;
  const text = [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
  if (at.getHours() === 0 && at.getMinutes() === 0 && step >= 60e3) return `${MONTHS[at.getMonth()]} ${at.getDate()}`;
  if (step >= 60e3) return text;
  const seconds = `${text}:${String(at.getSeconds()).padStart(2, '0')}`;
  return step >= 1e3 ? seconds : `${seconds}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** The smallest of 1, 2, 5 × 10ⁿ that is not below `least`. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const ratio = least / power;
  return (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10) * power;
}

/** Position of a value on a logarithmic axis: 0 at `min`, 1 at `max`. */
export function logPosition(value: number, min: number, max: number): number {
  return Math.log(Math.max(value, min) / min) / Math.log(max / min);
}

/** The value at a position of a logarithmic axis. */
export function logValue(position: number, min: number, max: number): number {
  return min * (max / min) ** position;
}

/** Powers of ten that enclose all values; at least one decade. Values of 0 do not count. */
export function logBounds(values: Iterable<number>): { readonly min: number; readonly max: number } {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const value of values) {
    if (value <= 0) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (most === 0) return { min: 1e3, max: 1e9 };
  const min = 10 ** Math.floor(Math.log10(least));
  return { min, max: Math.max(10 ** Math.ceil(Math.log10(most)), min * 10) };
}
