/** Searches where it is known which keys attributes have: they answer what they answer where nothing is known, and ask less. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import type { Engine } from '../store/engine.ts';
import { searchLogs } from './logs.ts';
import { Parameters } from './parameters.ts';
import { searchTraces } from './trace-search.ts';

let api: TestApi;
const text = (key: string, stringValue: string): object => ({ key, value: { stringValue } });

function spanOf(n: number, attributes: readonly object[]): object {
  const start = (NOW - BigInt(n) * 1_000_000_000n).toString();
  const traceId = n.toString(16).padStart(32, '0');
  return {
    traceId,
    spanId: traceId.slice(16),
    name: 'work',
    startTimeUnixNano: start,
    endTimeUnixNano: start,
    attributes,
  };
}

const storeSpans = (spans: readonly object[], resource: readonly object[], baggage = ''): Promise<void> =>
  api.store('traces', { resourceSpans: [{ resource: { attributes: resource }, scopeSpans: [{ spans }] }] }, baggage);

beforeAll(async () => {
  api = await openTestApi();
  await storeSpans(
    [spanOf(1, [text('user', 'anna'), text('both', 'x')]), spanOf(2, [text('user', 'bert')])],
    [text('host', 'one')],
  );
  await storeSpans([spanOf(3, [text('user', 'anna')])], [text('host', 'two'), text('both', 'x')], 'tenant=acme');
  const records = ['anna', 'bert'].map((user, i) => ({
    timeUnixNano: (NOW - BigInt(i + 1) * 1_000_000_000n).toString(),
    body: { stringValue: user },
    attributes: [text('user', user)],
  }));
  const resource = { attributes: [text('pod', 'p')] };
  await api.store('logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords: records }] }] });
});
afterAll(() => api.close());
afterEach(() => vi.restoreAllMocks());

const known = ['attribute', 'limit', 'start', 'end'];
const parametersOf = (filters: readonly string[]): Parameters =>
  new Parameters(new URLSearchParams(filters.map((filter): [string, string] => ['attribute', filter])), NOW, known);

async function traces(engine: Engine, ...filters: readonly string[]): Promise<number[]> {
  const { items } = await searchTraces(engine, parametersOf(filters));
  return items.map(({ traceId }) => Number.parseInt(traceId, 16)).sort();
}

async function logs(engine: Engine, ...filters: readonly string[]): Promise<string[]> {
  return (await searchLogs(engine, parametersOf(filters))).items.map(({ body }) => body);
}

/** The statements about spans or logs that `work` makes. */
async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const query = vi.spyOn(api.engine, 'query').mockClear();
  await work();
  return query.mock.calls.map(([sql]) => sql).filter((sql) => /FROM otel_(traces|logs) /.test(sql));
}

const FILTERS: readonly (readonly [filters: readonly string[], found: readonly number[]])[] = [
  [['user=anna'], [1, 3]],
  [['host=one'], [1, 2]],
  [['both=x'], [1, 3]],
  [['user=anna', 'host=two'], [3]],
  [
    ['user=anna', 'both=x'],
    [1, 3],
  ],
  [['user'], [1, 2, 3]],
  [['user='], []],
  [['user!=anna'], [2]],
  [['baggage.tenant=acme'], [3]],
  [['baggage.tenant!=acme'], [1, 2]],
  [['baggage.nobody=acme'], []],
  [['nowhere=x'], []],
  [['nowhere'], []],
  [['nowhere='], []],
  [['nowhere!=x'], [1, 2, 3]],
  [['nowhere=x', 'user=anna'], []],
  [
    ['nowhere!=x', 'user=anna'],
    [1, 3],
  ],
];

it.each(FILTERS)('spans with %j', async (filters, found) => {
  // Another object for the same engine: of that nothing is known.
  const unread = { ...api.engine };
  for (const engine of [api.engine, unread]) {
    expect(await traces(engine, ...filters)).toEqual(found);
    // Once more by what the first search has taught.
    expect(await traces(engine, ...filters)).toEqual(found);
  }
});

it('log records', async () => {
  for (const engine of [api.engine, { ...api.engine }]) {
    expect(await logs(engine, 'user=anna')).toEqual(['anna']);
    expect(await logs(engine, 'pod=p')).toEqual(['anna', 'bert']);
    expect(await logs(engine, 'user=anna', 'pod=p')).toEqual(['anna']);
    expect(await logs(engine, 'host=one')).toEqual([]);
    expect(await logs(engine, 'host!=one', 'user!=bert')).toEqual(['anna']);
  }
});

it('only where a key is known to be is it looked for', async () => {
  const mapsOf = async (filter: string): Promise<string[]> => {
    const statements = await statementsOf(() => traces(api.engine, filter));
    return ['SpanAttributes[', 'ResourceAttributes['].filter((map) => statements.some((sql) => sql.includes(map)));
  };
  expect(await mapsOf('user=anna')).toEqual(['SpanAttributes[']);
  expect(await mapsOf('host=one')).toEqual(['ResourceAttributes[']);
  expect(await mapsOf('both=x')).toEqual(['SpanAttributes[', 'ResourceAttributes[']);
  expect(await statementsOf(() => traces(api.engine, 'nowhere=x'))).toEqual([]);
});

/** Granules that the first statement about attributes of `work` reads, and of how many. */
async function granulesOf(engine: Engine, work: () => Promise<unknown>): Promise<readonly [read: number, all: number]> {
  const query = vi.spyOn(engine, 'query').mockClear();
  await work();
  const [sql, options] = query.mock.calls.find(([statement]) => statement.includes('Attributes['))!;
  const { rows } = await engine.query(`EXPLAIN indexes = 1 ${sql}`, options);
  const counts = [...rows.join('\n').matchAll(/Granules: (\d+)\/(\d+)/g)].map(
    ([, read, all]) => [+read, +all] as const,
  );
  return [counts[counts.length - 1][0], counts[0][1]];
}

it('filters look only into granules that may hold what they ask for, wherever it may be', async () => {
  const many = Array.from({ length: 12_000 }, (_, i) => i);
  const of = (i: number): object[] => [text('user', i === 5_000 ? 'rare' : 'usual'), text('kind', 'x')];
  await storeSpans(
    many.map((i) => spanOf(i + 10, of(i))),
    [text('host', 'many')],
  );
  const record = (i: number): object => ({ timeUnixNano: `${NOW - BigInt(i + 10)}`, attributes: of(i) });
  await api.store('logs', { resourceLogs: [{ scopeLogs: [{ logRecords: many.map(record) }] }] });
  for (const engine of [api.engine, { ...api.engine }]) {
    const [read, all] = await granulesOf(engine, () => traces(engine, 'user=rare', 'kind=x'));
    expect(all).toBeGreaterThan(9);
    expect(read).toBeLessThan(3);
    const [readOfLogs, allOfLogs] = await granulesOf(engine, () => logs(engine, 'user=rare'));
    expect(allOfLogs).toBeGreaterThan(5);
    expect(readOfLogs).toBeLessThan(3);
  }
});

it('a key is found from the first span on that has it', async () => {
  expect(await traces(api.engine, 'fresh=1')).toEqual([]);
  await storeSpans([spanOf(4, [])], [text('fresh', '1')]);
  expect(await traces(api.engine, 'fresh=1')).toEqual([4]);
});
