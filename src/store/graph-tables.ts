import { GRAPH_TABLES } from '../base/names.ts';

/**
 * The call graph beside the exporter's tables, one window of time after another. A window is written anew, under a higher version, whenever spans
 * arrive in it: its edges first, then its row in the table of windows, which makes them count. Rows of older versions are passed over by
 * readers and go away when parts merge.
 */
export const GRAPH_STATEMENTS: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS ${GRAPH_TABLES.windows} (
  \`Window\` DateTime CODEC(Delta(4), ZSTD(1)),
  \`Version\` UInt64,
  \`Spans\` UInt64,
  \`UnpairedClients\` UInt64,
  \`UnpairedServers\` UInt64,
  \`Duplicates\` UInt64,
  \`Reentrances\` String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(Version)
PARTITION BY toDate(\`Window\`)
ORDER BY \`Window\`
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  `CREATE TABLE IF NOT EXISTS ${GRAPH_TABLES.edges} (
  \`Window\` DateTime CODEC(Delta(4), ZSTD(1)),
  \`Version\` UInt64 CODEC(ZSTD(1)),
  \`Client\` LowCardinality(String),
  \`ClientOperation\` LowCardinality(String),
  \`Server\` LowCardinality(String),
  \`ServerOperation\` LowCardinality(String),
  \`Connection\` LowCardinality(String),
  \`Calls\` UInt64 CODEC(T64, ZSTD(1)),
  \`Failed\` UInt64 CODEC(T64, ZSTD(1)),
  \`WaitNs\` UInt64 CODEC(T64, ZSTD(1)),
  \`ServerNs\` UInt64 CODEC(T64, ZSTD(1)),
  \`WaitBuckets\` Array(UInt64) CODEC(ZSTD(1)),
  \`WaitCounts\` Array(UInt64) CODEC(ZSTD(1)),
  \`SlowestNs\` UInt64 CODEC(T64, ZSTD(1)),
  \`SlowestTraceId\` String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(Version)
PARTITION BY toDate(\`Window\`)
ORDER BY (\`Window\`, Client, ClientOperation, Server, ServerOperation, Connection)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
];
