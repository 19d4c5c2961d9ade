import fs from 'node:fs';
import path from 'node:path';
import { ALL_TABLES, type Table } from '../../src/columns/tables.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import type { Engine } from '../../src/store/engine.ts';
import type { FrozenTable } from '../../src/transcode/transcode.ts';
import { nativeBytes } from './native-bytes.ts';

const HEX = (value: string): string => `lower(hex(${value}))`;
const MAP_CELL = (map: string): string =>
  `tuple(arrayMap(k -> ${HEX('k')}, mapKeys(${map})), arrayMap(v -> ${HEX('v')}, mapValues(${map})))`;

/** An expression that shows a cell exactly, as otlp-twin.ts describes. */
function cellSql(value: string, type: string): string {
  const array = /^Array\((.*)\)$/.exec(type);
  if (array !== null) return `arrayMap(x -> ${cellSql('x', array[1]!)}, ${value})`;
  if (type.startsWith('Map(')) return MAP_CELL(value);
  if (type.endsWith('String)') || type === 'String') return HEX(value);
  if (type.startsWith('DateTime64')) return `toString(toUnixTimestamp64Nano(${value}))`;
  if (type === 'DateTime') return `toString(toUnixTimestamp(${value}))`;
  if (type === 'Float64') return `toString(reinterpretAsUInt64(${value}))`;
  return type === 'Bool' ? `toString(toUInt8(${value}))` : `toString(${value})`;
}

/** A ClickHouse in this process that reads Native files through the real column types, in the order they were written. */
export interface CellReader {
  /** The rows of a frozen table after an INSERT of the columns that its file has. */
  read(frozen: FrozenTable): Promise<Record<string, unknown>[]>;
  /** The number of rows that ClickHouse found in it. */
  count(frozen: FrozenTable): Promise<number>;
  close(): Promise<void>;
}

export async function openCellReader(directory: string): Promise<CellReader> {
  const engine = await openEmbedded({ path: path.join(directory, 'store') });
  for (const table of ALL_TABLES) await engine.command(memoryTable(table));
  return {
    async read(frozen) {
      const table = await insert(engine, directory, frozen);
      const cells = table.columns.map(({ name, type }) => cellSql(`\`${name}\``, type));
      const { rows } = await engine.query(`SELECT ${cells.join(', ')} FROM ${table.name} SETTINGS max_threads = 1`);
      return rows.map((row) => Object.fromEntries(table.columns.map(({ name }, i) => [name, row[i]])));
    },
    async count(frozen) {
      const table = await insert(engine, directory, frozen);
      const { rows } = await engine.query(`SELECT count() FROM ${table.name}`);
      return Number(rows[0]?.[0]);
    },
    close: () => engine.close(),
  };
}

/** Memory keeps the order of insertion. */
function memoryTable({ name, columns }: Table): string {
  return `CREATE TABLE ${name} (${columns.map((column) => `\`${column.name}\` ${column.type}`).join(', ')}) ENGINE = Memory`;
}

let files = 0;

async function insert(engine: Engine, directory: string, frozen: FrozenTable): Promise<Table> {
  const table = ALL_TABLES.find(({ name }) => name === frozen.table)!;
  const file = path.join(directory, `${++files}.native`);
  fs.writeFileSync(file, nativeBytes(frozen));
  await engine.command(`TRUNCATE TABLE ${table.name}`);
  await engine.insertNative({ table: table.name, columns: frozen.columns, path: file, token: String(files) });
  fs.rmSync(file);
  return table;
}
