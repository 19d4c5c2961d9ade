/** The bench: see USAGE. Every figure is of this machine, in this run. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { peerChart } from './chart.ts';
import { freeCores, LOAD_CORE } from './cores.ts';
import { type IngestResult, measureIngest, waitForSpans } from './ingest.ts';
import { measureParts, type PartResult } from './parts.ts';
import { measurePeers, type PeerResult, peerTable } from './peers.ts';
import { processTree, waitForQuiet } from './processes.ts';
import { measureQueries, type QueryResult } from './queries.ts';
import { measureRecovery, type RecoveryResult } from './recovery.ts';
import { measureSmall, type SmallResult } from './small.ts';
import { spawnLoad } from './spawn-load.ts';

export interface BenchOptions {
  readonly spans: number;
  readonly querySpans: number;
  readonly only: readonly string[];
  /** Rounds in which Clew and its peers take turns; 0 for none. */
  readonly peerRounds: number;
  /** Jobs of theirs (bench/contenders.ts); none named: all. */
  readonly peerJobs: readonly string[];
  readonly log: (line: string) => void;
}

export interface BenchReport {
  readonly machine: string;
  readonly node: string;
  readonly startedAt: string;
  readonly ingest: readonly IngestResult[];
  /** Durable acknowledgement at half of the measured rate. */
  readonly halfLoad: {
    readonly spansPerSecond: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly visibleAfterMs: number;
  } | null;
  readonly queries: readonly QueryResult[];
  readonly querySpans: number;
  readonly queryBytesPerSpan: number;
  /** Small requests, with one receiver and with two. */
  readonly small: readonly SmallResult[];
  readonly parts: readonly PartResult[];
  readonly recovery: RecoveryResult | null;
  readonly peers: readonly PeerResult[];
}

const USAGE = `npm run bench -- [--only ingest,latency,small,queries,parts,recovery,peers] [--spans 1000000] [--query-spans 2000000]
                 [--peers [--rounds 3] [--jobs 'store,forward durable,forward,forward gzip'] [--chart FILE]] [--out FILE]
With --peers Clew and every peer that is found (CLEW_BENCH_OTELCOL, CLEW_BENCH_JAEGER, CLEW_BENCH_VICTORIATRACES, or the PATH) are measured in turn.
Prints a table and writes JSON.
`;

const MATRIX = [
  { protocol: 'http', encoding: 'none' },
  { protocol: 'http', encoding: 'gzip' },
  { protocol: 'grpc', encoding: 'none' },
  { protocol: 'grpc', encoding: 'gzip' },
] as const;

function ingestLine(result: IngestResult): string {
  const { load } = result;
  const peaks = Object.entries(result.peakMiB).map(([role, mib]) => `${role} ${mib}`);
  return [
    result.name.padEnd(12),
    `${String(result.spansPerCpuSecond).padStart(8)} spans/CPU-s settled`,
    `${String(result.spansPerCpuSecondAfter3s).padStart(8)} after 3 s`,
    `${String(load.spansPerSecond).padStart(8)} spans/s wall`,
    `ack p50 ${load.p50Ms} p99 ${load.p99Ms} ms`,
    `${result.bytesPerSpan} B a span`,
    `visible after ${result.visibleAfterMs} ms`,
    `CPU-µs a span: ${Object.entries(result.cpuMicrosPerSpan)
      .map(([role, micros]) => `${role} ${micros}`)
      .join(', ')}`,
    `MiB: ${peaks.join(', ')}`,
  ].join('  ');
}

const SMALL = { seconds: 6, connections: 500, idle: 10_000 };

/** A backlog of a gibibyte of requests. */
const RECOVERY_BYTES = 2 ** 30;

function recoveryLine(result: RecoveryResult): string {
  return [
    'recovery     ',
    `accepting ${result.acceptingAfterMs} ms after the start of a Clew that was killed under full load`,
    `${result.backlogSpans} spans of backlog drained at ${result.drainSpansPerSecond} spans/s`,
    `full load ${result.fullLoadSpansPerSecond} spans/s`,
    `lost ${result.lostSpans}`,
  ].join('  ');
}

const WARM_UP_SPANS = 400_000;

async function measureHalfLoad(spansPerSecond: number, log: (line: string) => void): Promise<BenchReport['halfLoad']> {
  let half: BenchReport['halfLoad'] = null;
  // Warmed up, as a server is that has run for a minute.
  await measureIngest('half load', { protocol: 'http', spans: WARM_UP_SPANS, inflight: 4 }, async (clew) => {
    const rate = Math.round(spansPerSecond / 2);
    const load = { port: clew.ports.http, rate, spans: rate * 20, seconds: 30, inflight: 64, run: 7, per: 100 };
    const result = await spawnLoad(load, LOAD_CORE);
    const visibleAfterMs = await waitForSpans(clew, result.acknowledgedSpans + WARM_UP_SPANS);
    half = { spansPerSecond: result.spansPerSecond, p50Ms: result.p50Ms, p99Ms: result.p99Ms, visibleAfterMs };
    log(
      `half load     ${result.spansPerSecond} spans/s: ack p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms; all visible ${visibleAfterMs} ms after the last acknowledgement`,
    );
  });
  return half;
}

/** The whole bench; `only` names the groups to run, empty for all. */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const wants = (group: string): boolean => options.only.length === 0 || options.only.includes(group);
  const ingest: IngestResult[] = [];
  if (wants('ingest')) {
    for (const { protocol, encoding } of MATRIX) {
      const result = await measureIngest(`${protocol} ${encoding}`, {
        protocol,
        encoding,
        spans: options.spans,
        inflight: 16,
      });
      ingest.push(result);
      options.log(ingestLine(result));
    }
  }
  const halfLoad = wants('latency')
    ? await measureHalfLoad(ingest[0]?.load.spansPerSecond ?? 40_000, options.log)
    : null;
  let queries: QueryResult[] = [];
  let queryBytesPerSpan = 0;
  if (wants('queries')) {
    const load = { protocol: 'http', spans: options.querySpans, inflight: 16, seconds: 600, templates: 500 } as const;
    const filled = await measureIngest('query fill', load, async (clew) => {
      freeCores(processTree(clew.pid));
      queries = await measureQueries(clew, 100);
    });
    queryBytesPerSpan = filled.bytesPerSpan;
    options.log(ingestLine(filled));
    for (const query of queries) {
      options.log(
        `${query.name.padEnd(36)} p50 ${query.p50Ms} ms  p99 ${query.p99Ms} ms  max ${query.maxMs} ms  found ${query.found}/${query.asked}`,
      );
    }
  }
  const small: SmallResult[] = [];
  for (const receivers of wants('small') ? [1, 2] : []) {
    small.push(
      await measureSmall({
        ...SMALL,
        receivers,
        send: (load) => spawnLoad(load, LOAD_CORE),
        settle: waitForQuiet,
        log: options.log,
      }),
    );
  }
  const parts = wants('parts') ? await measureParts(options.spans, options.log) : [];
  const recovery = wants('recovery') ? await measureRecovery(RECOVERY_BYTES) : null;
  if (recovery !== null) options.log(recoveryLine(recovery));
  const peers = options.peerRounds > 0 ? await measurePeers(options) : [];
  for (const line of peerTable(peers)) options.log(line);
  return {
    machine: `${os.cpus().length} × ${os.cpus()[0]?.model ?? 'unknown'}, ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    startedAt: new Date().toISOString(),
    ingest,
    halfLoad,
    queries,
    querySpans: options.querySpans,
    queryBytesPerSpan,
    small,
    parts,
    recovery,
    peers,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      spans: { type: 'string', default: '1000000' },
      'query-spans': { type: 'string', default: '2000000' },
      only: { type: 'string', default: '' },
      peers: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      jobs: { type: 'string', default: '' },
      chart: { type: 'string' },
      out: { type: 'string' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const report = await runBench({
    peerRounds: values.peers ? Number(values.rounds) : 0,
    peerJobs: values.jobs.split(',').filter(Boolean),
    spans: Number(values.spans),
    querySpans: Number(values['query-spans']),
    only: values.only.split(',').filter(Boolean),
    log: (line) => process.stdout.write(`${line}\n`),
  });
  const out = values.out ?? path.join('bench/results', `${report.startedAt.replaceAll(':', '-')}.json`);
  fs.mkdirSync(path.dirname(out), { recursive: true });
  fs.writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
  if (values.chart !== undefined) {
    fs.writeFileSync(values.chart, peerChart(`Spans a CPU-second, ${report.machine}`, report.peers));
  }
  process.stdout.write(`${report.machine}, Node ${report.node}\nwritten to ${out}\n`);
}

await main();
