import { defineConfig } from 'vitest/config';

// Each running statement of the embedded ClickHouse holds a thread (LIMITS.storeThreads); workers inherit this before they start.
process.env['UV_THREADPOOL_SIZE'] ??= '12';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts', 'ui/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
