import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { type CallSpan, type CallSpans, CallSpansBuilder, KIND } from './call-spans.ts';
import { type CriticalPaths, criticalPaths, notesOf } from './critical-path.ts';
import { type Drawn, spanOf } from './drawn-spans-world.ts';

function tableOf(spans: readonly CallSpan[]): CallSpans {
  const builder = new CallSpansBuilder(spans.length);
  for (const span of spans) builder.add(span);
  return builder.finish();
}

const KINDS = ['self', 'gap', 'unobserved'];

/** The path of one drawn trace as `id kind from-to`, first in time first. */
function pathOf(drawn: readonly Drawn[], mode: 'strict' | 'crisp' = 'strict'): string[] {
  const spans = tableOf(drawn.map(spanOf));
  return linesOf(spans, criticalPaths(spans, mode));
}

function linesOf({ idLow }: CallSpans, paths: CriticalPaths): string[] {
  const lines = Array.from({ length: paths.count }, (_, i) => {
    const server = paths.server[i] >= 0 ? `>${idLow[paths.server[i]]}` : '';
    return `${idLow[paths.span[i]]}${server} ${KINDS[paths.kind[i]]} ${paths.start[i]}-${paths.end[i]}`;
  });
  return lines.reverse();
}

const notes = (drawn: readonly Drawn[]): string[] => notesOf(criticalPaths(tableOf(drawn.map(spanOf))).notes[0]);

const span = (
  id: number,
  parent: number | undefined,
  start: number,
  end: number,
  more: Partial<Drawn> = {},
): Drawn => ({
  id,
  ...(parent === undefined ? {} : { parent }),
  service: 's',
  startNs: start,
  durationNs: end - start,
  ...more,
});
const client = { kind: KIND.client } as const;
const server = { kind: KIND.server, service: 't' } as const;

describe('the critical path of a trace', () => {
  test('goes through time, not through the most edges', () => {
    const chain = [span(2, 1, 1, 4), span(3, 2, 2, 3.5), span(4, 3, 2, 3)];
    expect(pathOf([span(1, undefined, 0, 100), ...chain, span(5, 1, 5, 95)])).toEqual([
      '1 self 0-1',
      '2 self 1-2',
      '4 self 2-3',
      '3 self 3-3.5',
      '2 self 3.5-4',
      '1 self 4-5',
      '5 self 5-95',
      '1 self 95-100',
    ]);
  });

  test('takes siblings that touch', () => {
    expect(pathOf([span(1, undefined, 0, 10), span(2, 1, 0, 5), span(3, 1, 5, 10)])).toEqual([
      '2 self 0-5',
      '3 self 5-10',
    ]);
  });

  test('gives the time between a client and its server to the edge', () => {
    expect(pathOf([span(1, undefined, 0, 100, client), span(2, 1, 30, 60, server)])).toEqual([
      '1>2 gap 0-30',
      '2 self 30-60',
      '1>2 gap 60-100',
    ]);
  });

  test('moves a server with another clock, and all below it, to the middle of its client', () => {
    const drawn = [span(1, undefined, 0, 100, client), span(2, 1, 1030, 1091, server), span(3, 2, 1040, 1050)];
    expect(pathOf(drawn)).toEqual(['1>2 gap 0-19', '2 self 19-29', '3 self 29-39', '2 self 39-80', '1>2 gap 80-100']);
    expect(notes(drawn)).toEqual(['clock-skew']);
  });

  test('moves a server that is longer by one percent and cuts one that is longer by more', () => {
    const drawn = (length: number) => [span(1, undefined, 0, 1000, client), span(2, 1, 500, 500 + length, server)];
    expect(pathOf(drawn(1010))).toEqual(['2 self 0-1000']);
    expect(pathOf(drawn(1011))).toEqual(['1>2 gap 0-500', '2 self 500-1000']);
    expect(notes(drawn(1011))).toEqual(['clipped']);
  });

  test('cuts a child that begins early and ends late, and leaves out one that lies before', () => {
    expect(pathOf([span(1, undefined, 50, 60), span(2, 1, 0, 100)])).toEqual(['2 self 50-60']);
    expect(pathOf([span(1, undefined, 50, 60), span(2, 1, 0, 40)])).toEqual(['1 self 50-60']);
  });

  test('does not wait for consumers nor for what begins after the parent has ended', () => {
    const drawn = [
      span(1, undefined, 0, 10, { kind: KIND.producer }),
      span(2, 1, 5, 9, { kind: KIND.consumer }),
      span(3, 1, 10, 20),
    ];
    expect(pathOf(drawn)).toEqual(['1 self 0-10']);
    expect(notes(drawn)).toEqual(['asynchronous']);
  });

  test('hangs spans whose parent is missing where they fit, and shows what the parent did as unobserved', () => {
    const drawn = [span(1, undefined, 0, 100), span(2, 1, 10, 90, client), span(4, 3, 20, 40), span(5, 3, 60, 80)];
    expect(pathOf(drawn)).toEqual([
      '1 self 0-10',
      '2 self 10-20',
      '4 self 20-40',
      '4 unobserved 40-60',
      '5 self 60-80',
      '2 self 80-90',
      '1 self 90-100',
    ]);
    expect(notes(drawn)).toEqual(['incomplete']);
  });

  test('answers a trace without a root, with several roots, and with a circle of parents', () => {
    expect(pathOf([span(2, 1, 0, 100), span(3, 2, 10, 20)])).toEqual(['2 self 0-10', '3 self 10-20', '2 self 20-100']);
    expect(notes([span(2, 1, 0, 100)])).toEqual(['no-root', 'incomplete']);
    expect(notes([span(1, undefined, 0, 9), span(2, undefined, 0, 10)])).toEqual(['many-roots']);
    const circle = [span(1, 2, 0, 10), span(2, 1, 1, 9)];
    expect(pathOf(circle)).toEqual(['1 self 0-1', '2 self 1-9', '1 self 9-10']);
    expect(notes(circle)).toEqual(['no-root', 'loop']);
  });

  test('forgives an overlap below one percent in crisp mode only', () => {
    const drawn = [span(1, undefined, 0, 1000), span(2, 1, 0, 505), span(3, 1, 500, 1000)];
    expect(pathOf(drawn)).toEqual(['1 self 0-500', '3 self 500-1000']);
    expect(pathOf(drawn, 'crisp')).toEqual(['2 self 0-500', '3 self 500-1000']);
    expect(pathOf([drawn[0], span(2, 1, 0, 510), drawn[2]], 'crisp')).toEqual(['1 self 0-500', '3 self 500-1000']);
  });

  test('says how much a span can shrink with effect, and how much one beside it can grow without', () => {
    const spans = tableOf([span(1, undefined, 0, 100), span(2, 1, 0, 90), span(3, 1, 0, 60)].map(spanOf));
    const { drag, slack } = criticalPaths(spans);
    expect([...drag]).toEqual([100, 30, 0]);
    expect([...slack]).toEqual([0, 0, 30]);
  });

  test('walks a chain of 100,000 spans and a fan of as many', () => {
    const length = 100_000;
    const chain = Array.from({ length }, (_, i) => span(i + 1, i === 0 ? undefined : i, i, 2 * length - i));
    const spans = tableOf(chain.map(spanOf));
    const paths = criticalPaths(spans);
    expect(paths.count).toBe(2 * length - 1);
    expect(sumsOf(paths, 1)).toEqual([2 * length]);
    const fan = chain.map((_, i) => span(i + 1, i === 0 ? undefined : 1, i === 0 ? 0 : i - 1, i === 0 ? length : i));
    expect(criticalPaths(tableOf(fan.map(spanOf))).count).toBe(length);
  });
});

const sumsOf = (paths: CriticalPaths, traces: number): number[] => {
  const sums = new Array<number>(traces).fill(0);
  for (let i = 0; i < paths.count; i++) sums[paths.trace[i]] += paths.end[i] - paths.start[i];
  return sums;
};

interface Node {
  readonly drawn: Drawn;
  readonly from: number;
  readonly to: number;
}

/** Who owns each nanosecond, asked one nanosecond at a time: recursive and slow. Only for traces without skew and missing spans. */
function ownerAt(all: readonly Drawn[], { drawn, from, to }: Node, time: number): number {
  const children = all
    .filter(({ parent, kind }) => parent === drawn.id && kind !== KIND.consumer)
    .map((child): Node => {
      const start = child.startNs ?? 0;
      return { drawn: child, from: Math.max(from, start), to: Math.min(to, start + (child.durationNs ?? 0)) };
    })
    .filter((child) => child.from < child.to);
  let cursor = to;
  for (;;) {
    const fitting = children.filter((child) => child.to <= cursor && child.from < cursor);
    if (fitting.length === 0) return drawn.id;
    const last = fitting.reduce((a, b) => {
      if (a.to !== b.to) return b.to > a.to ? b : a;
      return b.from < a.from || (b.from === a.from && b.drawn.id < a.drawn.id) ? b : a;
    });
    if (time >= last.to) return drawn.id;
    if (time >= last.from) return ownerAt(all, last, time);
    cursor = last.from;
  }
}

function randomTrace(random: () => number): Drawn[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  const spans = [span(1, undefined, 0, 20 + below(20))];
  for (let id = 2; id <= 2 + below(9); id++) {
    const start = below(45) - 5;
    spans.push(span(id, 1 + below(id - 1), start, start + below(25), { kind: [1, 1, 1, 5][below(4)] }));
  }
  return spans;
}

const CASES = Number(process.env['CLEW_TRACES'] ?? 1_500);

describe('critical paths of random traces', () => {
  test('give every nanosecond to the span that the slow definition gives it to', () => {
    const random = seededChance(7);
    for (let round = 0; round < CASES; round++) {
      const drawn = randomTrace(random);
      const spans = tableOf(drawn.map(spanOf));
      const paths = criticalPaths(spans);
      const root = { drawn: drawn[0], from: 0, to: drawn[0].durationNs ?? 0 };
      for (let i = 0; i < paths.count; i++) {
        for (let time = paths.start[i]; time < paths.end[i]; time++) {
          expect(spans.idLow[paths.span[i]]).toBe(ownerAt(drawn, root, time));
        }
      }
    }
  });

  test.each(['strict', 'crisp'] as const)('sum to the root exactly, whatever the spans (%s)', (mode) => {
    const random = seededChance(11);
    const drawn = Array.from({ length: CASES }, (_, trace) =>
      randomTrace(random).map((one) => ({
        ...one,
        traceId: String(trace),
        kind: Math.floor(random() * 6),
        ...(random() < 0.2 ? { parent: Math.floor(random() * 14) } : {}),
        startNs: (one.startNs ?? 0) * 1_000_003 + Math.floor(random() * 9),
        durationNs: (one.durationNs ?? 0) * 999_983,
      })),
    ).flat();
    const spans = tableOf(drawn.map(spanOf));
    const paths = criticalPaths(spans, mode);
    const sums = sumsOf(paths, CASES);
    for (let trace = 0; trace < CASES; trace++) expect(sums[trace]).toBe(spans.durationNs[paths.root[trace]]);
    for (let i = 1; i < paths.count; i++) {
      if (paths.trace[i] === paths.trace[i - 1]) expect(paths.end[i]).toBe(paths.start[i - 1]);
    }
  });

  test('do not change when the spans are shuffled or all times move', () => {
    const random = seededChance(13);
    for (let round = 0; round < CASES; round++) {
      const drawn = randomTrace(random).map((one) => ({ ...one, kind: Math.floor(random() * 6) }));
      if (random() < 0.3) drawn.splice(1 + Math.floor(random() * (drawn.length - 1)), 1);
      const shuffled = drawn.map((one) => ({ one, key: random() })).sort((a, b) => a.key - b.key);
      expect(pathOf(shuffled.map(({ one }) => one))).toEqual(pathOf(drawn));
      const moved = tableOf(drawn.map((one) => spanOf({ ...one, startNs: (one.startNs ?? 0) + 1e12 })));
      const paths = criticalPaths(moved);
      for (const times of [paths.start, paths.end]) times.set(times.map((time) => time - 1e12));
      expect(linesOf(moved, paths)).toEqual(pathOf(drawn));
    }
  });
});
