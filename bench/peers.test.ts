import { expect, test } from 'vitest';
import { peerChart } from './chart.ts';
import { type PeerResult, peerTable } from './peers.ts';

const result = (name: string, job: PeerResult['job'], min: number, median: number, max: number): PeerResult => ({
  name,
  job,
  rounds: [],
  min,
  median,
  max,
});

const RESULTS = [
  result('Clew', 'store', 90_000, 100_000, 110_000),
  result('Other & Sons', 'store', 30_000, 40_000, 45_000),
  result('Collector', 'forward', 200_000, 210_000, 220_000),
];
const DURABLE = result('Clew', 'forward durable', 300_000, 315_000, 320_000);

test('the table gives the ratio of Clew to each peer that does the same job', () => {
  expect(peerTable(RESULTS)).toEqual([
    'store            Clew                     min 90000, median 100000, max 110000 spans/CPU-s',
    'store            Other & Sons             min 30000, median 40000, max 45000 spans/CPU-s  Clew is 2.50 times that',
    'forward          Collector                min 200000, median 210000, max 220000 spans/CPU-s',
  ]);
  // Of Clew there is only the durable queue.
  expect(peerTable([...RESULTS, DURABLE])[2]).toContain('Clew is 1.50 times that');
});

test('the chart has a bar for each, as wide as its median, and no markup from names', () => {
  const svg = peerChart('Spans a CPU-second', RESULTS);
  const widths = [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
  // Sorted by job, then by median: 210, 100 and 40 thousand.
  expect(widths).toHaveLength(3);
  expect(widths[0] / widths[1]).toBeCloseTo(2.1, 1);
  expect(widths[1] / widths[2]).toBeCloseTo(2.5, 1);
  expect(svg).toContain('Other &amp; Sons');
});
