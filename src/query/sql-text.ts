import type { AttributeFilter, Nanos, TimeRange } from './parameters.ts';

/** A statement and its parameters: what a plan says, before anything runs. */
export interface Statement {
  readonly sql: string;
  readonly params: Readonly<Record<string, string | number | boolean | readonly string[]>>;
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

  /** `start <= column < end`. */
  within(column: string, range: TimeRange): void {
    this.add(`${column} >= ${this.time(range.start)} AND ${column} < ${this.time(range.end)}`);
  }

  time(nanos: Nanos): string {
    return `fromUnixTimestamp64Nano(${this.value(nanos.toString(), 'Int64')})`;
  }

  /**
   * One filter on attributes, looked for in each of `maps`: `items` is the column of `key=value` texts that has a bloom filter. A key
   * `baggage.k` is also looked for as member `k` of the request's baggage header.
   */
  attribute(filter: AttributeFilter, maps: readonly { readonly map: string; readonly items?: string }[]): void {
    const baggageKey = filter.key.startsWith('baggage.') ? filter.key.slice('baggage.'.length) : undefined;
    const places = maps.map(({ map, items }) => ({ map, items, key: filter.key }));
    if (baggageKey !== undefined) places.push({ map: 'Baggage', items: undefined, key: baggageKey });
    const tests = places.map(({ map, items, key }) => this.#attributeTest(filter, map, items, key));
    const any = `(${tests.join(' OR ')})`;
    this.add(filter.operator === '!=' ? `NOT ${any}` : any);
  }

  #attributeTest(filter: AttributeFilter, map: string, items: string | undefined, key: string): string {
    if (filter.operator === 'exists') return `mapContains(${map}, ${this.value(key, 'String')})`;
    if (items !== undefined) return `has(${items}, ${this.value(`${key}=${filter.value}`, 'String')})`;
    const keyText = this.value(key, 'String');
    return `(mapContains(${map}, ${keyText}) AND ${map}[${keyText}] = ${this.value(filter.value, 'String')})`;
  }

  /** The conditions joined, `1` when there are none. */
  text(): string {
    return this.#parts.length === 0 ? '1' : this.#parts.join(' AND ');
  }
}

/** Unsigned nanoseconds as text, from the Int64 text that ClickHouse answers for a DateTime64(9). */
export function unsignedNanos(text: unknown): string {
  const value = String(text);
  return value.startsWith('-') ? BigInt.asUintN(64, BigInt(value)).toString() : value;
}
