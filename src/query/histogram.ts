import type { MetricSeries } from './api.ts';

/** Histograms with any buckets, added up and asked for quantiles. Pure. */

/** Count by upper bound; `Infinity` is the last bucket's. A bucket reaches down to `lower`. */
export interface Bucket {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
}

/** One histogram point, or what was added to a cumulative one since the point before. */
export interface BucketPoint {
  readonly series: string;
  readonly group: string;
  /** Number of the time step. */
  readonly bucket: number;
  readonly isDelta: boolean;
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly Bucket[];
}

/** Buckets of an explicit histogram: bounds b0 … bn−1 and n+1 counts. */
export function addUp(bounds: readonly number[], counts: readonly number[]): Bucket[] {
  return counts.map((count, i) => ({
    lower: i === 0 ? Number.NEGATIVE_INFINITY : (bounds[i - 1] ?? Number.NEGATIVE_INFINITY),
    upper: bounds[i] ?? Number.POSITIVE_INFINITY,
    count,
  }));
}

/** Buckets of an exponential histogram: bucket i of the positive range is (base^(offset+i), base^(offset+i+1)], base = 2^(2^−scale). */
export function spread(
  scale: number,
  zero: number,
  positiveOffset: number,
  positive: readonly number[],
  negativeOffset: number,
  negative: readonly number[],
): Bucket[] {
  const bound = (index: number): number => 2 ** (index * 2 ** -scale);
  const below = negative
    .map((count, i) => ({ lower: -bound(negativeOffset + i + 1), upper: -bound(negativeOffset + i), count }))
    .reverse();
  const above = positive.map((count, i) => ({
    lower: bound(positiveOffset + i),
    upper: bound(positiveOffset + i + 1),
    count,
  }));
  return [...below, ...(zero > 0 ? [{ lower: 0, upper: 0, count: zero }] : []), ...above];
}

const keyOf = (bucket: Bucket): string => `${bucket.lower} ${bucket.upper}`;

/**
 * Cumulative points as what each added to the one before it in its series; the first of a series adds nothing that is known, and a count that
 * falls means that the series began anew. Points must be ordered by series and time.
 */
export function deltas(points: readonly BucketPoint[]): BucketPoint[] {
  let previous: BucketPoint | undefined;
  return points.flatMap((point) => {
    const before = previous?.series === point.series ? previous : undefined;
    previous = point;
    if (point.isDelta) return [point];
    if (before === undefined) return [];
    if (point.count < before.count) return [point];
    const counts = new Map(before.buckets.map((bucket) => [keyOf(bucket), bucket.count]));
    const buckets = point.buckets.map((bucket) => ({
      ...bucket,
      count: Math.max(0, bucket.count - (counts.get(keyOf(bucket)) ?? 0)),
    }));
    return [{ ...point, count: point.count - before.count, sum: point.sum - before.sum, buckets }];
  });
}

function merged(points: readonly BucketPoint[]): Bucket[] {
  const sums = new Map<string, Bucket>();
  for (const bucket of points.flatMap((point) => point.buckets)) {
    const key = keyOf(bucket);
    sums.set(key, { ...bucket, count: bucket.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()].sort((a, b) => a.upper - b.upper || a.lower - b.lower);
}

/** Linear interpolation within the bucket that holds the quantile; the open buckets at the ends answer their one bound. */
export function quantileOf(points: readonly BucketPoint[], quantile: number): number | null {
  const buckets = merged(points);
  const total = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  if (total === 0) return null;
  let rank = quantile * total;
  for (const { lower, upper, count } of buckets) {
    if (count > 0 && rank <= count) {
      if (!Number.isFinite(upper)) return Number.isFinite(lower) ? lower : null;
      const from = Number.isFinite(lower) ? lower : Math.min(0, upper);
      return from + (upper - from) * (rank / count);
    }
    rank -= count;
  }
  return null;
}

/** Counts by time step and bucket, for a heat map. */
export function heatmapOf(
  points: readonly BucketPoint[],
  timeOf: (bucket: number) => number,
): NonNullable<MetricSeries['heatmap']> {
  const bounds = [...new Set(points.flatMap((point) => point.buckets.map((bucket) => bucket.upper)))].sort(
    (a, b) => a - b,
  );
  const place = new Map(bounds.map((bound, i) => [bound, i]));
  const steps = [...new Set(points.map((point) => point.bucket))].sort((a, b) => a - b);
  const rows = new Map(steps.map((step) => [step, new Array<number>(bounds.length).fill(0)]));
  for (const point of points) {
    const row = rows.get(point.bucket);
    if (row === undefined) continue;
    for (const bucket of point.buckets) row[place.get(bucket.upper) ?? 0] += bucket.count;
  }
  return {
    bounds: bounds.map((bound) => (Number.isFinite(bound) ? bound : null)),
    timesMs: steps.map(timeOf),
    counts: [...rows.values()],
  };
}
