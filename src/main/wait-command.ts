import { parseArgs } from 'node:util';
import { criticalPaths, type PathMode } from '../analysis/critical-path.ts';
import { TimedSpans } from '../analysis/critical-spans.ts';
import { sumPaths } from '../analysis/critical-sum.ts';
import { PORTS } from '../base/names.ts';
import type { DeadlockAnswer, LockSnapshotAnswer, LocksAnswer } from '../query/api-locks.ts';
import type { PathSums, PathTarget } from '../query/api-paths.ts';
import { pathSumsAnswer } from '../query/critical-answers.ts';
import { answerNow } from '../query/lock-answers.ts';
import { snapshotRequest } from '../query/lock-snapshot.ts';
import { askRunning, tellRunning } from './ask-clew.ts';
import { readLockFiles } from './lock-files.ts';
import { type FileSpan, readTraceFiles } from './trace-files.ts';

const USAGE = `usage: clew critical-path|deadlocks [FILE…] [--url URL] [flags]

critical-path: what requests wait for, added up. Reads the traces in FILE… (OTLP/JSON, OTLP protobuf or Jaeger JSON), or without a file asks
a running Clew.
deadlocks: who waits for whom for ever. Reads FILE…: lock events in OTLP/JSON logs, snapshots as POST /api/v1/locks takes them, thread dumps
of Java (jstack -l), logs of PostgreSQL (deadlocks that it ended); or asks.

  --url URL            API of a running Clew (default http://127.0.0.1:${PORTS.api})
  --token TOKEN        bearer token, where it asks for one
  --start, --end TIME  critical-path: of the stored spans, as now-15m or RFC 3339 (default: the last hour)
  --service, --operation NAME  critical-path: only traces that have such a span
  --mode MODE          critical-path: strict (default) or crisp
  --limit N            critical-path: rows that are printed (default 20)
  --json               print the answer as JSON
  --fail               deadlocks: exit code 3 when there is one now, or in a file
  --tell               deadlocks: tell a running Clew the snapshots and thread dumps in FILE…, in place of what each told before
`;

const FLAGS = {
  url: { type: 'string' },
  token: { type: 'string' },
  start: { type: 'string' },
  end: { type: 'string' },
  service: { type: 'string' },
  operation: { type: 'string' },
  mode: { type: 'string' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
  fail: { type: 'boolean' },
  tell: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

class WrongWords extends Error {}

/** True for an error that is about the command line. */
export const isWrongWords = (error: unknown): boolean => error instanceof WrongWords;

const FOUND = 3;
const ROWS_DEFAULT = 20;

type Values = ReturnType<typeof parse>['values'];

/** Runs `clew critical-path` or `clew deadlocks`; returns the exit code. */
export async function runWaitCommand(
  command: 'critical-path' | 'deadlocks',
  words: readonly string[],
  print: (text: string) => void,
): Promise<number> {
  const { values, positionals } = parse(words);
  if (values.help) {
    print(USAGE);
    return 0;
  }
  if (command === 'deadlocks') {
    if (values.tell) {
      print(await tellLocks(positionals, values));
      return 0;
    }
    const answer = await locksOf(positionals, values);
    print(values.json ? json(answer) : locksText(answer));
    // A log tells of deadlocks that are over: that they were is what one reads it for.
    const found = answer.deadlocks.some(({ state }) => state !== 'over' || positionals.length > 0);
    return values.fail && found ? FOUND : 0;
  }
  const rows = Number(values.limit ?? ROWS_DEFAULT);
  if (!Number.isInteger(rows) || rows < 1) throw new WrongWords('--limit must be a whole number from 1');
  const answer = await sumsOf(positionals, values);
  print(values.json ? json(answer) : sumsText(answer, rows));
  return 0;
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new WrongWords(error instanceof Error ? error.message : String(error));
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function sumsOf(files: readonly string[], values: Values): Promise<PathSums> {
  const mode: PathMode | undefined = (['strict', 'crisp'] as const).find(
    (known) => known === (values.mode ?? 'strict'),
  );
  if (mode === undefined) throw new WrongWords('--mode must be strict or crisp');
  if (files.length === 0) {
    const query = new URLSearchParams({ mode });
    for (const key of ['start', 'end', 'service', 'operation'] as const) {
      const value = values[key];
      if (value !== undefined) query.set(key, value);
    }
    return (await askRunning(values.url, values.token, 'critical-path', query)) as PathSums;
  }
  const wanted = tracesWith(await readTraceFiles(files), values);
  const timed = new TimedSpans(wanted.length);
  for (const span of wanted) timed.add({ ...span, durationNs: span.endNs - span.startNs });
  const { spans } = timed.finish();
  return pathSumsAnswer(sumPaths(spans, criticalPaths(spans, mode)), mode, false);
}

/** All spans of the traces that have a span of the service and operation. */
function tracesWith(spans: readonly FileSpan[], { service, operation }: Values): readonly FileSpan[] {
  if (service === undefined && operation === undefined) return spans;
  const matches = spans.filter(
    (span) => (service ?? span.service) === span.service && (operation ?? span.operation) === span.operation,
  );
  const traces = new Set(matches.map(({ traceId }) => traceId));
  return spans.filter(({ traceId }) => traces.has(traceId));
}

function sumsText({ traces, totalNano, shares, truncated }: PathSums, rows: number): string {
  const shown = shares.filter(({ kind }) => kind !== 'service').slice(0, rows);
  const lines = shown.map(({ share, p50Nano, p95Nano, savableNano, traces: count, ...target }) =>
    [
      `${(share * 100).toFixed(1).padStart(5)} %`,
      `${count} traces`.padStart(13),
      `p50 ${milliseconds(p50Nano)}`.padEnd(16),
      `p95 ${milliseconds(p95Nano)}`.padEnd(16),
      `saves ${milliseconds(savableNano)}`.padEnd(18),
      targetText(target),
    ].join('  '),
  );
  const head = `${truncated ? 'the newest ' : ''}${traces} traces waited ${milliseconds(totalNano)} in all, for\n`;
  return `${[head.trimEnd(), ...lines].join('\n')}\n`;
}

const milliseconds = (nano: number): string => `${(nano / 1e6).toPrecision(3)} ms`;

function targetText({ kind, service, operation, toService, toOperation }: PathTarget): string {
  if (kind === 'edge') return `${service} → ${toService}: ${toOperation} (network and queue)`;
  return `${service}: ${operation}${kind === 'unobserved' ? ' (a span that did not arrive)' : ''}`;
}

async function locksOf(files: readonly string[], values: Values): Promise<LocksAnswer> {
  if (files.length === 0) {
    return (await askRunning(values.url, values.token, 'deadlocks', new URLSearchParams())) as LocksAnswer;
  }
  const { book, past, lastNs } = await readLockFiles(files);
  return answerNow(book, lastNs, past);
}

/** Tells a running Clew the snapshots in files; returns what it is told, in words. */
async function tellLocks(files: readonly string[], { url, token }: Values): Promise<string> {
  if (files.length === 0) throw new WrongWords('--tell needs files with snapshots or thread dumps');
  const { snapshots } = await readLockFiles(files);
  if (snapshots.size === 0) throw new Error('--tell: the files hold neither a snapshot nor a thread dump');
  const lines: string[] = [];
  for (const [source, snapshot] of snapshots) {
    const request = snapshotRequest(source, snapshot);
    const { holds, waits } = (await tellRunning(url, token, 'locks', request)) as LockSnapshotAnswer;
    lines.push(`${source}: ${holds} held, ${waits} waited for\n`);
  }
  return lines.join('');
}

function locksText({ deadlocks, owners }: LocksAnswer): string {
  if (deadlocks.length === 0) return `no deadlock among ${owners.length} owners of locks\n`;
  return deadlocks.map(deadlockText).join('');
}

function deadlockText(deadlock: DeadlockAnswer): string {
  const { kind, state, members, cycle, victims, frees, order, bystanders, sinceUnixNano, resolvedBy } = deadlock;
  const since = new Date(Number(BigInt(sinceUnixNano) / 1_000_000n)).toISOString();
  const freed = frees.join(', ') || 'nobody else';
  const aborted = `  ${resolvedBy} aborted ${victims.join(', ')}, which freed ${freed}`;
  const plan = resolvedBy === '' ? `  aborting ${victims.join(', ')} frees ${freed}` : aborted;
  const lines = [
    `deadlock (${kind}, ${state}) of ${members.length} since ${since}`,
    ...cycle.map(({ waiter, blocker, resource }) => `  ${waiter} waits for ${resource} of ${blocker}`),
    ...members.flatMap(({ owner, doing }) => (doing === '' ? [] : [`  ${owner} is at: ${doing}`])),
    ...(victims.length > 0 ? [plan] : []),
    ...(order.length > 0 ? [`  nobody has to be aborted: serve ${order.join(', then ')}`] : []),
    ...(bystanders.length > 0 ? [`  only waiting behind it: ${bystanders.join(', ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}
