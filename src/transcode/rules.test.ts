import { describe, expect, test } from 'vitest';
import { nativeBytes } from '../../test/support/native-bytes.ts';
import { encodeProto, type Message } from '../../test/support/otlp-proto.ts';
import { SPAN_READERS } from '../../test/support/span-readers.ts';
import type { Signal } from '../base/signal.ts';
import {
  freezeWhole,
  type SegmentColumns,
  type TranscodeFailure,
  type TranscodeResult,
  transcode,
} from './transcode.ts';

const concat = (...parts: readonly ArrayLike<number>[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(parts.map((part) => Uint8Array.from(part))));

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}

/** A length-delimited field. */
const field = (number: number, ...parts: readonly ArrayLike<number>[]): Uint8Array => {
  const content = concat(...parts);
  return concat(varint(number * 8 + 2), varint(content.length), content);
};

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const IDS = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) };
const resourceOf = (service: string): Uint8Array =>
  encodeProto('Resource', { attributes: [{ key: 'service.name', value: { stringValue: service } }] });

const take = (columns: SegmentColumns, signal: Signal, body: Uint8Array): TranscodeResult | TranscodeFailure =>
  transcode(columns, signal, body, '', 5n);

const spansOf = (...spans: readonly Message[]): Uint8Array =>
  encodeProto('traces', { resources: [{ scopes: [{ items: spans }] }] });

/** So many empty length-delimited fields. */
const pairs = (tag: number, count: number): Uint8Array =>
  new Uint8Array(count * 2).map((_, i) => (i % 2 === 0 ? tag : 0));

/** The bytes of all files, as text in which strings can be looked for. */
const written = (columns: SegmentColumns): string =>
  freezeWhole(columns)
    .map((frozen) => nativeBytes(frozen).toString('latin1'))
    .join('');

describe.each(SPAN_READERS)('read by %s', (_name, newColumns) => {
  test('spans with invalid ids are rejected with the first reason, the others are stored', () => {
    const columns = newColumns();
    const wrong: Message[] = [
      { ...IDS, traceId: Buffer.alloc(16) },
      { ...IDS, traceId: Buffer.alloc(15, 1) },
      { ...IDS, spanId: Buffer.alloc(8) },
      { spanId: IDS.spanId },
      { traceId: IDS.traceId },
      { ...IDS, parentSpanId: Buffer.alloc(4, 1) },
    ];
    const result = take(columns, 'traces', spansOf({ ...IDS, name: 'good' }, ...wrong, { ...IDS, name: 'also good' }));
    expect(result).toEqual({
      kind: 'ok',
      accepted: 2,
      rejected: 6,
      message: 'span 1: trace_id must be 16 bytes, not all zero; and 5 more invalid spans',
    });
    const clean = newColumns();
    take(clean, 'traces', spansOf({ ...IDS, name: 'good' }, { ...IDS, name: 'also good' }));
    expect(written(columns)).toBe(written(clean));
  });

  test('an empty request is well and holds nothing', () => {
    const columns = newColumns();
    for (const signal of ['traces', 'logs', 'metrics'] as const) {
      expect(take(columns, signal, new Uint8Array(0))).toEqual({ kind: 'ok', accepted: 0, rejected: 0, message: '' });
    }
    expect(freezeWhole(columns)).toEqual([]);
  });

  test('resource, scope and schema URL may stand behind what they belong to', () => {
    const span = encodeProto('Span', { ...IDS, name: 'late head' });
    const url = field(3, text('https://schema'));
    const scope = field(1, encodeProto('Scope', { name: 'the scope' }));
    const resource = field(1, resourceOf('the service'));
    const usual = field(1, resource, field(2, scope, field(2, span), url), url);
    const late = field(1, url, field(2, url, field(2, span), scope), resource);
    const [a, b] = [newColumns(), newColumns()];
    take(a, 'traces', usual);
    take(b, 'traces', late);
    expect(written(b)).toBe(written(a));
    expect(written(a)).toContain('the service');
  });

  test('aggregation temporality may stand behind the points, and a metric without points stores nothing', () => {
    const point = field(1, encodeProto('NumberPoint', { asDouble: 1 }));
    const sum = (...parts: Uint8Array[]): Uint8Array =>
      field(1, field(2, field(2, field(1, text('m')), field(7, ...parts))));
    const temporality = Uint8Array.of(0x10, 2, 0x18, 1);
    const [a, b] = [newColumns(), newColumns()];
    take(a, 'metrics', sum(temporality, point));
    take(b, 'metrics', sum(point, temporality));
    expect(written(b)).toBe(written(a));
    expect(take(newColumns(), 'metrics', sum(temporality))).toMatchObject({ kind: 'ok', accepted: 0 });
  });

  test('repeated numbers are read packed and one by one', () => {
    const eight = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0, 0, 0, 0, 0);
    const histogram = (...point: Uint8Array[]): Uint8Array =>
      field(1, field(2, field(2, field(9, field(1, ...point)))));
    const packed = histogram(field(6, eight(1), eight(2)), field(7, eight(3)));
    const single = histogram(concat([0x31], eight(1)), concat([0x31], eight(2)), concat([0x39], eight(3)));
    const exponential = (...buckets: Uint8Array[]): Uint8Array =>
      field(1, field(2, field(2, field(10, field(1, field(8, ...buckets))))));
    for (const [one, other] of [
      [packed, single],
      [exponential(field(2, Uint8Array.of(1, 200, 1))), exponential(Uint8Array.of(0x10, 1, 0x10, 200, 1))],
    ]) {
      const [a, b] = [newColumns(), newColumns()];
      expect(take(a, 'metrics', one)).toMatchObject({ kind: 'ok', accepted: 1 });
      take(b, 'metrics', other);
      expect(written(b)).toBe(written(a));
    }
  });

  test('of a oneof and of a repeated resource the last counts', () => {
    const span = encodeProto('Span', IDS);
    const columns = newColumns();
    const both = concat(encodeProto('AnyValue', { stringValue: 'first' }), encodeProto('AnyValue', { intValue: '42' }));
    const attribute = field(9, field(1, text('k')), field(2, both));
    const resources = [field(1, resourceOf('service one')), field(1, resourceOf('service two'))];
    take(columns, 'traces', field(1, ...resources, field(2, field(2, span, attribute))));
    expect(written(columns)).toContain('service two');
    expect(written(columns)).not.toContain('service one');
    expect(written(columns)).not.toContain('first');
  });

  test('unknown fields are passed over, known ones of a wrong type are named, groups are refused', () => {
    const columns = newColumns();
    const span = encodeProto('Span', IDS);
    const withSpan = (...extra: Uint8Array[]): Uint8Array => field(1, field(2, field(2, span, ...extra)));
    const unknown = concat(
      field(99, text('x')),
      [0xa0, 0x06, 1],
      [0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8],
      [0xa5, 0x06, 1, 2, 3, 4],
    );
    expect(take(columns, 'traces', withSpan(unknown))).toMatchObject({ kind: 'ok', accepted: 1 });
    const message = (body: Uint8Array): string => take(columns, 'traces', body).message;
    expect(message(withSpan(Uint8Array.of(0x28, 1)))).toMatch(/Span\.name has wire type 0 at byte \d+/);
    expect(message(withSpan(Uint8Array.of(0xa3, 0x06)))).toMatch(/wire type 3 of field 100/);
    expect(message(Uint8Array.of(0x08, 1))).toMatch(/ExportTraceServiceRequest\.resource_spans has wire type 0/);
    expect(message(field(1, field(2, Uint8Array.of(0x18, 1))))).toMatch(/ScopeSpans\.schema_url has wire type 0/);
    expect(columns.items).toBe(1);
  });

  test('text that is not UTF-8 is stored as it came', () => {
    const columns = newColumns();
    const name = Uint8Array.of(0x66, 0xff, 0xfe, 0x80);
    const span = concat(encodeProto('Span', IDS), field(5, name), field(9, field(1, name), field(2, field(1, name))));
    expect(take(columns, 'traces', field(1, field(2, field(2, span))))).toMatchObject({ kind: 'ok', accepted: 1 });
    // As name of the span and of its trace's top, as key and as value.
    expect(written(columns).split('f\xff\xfe\x80')).toHaveLength(5);
  });

  /** A limit that a test reaches quickly. */
  const MIB = 1024 * 1024;

  test('a small request that would unpack to far more is refused', () => {
    const large = encodeProto('Resource', { attributes: [{ key: 'k', value: { stringValue: 'x'.repeat(10_000) } }] });
    const span = field(2, encodeProto('Span', IDS));
    const body = (spans: number): Uint8Array =>
      field(1, field(1, large), field(2, ...new Array<Uint8Array>(spans).fill(span)));
    const columns = newColumns(MIB);
    expect(take(columns, 'traces', body(105)).message).toMatch(/more than 1048576 bytes: send fewer items at a time/);
    expect(columns).toMatchObject({ items: 0, repeatedBytes: 0 });
    expect(take(columns, 'traces', body(3))).toMatchObject({ kind: 'ok', accepted: 3 });
  });

  const exponential = (bucketCounts: Uint8Array): Uint8Array =>
    field(1, field(2, field(2, field(10, field(1, field(8, field(2, bucketCounts)))))));

  test.each([
    ['traces', 'empty spans', field(1, field(2, pairs(0x12, 40_000))), 'ok'],
    ['traces', 'empty events', field(1, field(2, field(2, encodeProto('Span', IDS), pairs(0x5a, 40_000)))), 'invalid'],
    [
      'traces',
      'empty attributes',
      field(1, field(2, field(2, encodeProto('Span', IDS), pairs(0x4a, 90_000)))),
      'invalid',
    ],
    ['logs', 'empty records', field(1, field(2, pairs(0x12, 40_000))), 'invalid'],
    ['metrics', 'empty points', field(1, field(2, field(2, field(5, pairs(0x0a, 40_000))))), 'invalid'],
    ['metrics', 'buckets of one byte', exponential(new Uint8Array(150_000)), 'invalid'],
  ] as const)('a %s request of nothing but %s cannot fill the memory', (signal, _what, body, kind) => {
    const columns = newColumns(MIB);
    const start = columns.heldBytes;
    take(columns, 'traces', spansOf({ ...IDS, name: 'before' }));
    const before = written(columns);
    const result = take(columns, signal, body);
    expect(result.kind).toBe(kind);
    if (kind === 'invalid') expect(result.message).toMatch(/its columns have more than 1048576 bytes/);
    // The hash slots of dictionaries are not counted.
    expect(columns.heldBytes).toBeLessThan(start + 1.2 * MIB);
    expect(written(columns)).toBe(before);
    take(columns, 'traces', spansOf({ ...IDS, name: 'after' }));
    columns.reset();
    take(columns, 'traces', spansOf({ ...IDS, name: 'before' }));
    expect(written(columns)).toBe(before);
  });

  test('what rows share is counted once for each resource, not for each row', () => {
    const of = (service: (row: number) => string): Uint8Array =>
      encodeProto('traces', {
        resources: Array.from({ length: 1000 }, (_, row) => ({
          resource: { attributes: [{ key: 'service.name', value: { stringValue: service(row) } }] },
          scopes: [{ items: [IDS] }],
        })),
      });
    const [one, many] = [newColumns(), newColumns()];
    take(
      one,
      'traces',
      of(() => 'service'),
    );
    take(
      many,
      'traces',
      of((row) => `service-${row}`),
    );
    expect(one.sharedBytes).toBeLessThan(1_000);
    expect(many.sharedBytes).toBeGreaterThan(100_000);
    expect(many.sizeBytes - one.sizeBytes).toBeGreaterThanOrEqual(many.sharedBytes - one.sharedBytes);
    many.reset();
    expect(many.sharedBytes).toBeLessThan(1_000);
  });

  test('reset keeps small buffers and gives large ones back', () => {
    const columns = newColumns();
    const start = columns.heldBytes;
    const big = { ...IDS, attributes: [{ key: 'k', value: { stringValue: 'x'.repeat(40_000_000) } }] };
    take(columns, 'traces', spansOf(big, big));
    expect(columns.sizeBytes).toBeGreaterThan(80_000_000);
    columns.reset();
    expect(columns).toMatchObject({ heldBytes: start, items: 0 });
    take(columns, 'traces', spansOf(...Array.from({ length: 1000 }, () => IDS)));
    const { heldBytes: held, sizeBytes: used } = columns;
    expect(used).toBeGreaterThan(100_000);
    expect(used).toBeLessThan(held);
    columns.reset();
    expect(columns).toMatchObject({ items: 0, heldBytes: held });
    expect(columns.sizeBytes).toBeLessThan(1_000);
  });
});
