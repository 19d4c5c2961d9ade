import type { MetricSeries } from './api.ts';

/** Histograms with any buckets, added up and asked for quantiles. Pure. */

/** A bucket reaches from above `lower` up to `upper`; the last one of explicit bounds to `Infinity`. */
export interface Bucket {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
}

/** One histogram point; after `increments`, what it added to its series. */
export interface BucketPoint {
  readonly series: string;
  readonly group: string;
  /** Number of the time step; negative before the range that was asked for. */
  readonly step: number;
  readonly isDelta: boolean;
  /** Unix milliseconds of the point and of what it counts from; 0 when unknown. */
  readonly timeMs: number;
  readonly startMs: number;
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly Bucket[];
}

/** What was added to a series, and over how long. */
export interface Increment extends BucketPoint {
  readonly elapsedMs: number;
}

/** Buckets of an explicit histogram: bounds b0 … bn−1 and n+1 counts. */
export function explicitBuckets(bounds: readonly number[], counts: readonly number[]): Bucket[] {
  return counts.map((count, i) => ({
    lower: i === 0 ? Number.NEGATIVE_INFINITY : (bounds[i - 1] ?? Number.NEGATIVE_INFINITY),
    upper: bounds[i] ?? Number.POSITIVE_INFINITY,
    count,
  }));
}

/** The counts of an exponential histogram: bucket i of a side is (base^(offset+i), base^(offset+i+1)], base = 2^(2^−scale). */
export interface Exponential {
  readonly scale: number;
  readonly zeroCount: number;
  readonly positive: Side;
  readonly negative: Side;
}
export interface Side {
  readonly offset: number;
  readonly counts: readonly number[];
}

/** Bounds beyond which the specification knows no scale. */
const SCALE_MIN = -10;
const SCALE_MAX = 20;
/** Buckets of one side that a common scale may need, as the SDKs keep at most. */
const SIDE_BUCKETS_MAX = 160;

/**
 * The finest scale to which all of these can be brought: a coarser scale joins neighbouring buckets exactly, a finer one would be invented.
 * Points of one series change their scale as their range grows.
 */
export function commonScale(points: readonly Exponential[]): number {
  const filled = points.filter(({ positive, negative }) => positive.counts.length + negative.counts.length > 0);
  let scale = filled.reduce((least, point) => Math.min(least, point.scale), SCALE_MAX);
  const sides = filled.flatMap((point) =>
    [point.positive, point.negative]
      .filter(({ counts }) => counts.length > 0)
      .map((side) => ({ side, from: point.scale })),
  );
  const index = (at: number, from: number): number => Math.floor(at / 2 ** (from - scale));
  for (; scale > SCALE_MIN; scale--) {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { side, from } of sides) {
      least = Math.min(least, index(side.offset, from));
      most = Math.max(most, index(side.offset + side.counts.length - 1, from));
    }
    if (most - least < SIDE_BUCKETS_MAX) break;
  }
  return scale;
}

/** The buckets of a point at a coarser scale, in order; values counted as zero are a bucket from 0 to 0. */
export function exponentialBuckets(point: Exponential, scale: number): Bucket[] {
  const bound = (index: number): number => 2 ** (index * 2 ** -scale);
  const joined = ({ offset, counts }: Side): [number, number][] => {
    const sums = new Map<number, number>();
    for (const [i, count] of counts.entries()) {
      const index = Math.floor((offset + i) / 2 ** (point.scale - scale));
      sums.set(index, (sums.get(index) ?? 0) + count);
    }
    return [...sums];
  };
  const below = joined(point.negative).map(([i, count]) => ({ lower: -bound(i + 1), upper: -bound(i), count }));
  const above = joined(point.positive).map(([i, count]) => ({ lower: bound(i), upper: bound(i + 1), count }));
  const zero = point.zeroCount > 0 ? [{ lower: 0, upper: 0, count: point.zeroCount }] : [];
  return [...below.reverse(), ...zero, ...above];
}

const keyOf = (bucket: Bucket): string => `${bucket.lower} ${bucket.upper}`;

/**
 * What each point added to its series. Delta points are that already. A cumulative point adds what it has more than the one before it, or all
 * of it when the series began anew: its count fell, or it counts from later than the point before. The first point of a series adds all
 * of it when it counts from `sinceMs` or later; else what it added is not known, and it is left out. Points are ordered by series and time.
 */
export function increments(points: readonly BucketPoint[], sinceMs: number): Increment[] {
  const found: Increment[] = [];
  let previous: BucketPoint | undefined;
  for (const point of points) {
    const before = previous?.series === point.series ? previous : undefined;
    previous = point;
    const { startMs, timeMs } = point;
    const sinceStart = startMs > 0 && startMs < timeMs ? timeMs - startMs : 0;
    const isWhole =
      point.isDelta ||
      (before === undefined ? startMs >= sinceMs : point.count < before.count || startMs > before.timeMs);
    if (isWhole) found.push({ ...point, elapsedMs: sinceStart > 0 ? sinceStart : timeMs - (before?.timeMs ?? timeMs) });
    else if (before !== undefined) found.push(difference(point, before));
  }
  return found;
}

function difference(point: BucketPoint, before: BucketPoint): Increment {
  const counts = new Map(before.buckets.map((bucket) => [keyOf(bucket), bucket.count]));
  const buckets = point.buckets.map((bucket) => ({
    ...bucket,
    count: Math.max(0, bucket.count - (counts.get(keyOf(bucket)) ?? 0)),
  }));
  const elapsedMs = point.timeMs - before.timeMs;
  return { ...point, count: point.count - before.count, sum: point.sum - before.sum, buckets, elapsedMs };
}

function merged(points: readonly BucketPoint[]): Bucket[] {
  const sums = new Map<string, Bucket>();
  for (const { buckets } of points) {
    for (const bucket of buckets) {
      const key = keyOf(bucket);
      sums.set(key, { ...bucket, count: bucket.count + (sums.get(key)?.count ?? 0) });
    }
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

/** Counts a second: of each series over the time it was counted, added up. */
export function rateOf(points: readonly Increment[]): number | null {
  const sums = new Map<string, { count: number; elapsedMs: number }>();
  for (const { series, count, elapsedMs } of points) {
    const sum = sums.get(series) ?? { count: 0, elapsedMs: 0 };
    sums.set(series, { count: sum.count + count, elapsedMs: sum.elapsedMs + elapsedMs });
  }
  const rates = [...sums.values()]
    .filter(({ elapsedMs }) => elapsedMs > 0)
    .map((sum) => (sum.count / sum.elapsedMs) * 1e3);
  return rates.length === 0 ? null : rates.reduce((total, rate) => total + rate, 0);
}

/** Counts by time step and bucket, for a heat map. */
export function heatmapOf(
  points: readonly BucketPoint[],
  timeOf: (step: number) => number,
): NonNullable<MetricSeries['heatmap']> {
  const uppers = new Set(points.flatMap(({ buckets }) => buckets.map(({ upper }) => upper)));
  const bounds = [...uppers].sort((a, b) => a - b);
  const place = new Map(bounds.map((bound, i) => [bound, i]));
  const steps = [...new Set(points.map(({ step }) => step))].sort((a, b) => a - b);
  const rows = new Map(steps.map((step) => [step, new Array<number>(bounds.length).fill(0)]));
  for (const { step, buckets } of points) {
    const row = rows.get(step) ?? [];
    for (const { upper, count } of buckets) row[place.get(upper) ?? 0] += count;
  }
  return {
    bounds: bounds.map((bound) => (Number.isFinite(bound) ? bound : null)),
    timesMs: steps.map(timeOf),
    counts: [...rows.values()],
  };
}
