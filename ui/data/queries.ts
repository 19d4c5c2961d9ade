import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type {
  CyclesAnswer,
  Facet,
  GraphAnswer,
  LogHistogram,
  LogRecord,
  MetricSeries,
  MetricSummary,
  OtlpTrace,
  Page,
  ServiceSummary,
  Status,
  TraceHistogram,
  TraceSummary,
} from '../../src/query/api.ts';
import type { AlertsAnswer } from '../../src/query/api-alerts.ts';
import type { TraceComparison } from '../../src/query/api-compare.ts';
import type { FleetNode } from '../../src/query/api-fleet.ts';
import type { LocksAnswer, PoolsAnswer } from '../../src/query/api-locks.ts';
import type { PathComparison, PathSums, TracePath } from '../../src/query/api-paths.ts';
import { getJson, type Query } from './client.ts';

/**
 * One hook per question to the API. `tick` is the frame's clock: it changes when the range is asked for anew (live, refresh), and what
 * was shown stays until the new answer is there.
 */

const PAGE_ROWS = 1_000;

function useAnswer<T>(path: string, query: Query, tick: number, enabled = true) {
  return useQuery({
    queryKey: [path, query, tick],
    queryFn: async ({ signal }) => (await getJson<T>(path, query, signal)).body,
    placeholderData: keepPreviousData,
    enabled,
  });
}

function usePages<T>(path: string, query: Query, tick: number) {
  return useInfiniteQuery({
    queryKey: [path, query, tick],
    queryFn: async ({ signal, pageParam }) =>
      (await getJson<Page<T>>(path, { ...query, limit: PAGE_ROWS, cursor: pageParam }, signal)).body,
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
}

export function useTraces(query: Query, tick: number) {
  return usePages<TraceSummary>('/traces', query, tick);
}

export function useTraceHistogram(query: Query, tick: number) {
  return useAnswer<TraceHistogram>('/traces/histogram', query, tick);
}

export function useTraceFacets(query: Query, tick: number, enabled = true) {
  return useAnswer<Page<Facet>>('/traces/facets', query, tick, enabled);
}

export function useTraceComparison(query: Query, tick: number) {
  return useAnswer<TraceComparison>('/traces/compare', query, tick);
}

/** A whole trace. `truncated`: it has more spans than the API answers. */
export function useTrace(traceId: string) {
  return useQuery({
    queryKey: ['/traces', traceId],
    queryFn: async ({ signal }) => {
      const { body, headers } = await getJson<OtlpTrace>(`/traces/${traceId}`, {}, signal);
      return { trace: body, truncated: headers.get('clew-truncated') === 'true' };
    },
    structuralSharing: false,
  });
}

export function useGraph(range: Query, tick: number, enabled = true) {
  return useAnswer<GraphAnswer>('/graph', range, tick, enabled);
}

export function useCycles(query: Query, tick: number) {
  return useAnswer<CyclesAnswer>('/cycles', query, tick);
}

export function useServices(range: Query, tick: number, enabled = true) {
  return useAnswer<Page<ServiceSummary>>('/services', range, tick, enabled);
}

export function useLogs(query: Query, tick: number) {
  return usePages<LogRecord>('/logs', query, tick);
}

/** Logs that carry a span's ids, newest first. */
export function useSpanLogs(traceId: string, spanId: string, aroundMs: number, enabled: boolean) {
  const day = 86_400_000;
  const query = { traceId, spanId, start: Math.floor(aroundMs - day), end: Math.ceil(aroundMs + day), limit: 200 };
  return useQuery({
    queryKey: ['/logs', query],
    queryFn: async ({ signal }) => (await getJson<Page<LogRecord>>('/logs', query, signal)).body,
    enabled,
  });
}

export function useLogHistogram(query: Query, tick: number) {
  return useAnswer<LogHistogram>('/logs/histogram', query, tick);
}

export function useMetrics(query: Query, tick: number) {
  return useAnswer<Page<MetricSummary>>('/metrics', query, tick);
}

export function useMetricSeries(name: string, query: Query, tick: number, enabled: boolean) {
  return useAnswer<MetricSeries>(`/metrics/${encodeURIComponent(name)}`, query, tick, enabled);
}

export function usePathSums(query: Query, tick: number, enabled: boolean) {
  return useAnswer<PathSums>('/critical-path', query, tick, enabled);
}

export function usePathComparison(query: Query, tick: number, enabled: boolean) {
  return useAnswer<PathComparison>('/critical-path/compare', query, tick, enabled);
}

/** The critical path of one trace, once it is wanted. */
export function useTracePath(traceId: string, enabled: boolean) {
  return useQuery({
    queryKey: ['/traces/critical-path', traceId],
    queryFn: async ({ signal }) =>
      (await getJson<TracePath>(`/traces/${traceId}/critical-path`, { mode: 'crisp' }, signal)).body,
    enabled,
  });
}

const LOCKS_INTERVAL_MS = 2_000;

/** Reads whole traces: not with each tick of the clock. */
const POOLS_INTERVAL_MS = 30_000;

export function usePools(range: Query) {
  return useQuery({
    queryKey: ['/pools', range],
    queryFn: async ({ signal }) => (await getJson<PoolsAnswer>('/pools', range, signal)).body,
    placeholderData: keepPreviousData,
    refetchInterval: POOLS_INTERVAL_MS,
  });
}

/** Locks are always those of now. */
export function useLocks() {
  return useQuery({
    queryKey: ['/deadlocks'],
    queryFn: async ({ signal }) => (await getJson<LocksAnswer>('/deadlocks', {}, signal)).body,
    refetchInterval: LOCKS_INTERVAL_MS,
  });
}

const ALERTS_INTERVAL_MS = 5_000;

export function useAlerts() {
  return useQuery({
    queryKey: ['/alerts'],
    queryFn: async ({ signal }) => (await getJson<AlertsAnswer>('/alerts', {}, signal)).body,
    refetchInterval: ALERTS_INTERVAL_MS,
  });
}

const STATUS_INTERVAL_MS = 5_000;

export function useFleet() {
  return useQuery({
    queryKey: ['/fleet'],
    queryFn: async ({ signal }) => (await getJson<FleetNode>('/fleet', {}, signal)).body,
    refetchInterval: STATUS_INTERVAL_MS,
  });
}

export function useStatus(refetch = true) {
  return useQuery({
    queryKey: ['/status'],
    queryFn: async ({ signal }) => (await getJson<Status>('/status', {}, signal)).body,
    refetchInterval: refetch ? STATUS_INTERVAL_MS : false,
  });
}
