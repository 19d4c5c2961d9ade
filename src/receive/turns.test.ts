import { expect, test } from 'vitest';
import { LoopTurns } from './turns.ts';

const busyFor = (ms: number): void => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
};
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Has `work` done when it is its turn; resolves then. */
const taken = (turns: LoopTurns, work: (waitedMs: number) => void): Promise<void> =>
  new Promise((resolve) => {
    turns.take({
      begin: (waitedMs) => {
        work(waitedMs);
        resolve();
      },
    });
  });

test('work begins in the order in which it came, after the turn in which it came, together', async () => {
  const turns = new LoopTurns();
  const begun: number[] = [];
  const all = [1, 2, 3].map((number) => taken(turns, () => begun.push(number)));
  await Promise.resolve();
  expect(begun).toEqual([]);
  await nextTurn();
  expect(begun).toEqual([1, 2, 3]);
  await Promise.all(all);
});

test('long work leaves turns to others, and each is told how long it waited', async () => {
  const turns = new LoopTurns();
  let begun = 0;
  const waited: number[] = [];
  for (let number = 0; number < 20; number++) {
    void taken(turns, (waitedMs) => {
      begun++;
      waited.push(waitedMs);
      busyFor(2);
    });
  }
  const seen: number[] = [];
  while (begun < 20) {
    await nextTurn();
    seen.push(begun);
  }
  expect(seen.length).toBeGreaterThanOrEqual(5);
  expect(Math.max(...seen.map((count, turn) => count - (seen[turn - 1] ?? 0)))).toBeLessThanOrEqual(4);
  expect(waited[19]).toBeGreaterThan(waited[0] as number);
  expect(waited[19]).toBeGreaterThanOrEqual(30);
});

test('what is taken by work that is being taken in comes after all that waited', async () => {
  const turns = new LoopTurns();
  const begun: string[] = [];
  const inner: Promise<void>[] = [];
  await Promise.all(
    ['a', 'b'].map((name) =>
      taken(turns, () => {
        begun.push(name);
        inner.push(taken(turns, () => begun.push(`of ${name}`)));
      }),
    ),
  );
  await Promise.all(inner);
  expect(begun).toEqual(['a', 'b', 'of a', 'of b']);
  await taken(turns, () => begun.push('again'));
  expect(begun.at(-1)).toBe('again');
});

test('thousands that wait are all taken in', async () => {
  const turns = new LoopTurns();
  let begun = 0;
  const work = (): void => {
    begun++;
    if (begun % 100 === 0) busyFor(1);
  };
  await Promise.all(Array.from({ length: 5_000 }, () => taken(turns, work)));
  expect(begun).toBe(5_000);
});
