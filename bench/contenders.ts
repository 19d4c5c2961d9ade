/** Programs that the bench runs side by side: Clew in its roles, and the peers that this machine has. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is asked of a program: the same load, and where it must end up. */
export type Job =
  /** Into a store that can be searched. */
  | 'store'
  /** To the next hop over gRPC, from a queue on disk that is fsynced before the answer. */
  | 'forward durable'
  /** To the next hop over gRPC, from memory. Clew has no such queue: its durable one is compared. */
  | 'forward'
  /** As before, with gzip in and out. */
  | 'forward gzip';

/** What a job's load is packed with, and what a forwarder packs with. */
export const packingOf = (job: Job): 'none' | 'gzip' => (job === 'forward gzip' ? 'gzip' : 'none');
/** The job of Clew that another program's is compared with. */
export const jobOfClew = (job: Job): Job => (job === 'forward' ? 'forward durable' : job);

export interface ContenderPorts {
  readonly grpc: number;
  readonly http: number;
  /** For whatever else the program must listen on. */
  readonly other: readonly number[];
  /** Where the next hop listens, OTLP/gRPC. */
  readonly sink: number;
}

export interface Contender {
  readonly name: string;
  readonly job: Job;
  readonly command: (directory: string, ports: ContenderPorts) => readonly string[];
}

const CLI = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../dist/main/cli.js');

function clew(job: Job, role: readonly string[], flags: (ports: ContenderPorts) => readonly string[]): Contender {
  return {
    name: 'Clew',
    job,
    command: (directory, ports) => [
      process.execPath,
      CLI,
      ...role,
      ...['--data', path.join(directory, 'data'), '--grpc-port', `${ports.grpc}`, '--http-port', `${ports.http}`],
      ...['--api-port', `${ports.other[0]}`, ...flags(ports)],
    ],
  };
}

const CLEW: readonly Contender[] = [
  clew('store', [], () => []),
  ...(['forward durable', 'forward gzip'] as const).map((job) =>
    clew(job, ['edge'], ({ sink }) => ['--forward', `grpc://127.0.0.1:${sink}`, '--send-compression', packingOf(job)]),
  ),
];

const FORWARDING = ['forward durable', 'forward', 'forward gzip'] as const;

function collector(binary: string, job: Job): Contender {
  const queue = 'sending_queue: {queue_size: 20000, num_consumers: 8, storage: file_storage}';
  const isDurable = job === 'forward durable';
  return {
    name: 'OpenTelemetry Collector',
    job,
    command: (directory, ports) =>
      configured(binary, directory, [
        `receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:${ports.grpc}, max_recv_msg_size_mib: 64}, http: {endpoint: 127.0.0.1:${ports.http}}}}}`,
        ...(isDurable
          ? [`extensions: {file_storage: {directory: "${directory}/queue", create_directory: true, fsync: true}}`]
          : []),
        `exporters: {otlp: {endpoint: 127.0.0.1:${ports.sink}, tls: {insecure: true}, compression: ${packingOf(job)}, ${isDurable ? queue : 'sending_queue: {queue_size: 1000, num_consumers: 8}'}}}`,
        `service: {${isDurable ? 'extensions: [file_storage], ' : ''}telemetry: {metrics: {level: none}, logs: {level: error}}, pipelines: {traces: {receivers: [otlp], exporters: [otlp]}}}`,
      ]),
  };
}

function jaeger(binary: string): Contender {
  return {
    name: 'Jaeger with badger',
    job: 'store',
    command: (directory, ports) =>
      configured(binary, directory, [
        'service: {extensions: [jaeger_storage, jaeger_query], telemetry: {logs: {level: error}, metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [jaeger_storage_exporter]}}}',
        'extensions:',
        `  jaeger_query: {storage: {traces: main}, http: {endpoint: 127.0.0.1:${ports.other[0]}}, grpc: {endpoint: 127.0.0.1:${ports.other[1]}}}`,
        `  jaeger_storage: {backends: {main: {badger: {directories: {keys: "${directory}/keys", values: "${directory}/values"}, ephemeral: false, ttl: {spans: 48h}}}}}`,
        `receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:${ports.grpc}, max_recv_msg_size_mib: 64}, http: {endpoint: 127.0.0.1:${ports.http}}}}}`,
        'processors: {batch: {}}',
        'exporters: {jaeger_storage_exporter: {trace_storage: main}}',
      ]),
  };
}

function victoriaTraces(binary: string): Contender {
  return {
    name: 'VictoriaTraces',
    job: 'store',
    command: (directory, ports) => [
      binary,
      `-storageDataPath=${directory}/data`,
      `-httpListenAddr=127.0.0.1:${ports.http}`,
      `-otlpGRPCListenAddr=127.0.0.1:${ports.grpc}`,
      '-retentionPeriod=30d',
      '-loggerLevel=ERROR',
    ],
  };
}

function configured(binary: string, directory: string, lines: readonly string[]): readonly string[] {
  const file = path.join(directory, 'config.yaml');
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return [binary, '--config', file];
}

/** Where a peer's program is: the environment variable, or its name on the PATH. */
function findProgram(variable: string, name: string): string | undefined {
  const named = process.env[variable];
  if (named !== undefined && named !== '') return named;
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => fs.existsSync(file));
}

/** Clew and every peer that is found; what is not found is told to `log`. */
export function findContenders(log: (line: string) => void): Contender[] {
  const peers: readonly [string, string, (binary: string) => readonly Contender[]][] = [
    ['CLEW_BENCH_OTELCOL', 'otelcol', (binary) => FORWARDING.map((job) => collector(binary, job))],
    ['CLEW_BENCH_JAEGER', 'jaeger', (binary) => [jaeger(binary)]],
    ['CLEW_BENCH_VICTORIATRACES', 'victoria-traces', (binary) => [victoriaTraces(binary)]],
  ];
  const found: Contender[] = [...CLEW];
  for (const [variable, name, make] of peers) {
    const binary = findProgram(variable, name);
    if (binary === undefined) log(`no ${name} on the PATH, and ${variable} is not set: left out`);
    else found.push(...make(binary));
  }
  return found;
}
