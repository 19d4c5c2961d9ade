/** Metrics over time through the API: what each function answers for series that are known to the point. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOW, openTestApi, type TestApi } from '../../test/support/api.ts';
import type { MetricSeries } from './api.ts';

let api: TestApi;
/** A round minute; ten minutes of data follow it. */
const T0 = NOW - 3_600_000_000_000n;
const SECOND = 1_000_000_000n;
const at = (seconds: number): string => (T0 + BigInt(Math.round(seconds * 1e3)) * 1_000_000n).toString();

type Values = readonly (number | null)[];

interface Drawn {
  readonly host?: string;
  /** Seconds at which the series began; absent: it does not say. */
  readonly since?: number;
  /** A point every 10 s from 10 s on; null leaves one out. */
  readonly values: Values;
}

const attributes = (host = 'a') => [{ key: 'host', value: { stringValue: host } }];
const drawnPoints = ({ host, since, values }: Drawn, point: (value: number, i: number) => object): object[] =>
  values.flatMap((value, i) =>
    value === null
      ? []
      : [
          {
            attributes: attributes(host),
            timeUnixNano: at((i + 1) * 10),
            ...(since === undefined ? {} : { startTimeUnixNano: at(since) }),
            ...point(value, i),
          },
        ],
  );

async function store(name: string, kind: string, data: object, points: object[]): Promise<void> {
  const metric = { name, unit: 's', [kind]: { ...data, dataPoints: points } };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  await api.store('metrics', { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [metric] }] }] });
}

const CUMULATIVE = { aggregationTemporality: 2, isMonotonic: true };
const DELTA = { aggregationTemporality: 1, isMonotonic: true };

const storeSum = (name: string, data: object, ...series: Drawn[]): Promise<void> =>
  store(
    name,
    'sum',
    data,
    series.flatMap((drawn) => drawnPoints(drawn, (value) => ({ asDouble: value }))),
  );

const ask = (name: string, query = ''): Promise<MetricSeries> =>
  api.get<MetricSeries>(`/api/v1/metrics/${name}?start=${at(0)}&end=${at(60)}${query}`);

/** Values of each series, by its labels. */
const valuesOf = ({ series }: MetricSeries): Record<string, Values> =>
  Object.fromEntries(
    series.map(({ labels, points }) => [Object.values(labels).join(), points.map(([, value]) => value)]),
  );

beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api?.close());

describe('gauges', () => {
  it('avg, min, max and last by step and label', async () => {
    const gauge = (host: string, values: Values) => drawnPoints({ host, values }, (value) => ({ asDouble: value }));
    await store('temperature', 'gauge', {}, [...gauge('a', [1, 2, 3, 4]), ...gauge('b', [10, null, 30, 50])]);
    expect(valuesOf(await ask('temperature', '&step=20s'))).toEqual({ '': [11 / 2, 35 / 3, 27] });
    expect(valuesOf(await ask('temperature', '&step=20s&groupBy=host'))).toEqual({ a: [1, 2.5, 4], b: [10, 30, 50] });
    expect(valuesOf(await ask('temperature', '&step=20s&function=max'))).toEqual({ '': [10, 30, 50] });
    expect(valuesOf(await ask('temperature', '&step=20s&function=min&attribute=host=b'))).toEqual({ '': [10, 30, 50] });
    expect(valuesOf(await ask('temperature', '&step=60s&function=last&groupBy=host'))).toEqual({ a: [4], b: [50] });
  });

  it('points that say "no value was recorded", and values that are no numbers, do not count', async () => {
    const points = drawnPoints({ values: [1, 0, 3, 4] }, (value, i) =>
      i === 1 ? { flags: 1 } : { asDouble: i === 3 ? 'NaN' : value },
    );
    await store('gaps', 'gauge', {}, points);
    expect(valuesOf(await ask('gaps', '&step=60s'))).toEqual({ '': [2] });
  });
});

describe('sums', () => {
  it('a cumulative series increases by differences, through a reset', async () => {
    await storeSum('resets', CUMULATIVE, { values: [100, 110, 130, 5, 15] });
    expect(valuesOf(await ask('resets', '&step=10s&function=increase'))).toEqual({ '': [null, null, 10, 20, 5, 10] });
  });

  it('the first point of a series that began within the range counts from zero', async () => {
    await storeSum('fresh', CUMULATIVE, { since: 5, values: [7, 10] });
    expect(valuesOf(await ask('fresh', '&step=30s&function=increase'))).toEqual({ '': [10, null] });
    await storeSum('restarted', CUMULATIVE, { since: -100_000, values: [7, 10] });
    expect(valuesOf(await ask('restarted', '&step=30s&function=increase'))).toEqual({ '': [3, null] });
  });

  it('a start after the point before means a reset, even when the value is larger', async () => {
    const points = [
      { attributes: attributes(), startTimeUnixNano: at(-100_000), timeUnixNano: at(10), asInt: '5' },
      { attributes: attributes(), startTimeUnixNano: at(-100_000), timeUnixNano: at(20), asInt: '6' },
      { attributes: attributes(), startTimeUnixNano: at(22), timeUnixNano: at(30), asInt: '9' },
    ];
    await store('reborn', 'sum', CUMULATIVE, points);
    expect(valuesOf(await ask('reborn', '&step=60s&function=increase'))).toEqual({ '': [10] });
  });

  it('the point before the range is the base of the first one in it', async () => {
    await storeSum('based', CUMULATIVE, { since: -100_000, values: [100, 110, 120, 130] });
    const answer = await api.get<MetricSeries>(
      `/api/v1/metrics/based?start=${at(20)}&end=${at(50)}&step=10s&function=increase`,
    );
    expect(valuesOf(answer)).toEqual({ '': [10, 10, 10] });
  });

  it('a rate does not depend on the step', async () => {
    await storeSum(
      'steady',
      CUMULATIVE,
      { values: [0, 50, 100, 150, 200] },
      { host: 'b', values: [0, 20, 40, 60, 80] },
    );
    for (const step of [10, 20, 30]) {
      const rates = valuesOf(await ask('steady', `&step=${step}s`))[''].filter((value) => value !== null);
      expect(new Set(rates), `step ${step}`).toEqual(new Set([7]));
    }
    expect(valuesOf(await ask('steady', '&step=60s&groupBy=host'))).toEqual({ a: [5], b: [2] });
  });

  it('delta points are increases already', async () => {
    const points = drawnPoints({ values: [30, 60, 90] }, (value, i) => ({
      asInt: String(value),
      startTimeUnixNano: at(i * 10),
    }));
    await store('deltas', 'sum', DELTA, points);
    expect(valuesOf(await ask('deltas', '&step=60s&function=increase'))).toEqual({ '': [180] });
    expect(valuesOf(await ask('deltas', '&step=60s'))).toEqual({ '': [6] });
  });

  it('a sum that goes up and down shows its last value, and may fall', async () => {
    const upAndDown = { aggregationTemporality: 2, isMonotonic: false };
    await storeSum('inflight', upAndDown, { values: [5, 3, 8] }, { host: 'b', values: [1, 1, 2] });
    const answer = await ask('inflight', '&step=10s');
    expect(answer.function).toBe('last');
    expect(valuesOf(answer)).toEqual({ '': [null, 6, 4, 10, null, null] });
    expect(valuesOf(await ask('inflight', '&step=60s&function=increase'))).toEqual({ '': [4] });
  });

  it('the default step holds a point of every series', async () => {
    await storeSum('minutely', CUMULATIVE, {
      values: [1, null, null, null, null, null, 2, null, null, null, null, null, 3],
    });
    const answer = await api.get<MetricSeries>(`/api/v1/metrics/minutely?start=${at(0)}&end=${at(180)}`);
    expect(BigInt(answer.stepNano)).toBe(120n * SECOND);
  });
});

describe('histograms', () => {
  const explicit = (counts: Values[], data: object, name: string) =>
    store(
      name,
      'histogram',
      data,
      counts.map((bucketCounts, i) => ({
        attributes: attributes(),
        timeUnixNano: at((i + 1) * 10),
        count: String(bucketCounts.reduce((sum: number, count) => sum + Number(count), 0)),
        sum: bucketCounts.reduce((sum: number, count) => sum + Number(count), 0) * 2,
        explicitBounds: [1, 2, 4],
        bucketCounts: bucketCounts.map(String),
      })),
    );

  it('quantiles, average and rate of what was added to a cumulative one', async () => {
    await explicit(
      [
        [5, 5, 5, 5],
        [5, 15, 5, 5],
        [5, 15, 15, 5],
      ],
      CUMULATIVE,
      'latency',
    );
    expect(valuesOf(await ask('latency', '&step=10s&function=p50'))).toEqual({ '': [null, null, 1.5, 3, null, null] });
    expect(valuesOf(await ask('latency', '&step=60s&function=p50'))).toEqual({ '': [2] });
    expect(valuesOf(await ask('latency', '&step=60s&function=avg'))).toEqual({ '': [2] });
    expect(valuesOf(await ask('latency', '&step=60s&function=rate'))).toEqual({ '': [1] });
  });

  it('a heat map counts by step and bucket', async () => {
    await explicit(
      [
        [1, 0, 0, 2],
        [0, 3, 0, 0],
      ],
      { aggregationTemporality: 1 },
      'sizes',
    );
    const { heatmap } = await ask('sizes', '&step=10s&function=heatmap');
    expect(heatmap).toEqual({
      bounds: [1, 2, 4, null],
      timesMs: [10, 20].map((seconds) => Number(BigInt(at(seconds)) / 1_000_000n)),
      counts: [
        [1, 0, 0, 2],
        [0, 3, 0, 0],
      ],
    });
  });

  it('an exponential one that becomes coarser has added only what is new', async () => {
    // Scale 1: (1, √2] and (√2, 2]. Scale 0: (1, 2] and (2, 4].
    const point = (seconds: number, scale: number, bucketCounts: string[], count: string) => ({
      attributes: attributes(),
      timeUnixNano: at(seconds),
      count,
      scale,
      positive: { offset: 0, bucketCounts },
    });
    const points = [point(10, 1, ['3', '4'], '7'), point(20, 0, ['7', '10'], '17')];
    await store('coarser', 'exponentialHistogram', { aggregationTemporality: 2 }, points);
    const { heatmap } = await ask('coarser', '&step=60s&function=heatmap');
    expect(heatmap?.counts).toEqual([[0, 10]]);
    expect(heatmap?.bounds).toEqual([2, 4]);
    expect(valuesOf(await ask('coarser', '&step=60s&function=p50'))).toEqual({ '': [3] });
  });
});

describe('around them', () => {
  it('a summary answers its average and rate', async () => {
    const points = drawnPoints({ values: [10, 20, 40] }, (value) => ({ count: String(value), sum: value * 3 }));
    await store('request', 'summary', {}, points);
    expect(valuesOf(await ask('request', '&step=60s'))).toEqual({ '': [3] });
    expect(valuesOf(await ask('request', '&step=60s&function=rate'))).toEqual({ '': [1.5] });
  });

  it('exemplars lead to their traces', async () => {
    const exemplars = [{ asDouble: 0.5, timeUnixNano: at(12), traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) }];
    await store('led', 'gauge', {}, [{ timeUnixNano: at(20), asDouble: 1, exemplars }]);
    expect((await ask('led')).exemplars).toEqual([
      { timeMs: Number(BigInt(at(12)) / 1_000_000n), value: 0.5, traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) },
    ]);
  });

  it('more series than one chart holds: the largest, and a note', async () => {
    const many = Array.from({ length: 60 }, (_, i): Drawn => ({ host: `h${i}`, values: [i] }));
    await store(
      'many',
      'gauge',
      {},
      many.flatMap((drawn) => drawnPoints(drawn, (value) => ({ asDouble: value }))),
    );
    const answer = await ask('many', '&step=60s&groupBy=host');
    expect([answer.series.length, answer.truncated, answer.series[0].labels]).toEqual([50, true, { host: 'h59' }]);
    expect((await ask('many', '&step=60s')).truncated).toBe(false);
  });

  it.each([
    ['/api/v1/metrics/temperature?function=p99', 'function'],
    ['/api/v1/metrics/temperature?step=1ms', 'step'],
    ['/api/v1/metrics/temperature?step=soon', 'step'],
    ['/api/v1/metrics/temperature?steps=1', 'steps'],
  ])('%s is refused, naming %s', async (path, parameter) => {
    expect(await api.get(`${path}&start=now-2h`, 400)).toMatchObject({ status: 400, parameter });
  });

  it('a name without points is not found', async () => {
    expect(await api.get('/api/v1/metrics/nothing', 404)).toMatchObject({ status: 404 });
  });

  it('the list has every kind with its last value and keys', async () => {
    const { items } = await api.get<{ items: { name: string }[] }>('/api/v1/metrics?start=now-2h');
    expect(items.find(({ name }) => name === 'temperature')).toMatchObject({
      kind: 'gauge',
      unit: 's',
      services: ['shop'],
      points: 7,
      attributeKeys: ['host'],
    });
  });
});
