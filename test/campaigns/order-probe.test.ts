import { expect, it } from 'vitest';
import { compareOrder, type StoredRecord } from './order-probe.ts';

const records = (text: string): StoredRecord[] =>
  text.split(' ').map((one) => {
    const [trace = '', number = '', takenNs = ''] = one.split(/[:@]/);
    return { trace, number: Number(number), takenNs: BigInt(takenNs) };
  });

it('sees what came before one of its trace that was sent earlier, and no more than that', () => {
  const of = (text: string): number => compareOrder(new Set(), records(text)).outOfOrder;
  // Trace, number in the order of sending, time at the centre.
  expect(of('a:1@10 b:2@10 a:3@10 b:4@11')).toBe(0);
  expect(of('a:1@10 b:2@12 a:3@11 b:4@13')).toBe(0);
  expect(of('a:1@10 a:2@12 a:3@11 a:4@13')).toBe(1);
  expect(of('a:1@20 a:2@12 a:3@11 b:4@1')).toBe(2);
});

it('counts what was acknowledged and is not there, and what is there twice', () => {
  const { lostRecords, doubledRecords, orderedRecords, orderedTraces } = compareOrder(
    new Set([1, 2, 3]),
    records('a:1@10 b:3@12 b:3@12 a:4@13'),
  );
  expect({ lostRecords, doubledRecords, orderedRecords, orderedTraces }).toEqual({
    lostRecords: 1,
    doubledRecords: 1,
    orderedRecords: 4,
    orderedTraces: 2,
  });
});
