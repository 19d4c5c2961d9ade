import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CellReader, openCellReader } from '../../test/support/native-cells.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { randomFrom, randomRequest } from '../../test/support/otlp-random.ts';
import { type Row, twinOf } from '../../test/support/otlp-twin.ts';
import { SPAN_READERS } from '../../test/support/span-readers.ts';
import { SIGNALS } from '../base/signal.ts';
import { ALL_TABLES } from '../columns/tables.ts';
import { type FrozenTable, freezeWhole, transcode } from './transcode.ts';

/** Segments of the property test; the seed of segment i is i. */
const SEGMENTS = Number(process.env['CLEW_TRANSCODE_SEGMENTS'] ?? 12);
const REQUESTS_A_SEGMENT = 24;
const RECEIVED = 1_764_000_000_987_654_321n;
const BAGGAGE = 'userId=alice,region=eu%20west;ttl=3,userId=bob';
const hex = (text: string): string => Buffer.from(text).toString('hex');
const BAGGAGE_CELL = [['userId', 'region', 'userId'].map(hex), ['alice', 'eu west;ttl=3', 'bob'].map(hex)];

let reader: CellReader;
let directory: string;
beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-transcode-'));
  reader = await openCellReader(directory);
});
afterAll(async () => {
  await reader?.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

/** The rows as the table shows them: cells of other tables are left out. */
function ofTable(name: string, rows: readonly Row[]): Row[] {
  const { columns } = ALL_TABLES.find((table) => table.name === name)!;
  return rows.map((row) => Object.fromEntries(columns.map((column) => [column.name, row[column.name]])));
}

const byText = (rows: readonly Row[]): Row[] =>
  [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** Keys of the rows' maps that the frozen table does not name. */
function unnamedKeys(frozen: FrozenTable, rows: readonly Row[]): string[] {
  const { columns } = ALL_TABLES.find((table) => table.name === frozen.table)!;
  const maps = columns.filter(({ name, type }) => type.startsWith('Map(') && frozen.columns.includes(name));
  return maps.flatMap(({ name }) => {
    const named = new Set(frozen.keys[name]?.map(hex));
    const held = rows.flatMap((row) => (row[name] as readonly [readonly string[]])[0]);
    return held.filter((key) => !named.has(key)).map((key) => `${name}: ${key}`);
  });
}

test.each(SPAN_READERS)(
  'random requests read by %s give the rows that a generic decoder gives, as ClickHouse reads them back',
  async (_name, newColumns) => {
    const columns = newColumns();
    for (let seed = 0; seed < SEGMENTS; seed++) {
      const random = randomFrom(seed);
      const expected = new Map<string, Row[]>();
      columns.reset();
      for (let i = 0; i < REQUESTS_A_SEGMENT; i++) {
        const signal = random.pick(SIGNALS);
        const body = encodeProto(signal, randomRequest(random, signal));
        const baggage = random.oneIn(2);
        const twin = twinOf(signal, body, baggage ? BAGGAGE_CELL : [[], []], RECEIVED);
        const accepted = [...twin.rows.values()].reduce((sum, rows) => sum + rows.length, 0);
        const result = transcode(columns, signal, body, baggage ? BAGGAGE : '', RECEIVED);
        expect(result, `seed ${seed}, request ${i}`).toMatchObject({ kind: 'ok', accepted, rejected: twin.rejected });
        for (const [table, rows] of twin.rows) expected.set(table, [...(expected.get(table) ?? []), ...rows]);
      }
      const frozen = freezeWhole(columns).filter(({ table }) => table !== 'otel_traces_trace_id_ts');
      expect(frozen.map(({ table }) => table).sort()).toEqual([...expected.keys()].sort());
      for (const each of frozen) {
        const rows = await reader.read(each);
        const twin = ofTable(each.table, expected.get(each.table)!);
        expect(unnamedKeys(each, twin), `seed ${seed}, ${each.table}`).toEqual([]);
        // Spans are written in the order of their table (span-order.test.ts).
        const inOrder = each.table === 'otel_traces' ? byText : (list: readonly Row[]) => list;
        expect(inOrder(rows), `seed ${seed}, ${each.table}`).toEqual(inOrder(twin));
      }
    }
  },
);
