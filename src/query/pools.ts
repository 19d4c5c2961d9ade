import { type PoolSpan, poolSpans, readCapacity } from '../analysis/pool-spans.ts';
import { poolRisks } from '../analysis/pools.ts';
import { LIMITS } from '../base/limits.ts';
import { LOCK_KEYS } from '../base/names.ts';
import type { Engine } from '../store/engine.ts';
import type { PoolsAnswer } from './api-locks.ts';
import type { Parameters } from './parameters.ts';
import { badParameter } from './problem.ts';
import { readSpanFilter, SPAN_FILTERS } from './span-filter.ts';
import { foundSpanRows, type Row, SPAN_COLUMNS } from './trace-rows.ts';

export const POOL_PARAMETERS: readonly string[] = [...SPAN_FILTERS, 'capacity', 'limit'];

/** Pools that the requests of the found traces come back into. */
export async function poolsOf(engine: Engine, parameters: Parameters, signal?: AbortSignal): Promise<PoolsAnswer> {
  const told = parameters.all('capacity').map((text) => {
    const capacity = readCapacity(text);
    if (capacity === undefined) throw badParameter('capacity', text, 'must be name:units, with units from 1 to 999999');
    return capacity;
  });
  const filter = readSpanFilter(engine, parameters);
  const limit = parameters.integer('limit', LIMITS.criticalTracesDefault, 1, LIMITS.criticalTracesMax);
  const { rows, truncated } = await foundSpanRows(engine, filter, limit, COLUMNS, signal);
  return poolsAnswer(rows.map(spanOf), new Map(told), truncated);
}

/** Pools that the requests of these spans come back into. */
export function poolsAnswer(
  list: readonly PoolSpan[],
  told: ReadonlyMap<string, number>,
  truncated: boolean,
): PoolsAnswer {
  const table = poolSpans(list, told);
  return { traces: table.spans.traceIds.length, spans: list.length, truncated, risks: poolRisks(table) };
}

const COLUMNS = `${SPAN_COLUMNS}, SpanAttributes['${LOCK_KEYS.resource}'], toUInt32OrZero(SpanAttributes['${LOCK_KEYS.capacity}']),
  toUInt32OrZero(ResourceAttributes['${LOCK_KEYS.capacity}'])`;

function spanOf(row: Row): PoolSpan {
  return {
    traceId: row[0] as string,
    spanId: row[1] as string,
    parentSpanId: row[2] as string,
    kind: row[3] as number,
    service: row[4] as string,
    operation: row[5] as string,
    startNs: BigInt(row[6] as string),
    durationNs: BigInt(row[7] as string),
    pool: row[8] as string,
    capacity: row[9] as number,
    workers: row[10] as number,
  };
}
