import { CallSpansBuilder } from './call-spans.ts';
import type { TimedSpan } from './critical-spans.ts';
import type { PoolSpans } from './pools.ts';

/** A span with what it tells of pools. */
export interface PoolSpan extends TimedSpan {
  /** The pool that it takes a unit of, with its units; a name without units is no pool. */
  readonly pool: string;
  readonly capacity: number;
  /** Workers of its service; 0 where they are not told. */
  readonly workers: number;
}

/** Brings spans on one clock. Of several capacities of one pool the least counts; `told` comes before what spans tell. */
export function poolSpans(list: readonly PoolSpan[], told: ReadonlyMap<string, number>): PoolSpans {
  const builder = new CallSpansBuilder(list.length);
  const capacities = new Map<string, number>();
  const named: string[] = [];
  const tell = (pool: string, units: number): void => {
    if (units > 0) capacities.set(pool, Math.min(units, capacities.get(pool) ?? units));
  };
  let base = list[0]?.startNs ?? 0n;
  for (const { startNs } of list) if (startNs < base) base = startNs;
  for (const { startNs, durationNs, pool, capacity, workers, ...span } of list) {
    const isPool = pool !== '' && capacity > 0;
    named.push(isPool ? pool : '');
    if (isPool) tell(pool, capacity);
    else tell(span.service, workers);
    const times = { startNs: Number(startNs - base), durationNs: Math.max(0, Number(durationNs)) };
    builder.add({ ...span, ...times, failed: false, peer: '', isDatabase: false, isCounted: true });
  }
  for (const [pool, units] of told) capacities.set(pool, units);
  return { spans: builder.finish(), named, capacities };
}

/** Reads `name:units`; undefined when it is not that. */
export function readCapacity(text: string): readonly [string, number] | undefined {
  const [, name, units] = /^(.+):(\d{1,6})$/.exec(text) ?? [];
  return name === undefined || Number(units) === 0 ? undefined : [name, Number(units)];
}
