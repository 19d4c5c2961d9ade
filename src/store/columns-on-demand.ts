import { type Column, type Table, tableNamed } from '../columns/tables.ts';
import { codecOf } from './codecs.ts';
import { type Engine, EngineError } from './engine.ts';
import { identifier } from './literal.ts';

/**
 * Columns that are ours hold what most telemetry never has. Each stored column costs about 0.07 µs a row to insert and merge even when all its
 * values are defaults, so they begin as ALIAS columns: they can be selected, answer their default, and cost nothing. The first segment that
 * brings one makes it a stored column. That is a change of metadata alone: rows that are there already go on answering the default.
 * Why, and what was measured: docs/decisions/0006-columns-on-demand.md.
 */

/** Indexes that would have nothing to say before their column is stored. */
const INDEXES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  otel_traces: { Baggage: 'idx_baggage_items BaggageItems TYPE bloom_filter(0.01) GRANULARITY 1' },
};

/** The expression of a column before it is stored: the default of its type, for a member of a Nested as often as its neighbours have elements. */
export function placeholderOf(table: Table, column: Column): string {
  const [nested] = column.name.split('.');
  if (nested === column.name) return `defaultValueOfTypeName('${column.type}')`;
  const neighbour = table.columns.find((other) => other.name.startsWith(`${nested}.`) && !other.ours);
  const element = column.type.replace(/^Array\((.*)\)$/, '$1');
  return `arrayMap(x -> defaultValueOfTypeName('${element}'), ${identifier(neighbour?.name ?? '')})`;
}

/** ClickHouse's code for a column that another process has made a stored one meanwhile. */
const BAD_ARGUMENTS = 36;

/** Makes columns stored ones as they are needed. One for an engine: it remembers what is stored. */
export class ColumnsOnDemand {
  readonly #engine: Engine;
  readonly #stored = new Map<string, Set<string>>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Resolves when all of `columns` are stored columns of `table`. One call at a time changes tables. */
  ensure(table: string, columns: readonly string[]): Promise<void> {
    const stored = this.#stored.get(table);
    if (stored !== undefined && columns.every((name) => stored.has(name))) return Promise.resolve();
    const work = this.#queue.then(() => this.#ensure(table, columns));
    this.#queue = work.catch(() => {});
    return work;
  }

  async #ensure(table: string, columns: readonly string[]): Promise<void> {
    const stored = await this.#storedColumns(table);
    const missing = (tableNamed(table)?.columns ?? []).filter(
      ({ name, ours }) => ours === true && columns.includes(name) && !stored.has(name),
    );
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
    this.#stored.set(table, new Set([...stored, ...columns]));
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
