/** An OpenTelemetry Collector receives from the JavaScript SDK and forwards to Clew in every way that its exporters have. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { freePortList, listens, waitUntil } from '../support/clew.ts';
import {
  expectCounts,
  JAVASCRIPT,
  type Pair,
  run,
  sdkEnvironment,
  sentCounts,
  skipTest,
  startPair,
} from './client-run.ts';
import { BUILD_MS_MAX, build, COLLECTOR, whyNot } from './collector/tools.ts';

interface Way {
  readonly exporter: 'otlp' | 'otlphttp';
  readonly compression: string;
  readonly encoding: 'proto' | 'json';
  readonly tls: boolean;
}

const HTTP_COMPRESSIONS = ['none', 'gzip', 'zstd', 'snappy', 'x-snappy-framed', 'zlib', 'deflate', 'lz4'];

const WAYS: readonly Way[] = [
  ...['none', 'gzip', 'zstd', 'snappy'].map((compression) => way('otlp', compression)),
  ...HTTP_COMPRESSIONS.map((compression) => way('otlphttp', compression)),
  { ...way('otlphttp', 'none'), encoding: 'json' },
  { ...way('otlphttp', 'gzip'), encoding: 'json' },
  { ...way('otlp', 'gzip'), tls: true },
  { ...way('otlphttp', 'gzip'), tls: true },
];

function way(exporter: Way['exporter'], compression: string): Way {
  return { exporter, compression, encoding: 'proto', tls: false };
}

const nameOf = ({ exporter, compression, encoding, tls }: Way): string =>
  [exporter, encoding, compression, tls ? 'tls' : 'plain'].join('-');

/** Configuration of a Collector that has a receiver of its own for each way. JSON is YAML. */
function configOf(pair: Pair, ports: readonly number[]): object {
  const exporterOf = (each: Way): object => {
    const { url, ports: to } = each.tls ? pair.tls : pair.plain;
    return {
      ...(each.exporter === 'otlp'
        ? { endpoint: `127.0.0.1:${to.grpc}` }
        : { endpoint: url.http, encoding: each.encoding }),
      compression: each.compression,
      tls: each.tls ? { ca_file: pair.authority } : { insecure: true },
    };
  };
  const id = (each: Way): string => `${each.exporter}/${nameOf(each)}`;
  const pipeline = (each: Way, index: number): object => ({
    receivers: [`otlp/${index}`],
    processors: ['batch'],
    exporters: [id(each)],
  });
  const receiver = (port: number | undefined): object => ({ protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } });
  return {
    receivers: Object.fromEntries(WAYS.map((_, index) => [`otlp/${index}`, receiver(ports[index])])),
    processors: { batch: { timeout: '100ms', send_batch_size: 100 } },
    exporters: Object.fromEntries(WAYS.map((each) => [id(each), exporterOf(each)])),
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: Object.fromEntries(
        WAYS.flatMap((each, index) =>
          ['traces', 'metrics', 'logs'].map((signal) => [`${signal}/${index}`, pipeline(each, index)]),
        ),
      ),
    },
  };
}

function tests(): void {
  let pair: Pair;
  let collector: ChildProcess;
  let ports: number[];
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-collector-'));

  beforeAll(async () => {
    await build();
    pair = await startPair();
    ports = await freePortList(WAYS.length);
    const file = path.join(directory, 'collector.yaml');
    fs.writeFileSync(file, JSON.stringify(configOf(pair, ports)));
    let printed = '';
    collector = spawn(COLLECTOR, ['--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    collector.stderr?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    await waitUntil('the Collector is ready', 20_000, async () => {
      if (collector.exitCode !== null) throw new Error(printed);
      return (await Promise.all(ports.map(listens))).includes(null) ? null : true;
    });
  }, BUILD_MS_MAX);

  afterAll(async () => {
    collector?.kill('SIGKILL');
    await pair?.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  WAYS.forEach((each, index) => {
    test(nameOf(each), async () => {
      const service = `collector-${nameOf(each)}`;
      const plainGrpc = { protocol: 'grpc', compression: 'none', tls: false } as const;
      const environment = sdkEnvironment(plainGrpc, `http://127.0.0.1:${ports[index]}`, service, '');
      const sent = sentCounts(await run({ ...JAVASCRIPT, environment }));
      await expectCounts(each.tls ? pair.tls : pair.plain, service, sent);
    });
  });
}

const reason = whyNot();
if (reason === undefined) describe.concurrent('what a Collector forwards is stored', tests);
else skipTest('what a Collector forwards is stored', reason);
