import { TABLES } from '../base/names.ts';
import { ALL_TABLES } from '../columns/tables.ts';
import { KEYS_STATEMENTS } from './attribute-keys.ts';
import type { Engine } from './engine.ts';
import { EngineError } from './engine.ts';
import { GRAPH_STATEMENTS } from './graph-tables.ts';
import { type Capabilities, createTable } from './schema.ts';

export interface Migration {
  /** 1, 2, 3, … without gaps. Never changed once released: the next change is the next number. */
  readonly number: number;
  readonly name: string;
  /** Each statement may be run twice with the same result: a crash between two of them starts the migration over. */
  readonly statements: (capabilities: Capabilities) => readonly string[];
}

export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: 'tables of traces, logs and metrics',
    statements: (capabilities) => ALL_TABLES.map((table) => createTable(table, capabilities)),
  },
  {
    number: 2,
    name: 'tables of the call graph',
    statements: () => GRAPH_STATEMENTS,
  },
  {
    number: 3,
    name: 'summaries of traces as one text',
    // There already where the first migration made the table. Rows from before have none, as those of another writer.
    statements: () => [
      `ALTER TABLE ${TABLES.traceIds} ADD COLUMN IF NOT EXISTS Summary String CODEC(ZSTD(1)) AFTER End`,
    ],
  },
  {
    number: 4,
    name: 'keys of attributes',
    statements: ({ kind }) => (kind === 'embedded' ? KEYS_STATEMENTS : []),
  },
];

/** Where the numbers of the migrations that were applied are kept. */
const LEDGER = 'clew_migrations';

/**
 * Brings the store's tables up to `migrations` and returns the numbers that were applied now. Refuses a store that a newer
 * program has migrated further: this one would not know what it writes to.
 */
export async function migrate(engine: Engine, migrations: readonly Migration[] = MIGRATIONS): Promise<number[]> {
  await engine.command(
    `CREATE TABLE IF NOT EXISTS ${LEDGER} (Number UInt32, Name String, AppliedAt DateTime DEFAULT now()) ` +
      'ENGINE = MergeTree ORDER BY Number SETTINGS fsync_after_insert = 1, fsync_part_directory = 1',
  );
  const applied = await appliedMigration(engine);
  if (applied > migrations.length) {
    throw new Error(
      `the store was written by a newer Clew: its tables are at migration ${applied}, this program knows ${migrations.length}. ` +
        'Start the newer program, or point this one at another data directory.',
    );
  }
  const pending = migrations.filter((migration) => migration.number > applied);
  const textIndex = pending.length > 0 && (await hasTextIndex(engine));
  const capabilities: Capabilities = { kind: engine.kind, textIndex };
  for (const migration of pending) {
    for (const statement of migration.statements(capabilities)) await engine.command(statement);
    await engine.command(`INSERT INTO ${LEDGER} (Number, Name) SELECT {number:UInt32}, {name:String}`, {
      params: { number: migration.number, name: migration.name },
    });
  }
  return pending.map((migration) => migration.number);
}

/** The number of the newest migration that was applied, 0 when none was. */
export async function appliedMigration(engine: Engine): Promise<number> {
  return Number((await engine.query(`SELECT max(Number) FROM ${LEDGER}`)).rows[0][0]);
}

async function hasTextIndex(engine: Engine): Promise<boolean> {
  const probe = 'clew_probe';
  try {
    await engine.command(`DROP TABLE IF EXISTS ${probe}`);
    await engine.command(
      `CREATE TABLE ${probe} (Body String, INDEX body lower(Body) TYPE text(tokenizer = 'splitByNonAlpha')) ` +
        'ENGINE = MergeTree ORDER BY tuple()',
    );
    await engine.command(`DROP TABLE ${probe}`);
    return true;
  } catch (error) {
    if (error instanceof EngineError && error.code !== 0) return false;
    throw error;
  }
}
