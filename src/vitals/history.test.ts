import { expect, test } from 'vitest';
import { History } from './history.ts';
import type { Arrived } from './rates.ts';

const spans = (count: number): Arrived => ({ items: { traces: count, metrics: 0, logs: 0 }, refused: 1 });

test('a step is shown once it is over, as a rate', () => {
  const history = new History(10_000, 5_000, 20_000);
  history.add(11_000, spans(30));
  history.add(14_999, spans(20));
  expect(history.points(14_999)).toEqual([]);
  expect(history.points(15_000)).toEqual([{ timeMs: 10_000, traces: 10, metrics: 0, logs: 0, refused: 0.4 }]);
});

test('steps in which nothing arrived are zero, and the oldest fall out', () => {
  const history = new History(0, 5_000, 20_000);
  history.add(0, spans(5));
  expect(history.points(20_000).map((point) => point.traces)).toEqual([1, 0, 0, 0]);
  expect(history.points(25_000).map((point) => point.timeMs)).toEqual([5_000, 10_000, 15_000, 20_000]);
});

test('after the clock jumped the history begins anew', () => {
  const history = new History(100_000, 5_000, 20_000);
  history.add(100_000, spans(5));
  expect(history.points(106_000)).toHaveLength(1);
  expect(history.points(50_000)).toEqual([]);
  expect(history.points(900_000)).toEqual([]);
});
