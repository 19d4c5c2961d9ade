import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bytesOnTheWire,
  type Counts,
  expectCounts,
  type Pair,
  run,
  skipTest,
  startPair,
  titleOf,
  transports,
} from './client-run.ts';
import { BUILD_MS_MAX, build, TELEMETRYGEN, whyNot } from './collector/tools.ts';
import { expectGzipHalves } from './sdk-suite.ts';

const WORKERS = 2;
const PER_WORKER = 100;
const SPANS_A_TRACE = 2;
const PROTOCOLS = ['grpc', 'http/protobuf'] as const;
const POINT_KINDS = ['Gauge', 'Sum', 'Histogram', 'ExponentialHistogram'];

function tests(): void {
  let pair: Pair;
  beforeAll(async () => {
    await build();
    pair = await startPair();
  }, BUILD_MS_MAX);
  afterAll(() => pair?.close());

  const bytesOf = new Map<string, number>();
  for (const transport of transports(PROTOCOLS)) {
    test(titleOf(transport), async () => {
      const clew = transport.tls ? pair.tls : pair.plain;
      const service = `telemetrygen ${titleOf(transport)}`;
      const bytes = await bytesOnTheWire(clew, transport, async (address) => {
        const flags = [
          ...['--otlp-endpoint', address, '--service', service, '--rate', '0', '--workers', `${WORKERS}`],
          ...(transport.protocol === 'grpc' ? [] : ['--otlp-http']),
          ...(transport.tls ? ['--ca-cert', pair.authority] : ['--otlp-insecure']),
        ];
        await expectCounts(clew, service, await sendAll(flags, transport.compression));
      });
      bytesOf.set(titleOf(transport), bytes);
    });
  }
  test('gzip makes it less than half as long on the wire', () => expectGzipHalves(bytesOf, PROTOCOLS));
}

/** Sends every signal, and answers what telemetrygen says it generated. */
async function sendAll(flags: readonly string[], compression: string): Promise<Counts> {
  const traces = await generated('traces', flags, compression);
  const logs = await generated('logs', flags, compression);
  let points = 0;
  for (const kind of POINT_KINDS) {
    points += await generated('metrics', [...flags, '--metric-type', kind], compression);
  }
  return { spans: traces * SPANS_A_TRACE, logs, points };
}

async function generated(signal: 'traces' | 'logs' | 'metrics', flags: readonly string[], compression: string) {
  const command = [TELEMETRYGEN, signal, `--${signal}`, `${PER_WORKER}`, ...flags];
  const printed = await run({ command, environment: { OTEL_EXPORTER_OTLP_COMPRESSION: compression } });
  const counts = [...printed.matchAll(new RegExp(`${signal} generated.*"${signal}": (\\d+)`, 'g'))];
  expect(counts.length, printed).toBe(WORKERS);
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const reason = whyNot();
if (reason === undefined) describe('what telemetrygen sends is stored', tests);
else skipTest('what telemetrygen sends is stored', reason);
