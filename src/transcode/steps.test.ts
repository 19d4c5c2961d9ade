import { expect, test } from 'vitest';
import { makeTemplates, stamp } from '../../bench/payload.ts';
import { nativeBytes } from '../../test/support/native-bytes.ts';
import { STEP_BYTES } from '../columns/builders.ts';
import { freeze, SegmentColumns, transcode } from './transcode.ts';

const GROUP_BYTES = 512 * 1024;

function filled(): SegmentColumns {
  const columns = new SegmentColumns();
  for (const [i, template] of makeTemplates(100, 200).entries()) {
    transcode(columns, 'traces', stamp(template, 1, i, 1_700_000_000_000), '', 1n);
  }
  return columns;
}

test('a segment can be written in small groups, and its files have the same bytes', () => {
  const columns = filled();
  const files = (groupBytes?: number): Record<string, string> => {
    const texts: Record<string, string> = {};
    for (const frozen of freeze(columns, groupBytes)) {
      if (frozen !== undefined) texts[frozen.table] = nativeBytes(frozen).toString('latin1');
    }
    return texts;
  };
  const small = files(GROUP_BYTES);
  expect(Object.keys(small)).toEqual(['otel_traces_trace_id_ts', 'otel_traces']);
  for (const [table, text] of Object.entries(files())) expect(small[table] === text, table).toBe(true);
  for (const [table, text] of Object.entries(files(1))) expect(small[table] === text, table).toBe(true);
});

test('no group is larger than was asked for by more than a column without texts', () => {
  const columns = filled();
  const widest = columns.items * (2 * 16 + 1);
  const sizes: number[] = [];
  for (const frozen of freeze(columns, GROUP_BYTES)) {
    for (const group of frozen?.groups ?? []) sizes.push(group.reduce((sum, chunk) => sum + chunk.length, 0));
  }
  expect(Math.max(...sizes)).toBeLessThan(GROUP_BYTES + Math.max(STEP_BYTES, widest));
  expect(sizes.length).toBeGreaterThan(6);
});

test('others are seen to before a table is ready', () => {
  const order = Array.from(freeze(filled()), (table) => table?.table ?? '');
  const [lookUp, spans] = [order.indexOf('otel_traces_trace_id_ts'), order.indexOf('otel_traces')];
  expect(lookUp).toBeGreaterThan(2);
  expect(spans - lookUp).toBeGreaterThan(2);
});
