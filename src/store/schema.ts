import { LIMITS } from '../base/limits.ts';
import { TABLES } from '../base/names.ts';
import type { Column, Table } from '../columns/tables.ts';
import { codecOf } from './codecs.ts';
import { placeholderOf } from './columns-on-demand.ts';
import type { Engine } from './engine.ts';
import { identifier } from './literal.ts';

/** What the running ClickHouse can do, found out by trying (versions and builds differ). */
export interface Capabilities {
  readonly kind: Engine['kind'];
  readonly textIndex: boolean;
}

/**
 * The statement that makes a table: the columns of src/columns/tables.ts, the computed columns and indexes below, and the
 * settings that make an insert durable and a repeated one harmless. What was measured stands in docs/decisions/0002-table-settings.md.
 */
export function createTable(table: Table, capabilities: Capabilities): string {
  const extras = EXTRAS[table.name]?.(capabilities) ?? [];
  const columns = table.columns.map((column) => columnLine(table, column, capabilities.kind));
  const lines = [...columns, ...extras].map((line) => `  ${line}`).join(',\n');
  return (
    `CREATE TABLE IF NOT EXISTS ${identifier(table.name)} (\n${lines}\n) ENGINE = MergeTree\n` +
    `PARTITION BY ${table.partitionBy}\n` +
    (table.primaryKey ? `PRIMARY KEY ${table.primaryKey}\n` : '') +
    `ORDER BY ${table.orderBy}\n` +
    `SETTINGS ${[...TABLE_SETTINGS, ...textsOf(capabilities.kind), ...granulesOf(table.name)].join(', ')}`
  );
}

const TABLE_SETTINGS: readonly string[] = [
  `non_replicated_deduplication_window = ${LIMITS.deduplicationWindow}`,
  'fsync_after_insert = 1',
  'fsync_part_directory = 1',
  // One file for a part on arrival (few fsyncs), one file per column once merged.
  'min_level_for_wide_part = 1',
  // A small pool (two threads) would otherwise count as busy always, and never merge parts above some 400 MB.
  'number_of_free_entries_in_pool_to_lower_max_size_of_merge = 2',
  'number_of_free_entries_in_pool_to_execute_mutation = 2',
  'max_bytes_to_merge_at_max_space_in_pool = 10737418240',
  // Each merge writes a row once more (1.7 µs): few large merges instead of many small ones. With 8, 1.5 and 3 million spans took 110,000 and 105,000 spans
  // a CPU-second of the whole tree, with 12 150,000 and 157,000, in the same minutes; with 8 as with 12, parts are few enough for searches not to change.
  'min_parts_to_merge_at_once = 12',
  // ClickHouse adds 5 MB to a part's size before it compares, so that with its base of 5 a merged part (ZSTD) was taken with each eleven young ones (LZ4) and written again.
  // 60,000 spans/s for 270 s: rows were written again 3.3 times (1,325 bytes of them merged a span); with 12 2.0 times (795). With 16 it is 1.7 (704), but parts are so many
  // that a trace by id takes 18 to 20 ms of 10 million spans instead of 11.
  'merge_selector_base = 12',
];

/** Rows of a granule, where it is not ClickHouse's 8192. A search by id or by a rare attribute reads a few rows of a few granules: small granules, less to unpack. */
const GRANULE_ROWS: Readonly<Record<string, number>> = {
  [TABLES.traces]: 1024,
  [TABLES.traceIds]: 512,
  [TABLES.logs]: 2048,
};

/**
 * Bytes from which a block of a column is closed, where they are not ClickHouse's 65,536: most columns of a granule are smaller, and a search would unpack their neighbours with
 * them. A trace by id 5.4 ms instead of 5.6, for 0.1 bytes a span; a page of traces, of twenty granules in many small columns, 6.8 ms instead of 12.3, for 0.3.
 */
const BLOCK_BYTES_MIN: Readonly<Record<string, number>> = { [TABLES.traces]: 32_768, [TABLES.traceIds]: 4096 };

/**
 * Texts with their lengths in front of them, as ClickHouse always had them, instead of in a stream of their own of eight bytes each: 1.6 bytes a span less, 0.2 µs less at
 * insert and merge, and a sixth less time for a granule of attributes. A server may not know the setting yet.
 */
const textsOf = (kind: Engine['kind']): string[] =>
  kind === 'embedded' ? ["string_serialization_version = 'single_stream'"] : [];

const granulesOf = (table: string): string[] => [
  ...(table in GRANULE_ROWS ? [`index_granularity = ${GRANULE_ROWS[table]}`] : []),
  ...(table in BLOCK_BYTES_MIN ? [`min_compress_block_size = ${BLOCK_BYTES_MIN[table]}`] : []),
];

function columnLine(table: Table, column: Column, kind: Engine['kind']): string {
  // Parts of the look-up table stay small for long, and its ids take half the room packed.
  const codec = table.name === TABLES.traceIds ? column.codec : codecOf(kind, column.codec);
  const rest = column.onDemand ? `ALIAS ${placeholderOf(table, column)}` : `CODEC(${codec})`;
  return `${identifier(column.name)} ${column.type} ${rest}`;
}

/** `key=value` texts of a map, as the exporter's newest schema computes them. */
const itemsOf = (map: string): string => `arrayMap((k, v) -> concat(k, '=', v), mapKeys(${map}), mapValues(${map}))`;

const itemColumn = (name: string, map: string): string => `${identifier(name)} Array(String) ALIAS ${itemsOf(map)}`;

/**
 * A hash of each key and value of a map, for a bloom filter over them: to join them to texts first costs the insert and every merge
 * more than the filter itself (0.5 of 1.1 µs a span).
 */
const hashColumn = (name: string, map: string): string =>
  `${identifier(name)} Array(UInt64) ALIAS arrayMap((k, v) -> cityHash64(k, v), mapKeys(${map}), mapValues(${map}))`;

/** In the look-up table it keeps parts unread in which a trace is not: ids are scattered, so that each part may have any. */
const TRACE_ID_INDEX = 'INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1';

/**
 * Resources repeat, so their filters are small, and can afford to send a search for what spans have into hardly any granule for nothing. One for each granule, as the other
 * filters: where two are joined by OR, and one of them stands for four granules, ClickHouse 26.7 leaves out the first of the four alone.
 */
const RESOURCE_INDEX = 'INDEX idx_res_attr_hashes ResourceAttributeHashes TYPE bloom_filter(0.0001) GRANULARITY 1';

/**
 * 12 bits a value: a granule that is opened for nothing costs a search 0.35 ms, and of 10 million spans one of a hundred would be 100 granules. With it a
 * span takes 1 byte more than with 0.01.
 */
const SPAN_INDEX = 'INDEX idx_span_attr_hashes SpanAttributeHashes TYPE bloom_filter(0.0035) GRANULARITY 1';

const EXTRAS: Readonly<Record<string, (capabilities: Capabilities) => readonly string[]>> = {
  [TABLES.traceIds]: () => [TRACE_ID_INDEX],
  [TABLES.traces]: () => [
    itemColumn('SpanAttributeItems', 'SpanAttributes'),
    itemColumn('ResourceAttributeItems', 'ResourceAttributes'),
    itemColumn('BaggageItems', 'Baggage'),
    hashColumn('SpanAttributeHashes', 'SpanAttributes'),
    hashColumn('ResourceAttributeHashes', 'ResourceAttributes'),
    hashColumn('BaggageHashes', 'Baggage'),
    TRACE_ID_INDEX,
    SPAN_INDEX,
    RESOURCE_INDEX,
    'INDEX idx_duration Duration TYPE minmax GRANULARITY 1',
  ],
  [TABLES.logs]: ({ kind, textIndex }) => [
    `TimestampTime DateTime DEFAULT toDateTime(Timestamp) CODEC(${codecOf(kind, 'Delta(4), ZSTD(1)')})`,
    itemColumn('LogAttributeItems', 'LogAttributes'),
    itemColumn('ResourceAttributeItems', 'ResourceAttributes'),
    hashColumn('LogAttributeHashes', 'LogAttributes'),
    hashColumn('ResourceAttributeHashes', 'ResourceAttributes'),
    TRACE_ID_INDEX,
    'INDEX idx_log_attr_hashes LogAttributeHashes TYPE bloom_filter(0.01) GRANULARITY 1',
    RESOURCE_INDEX,
    textIndex
      ? "INDEX idx_lower_body lower(Body) TYPE text(tokenizer = 'splitByNonAlpha')"
      : 'INDEX idx_lower_body lower(Body) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8',
  ],
};
