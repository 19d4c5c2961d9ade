import { LIMITS } from '../base/limits.ts';
import type { QueryOptions } from '../store/engine.ts';
import type { AttributeFilter, Nanos, TimeRange } from './parameters.ts';

/** A statement and its parameters: what a plan says, before anything runs. */
export interface Statement {
  readonly sql: string;
  readonly params: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** How a statement of the API is asked: it ends when its time is up, or when nobody waits for its answer any more. */
export function statementOptions(params: Statement['params'], signal: AbortSignal | undefined): QueryOptions {
  return { params, timeoutMs: LIMITS.queryTimeMsMax, ...(signal && { signal }) };
}

/** A map column, and the column of the hashes of its entries where that has an index. */
export interface AttributePlace {
  readonly map: string;
  readonly hashes?: string;
}

/** Where an attribute is looked for, and by which key. */
export interface KeyPlace extends AttributePlace {
  readonly key: string;
}

/** Collects conditions whose values travel as parameters: no value ever enters SQL text. */
export class Conditions {
  readonly #parts: string[] = [];
  readonly params: Record<string, string | number | readonly string[]> = {};
  #count = 0;

  /** A placeholder for a value. */
  value(value: string | number | readonly string[], type: string): string {
    const name = `p${this.#count++}`;
    this.params[name] = value;
    return `{${name}:${type}}`;
  }

  add(condition: string): void {
    this.#parts.push(condition);
  }

  equals(column: string, value: string | undefined): void {
    if (value !== undefined) this.add(`${column} = ${this.value(value, 'String')}`);
  }

  /**
   * `start <= column < end`. Times of 2^63 and more are stored as negative ones, whose days wrap around: they are compared as numbers, because
   * ClickHouse would leave out partitions by their day.
   */
  within(column: string, range: TimeRange): void {
    const from = this.time(range.start);
    if (range.end <= SIGNED_MAX) {
      this.add(`${column} >= ${from} AND ${column} < ${this.time(range.end)}`);
      return;
    }
    const number = `toUnixTimestamp64Nano(${column})`;
    const before = `${number} < ${this.value(signedNanos(range.end), 'Int64')}`;
    const isSplit = range.start <= SIGNED_MAX;
    this.add(
      isSplit ? `(${column} >= ${from} OR ${before})` : `${number} >= toUnixTimestamp64Nano(${from}) AND ${before}`,
    );
  }

  time(nanos: Nanos): string {
    return `fromUnixTimestamp64Nano(${this.value(signedNanos(nanos), 'Int64')})`;
  }

  /**
   * One filter on attributes, looked for in each of `places`; where there is none, no row has the key. `hashes` is the column of their hashes with a
   * bloom filter, which says which granules may hold it. The map is compared first, because it is cheaper to read than the hashes are to make. Of equal keys the first
   * counts.
   */
  attribute(filter: AttributeFilter, places: readonly KeyPlace[]): void {
    const tests = places.map((place) => this.#attributeTest(filter, place));
    const either = tests.length === 0 ? '0' : `(${tests.join(' OR ')})`;
    this.add(filter.operator === '!=' ? `NOT ${either}` : either);
  }

  #attributeTest(filter: AttributeFilter, { map, hashes, key }: KeyPlace): string {
    const keyText = this.value(key, 'String');
    if (filter.operator === 'exists') return `mapContains(${map}, ${keyText})`;
    const value = this.value(filter.value, 'String');
    const equals = `${map}[${keyText}] = ${value}`;
    // A key that is absent reads as the empty text.
    if (hashes === undefined) return filter.value === '' ? `(mapContains(${map}, ${keyText}) AND ${equals})` : equals;
    return `(${equals} AND has(${hashes}, cityHash64(${keyText}, ${value})))`;
  }

  /** The conditions one by one, in the order in which they were added. */
  get parts(): readonly string[] {
    return this.#parts;
  }

  /** The conditions joined, `1` when there are none. */
  text(): string {
    return this.#parts.length === 0 ? '1' : this.#parts.join(' AND ');
  }
}

const SIGNED_MAX = 2n ** 63n - 1n;

const signedNanos = (nanos: Nanos): string => BigInt.asIntN(64, nanos).toString();

/** Unsigned nanoseconds as text, from the Int64 text that ClickHouse answers for a DateTime64(9). */
export function unsignedNanos(text: unknown): string {
  const value = String(text);
  return value.startsWith('-') ? unsigned64(BigInt(value)) : value;
}

/** A 64-bit number of the store as OTLP has it: one of 2^63 and more is stored as a negative one. */
export const unsigned64 = (value: bigint): string => BigInt.asUintN(64, value).toString();

const SECOND_TEXT = 'YYYY-MM-DD hh:mm:ss'.length;

/** Signed nanoseconds of a DateTime64(9) as ClickHouse writes it in UTC, `1970-01-01 00:00:00.000000001`. */
export function nanosOfTime(text: string): bigint {
  return BigInt(secondOfTime(text)) * 1_000_000_000n + BigInt(text.slice(SECOND_TEXT + 1));
}

/** The whole second of a time as ClickHouse writes it in UTC, of a DateTime or with a fraction behind it. */
export function secondOfTime(text: string): number {
  return Date.parse(`${text.slice(0, SECOND_TEXT).replace(' ', 'T')}Z`) / 1000;
}
