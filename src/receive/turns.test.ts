import { expect, test } from 'vitest';
import { LoopTurns } from './turns.ts';

const busyFor = (ms: number): void => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
};
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Has `work` done when it is its turn; resolves then. */
const taken = (turns: LoopTurns, work: (waitedMs: number) => void, sizeBytes = 1): Promise<void> =>
  new Promise((resolve) => {
    turns.take({
      sizeBytes,
      begin: (waitedMs) => {
        work(waitedMs);
        resolve();
      },
    });
  });

test('work begins in the order in which it came, after the turn in which it came, together', async () => {
  const turns = new LoopTurns(() => false);
  const begun: number[] = [];
  const all = [1, 2, 3].map((number) => taken(turns, () => begun.push(number)));
  await Promise.resolve();
  expect(begun).toEqual([]);
  await nextTurn();
  expect(begun).toEqual([1, 2, 3]);
  await Promise.all(all);
});

test('long work leaves turns to others, and each is told how long it waited', async () => {
  const turns = new LoopTurns(() => false);
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
  const turns = new LoopTurns(() => false);
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

test('a request that is held up, and those after it, wait until it no longer is', async () => {
  let bytesMax = 10;
  const asked: number[] = [];
  const turns = new LoopTurns((bytes) => {
    asked.push(bytes);
    return bytes > bytesMax;
  });
  const begun: string[] = [];
  const waited: number[] = [];
  const note = (name: string) => (ms: number) => {
    begun.push(name);
    waited.push(ms);
  };
  const all = (
    [
      ['small', 1],
      ['large', 100],
      ['next', 1],
    ] as const
  ).map(([name, bytes]) => taken(turns, note(name), bytes));
  while (asked.filter((bytes) => bytes === 100).length < 5) await nextTurn();
  expect(begun).toEqual(['small']);
  // It is asked now and then, and the event loop is free meanwhile.
  const before = asked.length;
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect(asked.length - before).toBeLessThan(20);
  bytesMax = 100;
  await Promise.all(all);
  expect(begun).toEqual(['small', 'large', 'next']);
  expect(waited[1]).toBeGreaterThan(waited[0] as number);
});

test('thousands that wait are all taken in', async () => {
  const turns = new LoopTurns(() => false);
  let begun = 0;
  const work = (): void => {
    begun++;
    if (begun % 100 === 0) busyFor(1);
  };
  await Promise.all(Array.from({ length: 5_000 }, () => taken(turns, work)));
  expect(begun).toBe(5_000);
});
