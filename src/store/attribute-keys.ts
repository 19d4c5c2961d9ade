import { LIMITS } from '../base/limits.ts';
import { KEYS_TABLE } from '../base/names.ts';
import { tableNamed } from '../columns/tables.ts';
import type { MapKeys } from '../journal/sealed.ts';
import { type Engine, ofEachEngine } from './engine.ts';
import { Lane } from './lane.ts';

/**
 * Which keys the map columns of the embedded engine's tables hold. To look for a value of `enduser.id` among the attributes of resources, where no such key is, costs
 * a fifth of a search: now it is not asked for there. Segments name their keys, and these are written down before the rows are inserted. A row with
 * `Any` says of a column that it may hold any key: there are too many of them, or rows came in whose keys nobody has named. Keys are not taken out again: one that retention
 * has dropped costs a search what it did before. On a server, which others write to as well, nothing is known.
 */
export const KEYS_STATEMENTS: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS ${KEYS_TABLE} (
  \`Table\` LowCardinality(String),
  \`Column\` LowCardinality(String),
  \`Key\` String,
  \`Any\` UInt8
) ENGINE = MergeTree
ORDER BY (\`Table\`, \`Column\`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  // Rows of an earlier Clew.
  `INSERT INTO ${KEYS_TABLE} SELECT table, name, '', 1 FROM system.columns
  WHERE database = currentDatabase() AND startsWith(type, 'Map(')
    AND table IN (SELECT table FROM system.parts WHERE active AND rows > 0 AND database = currentDatabase())`,
];

/** The keys of one column; 'any' when that is not known. */
type Keys = { readonly texts: Set<string>; bytes: number } | 'any';

/** By table and column. */
type Columns = Map<string, Keys>;

export class AttributeKeys {
  readonly #engine: Engine;
  /** Undefined before `read`. */
  #columns: Columns | undefined;
  readonly #changes = new Lane(1);

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Reads what was written down. Until then, every column may hold any key. */
  async read(): Promise<void> {
    if (this.#engine.kind === 'server') return;
    const { rows } = await this.#engine.query(`SELECT \`Table\`, \`Column\`, \`Key\`, \`Any\` FROM ${KEYS_TABLE}`);
    const columns: Columns = new Map();
    for (const [table, column, key, any] of rows) {
      const place = placeOf(String(table), String(column));
      if (Number(any) === 1) columns.set(place, 'any');
      else addKey(columns, place, String(key));
    }
    this.#columns = columns;
  }

  /** False when no row of the table has this key in the map `column`. */
  mayHold(table: string, column: string, key: string): boolean {
    if (this.#columns === undefined) return true;
    const keys = this.#columns.get(placeOf(table, column));
    return keys === 'any' || keys?.texts.has(key) === true;
  }

  /** Resolves when it is written down that rows with these columns hold these keys: to be called before they are inserted. */
  async ensure(table: string, columns: readonly string[], keys: MapKeys | undefined): Promise<void> {
    const known = this.#columns;
    if (known === undefined) return;
    await this.#changes.run(async () => {
      for (const fresh of freshOf(known, table, columns, keys)) await this.#write(known, fresh);
    });
  }

  /** One column a statement: it stays far below what ClickHouse reads of one (max_query_size). */
  async #write(known: Columns, { table, column, keys }: Fresh): Promise<void> {
    const isAny = keys === 'any';
    await this.#engine.command(
      `INSERT INTO ${KEYS_TABLE} SELECT {table:String}, {column:String}, arrayJoin({keys:Array(String)}), {any:UInt8}`,
      { params: { table, column, keys: isAny ? [''] : keys, any: isAny ? 1 : 0 } },
    );
    const place = placeOf(table, column);
    if (isAny) known.set(place, 'any');
    else for (const key of keys) addKey(known, place, key);
  }
}

/** What is known of an engine's tables. */
export const attributeKeysOf = ofEachEngine((engine) => new AttributeKeys(engine));

/** Keys of a column that are to be written down. */
interface Fresh {
  readonly table: string;
  readonly column: string;
  readonly keys: readonly string[] | 'any';
}

/** What is not written down yet of these columns. */
function freshOf(known: Columns, table: string, columns: readonly string[], keys: MapKeys | undefined): Fresh[] {
  const maps = (tableNamed(table)?.columns ?? []).filter(({ type }) => type.startsWith('Map('));
  const found: Fresh[] = [];
  for (const { name: column } of maps) {
    const before = known.get(placeOf(table, column));
    if (before === 'any' || !columns.includes(column)) continue;
    const own = keys?.[column]?.filter((key) => before?.texts.has(key) !== true);
    if (own === undefined || isTooMuch(before, own)) found.push({ table, column, keys: 'any' });
    else if (own.length > 0) found.push({ table, column, keys: own });
  }
  return found;
}

function isTooMuch(before: Exclude<Keys, 'any'> | undefined, more: readonly string[]): boolean {
  const bytes = more.reduce((sum, key) => sum + key.length, before?.bytes ?? 0);
  return (before?.texts.size ?? 0) + more.length > LIMITS.storeKeysMax || bytes > LIMITS.storeKeyBytesMax;
}

const placeOf = (table: string, column: string): string => `${table}.${column}`;

function addKey(columns: Columns, place: string, key: string): void {
  const keys = columns.get(place) ?? { texts: new Set(), bytes: 0 };
  columns.set(place, keys);
  if (keys === 'any' || keys.texts.has(key)) return;
  keys.texts.add(key);
  keys.bytes += key.length;
}
