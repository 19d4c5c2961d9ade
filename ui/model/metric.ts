import type { MetricKind } from '../../src/query/api.ts';

/** The functions that the API offers for each kind of metric, the default first. */
export const FUNCTIONS: Readonly<Record<MetricKind, readonly string[]>> = {
  gauge: ['avg', 'min', 'max', 'last'],
  sum: ['rate', 'increase', 'last'],
  histogram: ['heatmap', 'p50', 'p90', 'p95', 'p99', 'avg', 'rate'],
  exponentialHistogram: ['heatmap', 'p50', 'p90', 'p95', 'p99', 'avg', 'rate'],
  summary: ['avg', 'rate'],
};

export const KIND_NAME: Readonly<Record<MetricKind, string>> = {
  gauge: 'gauge',
  sum: 'sum',
  histogram: 'histogram',
  exponentialHistogram: 'exp. histogram',
  summary: 'summary',
};

/** Unit of what a function answers: a rate is per second, and a rate of a distribution counts its values. */
export function unitOf(kind: MetricKind, unit: string, name: string): string {
  if (name !== 'rate') return unit;
  return kind === 'sum' ? `${unit === '1' || unit.startsWith('{') ? '' : unit}/s` : '/s';
}

/** `GET /cart · 200`: the labels of a series; the metric's name when it has none. */
export function seriesName(labels: Readonly<Record<string, string>>, metric: string): string {
  const values = Object.values(labels).map((value) => (value === '' ? '(none)' : value));
  return values.length === 0 ? metric : values.join(' · ');
}

export interface AlignedSeries {
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  /** undefined: nothing is measured at this time, the line goes on; null: the line has a gap. */
  readonly values: readonly (readonly (number | null | undefined)[])[];
}

/** Points that are this many times their usual distance apart have a gap between them. */
const GAP_FACTOR = 3;

/**
 * Series with different times on one axis. An SDK that exports each minute leaves every second step of 30 s without a point: that is no
 * gap. A gap is where points are missing that usually are there.
 */
export function alignSeries(
  series: readonly { readonly points: readonly (readonly [number, number | null])[] }[],
): AlignedSeries {
  const times = [...new Set(series.flatMap(({ points }) => points.map(([ms]) => ms)))].sort((a, b) => a - b);
  const places = new Map(times.map((ms, place) => [ms, place]));
  const values = series.map(({ points }) => {
    const row: (number | null | undefined)[] = new Array(times.length).fill(undefined);
    const measured = points.filter(([, value]) => value !== null);
    const far = GAP_FACTOR * usualDistance(measured.map(([ms]) => ms));
    measured.forEach(([ms, value], at) => {
      const place = places.get(ms) as number;
      row[place] = value;
      if (at > 0 && ms - measured[at - 1][0] > far && row[place - 1] === undefined) row[place - 1] = null;
    });
    return row;
  });
  return { times: times.map((ms) => ms / 1e3), values };
}

/** Median of the distances between neighbours; infinite when there are none. */
function usualDistance(times: readonly number[]): number {
  const distances = times.slice(1).map((ms, at) => ms - times[at]);
  if (distances.length === 0) return Number.POSITIVE_INFINITY;
  return distances.sort((a, b) => a - b)[distances.length >> 1];
}
