/** Query settings that both engines use. */

/** So that no value is rounded or depends on the server: 64-bit integers, Decimals, NaN and the infinities as text, times in UTC. */
export const EXACT_TEXT = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  output_format_json_quote_denormals: 1,
  output_format_json_escape_forward_slashes: 0,
  date_time_output_format: 'simple',
} as const;

/**
 * A file becomes the same blocks each time it is inserted, so that its token finds them: one thread, no splitting below a million
 * rows. A segment may touch any number of days.
 */
export const DEDUPLICATING_INSERT = {
  insert_deduplicate: 1,
  async_insert: 0,
  max_threads: 1,
  max_insert_threads: 1,
  max_partitions_per_insert_block: 0,
  min_insert_block_size_rows: 1_048_449,
} as const;
