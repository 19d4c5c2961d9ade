import { parseArgs } from 'node:util';
import { type CallGraph, mergeGraphs, serviceEdges } from '../analysis/call-graph.ts';
import { CallSpansBuilder } from '../analysis/call-spans.ts';
import { pairCalls } from '../analysis/pairing.ts';
import { peerOf } from '../analysis/peer.ts';
import { LIMITS } from '../base/limits.ts';
import { PORTS } from '../base/names.ts';
import { readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import type { CallCycle, CyclesAnswer, GraphAnswer, GraphVertex, OrderAnswer } from '../query/api.ts';
import { cyclesAnswer, graphAnswer, numberGraph, orderAnswer } from '../query/graph-answers.ts';
import { graphDot } from '../query/graph-dot.ts';
import type { OwnWords } from './arguments.ts';
import { askRunning } from './ask-clew.ts';
import { type FileSpan, readTraceFiles } from './trace-files.ts';

type GraphCommand = Exclude<OwnWords, 'critical-path' | 'deadlocks'>;

const USAGE = `usage: clew graph|cycles|order [FILE…] [--url URL] [flags]

Reads the traces in FILE… (OTLP/JSON, OTLP protobuf or Jaeger JSON), or without a file asks a running Clew.

  --url URL            API of a running Clew (default http://127.0.0.1:${PORTS.api})
  --token TOKEN        bearer token, where it asks for one
  --start, --end TIME  of the stored spans: as now-15m or RFC 3339 (default: the last hour)
  --level LEVEL        service (default) or operation
  --format FORMAT      text (default), json; of graph also dot
  --max-length N       cycles: services of the longest that is listed (default ${LIMITS.cycleLengthDefault})
  --limit N            cycles: how many are listed (default ${LIMITS.cyclesDefault})
  --method METHOD      order: kahn (default) or dfs
  --fail-on WHAT       cycles: new (not in --baseline), high (severity) or any; exit code 3 when there is one
  --baseline FILE      cycles: an answer of clew cycles --format json
`;

interface Options {
  readonly url?: string;
  readonly token?: string;
  readonly start?: string;
  readonly end?: string;
  readonly level: 'service' | 'operation';
  readonly format: 'text' | 'json' | 'dot';
  readonly maxLength: number;
  readonly limit: number;
  readonly method: 'kahn' | 'dfs';
  readonly failOn?: 'any' | 'high' | 'new';
  readonly baseline?: string;
}

class UsageError extends Error {}

const FOUND = 3;

/** Runs `clew graph`, `clew cycles` or `clew order`. Returns the exit code: 2 the command line is wrong, 3 a cycle was found that must not be. */
export async function runGraphCommand(
  command: GraphCommand,
  words: readonly string[],
  print: (text: string) => void,
): Promise<number> {
  if (words.includes('--help') || words.includes('-h')) {
    print(USAGE);
    return 0;
  }
  const { files, options } = readWords(words);
  if (command === 'graph') {
    const answer = await ask<GraphAnswer>(files, options, 'graph', (calls) => graphAnswer(calls, options.level));
    print(options.format === 'dot' ? graphDot(answer) : options.format === 'json' ? json(answer) : graphText(answer));
    return 0;
  }
  if (command === 'order') {
    const answer = await ask<OrderAnswer>(files, options, 'order', (calls) =>
      orderAnswer(options.level, options.method, numberGraph(calls.edges)),
    );
    print(options.format === 'json' ? json(answer) : orderText(answer));
    return 0;
  }
  const question = { level: options.level, lengthMax: options.maxLength, limit: options.limit };
  const answer = await ask<CyclesAnswer>(files, options, 'cycles', (calls) => cyclesAnswer(calls, question));
  print(options.format === 'json' ? json(answer) : cyclesText(answer));
  return verdict(answer, options);
}

/** True for an error that is about the command line. */
export const isUsageError = (error: unknown): boolean => error instanceof UsageError;

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const FLAGS = {
  url: { type: 'string' },
  token: { type: 'string' },
  start: { type: 'string' },
  end: { type: 'string' },
  level: { type: 'string' },
  format: { type: 'string' },
  'max-length': { type: 'string' },
  limit: { type: 'string' },
  method: { type: 'string' },
  'fail-on': { type: 'string' },
  baseline: { type: 'string' },
} as const;

function readWords(words: readonly string[]): { readonly files: readonly string[]; readonly options: Options } {
  let parsed: { values: Record<string, string | undefined>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...words], options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const oneOf = <T extends string>(flag: string, allowed: readonly T[], fallback: T): T => {
    const value = values[flag] ?? fallback;
    const found = allowed.find((choice) => choice === value);
    if (found === undefined) throw new UsageError(`--${flag} must be one of ${allowed.join(', ')}`);
    return found;
  };
  const count = (flag: string, fallback: number): number => {
    const value = Number(values[flag] ?? fallback);
    if (!Number.isInteger(value) || value < 1) throw new UsageError(`--${flag} must be a whole number from 1`);
    return value;
  };
  const failOn = values['fail-on'] === undefined ? undefined : oneOf('fail-on', ['any', 'high', 'new'] as const, 'any');
  if (failOn === 'new' && values['baseline'] === undefined) throw new UsageError('--fail-on new needs --baseline FILE');
  if (positionals.length > 0 && (values['start'] ?? values['end'] ?? values['url']) !== undefined) {
    throw new UsageError('--url, --start and --end are about a running Clew, not about files');
  }
  const texts = ['url', 'token', 'start', 'end', 'baseline'].filter((flag) => values[flag] !== undefined);
  return {
    files: positionals,
    options: {
      ...Object.fromEntries(texts.map((flag) => [flag, values[flag]])),
      level: oneOf('level', ['service', 'operation'], 'service'),
      format: oneOf('format', ['text', 'json', 'dot'], 'text'),
      maxLength: count('max-length', LIMITS.cycleLengthDefault),
      limit: count('limit', LIMITS.cyclesDefault),
      method: oneOf('method', ['kahn', 'dfs'], 'kahn'),
      ...(failOn === undefined ? {} : { failOn }),
    },
  };
}

type Ranged = 'startTimeUnixNano' | 'endTimeUnixNano' | 'pendingMinutes' | 'completeUntilUnixNano';

/** The answer about the files, or from a running Clew when there are none. */
async function ask<T>(
  files: readonly string[],
  options: Options,
  name: GraphCommand,
  answer: (calls: CallGraph) => Omit<T, Ranged>,
): Promise<T> {
  if (files.length === 0) return (await askClew(options, name)) as T;
  const spans = await readTraceFiles(files);
  const graph = callsOf(spans);
  const edges = options.level === 'service' ? serviceEdges(graph.edges) : graph.edges;
  const range = { pendingMinutes: 0, completeUntilUnixNano: null, ...extentOf(spans) };
  return { ...range, ...answer({ ...graph, edges }) } as T;
}

/** Pairs the spans of files. */
function callsOf(spans: readonly FileSpan[]): CallGraph {
  const builder = new CallSpansBuilder(spans.length);
  const base = BigInt(extentOf(spans).startTimeUnixNano);
  for (const span of spans) {
    const attribute = (key: string): string => span.attributes.get(key) ?? '';
    builder.add({
      ...span,
      startNs: Number(span.startNs - base),
      durationNs: Math.max(0, Number(span.endNs - span.startNs)),
      ...peerOf(span.kind, span.parentSpanId === '', attribute),
      isCounted: true,
    });
  }
  return mergeGraphs([pairCalls(builder.finish())]);
}

function extentOf(spans: readonly FileSpan[]): { startTimeUnixNano: string; endTimeUnixNano: string } {
  let start = spans[0]?.startNs ?? 0n;
  let end = spans[0]?.endNs ?? 0n;
  for (const span of spans) {
    if (span.startNs < start) start = span.startNs;
    if (span.endNs > end) end = span.endNs;
  }
  return { startTimeUnixNano: start.toString(), endTimeUnixNano: end.toString() };
}

async function askClew(options: Options, name: GraphCommand): Promise<unknown> {
  const query = new URLSearchParams({ level: options.level });
  if (options.start !== undefined) query.set('start', options.start);
  if (options.end !== undefined) query.set('end', options.end);
  if (name === 'cycles') {
    query.set('maxLength', String(options.maxLength));
    query.set('limit', String(options.limit));
  } else if (name === 'order') query.set('method', options.method);
  return askRunning(options.url, options.token, name, query);
}

/** 3 when there is a cycle of the kind that `--fail-on` names. */
async function verdict(answer: CyclesAnswer, { failOn, baseline }: Options): Promise<number> {
  if (failOn === undefined) return 0;
  const known = new Set(failOn === 'new' ? await baselineNames(baseline ?? '') : []);
  const found = answer.cycles.filter((cycle) => {
    if (failOn === 'high') return cycle.severity === 'high';
    return failOn === 'any' || !known.has(cycleName(cycle));
  });
  for (const cycle of found) {
    process.stderr.write(`clew: ${failOn === 'new' ? 'a new' : 'a'} cycle (${cycle.kind}): ${pathText(cycle)}\n`);
  }
  return found.length > 0 ? FOUND : 0;
}

async function baselineNames(file: string): Promise<string[]> {
  if ((await nodeDisk.size(file)) === undefined) throw new Error(`the baseline ${file} does not exist`);
  const answer = JSON.parse(Buffer.from(await readWhole(nodeDisk, file)).toString()) as Partial<CyclesAnswer>;
  if (!Array.isArray(answer.cycles)) throw new Error(`${file} is no answer of clew cycles --format json`);
  return answer.cycles.map(cycleName);
}

const vertexText = ({ service, operation }: GraphVertex): string =>
  operation === '' ? service : `${service}: ${operation}`;

const cycleName = ({ kind, vertices }: CallCycle): string => [kind, ...vertices.map(vertexText)].join('\0');

const pathText = ({ vertices }: CallCycle): string => [...vertices, vertices[0]].map(vertexText).join(' → ');

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function duration(nano: string): string {
  const ms = Number(nano) / 1e6;
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}

function graphText({ edges, unpairedClients, unpairedServers }: GraphAnswer): string {
  const rows = edges.map((edge) => [
    vertexText({ service: edge.client, operation: edge.clientOperation }),
    `→ ${vertexText({ service: edge.server, operation: edge.serverOperation })}`,
    counted(edge.calls, 'call'),
    edge.failed > 0 ? `${edge.failed} failed` : '',
    `p95 ${duration(edge.p95Nano)}`,
    [edge.connection, edge.inCycle ? 'in a cycle' : '', edge.isCut ? 'cut here' : '']
      .filter((word) => word !== '')
      .join(', '),
  ]);
  const unpaired = `${counted(unpairedClients, 'client span')} and ${counted(unpairedServers, 'server span')} without their other side\n`;
  return `${table(rows)}${unpaired}`;
}

function cyclesText({ cycles, summary, cut, truncated, components }: CyclesAnswer): string {
  if (cycles.length === 0) return 'no cycles\n';
  const rows = cycles.map((cycle) => [
    cycle.severity,
    cycle.kind,
    pathText(cycle),
    counted(cycle.calls, 'call'),
    cycle.traceIds[0] ?? '',
  ]);
  const more = truncated ? ' (there are more)' : '';
  const head = `${counted(summary.count, 'cycle')}${more} among ${counted(summary.services, 'service')} in ${counted(components.length, 'component')}, the longest of ${summary.longest}\n`;
  const cuts = cut.edges.map(
    (edge) =>
      `  ${vertexText({ service: edge.client, operation: edge.clientOperation })} → ${vertexText({ service: edge.server, operation: edge.serverOperation })} (${counted(edge.calls, 'call')})\n`,
  );
  return `${head}${table(rows)}without these calls there is no cycle:\n${cuts.join('')}`;
}

function orderText({ stages, isCyclic, components }: OrderAnswer): string {
  const lines = stages.map((stage, i) => `${String(i + 1).padStart(3)}  ${stage.map(vertexText).join(', ')}\n`);
  const circles = components.map((members) => `  ${members.map(vertexText).join(', ')}\n`);
  const warning = isCyclic ? `these call each other in circles, and share a stage:\n${circles.join('')}` : '';
  return `start in this order, stop in the opposite one:\n${lines.join('')}${warning}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
