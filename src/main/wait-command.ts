import { parseArgs } from 'node:util';
import { criticalPaths, type PathMode } from '../analysis/critical-path.ts';
import { TimedSpans } from '../analysis/critical-spans.ts';
import { sumPaths } from '../analysis/critical-sum.ts';
import { type PoolSpan, readCapacity } from '../analysis/pool-spans.ts';
import { LOCK_KEYS, PORTS } from '../base/names.ts';
import type { LockSnapshotAnswer, LocksAnswer, PoolsAnswer } from '../query/api-locks.ts';
import type { PathSums } from '../query/api-paths.ts';
import { pathSumsAnswer } from '../query/critical-answers.ts';
import { answerNow } from '../query/lock-answers.ts';
import { snapshotRequest } from '../query/lock-snapshot.ts';
import { poolsAnswer } from '../query/pools.ts';
import { askRunning, tellRunning } from './ask-clew.ts';
import { readLockFiles } from './lock-files.ts';
import { type FileSpan, readTraceFiles } from './trace-files.ts';
import { locksText, poolsText, sumsText } from './wait-text.ts';

const USAGE = `usage: clew critical-path|deadlocks|pools [FILE…] [--url URL] [flags]

critical-path: what requests wait for, added up. Reads the traces in FILE… (OTLP/JSON, OTLP protobuf or Jaeger JSON), or without a file asks
a running Clew.
deadlocks: who waits for whom for ever. Reads FILE…: lock events in OTLP logs (JSON or protobuf), snapshots as POST /api/v1/locks takes them, thread dumps
of Java (jstack -l), logs of PostgreSQL (deadlocks that it ended); or asks.
pools: where requests come back into a pool (of workers, connections) that they occupy, and how many at once wait for one another for ever.
Reads the traces in FILE…, or asks.

  --url URL            API of a running Clew (default http://127.0.0.1:${PORTS.api})
  --token TOKEN        bearer token, where it asks for one
  --start, --end TIME  critical-path, pools: of the stored spans, as now-15m or RFC 3339 (default: the last hour)
  --service, --operation NAME  critical-path, pools: only traces that have such a span
  --mode MODE          critical-path: strict (default) or crisp
  --limit N            critical-path: rows that are printed (default 20)
  --json               print the answer as JSON
  --capacity NAME:N    pools: units of a pool, or of the workers of a service; before what the spans tell; may be repeated
  --fail               deadlocks: exit code 3 when there is one now, or in a file; pools: when as many requests were there at once as it takes
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
  capacity: { type: 'string', multiple: true },
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

/** Runs `clew critical-path`, `clew deadlocks` or `clew pools`; returns the exit code. */
export async function runWaitCommand(
  command: 'critical-path' | 'deadlocks' | 'pools',
  words: readonly string[],
  print: (text: string) => void,
): Promise<number> {
  const { values, positionals } = parse(words);
  if (values.help) {
    print(USAGE);
    return 0;
  }
  if (command === 'pools') {
    const answer = await readPools(positionals, values);
    print(values.json ? json(answer) : poolsText(answer));
    const isReached = answer.risks.some(({ verdict }) => verdict === 'certain' || verdict === 'possible');
    return values.fail && isReached ? FOUND : 0;
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

async function readPools(files: readonly string[], values: Values): Promise<PoolsAnswer> {
  const words = values.capacity ?? [];
  const told = new Map<string, number>();
  for (const text of words) {
    const capacity = readCapacity(text);
    if (capacity === undefined)
      throw new WrongWords(`--capacity ${text} must be name:units, with units from 1 to 999999`);
    told.set(...capacity);
  }
  if (files.length > 0) {
    return poolsAnswer(tracesWith(await readTraceFiles(files), values).map(poolSpan), told, false);
  }
  const query = rangeQuery(values);
  for (const text of words) query.append('capacity', text);
  return (await askRunning(values.url, values.token, 'pools', query)) as PoolsAnswer;
}

function poolSpan({ attributes, resource, endNs, ...span }: FileSpan): PoolSpan {
  const units = (from: ReadonlyMap<string, string>): number => Number(from.get(LOCK_KEYS.capacity) ?? 0) || 0;
  const pool = attributes.get(LOCK_KEYS.resource) ?? '';
  return { ...span, durationNs: endNs - span.startNs, pool, capacity: units(attributes), workers: units(resource) };
}

/** The part of the stored spans that the words name. */
function rangeQuery(values: Values): URLSearchParams {
  const query = new URLSearchParams();
  for (const key of ['start', 'end', 'service', 'operation'] as const) {
    const value = values[key];
    if (value !== undefined) query.set(key, value);
  }
  return query;
}

async function sumsOf(files: readonly string[], values: Values): Promise<PathSums> {
  const mode: PathMode | undefined = (['strict', 'crisp'] as const).find(
    (known) => known === (values.mode ?? 'strict'),
  );
  if (mode === undefined) throw new WrongWords('--mode must be strict or crisp');
  if (files.length === 0) {
    const query = rangeQuery(values);
    query.set('mode', mode);
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
