/** Query latency over HTTP as a client sees it, one question at a time, every question different from the last. */
import type { RunningClew } from '../test/support/clew.ts';

export interface QueryResult {
  readonly name: string;
  readonly asked: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Answers that held at least one trace. */
  readonly found: number;
}

async function measure(name: string, paths: readonly string[], clew: RunningClew): Promise<QueryResult> {
  const times: number[] = [];
  let found = 0;
  for (const path of paths) {
    const started = performance.now();
    const response = await fetch(clew.url.api + path);
    const body = (await response.json()) as { items?: unknown[]; resourceSpans?: unknown[] };
    times.push(performance.now() - started);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${JSON.stringify(body)}`);
    if ((body.items ?? body.resourceSpans ?? []).length > 0) found++;
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    Number((times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1));
  return { name, asked: paths.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), found };
}

/** Runs each kind of question `count` times against the spans that the bench's load left in the store. */
export async function measureQueries(clew: RunningClew, count: number): Promise<QueryResult[]> {
  const rows = await clew.sql(`SELECT TraceId FROM otel_traces WHERE cityHash64(TraceId) % 97 = 3 LIMIT ${count * 8}`);
  const ids = [...new Set(rows.map((row) => String(row[0])))].slice(0, count);
  const recent = 'limit=20&start=now-6h&end=now';
  const range = Array.from({ length: count }, (_, i) => i);
  return [
    await measure(
      'trace by id',
      ids.map((id) => `/api/v1/traces/${id}`),
      clew,
    ),
    await measure(
      'attribute, rare value',
      range.map((i) => `/api/v1/traces?${recent}&attribute=enduser.id%3Duser-${(i * 7919) % 50_000}`),
      clew,
    ),
    await measure(
      'attribute, one span in five',
      range.map((i) => `/api/v1/traces?${recent}&attribute=http.response.status_code%3D${200 + (i % 5) * 100}`),
      clew,
    ),
    await measure(
      'service, least duration, time range',
      range.map((i) => `/api/v1/traces?${recent}&service=service-${i % 30}&minDuration=${1 + (i % 3)}ms`),
      clew,
    ),
    await measure(
      'newest traces',
      range.map((i) => `/api/v1/traces?limit=${20 + (i % 5)}&start=now-6h&end=now`),
      clew,
    ),
  ];
}
