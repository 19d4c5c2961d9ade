import { type Column, type Table, tableNamed } from '../columns/tables.ts';
import { codecOf } from './codecs.ts';
import { type Engine, EngineError, ofEachEngine } from './engine.ts';
import { Lane } from './lane.ts';
import { identifier } from './literal.ts';

/**
 * Columns that are ours, and a few of the exporter's, hold what most telemetry never has. Each stored column costs about 0.07 µs a row to insert and merge even when all its
 * values are defaults, so they begin as ALIAS columns: they can be selected, answer their default, and cost nothing. The first segment that
 * brings one makes it a stored column. That is a change of metadata alone: rows that are there already go on answering the default.
 * Why, and what was measured: docs/decisions/0007-columns-on-demand.md.
 */

/** Indexes that would have nothing to say before their column is stored. */
const INDEXES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  otel_traces: { Baggage: 'idx_baggage_hashes BaggageHashes TYPE bloom_filter(0.01) GRANULARITY 1' },
};

/** The expression of a column before it is stored: the default of its type, for a member of a Nested as often as its neighbours have elements. */
export function placeholderOf(table: Table, column: Column): string {
  const [nested] = column.name.split('.');
  if (nested === column.name) return `defaultValueOfTypeName('${column.type}')`;
  const neighbour = table.columns.find((other) => other.name.startsWith(`${nested}.`) && !other.ours);
  if (neighbour === column) return `defaultValueOfTypeName('${column.type}')`;
  const element = column.type.replace(/^Array\((.*)\)$/, '$1');
  return `arrayMap(x -> defaultValueOfTypeName('${element}'), ${identifier(neighbour?.name ?? '')})`;
}

/** ClickHouse's code for a column that another process has made a stored one meanwhile. */
const BAD_ARGUMENTS = 36;

/** How long it is believed that nobody else has stored a column, on a server that others may write to as well. */
const SHARED_MS_MAX = 1_000;

/** Makes columns stored ones as they are needed, and says which are. */
export class ColumnsOnDemand {
  readonly #engine: Engine;
  /** What `ensure` has seen to be stored. */
  readonly #stored = new Map<string, ReadonlySet<string>>();
  /** What `stored` answers. */
  readonly #answering = new Map<string, ReadonlySet<string>>();
  #readAtMs = 0;
  readonly #changes = new Lane(1);

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Resolves when all of `columns` are stored columns of `table`. One call at a time changes tables. */
  ensure(table: string, columns: readonly string[]): Promise<void> {
    const stored = this.#stored.get(table);
    if (stored !== undefined && columns.every((name) => stored.has(name))) return Promise.resolve();
    return this.#changes.run(() => this.#ensure(table, columns));
  }

  /** Names of the columns of `table` that are stored; the others answer their default for every row. */
  async stored(table: string): Promise<ReadonlySet<string>> {
    const found = this.#answering.get(table);
    if (found !== undefined && (this.#engine.kind === 'embedded' || performance.now() - this.#readAtMs < SHARED_MS_MAX))
      return found;
    const stored = await this.#storedColumns(table);
    this.#readAtMs = performance.now();
    const answering = new Set([...stored, ...(found ?? [])]);
    this.#answering.set(table, answering);
    return answering;
  }

  async #ensure(table: string, columns: readonly string[]): Promise<void> {
    const stored = await this.#storedColumns(table);
    const missing = (tableNamed(table)?.columns ?? []).filter(
      ({ name, onDemand }) => onDemand === true && columns.includes(name) && !stored.has(name),
    );
    const after = new Set([...stored, ...columns]);
    // Readers learn it first: they may ask for a column that still answers its default, never for too few columns of the rows that come.
    this.#answering.set(table, after);
    if (missing.length > 0) {
      try {
        await this.#store(table, missing);
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== BAD_ARGUMENTS) throw error;
        // Somebody else was quicker with some of them: what is missing now is tried once more.
        const now = await this.#storedColumns(table);
        await this.#store(
          table,
          missing.filter(({ name }) => !now.has(name)),
        );
      }
    }
    this.#stored.set(table, after);
  }

  async #store(table: string, columns: readonly Column[]): Promise<void> {
    if (columns.length === 0) return;
    const indexes = columns.map(({ name }) => INDEXES[table]?.[name]).filter((index) => index !== undefined);
    const changes = [
      ...columns.map(({ name }) => `MODIFY COLUMN ${identifier(name)} REMOVE ALIAS`),
      ...indexes.map((index) => `ADD INDEX IF NOT EXISTS ${index}`),
    ];
    await this.#engine.command(`ALTER TABLE ${identifier(table)} ${changes.join(', ')}`);
    // An ALIAS has no codec, so it can be named only now.
    const codecs = columns.map(
      ({ name, codec }) => `MODIFY COLUMN ${identifier(name)} CODEC(${codecOf(this.#engine.kind, codec)})`,
    );
    await this.#engine.command(`ALTER TABLE ${identifier(table)} ${codecs.join(', ')}`);
  }

  async #storedColumns(table: string): Promise<Set<string>> {
    const { rows } = await this.#engine.query(
      "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} AND default_kind != 'ALIAS'",
      { params: { table } },
    );
    return new Set(rows.map(([name]) => String(name)));
  }
}

/** The stored columns of an engine's tables. */
export const columnsOf = ofEachEngine((engine) => new ColumnsOnDemand(engine));
