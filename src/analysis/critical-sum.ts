import type { CallSpans } from './call-spans.ts';
import { type CriticalPaths, SECTION } from './critical-path.ts';
import { type FlameNode, FlameTree } from './flame.ts';

/** What requests wait for: an operation, a service (all its operations), an edge (network and queue), or what a missing span did. */
export interface PathShare {
  readonly kind: 'operation' | 'service' | 'edge' | 'unobserved';
  /** The client of an edge. */
  readonly service: string;
  /** '' for a service. */
  readonly operation: string;
  /** The server of an edge, else ''. */
  readonly toService: string;
  readonly toOperation: string;
  /** Nanoseconds on the critical paths of all traces. */
  readonly totalNs: number;
  /** In how many traces it is on the critical path, and its time there by nearest rank. */
  readonly traces: number;
  readonly p50Ns: number;
  readonly p95Ns: number;
  /** Mean over those traces: how much shorter the trace gets at most when it takes no time. */
  readonly savableNs: number;
  /** Where it takes longest. */
  readonly slowestTraceId: string;
}

export interface PathSummary {
  readonly traces: number;
  /** Sum of the roots' durations: what the shares are parts of. */
  readonly totalNs: number;
  /** Operations, edges and unobserved times sum to the total; services repeat their operations. By total, largest first. */
  readonly shares: readonly PathShare[];
  readonly flame: readonly FlameNode[];
  /** The flame graph leaves out deeper or further calls. */
  readonly isFlameCut: boolean;
}

interface Sum {
  readonly share: Pick<PathShare, 'kind' | 'service' | 'operation' | 'toService' | 'toOperation'>;
  readonly times: number[];
  savable: number;
  slowest: number;
  slowestTrace: number;
  /** Of the trace that is being added. */
  now: number;
  nowDrag: number;
}

/** Adds up the critical paths of a table of traces. */
export function sumPaths(spans: CallSpans, paths: CriticalPaths): PathSummary {
  const sums = new Map<string, Sum>();
  const touched = new Set<Sum>();
  const flame = new FlameTree(spans, paths);
  let totalNs = 0;
  for (let i = 0; i < paths.count; i++) {
    const length = paths.end[i] - paths.start[i];
    totalNs += length;
    flame.add(i, length);
    for (const sum of sumsOf(sums, spans, paths, i)) {
      sum.now += length;
      sum.nowDrag = Math.max(sum.nowDrag, paths.drag[paths.span[i]]);
      touched.add(sum);
    }
    if (i + 1 < paths.count && paths.trace[i + 1] === paths.trace[i]) continue;
    for (const sum of touched) closeTrace(sum, paths.trace[i]);
    touched.clear();
  }
  const shares = [...sums.values()].map((sum) => shareOf(sum, spans.traceIds));
  shares.sort((a, b) => b.totalNs - a.totalNs || (nameOf(a) < nameOf(b) ? -1 : 1));
  const traces = paths.root.reduce((count, root) => count + (root >= 0 ? 1 : 0), 0);
  return { traces, totalNs, shares, flame: flame.nodes(), isFlameCut: flame.isCut };
}

const KINDS = ['operation', 'edge', 'unobserved'] as const;

function sumsOf(sums: Map<string, Sum>, spans: CallSpans, paths: CriticalPaths, i: number): Sum[] {
  const [service, operation] = namesOf(spans, paths.span[i]);
  const kind = KINDS[paths.kind[i]];
  const [toService, toOperation] = paths.kind[i] === SECTION.gap ? namesOf(spans, paths.server[i]) : ['', ''];
  const own = sumOf(sums, { kind, service, operation, toService, toOperation });
  if (kind !== 'operation') return [own];
  return [own, sumOf(sums, { kind: 'service', service, operation: '', toService: '', toOperation: '' })];
}

function sumOf(sums: Map<string, Sum>, share: Sum['share']): Sum {
  const name = nameOf(share);
  const known = sums.get(name);
  if (known !== undefined) return known;
  const fresh = { share, times: [], savable: 0, slowest: -1, slowestTrace: 0, now: 0, nowDrag: 0 };
  sums.set(name, fresh);
  return fresh;
}

/** What tells one share from another. */
const nameOf = ({ kind, service, operation, toService, toOperation }: Sum['share']): string =>
  [kind, service, operation, toService, toOperation].join('\0');

function closeTrace(sum: Sum, trace: number): void {
  sum.times.push(sum.now);
  sum.savable += Math.min(sum.now, sum.nowDrag);
  if (sum.now > sum.slowest) {
    sum.slowest = sum.now;
    sum.slowestTrace = trace;
  }
  sum.now = 0;
  sum.nowDrag = 0;
}

function shareOf({ share, times, savable, slowestTrace }: Sum, traceIds: readonly string[]): PathShare {
  times.sort((a, b) => a - b);
  return {
    ...share,
    totalNs: times.reduce((sum, time) => sum + time, 0),
    traces: times.length,
    p50Ns: nearestRank(times, 50),
    p95Ns: nearestRank(times, 95),
    savableNs: savable / times.length,
    slowestTraceId: traceIds[slowestTrace],
  };
}

/** The smallest of the sorted values that `percent` of them do not exceed. */
const nearestRank = (sorted: readonly number[], percent: number): number =>
  sorted[Math.max(1, Math.ceil((sorted.length * percent) / 100)) - 1];

export const namesOf = ({ names, node, nodeService, nodeOperation }: CallSpans, span: number): [string, string] => [
  names[nodeService[node[span]]],
  names[nodeOperation[node[span]]],
];

/** How the time of one share changed, per trace of each window. */
export interface PathChange extends Pick<PathShare, 'kind' | 'service' | 'operation' | 'toService' | 'toOperation'> {
  readonly beforeNs: number;
  readonly afterNs: number;
  readonly changeNs: number;
  readonly slowestTraceId: string;
}

/** Compares two windows by the mean time per trace: what got slower first. */
export function comparePaths(before: PathSummary, after: PathSummary): PathChange[] {
  const changes = new Map<string, PathChange>();
  const entry = (share: PathShare, beforeNs: number, afterNs: number): void => {
    const { kind, service, operation, toService, toOperation, slowestTraceId } = share;
    const changeNs = afterNs - beforeNs;
    const change = { kind, service, operation, toService, toOperation, slowestTraceId, beforeNs, afterNs, changeNs };
    changes.set(nameOf(share), change);
  };
  for (const share of before.shares) entry(share, share.totalNs / before.traces, 0);
  for (const share of after.shares) {
    entry(share, changes.get(nameOf(share))?.beforeNs ?? 0, share.totalNs / after.traces);
  }
  return [...changes.values()].sort((a, b) => b.changeNs - a.changeNs || (nameOf(a) < nameOf(b) ? -1 : 1));
}
