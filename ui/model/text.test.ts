import { expect, test } from 'vitest';
import { serviceColour } from '../frame/service-colour.ts';
import { durationParameter, readLogFilter, readTraceFilter, readTraceId, shownPair } from './filters.ts';
import { formatDurationNs, formatDurationTick, formatShort, formatTick, formatWithUnit } from './format.ts';
import { alignSeries, seriesName } from './metric.ts';
import { logBounds, logPosition, logValue, niceStep, timeTicks } from './scale.ts';
import { severityOf } from './severity.ts';
import { absoluteRange, rangeLabel, resolveRange, resolveTime, shiftRange } from './time-range.ts';
import { placeBar, readView, writeView } from './trace-view.ts';

test('durations have three digits and a unit', () => {
  const shown = [0, 80, 812_000, 1_240_000, 12_400_000, 124_000_000, 999_600_000, 1_240_000_000, 150e9, 7_200e9].map(
    formatDurationNs,
  );
  expect(shown).toEqual([
    '0 ns',
    '80.0 ns',
    '812 µs',
    '1.24 ms',
    '12.4 ms',
    '124 ms',
    '1.00 s',
    '1.24 s',
    '2.50 min',
    '2.00 h',
  ]);
  expect([1e10, 2.5e6, 0, 1e8].map(formatDurationTick)).toEqual(['10 s', '2.5 ms', '0', '100 ms']);
});

test('values are shown with the unit that UCUM means', () => {
  expect(formatWithUnit(184_320_000, 'By')).toBe('175.8 MiB');
  expect(formatWithUnit(0.0241, 's')).toBe('24.1 ms');
  expect(formatWithUnit(12, '{request}')).toBe('12');
  expect(formatWithUnit(0.38, '1')).toBe('0.38');
  expect(formatWithUnit(2048, 'By/s')).toBe('2 KiB/s');
  expect(formatTick(30_000, '1')).toBe('30 k');
  expect(formatShort(1_234)).toBe('1,234');
});

test('a filter is read as the parameter of the API that it is', () => {
  expect(readTraceFilter('service=cart')).toEqual({ parameter: 'service', value: 'cart' });
  expect(readTraceFilter('duration > 250 ms')).toEqual({ parameter: 'minDuration', value: '250ms' });
  expect(readTraceFilter('duration<=80µs')).toEqual({ parameter: 'maxDuration', value: '80us' });
  expect(readTraceFilter('status != error')).toEqual({ parameter: 'exclude', value: 'status=error' });
  expect(readTraceFilter('http.route!=/a=b')).toEqual({ parameter: 'attribute', value: 'http.route!=/a=b' });
  expect(readLogFilter('region!=eu')).toEqual({ parameter: 'attribute', value: 'region!=eu' });
  expect(shownPair('attribute', 'region!=eu')).toEqual({ name: 'region ≠', value: 'eu' });
  expect(shownPair('exclude', 'operation=GET /a=b')).toEqual({ name: 'operation ≠', value: 'GET /a=b' });
  expect(readTraceFilter('url.query=a=b')).toEqual({ parameter: 'attribute', value: 'url.query=a=b' });
  for (const text of ['', 'cart', '=x', 'key=', 'duration>soon', 'two words=x'])
    expect(readTraceFilter(text)).toBe(null);
  expect(readLogFilter('card issuer')).toEqual({ parameter: 'text', value: 'card issuer' });
  expect(readLogFilter('"a=b"')).toEqual({ parameter: 'text', value: 'a=b' });
  expect(readLogFilter('level=warn')).toEqual({ parameter: 'severity', value: 'warn' });
});

test('a trace id is known with dashes, in capitals, and in a traceparent; zeros are none', () => {
  const id = '0af7651916cd43dd8448eb211c80319c';
  expect(readTraceId(` ${id.toUpperCase()} `)).toBe(id);
  expect(readTraceId(`00-${id}-b7ad6b7169203331-01`)).toBe(id);
  expect(readTraceId('0af76519-16cd-43dd-8448-eb211c80319c')).toBe(id);
  for (const text of ['0'.repeat(32), id.slice(1), 'service=cart']) expect(readTraceId(text)).toBe(null);
});

test('durations of a drag become parameters that the API takes', () => {
  expect([80, 1_500, 12_345_678, 2.5e9].map(durationParameter)).toEqual(['80ns', '1.5us', '12.3ms', '2.5s']);
});

test('times are relative to now, Unix milliseconds, or RFC 3339; a range that is none is the default', () => {
  const now = Date.UTC(2026, 2, 2, 9);
  expect(resolveTime('now-15m', now)).toBe(now - 900_000);
  expect(resolveTime('1772441100000', now)).toBe(1_772_441_100_000);
  expect(resolveTime('2026-03-02T08:00:00Z', now)).toBe(now - 3_600_000);
  expect(resolveRange({ start: 'yesterday', end: 'now' }, now)).toEqual({ fromMs: now - 3_600_000, toMs: now });
  expect(resolveRange({ start: 'now', end: 'now-1h' }, now)).toEqual({ fromMs: now - 3_600_000, toMs: now });
});

test('arrows move a range by half its width, and a drag of no width still has one', () => {
  expect(shiftRange({ fromMs: 1000, toMs: 3000 }, -1)).toEqual({ start: '0', end: '2000' });
  expect(absoluteRange(5000, 5000)).toEqual({ start: '5000', end: '5001' });
  expect(rangeLabel({ start: 'now-15m', end: 'now' }, 0)).toBe('Last 15 minutes');
  expect(rangeLabel({ start: 'now-1h', end: 'now' }, 0)).toBe('Last hour');
});

test('axes have round steps and enclose their values', () => {
  expect([0.3, 1, 1.1, 4, 70].map(niceStep)).toEqual([0.5, 1, 2, 5, 100]);
  expect(logBounds([0, 3e6, 4e8])).toEqual({ min: 1e6, max: 1e9 });
  expect(logBounds([])).toEqual({ min: 1e3, max: 1e9 });
  expect(logValue(logPosition(5e7, 1e6, 1e9), 1e6, 1e9)).toBeCloseTo(5e7);
  const ticks = timeTicks(0, 3_600_000, 900);
  expect(ticks.length).toBeGreaterThan(4);
  expect(ticks.length).toBeLessThan(11);
});

test('a bar is cut just outside of the view, and a view comes back from the URL as it went', () => {
  const view = { fromNs: 100, toNs: 200 };
  expect(placeBar(150, 25, view)).toEqual({ left: 50, width: 25, visible: true });
  expect(placeBar(0, 1000, view)).toEqual({ left: -1, width: 102, visible: true });
  expect(placeBar(0, 50, view).visible).toBe(false);
  expect(readView(writeView(view), 1000)).toEqual(view);
  for (const text of [null, 'x', '5-5', '9-1']) expect(readView(text, 1000)).toEqual({ fromNs: 0, toNs: 1000 });
});

test('a service has one colour, by its name alone, and few share one', () => {
  const names = Array.from({ length: 300 }, (_, i) => `service-${i}`);
  const counts = new Map<string, number>();
  for (const name of names) {
    expect(serviceColour(name)).toBe(serviceColour(name));
    counts.set(serviceColour(name), (counts.get(serviceColour(name)) ?? 0) + 1);
  }
  expect(counts.size).toBe(30);
  expect(Math.max(...counts.values())).toBeLessThan(25);
});

test('severity numbers are grouped as OTLP says', () => {
  expect([0, 1, 4, 5, 9, 13, 17, 21, 24, 25].map(severityOf)).toEqual([
    'unset',
    'trace',
    'trace',
    'debug',
    'info',
    'warn',
    'error',
    'fatal',
    'fatal',
    'unset',
  ]);
});

test('series with different times share one axis; a line goes on between its points, except where points are missing', () => {
  const aligned = alignSeries([
    {
      points: [
        [1000, 1],
        [2000, null],
        [3000, 3],
      ],
    },
    { points: [[2000, 2]] },
  ]);
  expect(aligned).toEqual({
    times: [1, 2, 3],
    values: [
      [1, undefined, 3],
      [undefined, 2, undefined],
    ],
  });
  const steady = [0, 1, 2, 3, 9, 10].map((second) => [second * 1000, second] as const);
  const filled = alignSeries([{ points: steady }, { points: [[5000, 0]] }]);
  expect(filled.values[0]).toEqual([0, 1, 2, 3, null, 9, 10]);
  expect(seriesName({ route: '/', method: '' }, 'm')).toBe('/ · (none)');
});
