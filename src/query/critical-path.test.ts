import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import type { PathComparison, PathSums, TracePath } from './api-paths.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  // Ten requests half an hour ago, ten now: b has become slower, and so has the network to it.
  for (let i = 0; i < 10; i++) {
    await storeCall(i, NOW - 1_800_000_000_000n, 100n, 40n);
    await storeCall(100 + i, NOW - 60_000_000_000n, 500n, 240n);
  }
});
afterAll(() => api.close());

const hex = (id: number, digits: number): string => id.toString(16).padStart(digits, '0');

/** a calls b: the client span lasts `clientNs` and begins an odd nanosecond after `start`, the server `serverNs` in its middle. */
async function storeCall(trace: number, start: bigint, clientNs: bigint, serverNs: bigint): Promise<void> {
  const from = start + BigInt(trace) * 1_000_000n + 1n;
  const inner = from + (clientNs - serverNs) / 2n;
  const span = (service: string, id: number, parent: number, kind: number, begin: bigint, length: bigint) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [
      {
        spans: [
          {
            traceId: hex(trace + 1, 32),
            spanId: hex(id, 16),
            parentSpanId: parent === 0 ? '' : hex(parent, 16),
            name: 'GET',
            kind,
            startTimeUnixNano: begin.toString(),
            endTimeUnixNano: (begin + length).toString(),
          },
        ],
      },
    ],
  });
  const resourceSpans = [span('a', 1, 0, 3, from, clientNs), span('b', 2, 1, 2, inner, serverNs)];
  await api.store('traces', { resourceSpans });
}

describe('critical paths over HTTP', () => {
  it('give each nanosecond of a trace to one section, at its exact time', async () => {
    const path = await api.get<TracePath>(`/api/v1/traces/${hex(1, 32)}/critical-path`);
    const start = NOW - 1_800_000_000_000n + 1n;
    expect(path).toMatchObject({ startTimeUnixNano: start.toString(), durationNano: '100', notes: [] });
    expect(
      path.sections.map(({ kind, service, startTimeUnixNano, durationNano }) => [
        kind,
        service,
        BigInt(startTimeUnixNano) - start,
        durationNano,
      ]),
    ).toEqual([
      ['gap', 'a', 0n, '30'],
      ['self', 'b', 30n, '40'],
      ['gap', 'a', 70n, '30'],
    ]);
    await api.get(`/api/v1/traces/${hex(999, 32)}/critical-path`, 404);
  });

  it('are added up over a search, and say when there is more', async () => {
    const sums = await api.get<PathSums>('/api/v1/critical-path?service=a&start=now-5m');
    expect(sums).toMatchObject({ traces: 10, totalNano: 5_000, truncated: false });
    expect(sums.shares.map(({ kind, service, share, p95Nano }) => [kind, service, share, p95Nano])).toEqual([
      ['edge', 'a', 0.52, 260],
      ['operation', 'b', 0.48, 240],
      ['service', 'b', 0.48, 240],
    ]);
    expect(sums.flame.map(({ parent, kind, totalNano }) => [parent, kind, totalNano])).toEqual([
      [-1, 'self', 5_000],
      [0, 'gap', 2_600],
      [0, 'self', 2_400],
    ]);
    expect(await api.get<PathSums>('/api/v1/critical-path?limit=3')).toMatchObject({ traces: 3, truncated: true });
    expect(await api.get<PathSums>('/api/v1/critical-path?service=none')).toMatchObject({ traces: 0, shares: [] });
  });

  it('are compared: what got slower first', async () => {
    const target = '/api/v1/critical-path/compare?start=now-5m&beforeStart=now-40m&beforeEnd=now-20m';
    const { before, after, changes } = await api.get<PathComparison>(target);
    expect([before.traces, before.meanNano, after.traces, after.meanNano]).toEqual([10, 100, 10, 500]);
    expect(changes.map(({ kind, changeNano }) => [kind, changeNano])).toEqual([
      ['edge', 200],
      ['operation', 200],
      ['service', 200],
    ]);
    await api.get('/api/v1/critical-path/compare?beforeStart=now&beforeEnd=now-1h', 400);
  });
});
