import { expect, test } from 'vitest';
import { makeTemplates } from '../../bench/payload.ts';
import { mutated } from '../../test/support/damage.ts';
import { nativeBytes } from '../../test/support/native-bytes.ts';
import { encodeProto, type Message } from '../../test/support/otlp-proto.ts';
import { randomFrom, randomRequest } from '../../test/support/otlp-random.ts';
import { builtKernel } from '../../test/support/span-readers.ts';
import { BASE_COUNT, COUNT_ROWS, MEMORY_BYTES } from './kernel-layout.ts';
import { freezeWhole, SegmentColumns, transcode } from './transcode.ts';

/** Random requests that both readers get; three of four are damaged. */
const REQUESTS = Number(process.env['CLEW_KERNEL_REQUESTS'] ?? 12_000);

const kernel = builtKernel();
const NO_BASES = new Array<number>(BASE_COUNT).fill(0);

const frozenBytes = (columns: SegmentColumns): string =>
  freezeWhole(columns)
    .map((frozen) => `${frozen.table} ${frozen.columns} ${nativeBytes(frozen).toString('latin1')}`)
    .join('\n');

/** Both readers over the same requests. */
class Pair {
  readonly typescript = new SegmentColumns();
  readonly kernel = new SegmentColumns(kernel);

  /** Gives a request to both, which must say the same of it; true when the kernel took it itself. */
  take(body: Uint8Array, what: string): boolean {
    const taken = kernel.decode(body, NO_BASES);
    const rows = kernel.count(COUNT_ROWS);
    const expected = transcode(this.typescript, 'traces', body, 'a=b', 1n);
    expect(transcode(this.kernel, 'traces', body, 'a=b', 1n), what).toEqual(expected);
    // Resources and scopes are TypeScript's: those of a request that the kernel took may still be damaged.
    if (taken && expected.kind === 'ok') expect(expected, what).toMatchObject({ accepted: rows, rejected: 0 });
    return taken;
  }

  /** What both would write is the same; then both are empty. */
  compare(what: string): void {
    expect(this.kernel.repeatedBytes, what).toBe(this.typescript.repeatedBytes);
    expect(frozenBytes(this.kernel) === frozenBytes(this.typescript), what).toBe(true);
    this.typescript.reset();
    this.kernel.reset();
  }
}

test('kernel and TypeScript say and write the same of random requests, damaged ones among them', {
  timeout: 120_000,
}, () => {
  const random = randomFrom(20);
  const pair = new Pair();
  const taken = { whole: 0, damaged: 0 };
  let whole: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < REQUESTS; i++) {
    const isWhole = i % 4 === 0;
    if (isWhole) whole = encodeProto('traces', randomRequest(random, 'traces'));
    const what = `request ${i}`;
    if (pair.take(isWhole ? whole : mutated(random, whole), what)) taken[isWhole ? 'whole' : 'damaged']++;
    if (i % 40 === 39) pair.compare(what);
  }
  // Many random requests have an invalid span, which is TypeScript's to name.
  expect(taken.whole).toBeGreaterThan(REQUESTS * 0.1);
  expect(taken.damaged).toBeGreaterThan(REQUESTS * 0.03);
});

test('the kernel takes every request of the bench', () => {
  const pair = new Pair();
  for (const [i, { body }] of makeTemplates(20, 200).entries()) expect(pair.take(body, `request ${i}`)).toBe(true);
  pair.compare('the payload');
});

const IDS: Message = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) };
const request = (...items: readonly Message[]): Uint8Array =>
  encodeProto('traces', { resources: [{ scopes: [{ items }] }] });
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const text = (key: string, stringValue: string): Message => ({ key, value: { stringValue } });

test.each([
  ['spans', () => request(...many(17_000, () => IDS))],
  ['events', () => request({ ...IDS, events: many(17_000, () => ({ name: 'e' })) })],
  ['links', () => request({ ...IDS, links: many(17_000, () => ({ flags: 1 })) })],
  ['attributes of a span', () => request({ ...IDS, attributes: many(70_000, () => text('k', 'v')) })],
  ['different keys', () => request({ ...IDS, attributes: many(20_000, (i) => text(`key ${i}`, 'v')) })],
  [
    'different signatures',
    () =>
      request(
        ...many(9_000, (i) => ({
          ...IDS,
          attributes: many(40, (bit) => ({ key: 'k', value: (i >> (bit % 14)) & 1 ? { intValue: 1 } : {} })),
        })),
      ),
  ],
  [
    'different signatures of the events of one span',
    () => {
      const isInt = (i: number, at: number): boolean => (at < 14 ? ((i >> at) & 1) === 1 : at % 2 === 1);
      const list = (i: number): Message => ({
        arrayValue: { values: many(300, (at) => (isInt(i, at) ? { intValue: 1 } : {})) },
      });
      return request({ ...IDS, events: many(1_200, (i) => ({ attributes: [{ key: 'k', value: list(i) }] })) });
    },
  ],
  ['resources', () => encodeProto('traces', { resources: many(2_500, () => ({ scopes: [{ items: [IDS] }] })) })],
  [
    'bytes of values',
    () => request({ ...IDS, attributes: [text('k', 'x'.repeat(3_900_000)), text('k', 'x'.repeat(200_000))] }),
  ],
  ['bytes of events', () => request({ ...IDS, events: [{ attributes: [text('k', 'x'.repeat(2_200_000))] }] })],
  ['bytes of a state', () => request({ ...IDS, traceState: 'x'.repeat(1_100_000) })],
  ['bytes of a message', () => request({ ...IDS, status: { message: 'x'.repeat(1_100_000) } })],
  ['bytes', () => request({ ...IDS, attributes: [text('k', 'x'.repeat(5_000_000))] })],
])('a request of too many %s for the kernel is read all the same', (what, make) => {
  const pair = new Pair();
  pair.take(request({ ...IDS, name: 'before' }), 'before');
  const isTaken = pair.take(make(), what);
  pair.take(request({ ...IDS, name: 'after' }), 'after');
  pair.compare(what);
  expect(isTaken).toBe(false);
});

/** A length-delimited field whose length takes one byte more than it needs. */
const wide = (tag: number, ...parts: readonly (readonly number[])[]): number[] => {
  const content = parts.flat();
  return [
    tag,
    (content.length & 127) | 128,
    ...(content.length < 128 ? [0] : [(content.length >> 7) | 128, 0]),
    ...content,
  ];
};
const ascii = (value: string): number[] => [...Buffer.from(value)];

test('lengths that take more bytes than they need are read, and not stored so', () => {
  const attribute = (key: string, value: string): number[] =>
    wide(0x4a, wide(0x0a, ascii(key)), wide(0x12, wide(0x0a, ascii(value))));
  const narrow = (value: string): number[] => {
    const text = wide(0x0a, ascii(value));
    return [0x4a, text.length + 5, 0x0a, 1, 0x6b, 0x12, text.length, ...text];
  };
  const ids = [0x0a, 16, ...new Array<number>(16).fill(1), 0x12, 8, ...new Array<number>(8).fill(2)];
  const attributes = [attribute('k', 'abc'), narrow('abc'), narrow(''), attribute('long', 'x'.repeat(200))];
  const pair = new Pair();
  const body = Uint8Array.from(wide(0x0a, wide(0x12, wide(0x12, ids, ...attributes))));
  expect(pair.take(body, 'wide lengths')).toBe(true);
  pair.compare('wide lengths');
});

test('the memory of the kernel holds what is laid out in it, and never grows', () => {
  expect(kernel.memory.length).toBeGreaterThanOrEqual(MEMORY_BYTES);
  expect(kernel.memory.length - MEMORY_BYTES).toBeLessThan(65_536);
});
