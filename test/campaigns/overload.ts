/**
 * Sends far more than Clew can load, for a while, over HTTP and gRPC at once. What must hold: every request is answered, with success or with
 * a status that a client retries; no acknowledged span is missing afterwards; no receiver grows over its limit.
 */
import { LOAD_CORE } from '../../bench/cores.ts';
import { bytesPerSpan, countSpans, statusOf, waitForSpans } from '../../bench/ingest.ts';
import type { LoadResult } from '../../bench/load.ts';
import { peakMiB } from '../../bench/processes.ts';
import { spawnLoad } from '../../bench/spawn-load.ts';
import { startClew } from '../support/clew.ts';

export interface OverloadOptions {
  readonly seconds: number;
  /** Requests in flight on each of the two doors. */
  readonly inflight: number;
  readonly flags?: readonly string[];
}

export interface OverloadReport {
  readonly offeredSpansPerSecond: number;
  readonly acknowledgedSpans: number;
  readonly storedSpans: number;
  readonly refusedRequests: number;
  /** Requests by status; every key must be success or retryable. */
  readonly codes: Readonly<Record<string, number>>;
  readonly unanswered: number;
  readonly doors: Readonly<Record<'http' | 'grpc', DoorReport>>;
  readonly wrongCodes: readonly string[];
  readonly receiverPeakMiB: number;
  readonly storePeakMiB: number;
  readonly bytesPerSpan: number;
}

/** What the clients of one door saw; times are of all answers, refusals included. */
export interface DoorReport {
  readonly acknowledgedSpans: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const doorReport = ({ acknowledgedSpans, p50Ms, p99Ms, maxMs }: LoadResult): DoorReport => ({
  acknowledgedSpans,
  p50Ms,
  p99Ms,
  maxMs,
});

/** HTTP 200, 429, 503; gRPC OK, UNAVAILABLE, RESOURCE_EXHAUSTED is not among them: without RetryInfo a client would drop the data. */
const RETRYABLE = new Set(['200', '429', '503', 'grpc-0', 'grpc-14']);

export async function runOverload(options: OverloadOptions): Promise<OverloadReport> {
  const clew = await startClew(options.flags ? { flags: options.flags } : {});
  try {
    const load = {
      spans: Number.MAX_SAFE_INTEGER,
      seconds: options.seconds,
      inflight: options.inflight,
      backoffMs: 5,
      templates: 20,
    };
    const [http, grpc] = await Promise.all([
      spawnLoad({ ...load, protocol: 'http', port: clew.ports.http, run: 1 }, LOAD_CORE),
      spawnLoad({ ...load, protocol: 'grpc', port: clew.ports.grpc, run: 2, connections: 16 }, LOAD_CORE),
    ]);
    const results = [http, grpc];
    const pids = new Map((await statusOf(clew)).receivers.map((receiver) => [receiver.pid, receiver.receiver]));
    const sum = (pick: (result: LoadResult) => number): number =>
      results.reduce((total, result) => total + pick(result), 0);
    const acknowledgedSpans = sum((result) => result.acknowledgedSpans);
    await waitForSpans(clew, acknowledgedSpans);
    const peaks = peakMiB(clew.pid);
    const codes: Record<string, number> = {};
    for (const result of results)
      for (const [code, count] of Object.entries(result.codes)) codes[code] = (codes[code] ?? 0) + count;
    const storedSpans = await countSpans(clew);
    return {
      offeredSpansPerSecond: Math.round(sum((result) => result.sentSpans) / options.seconds),
      acknowledgedSpans,
      storedSpans,
      refusedRequests: Object.entries(codes).reduce(
        (total, [code, count]) => total + (code === '200' || code === 'grpc-0' ? 0 : count),
        0,
      ),
      codes,
      doors: { http: doorReport(http), grpc: doorReport(grpc) },
      unanswered: sum((result) => result.unansweredSpans),
      wrongCodes: Object.keys(codes).filter((code) => !RETRYABLE.has(code)),
      receiverPeakMiB: Math.max(...[...peaks].filter(([pid]) => pids.has(pid)).map(([, mib]) => mib)),
      storePeakMiB: Math.max(...[...peaks].filter(([pid]) => !pids.has(pid) && pid !== clew.pid).map(([, mib]) => mib)),
      bytesPerSpan: await bytesPerSpan(clew, storedSpans),
    };
  } finally {
    await clew.stop();
  }
}
