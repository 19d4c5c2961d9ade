import { expect, test } from 'vitest';
import { makeTemplates, stamp } from '../../bench/payload.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { orderOfIds, orderOfSpans } from './span-order.ts';
import { SegmentColumns, transcode } from './transcode.ts';

interface Place {
  readonly service: string;
  readonly second: bigint;
  readonly trace: string;
  readonly time: bigint;
}

function placesOf(columns: SegmentColumns, order: Iterable<number>): Place[] {
  const { traces, resources } = columns;
  const { serviceName } = resources;
  const { dictionary } = serviceName;
  return Array.from(order, (row) => {
    const service = serviceName.ids.values[traces.contexts.resource.values[row]];
    const words = traces.timestamp.list.values;
    const time = (BigInt(words[row * 2 + 1]) << 32n) | BigInt(words[row * 2]);
    const id = traces.traceOf.values[row] * 16;
    return {
      service: Buffer.from(
        dictionary.data.bytes.subarray(dictionary.starts.values[service], dictionary.starts.values[service + 1]),
      ).toString('latin1'),
      second: time / 1_000_000_000n,
      trace: Buffer.from(traces.traceIds.data.bytes.subarray(id, id + 16)).toString('hex'),
      time,
    };
  });
}

/** What all steps come to. */
function finish<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

const keyOf = ({ service, second, trace, time }: Place): string =>
  `${service}\0${String(second).padStart(20, '0')}${trace}${String(time).padStart(20, '0')}`;

test('spans stand in the order of their table: service, second, trace, time', () => {
  const columns = new SegmentColumns();
  for (const [i, template] of makeTemplates(6, 50).entries()) {
    transcode(columns, 'traces', stamp(template, 3, i, 1_700_000_000_300 + (i % 3) * 700), '', 1n);
  }
  const order = finish(orderOfSpans(columns.traces, columns.resources, orderOfIds(columns.traces.traceIds)));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: columns.traces.rows }, (_, i) => i));
  const keys = placesOf(columns, order).map(keyOf);
  expect(keys).toEqual([...keys].sort());
  expect(keys).not.toEqual(placesOf(columns, order.keys()).map(keyOf));
});

test('services stand in the order of their bytes, however long they are', () => {
  const columns = new SegmentColumns();
  const names = [
    'b',
    '',
    'abcdefgh\u00ff',
    'abcdefgh',
    'abcdefgz',
    'abcdefg',
    'abcd\u0080',
    'abcdz',
    'b\u0000',
    'abcdefgha',
  ];
  const resources = names.map((value) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: value } }] },
    scopes: [{ items: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 1) }] }],
  }));
  transcode(columns, 'traces', encodeProto('traces', { resources }), '', 1n);
  const order = finish(orderOfSpans(columns.traces, columns.resources, orderOfIds(columns.traces.traceIds)));
  const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(Array.from(order, (row) => names[row])).toEqual(sorted);
});

test('trace ids stand in the order of their bytes', () => {
  const columns = new SegmentColumns();
  for (const [i, template] of makeTemplates(3, 50).entries()) {
    transcode(columns, 'traces', stamp(template, 9, i, 1_700_000_000_000), '', 1n);
  }
  const ids = Array.from({ length: columns.traces.traceIds.size }, (_, i) =>
    Buffer.from(columns.traces.traceIds.data.bytes.subarray(i * 16, i * 16 + 16)).toString('hex'),
  );
  expect(Array.from(orderOfIds(columns.traces.traceIds).rows, (i) => ids[i])).toEqual([...ids].sort());
});
