import { GRAPH_TABLES, TABLES } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import { SIGNALS } from '../base/signal.ts';
import type { Engine } from './engine.ts';
import { identifier } from './literal.ts';

/** What is kept of one signal; a limit that is left out does not apply. */
export interface RetentionRule {
  /** Whole days; a day is dropped when all of it is older. */
  readonly days?: number;
  /** Bytes on disk of all tables of the signal: the oldest days go first, the newest day stays. */
  readonly bytes?: number;
}

export type RetentionRules = Readonly<Partial<Record<Signal, RetentionRule>>>;

/** One day of one table. `id` is ClickHouse's partition id, YYYYMMDD. */
export interface DayPartition {
  readonly table: string;
  readonly id: string;
  readonly rows: number;
  readonly bytes: number;
}

const SIGNAL_TABLES: Readonly<Record<Signal, readonly string[]>> = {
  traces: [TABLES.traces, TABLES.traceIds],
  logs: [TABLES.logs],
  metrics: [TABLES.gauge, TABLES.sum, TABLES.histogram, TABLES.exponentialHistogram, TABLES.summary],
};

/** Drops what the rules no longer keep and returns it. `nowMs` is the wall clock. */
export async function applyRetention(engine: Engine, rules: RetentionRules, nowMs: number): Promise<DayPartition[]> {
  const partitions = await readPartitions(engine);
  const dropped: DayPartition[] = [];
  for (const signal of SIGNALS) {
    const rule = rules[signal];
    if (rule === undefined) continue;
    const own = partitions.filter((partition) => SIGNAL_TABLES[signal].includes(partition.table));
    for (const partition of partitionsToDrop(own, rule, nowMs)) {
      // A partition id has eight digits: see DAY.
      await engine.command(`ALTER TABLE ${identifier(partition.table)} DROP PARTITION ID '${partition.id}'`);
      // The graph of a day is made from its spans.
      for (const table of partition.table === TABLES.traces ? Object.values(GRAPH_TABLES) : []) {
        await engine.command(`ALTER TABLE ${identifier(table)} DROP PARTITION ID '${partition.id}'`);
      }
      dropped.push(partition);
    }
  }
  return dropped;
}

const DAY = /^\d{8}$/;

async function readPartitions(engine: Engine): Promise<DayPartition[]> {
  const { rows } = await engine.query(
    'SELECT table, partition_id, sum(rows), sum(bytes_on_disk) FROM system.parts ' +
      "WHERE active AND database = currentDatabase() AND table LIKE 'otel\\\\_%' GROUP BY table, partition_id ORDER BY partition_id, table",
  );
  return rows
    .map(([table, id, count, bytes]) => ({
      table: String(table),
      id: String(id),
      rows: Number(count),
      bytes: Number(bytes),
    }))
    .filter((partition) => DAY.test(partition.id));
}

const DAY_MS = 86_400_000;

/** Which days of one signal go, oldest first: all tables of a day together, so that no half of a trace stays. */
export function partitionsToDrop(
  partitions: readonly DayPartition[],
  rule: RetentionRule,
  nowMs: number,
): DayPartition[] {
  const days = [...new Set(partitions.map((partition) => partition.id))].sort();
  let bytes = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
  const dropped = new Set<string>();
  for (const day of days) {
    const isOld = rule.days !== undefined && endOfDayMs(day) <= nowMs - rule.days * DAY_MS;
    const isOver = rule.bytes !== undefined && bytes > rule.bytes && day !== days.at(-1);
    if (!isOld && !isOver) continue;
    dropped.add(day);
    for (const partition of partitions) if (partition.id === day) bytes -= partition.bytes;
  }
  return days.flatMap((day) => (dropped.has(day) ? partitions.filter((partition) => partition.id === day) : []));
}

function endOfDayMs(id: string): number {
  return Date.UTC(Number(id.slice(0, 4)), Number(id.slice(4, 6)) - 1, Number(id.slice(6, 8)) + 1);
}
