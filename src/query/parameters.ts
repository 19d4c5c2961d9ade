import { LIMITS } from '../base/limits.ts';
import { ApiError, badParameter } from './problem.ts';

/** Nanoseconds since 1970, as the store keeps them. */
export type Nanos = bigint;

export const earlier = (a: Nanos, b: Nanos): Nanos => (b < a ? b : a);
export const later = (a: Nanos, b: Nanos): Nanos => (b > a ? b : a);

export interface TimeRange {
  readonly start: Nanos;
  readonly end: Nanos;
}

const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

/** OTLP's times are unsigned; an end lies behind the last of them. */
const NANOS_MAX = 2n ** 64n;
const HOUR = UNIT_NANOS['h'];

/** Reads the parameters of one request; everything that it cannot read is an ApiError that names the parameter. */
export class Parameters {
  readonly #query: URLSearchParams;
  readonly now: Nanos;

  constructor(query: URLSearchParams, now: Nanos, known: readonly string[]) {
    this.#query = query;
    this.now = now;
    for (const name of query.keys()) {
      if (!known.includes(name)) {
        throw new ApiError(
          400,
          'Unknown request parameter',
          `${name} is not a parameter here; there are: ${known.join(', ')}`,
          name,
        );
      }
    }
  }

  /** The value, or undefined when absent or empty. */
  text(name: string): string | undefined {
    const value = this.#query.get(name);
    return value === null || value === '' ? undefined : value;
  }

  all(name: string): string[] {
    return this.#query.getAll(name).filter((value) => value !== '');
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = allowed.find((choice) => choice.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw badParameter(name, value, `must be one of ${allowed.join(', ')}`);
    return found;
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most) {
      throw badParameter(name, value, `must be an integer from ${least} to ${most}`);
    }
    return number;
  }

  hexadecimal(name: string, digits: number): string | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    return readHex(name, value, digits);
  }

  /** `start` and `end`; the last hour when absent. */
  range(): TimeRange {
    const end = this.time('end') ?? this.now;
    const start = this.time('start') ?? end - HOUR;
    if (start >= end) throw badParameter('start', this.text('start') ?? 'absent', 'must lie before end');
    return { start, end };
  }

  time(name: string): Nanos | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : parseTime(name, value, this.now);
  }

  duration(name: string): Nanos | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : parseDuration(name, value);
  }

  /** `limit`, of the page. */
  limit(fallback: number): number {
    return this.integer('limit', fallback, 1, LIMITS.apiRowsMax);
  }
}

export function readHex(name: string, value: string, digits: number): string {
  const lower = value.toLowerCase();
  if (!/^[0-9a-f]+$/.test(lower) || lower.length > digits)
    throw badParameter(name, value, `must be ${digits} hexadecimal digits`);
  return lower.padStart(digits, '0');
}

/** A number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its size. */
function parseUnix(value: string): Nanos {
  const number = BigInt(value);
  if (number < 100_000_000_000n) return number * 1_000_000_000n;
  if (number < 100_000_000_000_000n) return number * 1_000_000n;
  if (number < 100_000_000_000_000_000n) return number * 1_000n;
  return number;
}

function parseTime(name: string, value: string, now: Nanos): Nanos {
  if (/^\d{1,20}$/.test(value)) return clampNanos(parseUnix(value));
  const relative = /^now(?:-(\d{1,9})(ms|s|m|h|d|w))?$/.exec(value);
  if (relative !== null) {
    const [, count = '0', unit = 's'] = relative;
    const time = now - BigInt(count) * UNIT_NANOS[unit];
    return time < 0n ? 0n : time;
  }
  const match = /^(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)(?:\.(\d{1,9}))?(Z|[-+]\d\d:\d\d)?$/.exec(value);
  const ms = match === null ? Number.NaN : Date.parse(match[1].replace(' ', 'T') + zoneOf(match[1], match[3]));
  if (match === null || Number.isNaN(ms)) {
    throw badParameter(name, value, 'must be Unix time (s, ms, µs or ns), RFC 3339, or relative as now-15m');
  }
  return clampNanos(BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0')));
}

/** A date alone is UTC by itself; a time without a zone is taken as UTC. */
const zoneOf = (text: string, zone: string | undefined): string => (text.length === 10 ? '' : (zone ?? 'Z'));

const clampNanos = (nanos: bigint): bigint => (nanos > NANOS_MAX ? NANOS_MAX : nanos < 0n ? 0n : nanos);

function parseDuration(name: string, value: string): Nanos {
  const match = /^(\d{1,12})(?:\.(\d{1,9}))?(ns|us|µs|ms|s|m|h)$/.exec(value);
  if (match === null)
    throw badParameter(name, value, 'must be a number with a unit, as 250ms, 1.5s, 2m, 80us or 100ns');
  const [, whole, fraction = '', unit] = match;
  const scale = UNIT_NANOS[unit];
  return BigInt(whole) * scale + (BigInt(fraction.padEnd(9, '0')) * scale) / 1_000_000_000n;
}

/** One `attribute` parameter: `key=value`, `key!=value`, or `key` (it exists). */
export interface AttributeFilter {
  readonly key: string;
  readonly operator: '=' | '!=' | 'exists';
  readonly value: string;
}

export function attributeFilters(parameters: Parameters): AttributeFilter[] {
  return parameters.all('attribute').map((text) => {
    const match = /^(.+?)(!?=)(.*)$/s.exec(text);
    if (match === null) return { key: text, operator: 'exists', value: '' };
    return { key: match[1], operator: match[2] as '=' | '!=', value: match[3] };
  });
}

/** A cursor is opaque to clients: JSON as base64url. */
export const writeCursor = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function readCursor<T>(parameters: Parameters, check: (value: unknown) => value is T): T | undefined {
  const text = parameters.text('cursor');
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    value = undefined;
  }
  if (!check(value)) throw badParameter('cursor', text, 'must be the `next` of an earlier answer');
  return value;
}
