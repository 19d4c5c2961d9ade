import type { Engine } from '../store/engine.ts';
import type { Page, TraceSummary } from './api.ts';
import { type Cursor, type Match, newestMatches, type Search } from './newest-matches.ts';
import { type Parameters, readCursor, writeCursor } from './parameters.ts';
import { readSpanFilter, type SpanFilter } from './span-filter.ts';
import { summarise } from './trace-summary.ts';

/** Long traces that a cursor carries; a page that had more of them may repeat one. A cursor has to fit into a URL. */
const SHOWN_MAX = 100;

function isCursor(value: unknown): value is Cursor {
  if (value === null || typeof value !== 'object' || !('before' in value && 'after' in value && 'shown' in value))
    return false;
  const isShown = (item: unknown): boolean => Array.isArray(item) && /^\w*$/.test(String(item[0])) && isNanos(item[1]);
  const { before, after, shown } = value;
  return isNanos(before) && typeof after === 'string' && Array.isArray(shown) && shown.every(isShown);
}

const isNanos = (value: unknown): boolean => typeof value === 'string' && /^\d{1,19}$/.test(value);

/** Traces that have a matching span, the newest match first. */
export async function searchTraces(
  engine: Engine,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<Page<TraceSummary>> {
  const search: Search = {
    filter: readSpanFilter(engine, parameters),
    limit: parameters.limit(20),
    cursor: readCursor(parameters, isCursor),
    signal,
  };
  const found = await newestMatches(engine, search);
  const items = await summarise(
    engine,
    found.map(({ traceId }) => traceId),
    signal,
  );
  const last = found[found.length - 1];
  const more = found.length === search.limit && last !== undefined;
  return { items, next: more ? nextCursor(last, items, search.cursor) : null };
}

/** Ids of the traces that a search finds, the newest match first. */
export async function matchingTraces(
  engine: Engine,
  filter: SpanFilter,
  limit: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const found = await newestMatches(engine, { filter, limit, cursor: undefined, signal });
  return found.map(({ traceId }) => traceId);
}

function nextCursor(last: Match, items: readonly TraceSummary[], cursor: Cursor | undefined): string {
  const starts = items.map(({ traceId, startTimeUnixNano }) => [traceId, startTimeUnixNano] as const);
  const shown = [...(cursor?.shown ?? []), ...starts]
    .filter(([, start]) => BigInt(start) < BigInt(last.time))
    .sort(([, a], [, b]) => (BigInt(a) < BigInt(b) ? -1 : 1))
    .slice(0, SHOWN_MAX);
  return writeCursor({ before: last.time, after: last.traceId, shown } satisfies Cursor);
}
