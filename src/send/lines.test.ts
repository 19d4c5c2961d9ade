import { expect, test } from 'vitest';
import { yieldToEvents } from '../host/clock.ts';
import { ManualClock } from '../host/manual-clock.ts';
import { type Line, Lines, type Wire, type WireEvents } from './lines.ts';
import { Link } from './link.ts';

/** A stream whose connections open, or do not, as the test says, at a time that the test moves. */
class Bench {
  readonly clock = new ManualClock();
  readonly link = new Link('bench', this.clock, () => 0);
  readonly wires: { events: WireEvents; isClosed: boolean }[] = [];
  up = true;
  readonly lines: Lines<Wire>;

  constructor(streamsMax = 1, ageMsMax = 60_000) {
    this.lines = new Lines({
      link: this.link,
      streamsMax,
      ageMsMax,
      open: async (events) => {
        if (!this.up) throw new Error('refused');
        const wire = { events, isClosed: false };
        this.wires.push(wire);
        const close = (): void => {
          wire.isClosed = true;
        };
        return { close };
      },
    });
  }

  async take(): Promise<Line<Wire>> {
    const line = await this.lines.take(1_000);
    if (typeof line === 'string') throw new Error(line);
    return line;
  }

  phases(): string[] {
    return this.lines.states().map(({ phase }) => phase);
  }
}

test('a connection is opened when it is needed, used again, and another one beside it when it is full', async () => {
  const bench = new Bench();
  expect(bench.link.phase).toBe('INIT');
  const first = await bench.take();
  expect(bench.link.phase).toBe('CONNECTED');
  first.release();
  expect(await bench.take()).toBe(first);
  const second = await bench.take();
  expect(second).not.toBe(first);
  expect(bench.phases()).toEqual(['ACTIVE', 'ACTIVE']);
  const many = new Bench(3);
  const taken = [await many.take(), await many.take(), await many.take(), await many.take()];
  expect(new Set(taken).size).toBe(2);
});

test('a failure to open sets a time: no connection is opened before it, and one is then', async () => {
  const bench = new Bench();
  bench.up = false;
  expect(await bench.lines.take(1_000)).toBe('refused');
  expect(bench.link.phase).toBe('ERROR');
  bench.up = true;
  let taken: unknown;
  void bench.lines.take(1_000).then((line) => {
    taken = line;
  });
  for (let turn = 0; turn < 5; turn++) await yieldToEvents();
  expect(taken).toBeUndefined();
  expect(bench.wires).toEqual([]);
  bench.clock.advance(60_000);
  for (let turn = 0; turn < 5; turn++) await yieldToEvents();
  expect(taken).toBeDefined();
  expect(bench.link.phase).toBe('CONNECTED');
});

test('the last connection that breaks takes the protocol with it; one of two does not', async () => {
  const bench = new Bench();
  const [first, second] = [await bench.take(), await bench.take()];
  first.broke();
  expect(bench.phases()).toEqual(['ERROR', 'ACTIVE']);
  expect(bench.link.phase).toBe('CONNECTED');
  second.broke();
  expect(bench.link.phase).toBe('ERROR');
  bench.clock.advance(60_000);
  const again = await bench.take();
  expect(again).toBe(first);
  expect(bench.phases()).toEqual(['ACTIVE', 'ERROR']);
});

test('a connection that the other side ends takes no more requests, ends those it has, and needs no pause', async () => {
  const bench = new Bench(2);
  const line = await bench.take();
  bench.wires[0]?.events.leaving();
  expect(bench.phases()).toEqual(['DRAINING']);
  const other = await bench.take();
  expect(other).not.toBe(line);
  line.release();
  expect(bench.phases()).toEqual(['CLOSED', 'ACTIVE']);
  expect(bench.wires.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  other.release();
  bench.wires[1]?.events.leaving();
  expect(bench.phases()).toEqual(['CLOSED', 'CLOSED']);
  expect(bench.link.phase).toBe('CONNECTED');
  await bench.take();
});

test('an old connection is replaced, and what its wire says late does not touch the one in its place', async () => {
  const bench = new Bench(1, 100);
  const line = await bench.take();
  line.release();
  bench.clock.advance(200);
  expect(await bench.take()).toBe(line);
  expect(bench.wires.length).toBe(2);
  bench.wires[0]?.events.broken();
  bench.wires[0]?.events.leaving();
  expect(bench.phases()).toEqual(['ACTIVE']);
});

test('what is closed opens nothing any more, also when it was waiting to', async () => {
  const bench = new Bench();
  bench.up = false;
  await bench.lines.take(1_000);
  const waiting = bench.lines.take(1_000);
  bench.lines.close();
  bench.link.disconnect();
  expect(await waiting).toBe('the connection was closed');
  expect(await bench.lines.take(1_000)).toBe('the connection was closed');
  expect(bench.link.phase).toBe('CLOSED');
  expect(bench.link.refused).toBe(0);
});
