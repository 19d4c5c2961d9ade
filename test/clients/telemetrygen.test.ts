import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Counts, expectCounts, type Pair, run, skipTest, startPair } from './client-run.ts';
import { BUILD_MS_MAX, build, TELEMETRYGEN, whyNot } from './collector/tools.ts';

const WORKERS = 2;
const PER_WORKER = 100;
const SPANS_A_TRACE = 2;
const POINT_KINDS = ['Gauge', 'Sum', 'Histogram', 'ExponentialHistogram'];

function tests(): void {
  let pair: Pair;
  beforeAll(async () => {
    await build();
    pair = await startPair();
  }, BUILD_MS_MAX);
  afterAll(() => pair?.close());

  for (const http of [false, true]) {
    for (const tls of [false, true]) {
      test(`${http ? 'http/protobuf' : 'grpc'}, ${tls ? 'TLS' : 'plain text'}`, async () => {
        const clew = tls ? pair.tls : pair.plain;
        const service = `telemetrygen-${http}-${tls}`;
        const flags = [
          ...['--otlp-endpoint', `127.0.0.1:${http ? clew.ports.http : clew.ports.grpc}`, '--service', service],
          ...['--rate', '0', '--workers', `${WORKERS}`],
          ...(http ? ['--otlp-http'] : []),
          ...(tls ? ['--ca-cert', pair.authority] : ['--otlp-insecure']),
        ];
        await expectCounts(clew, service, await sendAll(flags));
      });
    }
  }
}

/** Sends every signal, and answers what telemetrygen says it generated. */
async function sendAll(flags: readonly string[]): Promise<Counts> {
  const traces = await generated('traces', flags);
  const logs = await generated('logs', flags);
  let points = 0;
  for (const kind of POINT_KINDS) points += await generated('metrics', [...flags, '--metric-type', kind]);
  return { spans: traces * SPANS_A_TRACE, logs, points };
}

async function generated(signal: 'traces' | 'logs' | 'metrics', flags: readonly string[]): Promise<number> {
  const printed = await run({ command: [TELEMETRYGEN, signal, `--${signal}`, `${PER_WORKER}`, ...flags] });
  const counts = [...printed.matchAll(new RegExp(`${signal} generated.*"${signal}": (\\d+)`, 'g'))];
  expect(counts.length, printed).toBe(WORKERS);
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const reason = whyNot();
if (reason === undefined) describe.concurrent('what telemetrygen sends is stored', tests);
else skipTest('what telemetrygen sends is stored', reason);
