import { expect, test } from 'vitest';
import { drawnTrace, drawRows } from './drawn-trace.ts';
import { FOLD_MIN, findFolds, reveal, rowOfSpan, summarizeFold, visibleRows } from './rows.ts';
import { buildSpanTable, type SpanTable } from './span-table.ts';
import { nextFound, searchSpans, timeByService } from './trace-search.ts';

const CLOSED = { collapsed: new Set<number>(), opened: new Set<number>() };

function tableOf(drawing: string): SpanTable {
  const table = buildSpanTable(drawnTrace(drawing));
  if (table === null) throw new Error('nothing is drawn');
  return table;
}

/** A parent with `count` calls of the same query, each with a child, and one other call in their midst. */
function repeated(count: number): SpanTable {
  const lines = ['a:root |' + '='.repeat(count * 2 + 2)];
  for (let i = 0; i < count; i++) {
    lines.push(`  db:query |${' '.repeat(i * 2)}${i === 3 ? '!!' : '=='}`, `    db:wire |${' '.repeat(i * 2)}=`);
    if (i === 1) lines.push(`  b:other |${' '.repeat(i * 2 + 1)}=`);
  }
  return tableOf(lines.join('\n'));
}

test('repeated siblings are one row, in the place of the first', () => {
  const table = repeated(FOLD_MIN);
  expect(drawRows(table, findFolds(table), CLOSED)).toEqual(['- a:root', `  + db:query ×${FOLD_MIN}`, '  · b:other']);
});

test('fewer siblings than that are shown one by one', () => {
  const table = repeated(FOLD_MIN - 1);
  expect(drawRows(table, findFolds(table), CLOSED)).toHaveLength(1 + 2 * (FOLD_MIN - 1) + 1);
});

test('an opened group shows its members with what is below them', () => {
  const table = repeated(FOLD_MIN);
  const drawn = drawRows(table, findFolds(table), { ...CLOSED, opened: new Set([1]) });
  expect(drawn.slice(0, 6)).toEqual([
    '- a:root',
    `  - db:query ×${FOLD_MIN}`,
    '  - db:query',
    '    · db:wire',
    '  - db:query',
    '    · db:wire',
  ]);
  expect(drawn).toHaveLength(2 + 2 * FOLD_MIN + 1);
});

test('a group tells its number, errors, 95th percentile and sum', () => {
  const table = repeated(20);
  const folds = findFolds(table);
  expect(summarizeFold(table, folds, 1)).toEqual({
    count: 20,
    errors: 1,
    p95Ns: 2e6,
    totalNs: 40e6,
    fromNs: 0,
    toNs: 40e6,
  });
});

test('roots of the same name are not folded: each of them is a trace of its own that lost its beginning', () => {
  const table = tableOf(Array.from({ length: 12 }, (_, i) => `a:root |${' '.repeat(i)}=`).join('\n'));
  expect(drawRows(table, findFolds(table), CLOSED)).toHaveLength(12);
});

test('a closed subtree hides what is below and nothing else', () => {
  const table = tableOf(`
    a:root   |======
      b:x    |==
        b:y  |=
      c:z    |   =
  `);
  const drawn = drawRows(table, findFolds(table), { ...CLOSED, collapsed: new Set([1]) });
  expect(drawn).toEqual(['- a:root', '  + b:x', '  · c:z']);
});

test('revealing a span opens its ancestors and the groups around it', () => {
  const table = repeated(FOLD_MIN);
  const folds = findFolds(table);
  const hidden = table.count - 1;
  const before = { collapsed: new Set([0]), opened: new Set<number>() };
  expect(rowOfSpan(visibleRows(table, folds, before), hidden)).toBe(-1);
  const after = reveal(table, folds, before, hidden);
  const rows = visibleRows(table, folds, after);
  expect(rows.span[rowOfSpan(rows, hidden)]).toBe(hidden);
});

test('the row of every visible span is found, and never the header of its group', () => {
  const table = repeated(FOLD_MIN);
  const rows = visibleRows(table, findFolds(table), { ...CLOSED, opened: new Set([1]) });
  for (let i = 0; i < table.count; i++) {
    const row = rowOfSpan(rows, i);
    expect([rows.span[row], rows.folded[row]]).toEqual([i, 0]);
  }
});

test('spans are found by text and service, and walked in a circle', () => {
  const table = tableOf(`
    a:root     |======
      b:load   |==
      b:Reload |   ==
      c:save   |     =
  `);
  const found = searchSpans(table, { text: 'LOAD', service: null }) ?? new Int32Array();
  expect([...found]).toEqual([1, 2]);
  expect([nextFound(found, -1, 1), nextFound(found, 1, 1), nextFound(found, 2, 1), nextFound(found, 1, -1)]).toEqual([
    1, 2, 1, 2,
  ]);
  expect([...(searchSpans(table, { text: '', service: 'c' }) ?? [])]).toEqual([3]);
  expect(searchSpans(table, { text: ' ', service: null })).toBe(null);
});

test('time is told by service, most self time first', () => {
  const table = tableOf(`
    a:root  |==========
      b:x   |======
      c:y   |      ==
  `);
  expect(timeByService(table).map(({ service, selfNs }) => [service, selfNs / 1e6])).toEqual([
    ['b', 6],
    ['a', 2],
    ['c', 2],
  ]);
});
