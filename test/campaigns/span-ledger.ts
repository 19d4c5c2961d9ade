/**
 * What a campaign's load sent, against what is stored at its end. Each request has a number, in the first half of its trace ids, and every span of a
 * request its own id: a lost or doubled span shows as a request with too few or too many rows.
 */
import { type LoadOptions, type LoadResult, runLoad } from '../../bench/load.ts';
import type { RunningClew } from '../support/clew.ts';

const SPANS_A_REQUEST = 50;
const PAGE = 5_000;

export interface Comparison {
  readonly acknowledgedSpans: number;
  readonly storedSpans: number;
  /** Spans of acknowledged requests that are not stored. */
  readonly lostSpans: number;
  /** Spans stored more than once, of any request. */
  readonly doubledSpans: number;
}

export interface CampaignLoad {
  /** Numbers of the requests that were answered with success. */
  readonly acknowledged: ReadonlySet<number>;
  /** Ends the load and resolves when its last request has its answer. */
  stop(): Promise<LoadResult>;
  /** What was acknowledged against what this Clew has stored. */
  compare(clew: RunningClew): Promise<Comparison>;
}

/** Sends until it is stopped. */
export function startLoad(options: Pick<LoadOptions, 'port' | 'rate' | 'run'>): CampaignLoad {
  const acknowledged = new Set<number>();
  const stopping = new AbortController();
  const load = runLoad({
    ...options,
    per: SPANS_A_REQUEST,
    spans: Number.MAX_SAFE_INTEGER,
    seconds: 24 * 3600,
    inflight: 8,
    signal: stopping.signal,
    onAcknowledged: (request) => acknowledged.add(request),
  });
  return {
    acknowledged,
    stop() {
      stopping.abort();
      return load;
    },
    compare: async (clew) => compare(acknowledged, await stored(clew, options.run)),
  };
}

interface StoredRequest {
  readonly rows: number;
  readonly distinct: number;
}

/** Rows and distinct span ids of each request number, read page by page. */
async function stored(clew: RunningClew, run: number): Promise<ReadonlyMap<number, StoredRequest>> {
  const found = new Map<number, StoredRequest>();
  const ofRun = run.toString(16).padStart(8, '0');
  for (let after = ''; ; ) {
    const rows = await clew.sql(
      `SELECT substring(TraceId, 9, 8) AS request, count() AS rows, uniqExact(TraceId, SpanId) AS distinct FROM otel_traces
       WHERE substring(TraceId, 17, 8) = '${ofRun}' AND substring(TraceId, 9, 8) > '${after}' GROUP BY request ORDER BY request LIMIT ${PAGE}`,
    );
    for (const [request, count, distinct] of rows) {
      found.set(Number.parseInt(String(request), 16), { rows: Number(count), distinct: Number(distinct) });
      after = String(request);
    }
    if (rows.length < PAGE) return found;
  }
}

function compare(acknowledged: ReadonlySet<number>, found: ReadonlyMap<number, StoredRequest>): Comparison {
  let [lostSpans, doubledSpans, storedSpans] = [0, 0, 0];
  for (const request of acknowledged) lostSpans += SPANS_A_REQUEST - (found.get(request)?.distinct ?? 0);
  for (const { rows, distinct } of found.values()) {
    doubledSpans += rows - distinct;
    storedSpans += rows;
  }
  return { acknowledgedSpans: acknowledged.size * SPANS_A_REQUEST, storedSpans, lostSpans, doubledSpans };
}
