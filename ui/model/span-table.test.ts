import { expect, test } from 'vitest';
import type { OtlpSpan, OtlpTrace } from '../../src/query/api.ts';
import { drawnTime, drawnTrace, drawRows } from './drawn-trace.ts';
import { findFolds } from './rows.ts';
import { buildSpanTable, MARK, type SpanTable } from './span-table.ts';

const OPEN = { collapsed: new Set<number>(), opened: new Set<number>() };

function tableOf(trace: OtlpTrace): SpanTable {
  const table = buildSpanTable(trace);
  if (table === null) throw new Error('the trace is empty');
  return table;
}

function draw(table: SpanTable): string[] {
  return drawRows(table, findFolds(table), OPEN);
}

function trace(...spans: (Pick<OtlpSpan, 'spanId'> & Partial<OtlpSpan>)[]): OtlpTrace {
  const whole = spans.map((span) => ({
    traceId: 'a'.repeat(32),
    startTimeUnixNano: drawnTime(0),
    endTimeUnixNano: drawnTime(1),
    ...span,
  }));
  return { resourceSpans: [{ scopeSpans: [{ spans: whole }] }] };
}

test('parents stand before children and siblings by their start, however they arrived', () => {
  const table = tableOf(
    drawnTrace(`
      shop:GET /        |==========
        cart:second     |     ===
          db:query      |      =
        cart:first      | ===
    `),
  );
  expect(draw(table)).toEqual(['- shop:GET /', '  · cart:first', '  - cart:second', '    · db:query']);
  expect([...table.parents]).toEqual([-1, 0, 0, 2]);
  expect([...table.subtreeEnds]).toEqual([4, 2, 4, 4]);
  expect(table.depthMax).toBe(3);
});

test('times are exact although their nanoseconds do not fit a number', () => {
  const table = tableOf(
    trace({ spanId: '1', startTimeUnixNano: '1700000000000000001', endTimeUnixNano: '1700000000000000004' }),
  );
  expect([table.durationsNs[0], table.durationNs, table.originNano]).toEqual([3, 3, '1700000000000000001']);
});

test('self time is what no child covers; children that overlap count once, and only inside of their parent', () => {
  const table = tableOf(
    drawnTrace(`
      a:root     |==========
        b:one    | ====
        b:two    |   ====
        b:three  |         =====
    `),
  );
  expect([...table.selfNs].map((ns) => ns / 1e6)).toEqual([3, 4, 4, 5]);
});

test('errors are counted for each subtree', () => {
  const table = tableOf(
    drawnTrace(`
      a:root     |======
        a:x      |!!
        a:y      |  ==
          a:z    |  !
    `),
  );
  expect([...table.errorsBelow]).toEqual([3 - 1, 1, 1, 1]);
  expect(table.errorCount).toBe(2);
});

test('a span whose parent is absent is a root with a mark', () => {
  const table = tableOf(trace({ spanId: '1', name: 'root' }, { spanId: '2', name: 'lost', parentSpanId: '9' }));
  expect([...table.parents]).toEqual([-1, -1]);
  expect([...table.marks]).toEqual([0, MARK.orphan]);
});

test('a span that begins before its parent is marked, not moved', () => {
  const table = tableOf(
    drawnTrace(`
      a:root     |  ====
        b:early  | ==
    `),
  );
  expect([...table.marks]).toEqual([0, MARK.skewed]);
  expect([...table.startsNs]).toEqual([1e6, 0]);
});

test('spans with the same id are both shown', () => {
  const table = tableOf(
    trace(
      { spanId: '1' },
      { spanId: '2', parentSpanId: '1', name: 'x' },
      { spanId: '2', parentSpanId: '1', name: 'y' },
    ),
  );
  expect(table.count).toBe(3);
  expect([...table.marks]).toEqual([0, 0, MARK.duplicate]);
});

test('a ring of parents and a span that is its own parent are opened and marked', () => {
  const table = tableOf(
    trace(
      { spanId: '1', parentSpanId: '2', startTimeUnixNano: drawnTime(1) },
      { spanId: '2', parentSpanId: '1', startTimeUnixNano: drawnTime(2) },
      { spanId: '3', parentSpanId: '3', startTimeUnixNano: drawnTime(3) },
    ),
  );
  expect(table.spans.map(({ spanId }) => spanId)).toEqual(['3', '1', '2']);
  expect([...table.parents]).toEqual([-1, -1, 1]);
  expect([...table.marks]).toEqual([MARK.ring, MARK.ring, 0]);
});

test('a trace without spans has no table, and a span without times stands at the beginning', () => {
  expect(buildSpanTable({ resourceSpans: [] })).toBe(null);
  const bare = { traceId: 'a'.repeat(32), spanId: '2', parentSpanId: '1' };
  const table = tableOf({
    resourceSpans: [
      { scopeSpans: [{ spans: [...trace({ spanId: '1' }).resourceSpans[0].scopeSpans[0].spans, bare] }] },
    ],
  });
  expect([...table.startsNs, ...table.durationsNs, table.durationNs]).toEqual([0, 0, 1e6, 0, 1e6]);
});

test('a line of 100,000 spans, each the child of the one before, is built without recursion', () => {
  const count = 100_000;
  const spans = Array.from({ length: count }, (_, i) => ({
    spanId: String(i),
    ...(i === 0 ? {} : { parentSpanId: String(i - 1) }),
  }));
  const table = tableOf(trace(...spans));
  expect([table.count, table.depthMax, table.subtreeEnds[0], table.parents[count - 1]]).toEqual([
    count,
    count,
    count,
    count - 2,
  ]);
});

test('every order of arrival gives the same table as the slow way: sort children by start and walk down', () => {
  let seed = 7;
  const chance = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  for (let round = 0; round < 200; round++) {
    const count = 1 + Math.floor(chance() * 12);
    const spans = Array.from({ length: count }, (_, i) => ({
      spanId: String(i),
      startTimeUnixNano: drawnTime(Math.floor(chance() * 1000) * 100 + i),
      ...(i === 0 || chance() < 0.1 ? {} : { parentSpanId: String(Math.floor(chance() * i)) }),
    }));
    const slow: string[] = [];
    const walk = (parent: string | undefined) => {
      const children = spans.filter((span) => span.parentSpanId === parent);
      for (const child of children.sort((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1))) {
        slow.push(child.spanId);
        walk(child.spanId);
      }
    };
    walk(undefined);
    const shuffled = [...spans].sort(() => chance() - 0.5);
    expect(tableOf(trace(...shuffled)).spans.map(({ spanId }) => spanId)).toEqual(slow);
  }
});
