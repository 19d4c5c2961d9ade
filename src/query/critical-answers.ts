import type { CallSpans } from '../analysis/call-spans.ts';
import { type CriticalPaths, criticalPaths, notesOf, type PathMode } from '../analysis/critical-path.ts';
import { comparePaths, namesOf, type PathSummary } from '../analysis/critical-sum.ts';
import type { PathComparison, PathSection, PathSums, PathWindow, TracePath } from './api-paths.ts';
import { unsigned64 } from './sql-text.ts';

/** Spans of some traces, with the first moment of each trace's clock. */
export interface TimedTable {
  readonly spans: CallSpans;
  readonly bases: readonly bigint[];
}

const KINDS = ['self', 'gap', 'unobserved'] as const;

const idOf = ({ idHigh, idLow }: CallSpans, span: number): string =>
  idHigh[span].toString(16).padStart(8, '0') + idLow[span].toString(16).padStart(8, '0');

/** The critical path of the first trace of the table. */
export function tracePathAnswer({ spans, bases }: TimedTable, mode: PathMode, isTruncated: boolean): TracePath {
  const paths = criticalPaths(spans, mode);
  const root = paths.root[0];
  const sections = Array.from({ length: paths.count }, (_, i) => i)
    .filter((i) => paths.trace[i] === 0)
    .map((i) => sectionOf(spans, bases[0], paths, i))
    .reverse();
  const beside = Array.from(paths.slack.keys()).filter((span) => paths.slack[span] > 0);
  return {
    traceId: spans.traceIds[0],
    mode,
    rootSpanId: idOf(spans, root),
    startTimeUnixNano: absolute(bases[0], spans.startNs[root]),
    durationNano: String(spans.durationNs[root]),
    notes: [...notesOf(paths.notes[0]), ...(isTruncated ? ['truncated'] : [])],
    sections,
    slack: beside.map((span) => ({ spanId: idOf(spans, span), slackNano: String(paths.slack[span]) })),
  };
}

function sectionOf(spans: CallSpans, base: bigint, paths: CriticalPaths, i: number): PathSection {
  const [service, operation] = namesOf(spans, paths.span[i]);
  return {
    kind: KINDS[paths.kind[i]],
    spanId: idOf(spans, paths.span[i]),
    serverSpanId: paths.server[i] < 0 ? null : idOf(spans, paths.server[i]),
    service,
    operation,
    startTimeUnixNano: absolute(base, paths.start[i]),
    durationNano: String(paths.end[i] - paths.start[i]),
    dragNano: String(paths.drag[paths.span[i]]),
  };
}

const absolute = (base: bigint, offset: number): string => unsigned64(base + BigInt(offset));

export function pathSumsAnswer(summary: PathSummary, mode: PathMode, truncated: boolean): PathSums {
  return {
    mode,
    traces: summary.traces,
    truncated,
    totalNano: summary.totalNs,
    shares: summary.shares.map(({ totalNs, p50Ns, p95Ns, savableNs, ...share }) => ({
      ...share,
      share: summary.totalNs === 0 ? 0 : totalNs / summary.totalNs,
      totalNano: totalNs,
      p50Nano: p50Ns,
      p95Nano: p95Ns,
      savableNano: savableNs,
    })),
    flame: summary.flame.map(({ totalNs, selfNs, ...node }) => ({ ...node, totalNano: totalNs, selfNano: selfNs })),
    flameTruncated: summary.isFlameCut,
  };
}

export interface ComparedWindow {
  readonly summary: PathSummary;
  readonly start: bigint;
  readonly end: bigint;
  readonly truncated: boolean;
}

export function comparisonAnswer(before: ComparedWindow, after: ComparedWindow, mode: PathMode): PathComparison {
  const isComparable = before.summary.traces > 0 && after.summary.traces > 0;
  const changes = isComparable ? comparePaths(before.summary, after.summary) : [];
  return {
    mode,
    before: windowAnswer(before),
    after: windowAnswer(after),
    truncated: before.truncated || after.truncated,
    changes: changes.map(({ beforeNs, afterNs, changeNs, ...change }) => ({
      ...change,
      beforeNano: beforeNs,
      afterNano: afterNs,
      changeNano: changeNs,
    })),
  };
}

const windowAnswer = ({ summary, start, end }: ComparedWindow): PathWindow => ({
  startTimeUnixNano: start.toString(),
  endTimeUnixNano: end.toString(),
  traces: summary.traces,
  meanNano: summary.traces === 0 ? 0 : summary.totalNs / summary.traces,
});
