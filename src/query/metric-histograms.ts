import type { MetricKind } from './api.ts';
import {
  type BucketPoint,
  commonScale,
  type Exponential,
  explicitBuckets,
  exponentialBuckets,
  type Increment,
  quantileOf,
  rateOf,
} from './histogram.ts';
import { conditionsOf, labelsColumn, lookBack, type MetricQuestion, SERIES, stepColumn } from './metric-question.ts';
import { KIND_TABLES } from './metrics.ts';
import type { Row } from './otlp-rows.ts';
import type { Statement } from './sql-text.ts';

const BUCKET_COLUMNS: Readonly<Partial<Record<MetricKind, string>>> = {
  histogram: 'BucketCounts, ExplicitBounds',
  exponentialHistogram: 'Scale, ZeroCount, PositiveOffset, PositiveBucketCounts, NegativeOffset, NegativeBucketCounts',
};

/**
 * The histogram points of a question, newest first. They are added up in TypeScript, not in SQL: their buckets may differ from point to point.
 * @param max points that are read at most; one more tells that there are more
 */
export function histogramStatement(question: MetricQuestion, max: number): Statement {
  const conditions = conditionsOf(question, question.range.start - lookBack(question));
  const { kind } = question.facts;
  const sql = `SELECT ${stepColumn(question, conditions)} AS Step, ${labelsColumn(question, conditions)} AS Labels, ${SERIES} AS Series,
      toUnixTimestamp64Milli(TimeUnix) AS TimeMs, toUnixTimestamp64Milli(StartTimeUnix) AS StartMs,
      AggregationTemporality, Count, Sum, ${BUCKET_COLUMNS[kind]}
    FROM ${KIND_TABLES[kind]} WHERE ${conditions.text()} ORDER BY TimeUnix DESC LIMIT ${max + 1}`;
  return { sql, params: conditions.params };
}

/** Rows as points, ordered by series and time. */
export function bucketPoints(kind: MetricKind, rows: readonly Row[]): BucketPoint[] {
  const buckets = kind === 'histogram' ? rows.map(explicitOf) : exponentialsOf(rows);
  const points = rows.map(
    (row, i): BucketPoint => ({
      series: row.text('Series'),
      group: JSON.stringify(row.get('Labels')),
      step: row.number('Step'),
      isDelta: row.number('AggregationTemporality') === 1,
      timeMs: row.number('TimeMs'),
      startMs: row.number('StartMs'),
      count: row.number('Count'),
      sum: row.number('Sum'),
      buckets: buckets[i],
    }),
  );
  return points.sort((a, b) => (a.series === b.series ? a.timeMs - b.timeMs : a.series < b.series ? -1 : 1));
}

const numbers = (row: Row, name: string): number[] => row.list(name).map(Number);

const explicitOf = (row: Row): BucketPoint['buckets'] =>
  explicitBuckets(numbers(row, 'ExplicitBounds'), numbers(row, 'BucketCounts'));

function exponentialsOf(rows: readonly Row[]): BucketPoint['buckets'][] {
  const points = rows.map(
    (row): Exponential => ({
      scale: row.number('Scale'),
      zeroCount: row.number('ZeroCount'),
      positive: { offset: row.number('PositiveOffset'), counts: numbers(row, 'PositiveBucketCounts') },
      negative: { offset: row.number('NegativeOffset'), counts: numbers(row, 'NegativeBucketCounts') },
    }),
  );
  const scale = commonScale(points);
  return points.map((point) => exponentialBuckets(point, scale));
}

/** The values of a function other than heatmap, by labels and step. */
export function histogramGroups(chosen: string, points: readonly Increment[]): Map<string, Map<number, number>> {
  const cells = new Map<string, Increment[]>();
  for (const point of points) {
    const key = `${point.step} ${point.group}`;
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [point]);
    else cell.push(point);
  }
  const groups = new Map<string, Map<number, number>>();
  for (const cell of cells.values()) {
    const [{ group, step }] = cell;
    const values = groups.get(group) ?? new Map<number, number>();
    groups.set(group, values);
    const value = cellValue(chosen, cell);
    if (value !== null) values.set(step, value);
  }
  return groups;
}

function cellValue(chosen: string, cell: readonly Increment[]): number | null {
  if (chosen === 'rate') return rateOf(cell);
  const count = cell.reduce((sum, point) => sum + point.count, 0);
  if (count === 0) return null;
  if (chosen === 'avg') return finiteOrNull(cell.reduce((sum, point) => sum + point.sum, 0) / count);
  return quantileOf(cell, Number(chosen.slice(1)) / 100);
}

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
