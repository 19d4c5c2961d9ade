import { expect, test } from 'vitest';
import { makeTemplates, stamp } from '../../bench/payload.ts';
import { STEP_BYTES } from '../columns/builders.ts';
import { freeze, type freezeWhole, SegmentColumns, transcode } from './transcode.ts';

const GROUP_BYTES = 512 * 1024;

function filled(): SegmentColumns {
  const columns = new SegmentColumns();
  for (const [i, template] of makeTemplates(100, 200).entries()) {
    transcode(columns, 'traces', stamp(template, 1, i, 1_700_000_000_000), '', 1n);
  }
  return columns;
}

/** Each group of each table, copied, for the next one uses its memory. */
function* groupsOf(tables: Iterable<ReturnType<typeof freezeWhole>[number] | undefined>): Iterable<[string, Buffer]> {
  for (const table of tables) for (const group of table?.groups ?? []) yield [table?.table ?? '', Buffer.concat(group)];
}

test('a segment can be written in small groups, and its files have the same bytes', () => {
  const columns = filled();
  const files = (groupBytes?: number): Record<string, string> => {
    const parts: Record<string, Buffer[]> = {};
    for (const [table, bytes] of groupsOf(freeze(columns, groupBytes))) {
      parts[table] ??= [];
      parts[table].push(bytes);
    }
    return Object.fromEntries(
      Object.entries(parts).map(([table, all]) => [table, Buffer.concat(all).toString('latin1')]),
    );
  };
  const small = files(GROUP_BYTES);
  expect(Object.keys(small)).toEqual(['otel_traces_trace_id_ts', 'otel_traces']);
  for (const [table, text] of Object.entries(files())) expect(small[table] === text, table).toBe(true);
  for (const [table, text] of Object.entries(files(1))) expect(small[table] === text, table).toBe(true);
});

test('no group is larger than was asked for by more than a column without texts', () => {
  const columns = filled();
  const widest = columns.items * (2 * 16 + 1);
  const sizes = Array.from(groupsOf(freeze(columns, GROUP_BYTES)), ([, bytes]) => bytes.length);
  expect(Math.max(...sizes)).toBeLessThan(GROUP_BYTES + Math.max(STEP_BYTES, widest));
  expect(sizes.length).toBeGreaterThan(6);
});

test('others are seen to before a table is ready', () => {
  const order = Array.from(freeze(filled()), (table) => table?.table ?? '');
  const [lookUp, spans] = [order.indexOf('otel_traces_trace_id_ts'), order.indexOf('otel_traces')];
  expect(lookUp).toBeGreaterThan(2);
  expect(spans - lookUp).toBeGreaterThan(2);
});
