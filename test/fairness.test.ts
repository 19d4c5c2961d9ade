import { expect, test, vi } from 'vitest';
import { type LoadResult, runLoad } from '../bench/load.ts';
import { startClew } from './support/clew.ts';

vi.setConfig({ testTimeout: 120_000 });

const SECONDS = 4;
/** In which each small request is answered, in whatever company and on whatever machine. */
const ANSWER_MS_MAX = 5_000;

const share = ({ codes }: LoadResult, code: string): number =>
  (codes[code] ?? 0) / Object.values(codes).reduce((sum, count) => sum + count, 0);

test('beside one connection that sends without a pause, many that send little are answered soon and almost always taken', async () => {
  const clew = await startClew();
  try {
    const [greedy, modest] = await Promise.all([
      // More than twice the bytes that may be in flight, on one connection.
      runLoad({
        ...{ protocol: 'grpc', port: clew.ports.grpc, connections: 1, inflight: 90, per: 500, templates: 10 },
        ...{ spans: Number.MAX_SAFE_INTEGER, seconds: SECONDS, backoffMs: 50, run: 1 },
      }),
      // Sixty connections, five requests a second of each.
      runLoad({
        ...{ protocol: 'http', port: clew.ports.http, inflight: 60, per: 10, rate: 3_000, run: 2 },
        ...{ spans: Number.MAX_SAFE_INTEGER, seconds: SECONDS },
      }),
    ]);
    expect(share(greedy, 'grpc-14'), 'what of the greedy is refused').toBeGreaterThan(0.2);
    expect(greedy.acknowledgedSpans).toBeGreaterThan(0);
    expect(modest.unansweredSpans + greedy.unansweredSpans).toBe(0);
    expect(modest.maxMs).toBeLessThan(ANSWER_MS_MAX);
    expect(share(modest, '200'), 'what of the modest is taken').toBeGreaterThan(0.95);
  } finally {
    await clew.stop();
  }
});
