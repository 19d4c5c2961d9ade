import type { Engine } from './engine.ts';

/**
 * In the embedded engine a part's size decides how it is compressed: LZ4 on arrival, because a young part is soon merged and ZSTD would be undone
 * and done again, ZSTD(1) from this size on. The server that somebody else configures is told ZSTD(1) in the table itself.
 * Measured in docs/decisions/0002-table-settings.md.
 */
const ZSTD_PART_BYTES_MIN = 20_000_000;

/** The codec of a column as this engine is to have it; `codec` is written for a server. */
export function codecOf(kind: Engine['kind'], codec: string): string {
  return kind === 'embedded' ? codec.replace('ZSTD(1)', 'Default') : codec;
}

/** ClickHouse's configuration of compression by part size, as XML. */
export const COMPRESSION_CONFIG = `<clickhouse>
  <compression>
    <case>
      <min_part_size>${ZSTD_PART_BYTES_MIN}</min_part_size>
      <min_part_size_ratio>0</min_part_size_ratio>
      <method>zstd</method>
      <level>3</level>
    </case>
  </compression>
</clickhouse>
`;
