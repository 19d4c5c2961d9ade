import { afterAll, beforeAll, expect, it } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import { type Engine, EngineError } from '../store/engine.ts';
import type { Facet } from './api.ts';
import { Parameters } from './parameters.ts';
import { SPAN_FILTERS } from './span-filter.ts';
import { traceFacets } from './trace-overview.ts';

/** Of which the newest 5,000 are looked at for attributes. */
const SPANS = 7_000;

let api: TestApi;

/** One span each 10 ms before NOW. `n` counts in thousands from the newest on, `half` is on every other span. */
beforeAll(async () => {
  api = await openTestApi();
  const spans = Array.from({ length: SPANS }, (_, i) => {
    const start = (NOW - BigInt(i + 1) * 10_000_000n).toString();
    const attributes = [{ key: 'n', value: { stringValue: `${Math.floor(i / 1000)}` } }];
    if (i % 2 === 0) attributes.push({ key: 'half', value: { stringValue: 'yes' } });
    const id = (i + 1).toString(16);
    return {
      traceId: id.padStart(32, '0'),
      spanId: id.padStart(16, '0'),
      name: i % 7 === 0 ? 'seventh' : 'usual',
      kind: i % 2 === 0 ? 2 : 3,
      status: i < 10 ? { code: 2 } : {},
      startTimeUnixNano: start,
      endTimeUnixNano: start,
      attributes,
    };
  });
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  await api.store('traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
});
afterAll(() => api.close());

async function facetsOf(query: string, engine: Engine = api.engine): Promise<Record<string, Facet['values']>> {
  const { items } = await traceFacets(engine, new Parameters(new URLSearchParams(query), NOW, SPAN_FILTERS));
  return Object.fromEntries(items.map(({ field, values }) => [field, values]));
}

const ALL = 'start=now-1h&end=now';

it('fields are counted over all matches, most first, and attributes over the newest 5,000', async () => {
  expect(await facetsOf(ALL)).toEqual({
    service: [{ value: 'shop', count: 7_000 }],
    operation: [
      { value: 'usual', count: 6_000 },
      { value: 'seventh', count: 1_000 },
    ],
    status: [
      { value: 'Unset', count: 6_990 },
      { value: 'Error', count: 10 },
    ],
    kind: [
      { value: 'Client', count: 3_500 },
      { value: 'Server', count: 3_500 },
    ],
    n: ['0', '1', '2', '3', '4'].map((value) => ({ value, count: 1_000 })),
    half: [{ value: 'yes', count: 2_500 }],
  });
});

it('attributes of matches that lie apart are found as well', async () => {
  const { n, service } = await facetsOf(`${ALL}&operation=seventh`);
  expect(service).toEqual([{ value: 'shop', count: 1_000 }]);
  expect(n.reduce((sum, { count }) => sum + count, 0)).toBe(1_000);
  expect((await facetsOf(`${ALL}&status=error`))['n']).toEqual([{ value: '0', count: 10 }]);
  const oldest = await facetsOf(`start=now-70s&end=now-60s&attribute=n%3D6`);
  expect(oldest['n']).toEqual([{ value: '6', count: 1_000 }]);
  expect(await facetsOf(`${ALL}&service=nobody`)).toEqual({ service: [], operation: [], status: [], kind: [] });
  expect(await facetsOf('start=now-1ms&end=now')).toEqual({ service: [], operation: [], status: [], kind: [] });
});

it('for matches of the last second no more than a few seconds are read', async () => {
  const ranges: bigint[] = [];
  const engine: Engine = {
    ...api.engine,
    query: (sql, options = {}) => {
      const [start] = Object.values(options.params ?? {}).filter((value) => /^\d{19}$/.test(String(value)));
      if (sql.includes('ARRAY JOIN') && start !== undefined) ranges.push(NOW - BigInt(String(start)));
      return api.engine.query(sql, options);
    },
  };
  await facetsOf(ALL, engine);
  // 100 ms, the hundredfold, and then as far as 5,000 spans reach.
  expect(ranges.map((width) => Math.round(Number(width) / 1e8))).toEqual([1, 100, 800]);
});

it('of two statements that fail one after the other the first is the answer, and nothing else happens', async () => {
  const slow = new Promise((resolve) => setTimeout(resolve, 50));
  const failing: Engine = {
    ...api.engine,
    async query(sql, options) {
      if (sql.includes('GROUPING SETS')) throw new EngineError('too slow', 159);
      if (sql.includes('ARRAY JOIN')) await slow;
      return api.engine.query(sql, options);
    },
  };
  const unhandled: unknown[] = [];
  const note = (reason: unknown): unknown => unhandled.push(reason);
  process.on('unhandledRejection', note);
  await expect(facetsOf(ALL, failing)).rejects.toThrow('too slow');
  await slow;
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});
