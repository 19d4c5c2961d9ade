/** An OpenTelemetry Collector receives what our transports send, packed in every way that both know, and hands it on to a door of ours. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SIGNALS, type Signal } from '../../src/base/signal.ts';
import { judge } from '../../src/send/answer.ts';
import { GrpcTransport } from '../../src/send/grpc-transport.ts';
import { HttpTransport } from '../../src/send/http-transport.ts';
import { parseTarget } from '../../src/send/target.ts';
import { checkRequest } from '../../src/wire/check.ts';
import type { Packing } from '../../src/wire/packing.ts';
import { freePorts, listens, type Ports, waitUntil } from '../support/clew.ts';
import { openWorld, type RecordingSink, type World } from '../support/doors.ts';
import { testLink } from '../support/link.ts';
import { encodeProto } from '../support/otlp-proto.ts';
import { randomFrom } from '../support/otlp-random.ts';
import { skipTest } from './client-run.ts';
import { BUILD_MS_MAX, build, COLLECTOR, whyNot } from './collector/tools.ts';

const WAYS: readonly (readonly [transport: 'http' | 'grpc', packing: Packing, encoding: 'protobuf' | 'json'])[] = [
  ...(['none', 'gzip', 'zstd', 'snappy'] as const).map((packing) => ['grpc', packing, 'protobuf'] as const),
  ...(['none', 'gzip', 'zstd', 'snappy', 'deflate', 'lz4'] as const).map(
    (packing) => ['http', packing, 'protobuf'] as const,
  ),
  ['http', 'gzip', 'json'],
];

/** Ids of links, exemplars and log records of whatever length, which ours keeps, a Collector refuses: these have none. */
function sendable(signal: Signal, seed: number): Uint8Array {
  const random = randomFrom(seed);
  const attributes = [{ key: 'n', value: { intValue: String(seed) } }];
  const items: Readonly<Record<Signal, object>> = {
    traces: { traceId: Buffer.alloc(16, seed), spanId: Buffer.alloc(8, seed), name: 'GET /', attributes },
    logs: { timeUnixNano: '1764000000000000000', body: { stringValue: 'x'.repeat(random.below(5_000)) }, attributes },
    metrics: { name: 'requests', gauge: { dataPoints: [{ asDouble: seed, attributes }, { asInt: '7' }] } },
  };
  return encodeProto(signal, { resources: [{ resource: { attributes }, scopes: [{ items: [items[signal]] }] }] });
}

function tests(): void {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-collector-receives-'));
  let world: World<RecordingSink>;
  let collector: ChildProcess;
  let ports: Ports;

  beforeAll(async () => {
    await build();
    world = await openWorld();
    ports = await freePorts();
    const pipeline = { receivers: ['otlp'], exporters: ['otlphttp'] };
    const config = {
      receivers: {
        otlp: {
          protocols: { grpc: { endpoint: `127.0.0.1:${ports.grpc}` }, http: { endpoint: `127.0.0.1:${ports.http}` } },
        },
      },
      exporters: { otlphttp: { endpoint: `http://127.0.0.1:${world.httpPort}`, compression: 'none' } },
      service: {
        telemetry: { metrics: { level: 'none' } },
        pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline },
      },
    };
    const file = path.join(directory, 'collector.yaml');
    fs.writeFileSync(file, JSON.stringify(config));
    collector = spawn(COLLECTOR, ['--config', file], { stdio: 'ignore' });
    await waitUntil('the Collector is ready', 20_000, () => listens(ports.grpc));
  }, BUILD_MS_MAX);

  afterAll(async () => {
    collector?.kill('SIGKILL');
    await world?.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  test.each(WAYS)('over %s, packed with %s, in %s', async (transport, packing, encoding) => {
    const target = parseTarget(`${transport}://127.0.0.1:${ports[transport]}`);
    if ('problem' in target) throw new Error(target.problem);
    const options = { packing, encoding, timeoutMs: 10_000, headers: {}, tls: {}, connectionAgeMsMax: 60_000 };
    const way =
      transport === 'http'
        ? new HttpTransport(target, options, testLink())
        : new GrpcTransport(target, options, testLink());
    for (const signal of SIGNALS) {
      // Two requests one after the other are one request, to a Collector too.
      const parts = [1, 2].map((seed) => sendable(signal, seed));
      const items = parts.reduce((sum, part) => sum + checkRequest(signal, part).items, 0);
      const before = world.sink.requests.length;
      const verdict = judge(await way.call({ signal, body: parts, headers: {} }), Date.now());
      expect(verdict).toEqual({ kind: 'acknowledged', rejected: 0, message: '' });
      const arrived = await waitUntil('it arrives', 10_000, async () => world.sink.requests[before] ?? null);
      expect(checkRequest(signal, arrived.body).items).toBe(items);
    }
    way.close();
  });
}

const reason = whyNot();
if (reason === undefined) describe('a Collector receives from us', tests);
else skipTest('a Collector receives from us', reason);
