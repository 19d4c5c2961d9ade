/** Settings of ClickHouse for fixed statements of ours. Half of what a small statement takes is planning. All figures: 10 million spans, Intel Xeon. */

/**
 * What ClickHouse need not do for fixed statements over one table of ours: the newer planner costs 2 to 3 ms more than the older one, looking for projections
 * that we have none of 0.4, filters asked for while rows are read instead of before 0.3.
 */
export const SHORT_PLAN = {
  enable_analyzer: 0,
  optimize_use_projections: 0,
  use_skip_indexes_on_data_read: 0,
} as const;

/** Where all conditions stand in PREWHERE, or are only for filters, there is nothing to improve in a plan either: 0.3 ms. */
export const AS_PLANNED = { ...SHORT_PLAN, query_plan_enable_optimizations: 0 } as const;

/** All conditions are tested at once, where the first of several would leave out hardly any row: 0.5 ms of 33 granules. */
export const ONE_STEP = { enable_multiple_prewhere_read_steps: 0 } as const;

/** A few rows of a few granules in many columns: one thread, one step and small reads save a fifth (docs/decisions/0002-table-settings.md). */
export const FEW_ROWS = {
  ...AS_PLANNED,
  max_threads: 1,
  max_read_buffer_size_local_fs: 16_384,
  ...ONE_STEP,
} as const;

/** Where the filters of a part are a handful, handing parts to another thread one by one costs more than looking at them: 1.6 ms of work for 12 parts. */
export const FEW_FILTERS = { max_threads_for_indexes: 1 } as const;

/** Granules that lie apart: all threads share them, which ClickHouse leaves alone below 163,840 rows. A third less time for a sixth more work. */
export const APART = {
  merge_tree_min_rows_for_concurrent_read: 1024,
  merge_tree_min_bytes_for_concurrent_read: 1,
} as const;
