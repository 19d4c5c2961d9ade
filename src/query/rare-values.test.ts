/** Searches for values of a key that are rare, and for one that is not, on both ways that a search may take. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import type { Engine } from '../store/engine.ts';
import { Parameters } from './parameters.ts';
import { searchTraces } from './trace-search.ts';

let api: TestApi;

const TRACES = 40;
const id = (n: number): string => n.toString(16).padStart(32, '0');

/** One span every second before NOW: `every` is on each, `fifth` on each fifth. */
beforeAll(async () => {
  api = await openTestApi();
  const spans = Array.from({ length: TRACES }, (_, i) => {
    const start = NOW - BigInt(i + 1) * 1_000_000_000n;
    const user = i % 5 === 0 ? 'fifth' : 'every';
    return {
      traceId: id(i + 1),
      spanId: id(i + 1).slice(16),
      name: 'work',
      startTimeUnixNano: start.toString(),
      endTimeUnixNano: (start + 1n).toString(),
      attributes: [{ key: 'user', value: { stringValue: user } }],
    };
  });
  // And one trace with a match in each part of the time that is stored.
  const late = { ...spans[0], spanId: id(999).slice(16), traceId: id(36) };
  await api.store('traces', { resourceSpans: [{ resource: {}, scopeSpans: [{ spans: [...spans, late] }] }] });
});

afterAll(() => api.close());

async function found(
  engine: Engine,
  value: string,
  limit: number,
  cursor = '',
  range: Readonly<Record<string, string>> = {},
): Promise<[string[], string | null]> {
  const query = new URLSearchParams({ attribute: `user=${value}`, limit: `${limit}`, cursor, ...range });
  const known = ['attribute', 'limit', 'cursor', 'start', 'end'];
  const page = await searchTraces(engine, new Parameters(query, NOW, known));
  return [page.items.map(({ traceId }) => traceId), page.next];
}

/**
 * The same engine, as if it had been started anew: it remembers nothing. `readMax` overrules how many rows a search may read, in the first `times`
 * statements that are limited.
 */
function asNew(statements: string[] = [], readMax?: number, times = Number.POSITIVE_INFINITY): Engine {
  let left = times;
  return {
    ...api.engine,
    query: (sql, options = {}) => {
      statements.push(sql);
      const isLimited = options.settings?.['max_rows_to_read'] !== undefined && readMax !== undefined && left-- > 0;
      const settings = isLimited ? { ...options.settings, max_rows_to_read: readMax } : options.settings;
      return api.engine.query(sql, { ...options, ...(settings && { settings }) });
    },
  };
}

const matchesOf = (statements: readonly string[]): string[] =>
  statements.filter((sql) => sql.includes('SpanAttributeHashes'));

const FIFTHS = [1, 36, 6, 11, 16, 21, 26, 31].map(id);

it('a key whose value was not among the newest spans is looked for in the whole range at once the next time', async () => {
  const statements: string[] = [];
  const engine = asNew(statements);
  expect((await found(engine, 'nobody', 20))[0]).toEqual([]);
  statements.length = 0;
  expect((await found(engine, 'fifth', 20))[0]).toEqual(FIFTHS);
  expect(matchesOf(statements)).toHaveLength(1);
});

it('when the last value filled its page many times over, the next is looked for in the newest share first', async () => {
  const statements: string[] = [];
  const engine = asNew(statements);
  await found(engine, 'nobody', 20);
  expect((await found(engine, 'every', 2))[0]).toEqual([2, 3].map(id));
  statements.length = 0;
  // A sixth of what is stored holds three of this value, less than a page.
  expect((await found(engine, 'fifth', 4))[0]).toEqual([1, 36, 6, 11].map(id));
  expect(matchesOf(statements)).toHaveLength(2);
  statements.length = 0;
  expect((await found(engine, 'fifth', 2))[0]).toEqual([1, 36].map(id));
  expect(matchesOf(statements)).toHaveLength(1);
});

it('a share that would read too much is made smaller', async () => {
  const statements: string[] = [];
  const engine = asNew(statements, 1, 1);
  await found(engine, 'nobody', 20);
  statements.length = 0;
  expect((await found(engine, 'every', 1))[0]).toEqual([id(2)]);
  expect(matchesOf(statements)).toHaveLength(2);
});

it('pages over both parts show each trace once, in the order of the newest match', async () => {
  const engine = asNew();
  await found(engine, 'nobody', 20);
  const pages: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const [ids, next]: [string[], string | null] = await found(engine, 'fifth', 3, cursor);
    pages.push(...ids);
    cursor = next;
  }
  expect(pages).toEqual(FIFTHS);
});

it('of a range only what starts in it is found, though a granule holds more', async () => {
  const engine = asNew();
  await found(engine, 'nobody', 20);
  const ago = (seconds: bigint): string => (NOW - seconds * 1_000_000_000n).toString();
  // From the start of a range on, up to but without its end.
  const ids = async (start: bigint, end: bigint): Promise<string[]> =>
    (await found(engine, 'fifth', 20, '', { start: ago(start), end: ago(end) }))[0];
  expect(await ids(16n, 6n)).toEqual([11, 16].map(id));
  expect(await ids(17n, 5n)).toEqual([6, 11, 16].map(id));
});

it('a value that turns out to be common is found among the newest', async () => {
  const statements: string[] = [];
  const engine = asNew(statements, 1);
  await found(engine, 'nobody', 20);
  statements.length = 0;
  const [ids] = await found(engine, 'every', 4);
  expect(ids).toEqual([2, 3, 4, 5].map(id));
  expect(matchesOf(statements).length).toBeGreaterThan(2);
});

it('whatever was searched before, a search finds the same', async () => {
  const engine = asNew();
  const values = ['every', 'fifth', 'nobody'];
  for (let i = 0; i < 60; i++) {
    const value = values[(i * 7 + Math.floor(i / 5)) % values.length] as string;
    const limit = 1 + ((i * 5) % 24);
    expect(await found(engine, value, limit)).toEqual(await found(asNew(), value, limit));
  }
});

it('an empty value is found where the key is, and not where it is absent', async () => {
  const start = (NOW - 500_000_000n).toString();
  const span = { name: 'work', startTimeUnixNano: start, endTimeUnixNano: start };
  const spans = [
    { ...span, traceId: id(501), spanId: id(501).slice(16), attributes: [{ key: 'note', value: { stringValue: '' } }] },
    { ...span, traceId: id(502), spanId: id(502).slice(16), attributes: [] },
  ];
  await api.store('traces', { resourceSpans: [{ resource: {}, scopeSpans: [{ spans }] }] });
  const query = new URLSearchParams({ attribute: 'note=' });
  const page = await searchTraces(asNew(), new Parameters(query, NOW, ['attribute']));
  expect(page.items.map(({ traceId }) => traceId)).toEqual([id(501)]);
});

it('a value is found once among the attributes of spans and once among those of resources', async () => {
  const at = (offset: bigint): string => (NOW - offset).toString();
  const place = (traceId: string, offset: bigint): object => ({
    traceId,
    spanId: traceId.slice(16),
    startTimeUnixNano: at(offset),
    endTimeUnixNano: at(offset),
  });
  const both = [{ key: 'zone', value: { stringValue: 'x' } }];
  const resource = { attributes: both };
  await api.store('traces', {
    resourceSpans: [
      { resource, scopeSpans: [{ spans: [place(id(601), 10n), place(id(602), 30n)] }] },
      {
        scopeSpans: [
          {
            spans: [
              { ...place(id(601), 40n), attributes: both },
              { ...place(id(602), 5n), attributes: both },
              { ...place(id(603), 20n), attributes: both },
            ],
          },
        ],
      },
    ],
  });
  const engine = asNew();
  const page = async (value: string, limit: string, cursor = ''): Promise<[string[], string | null]> => {
    const query = new URLSearchParams({ attribute: `zone=${value}`, limit, cursor });
    const { items, next } = await searchTraces(engine, new Parameters(query, NOW, ['attribute', 'limit', 'cursor']));
    return [items.map(({ traceId }) => traceId), next];
  };
  // The first value of a key is looked for among the newest, the one after a rare one in all that is stored.
  for (const before of ['x', 'nowhere']) {
    await page(before, '20');
    expect((await page('x', '20'))[0]).toEqual([602, 601, 603].map(id));
    const [first, next] = await page('x', '2');
    expect(first).toEqual([602, 601].map(id));
    expect((await page('x', '2', next ?? ''))[0]).toEqual([id(603)]);
  }
});
