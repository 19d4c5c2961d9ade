import { expect, test } from 'vitest';
import { jsonOf } from '../../test/support/otlp-json.ts';
import { decodeProto, encodeProto } from '../../test/support/otlp-proto.ts';
import { randomFrom, randomRequest } from '../../test/support/otlp-random.ts';
import { SIGNALS } from '../base/signal.ts';
import { jsonToProtobuf } from './json.ts';
import { protobufToJson } from './json-writer.ts';

test.each(SIGNALS)(
  'random %s written as JSON are what the reference encoder writes, and read back the same',
  (signal) => {
    for (let seed = 0; seed < 150; seed++) {
      const body = Uint8Array.from(encodeProto(signal, randomRequest(randomFrom(seed), signal)));
      const text = protobufToJson(signal, [body]);
      const meant = decodeProto(signal, body);
      expect(JSON.parse(text.toString()), `seed ${seed}`).toEqual(JSON.parse(expectedJson(jsonOf(signal, meant))));
      expect(decodeProto(signal, jsonToProtobuf(signal, text)), `seed ${seed}`).toEqual(meant);
    }
  },
);

/** The reference writes minus zero as text, since JSON.stringify has no other way to keep it. */
const expectedJson = (text: string): string => text.replaceAll('"-0"', '-0');

test('ids are hexadecimal, enums integers, 64-bit integers text, names in camel case (checklist 42 to 46)', () => {
  const span = {
    traceId: Buffer.from('5B8EFFF798038103D269B633813FC60C', 'hex'),
    spanId: Buffer.from('EEE19B7EC3C1B174', 'hex'),
    parentSpanId: Buffer.from('EEE19B7EC3C1B173', 'hex'),
    name: 'I "quote" ü',
    kind: 2,
    startTimeUnixNano: '1544712660000000000',
    endTimeUnixNano: '1544712661000000000',
    attributes: [
      { key: 'n', value: { intValue: '-9223372036854775808' } },
      { key: 'b', value: { bytesValue: Buffer.from([1, 2, 255]) } },
      { key: 'd', value: { doubleValue: Number.POSITIVE_INFINITY } },
    ],
    status: { code: 2 },
  };
  const body = encodeProto('traces', { resources: [{ scopes: [{ items: [span] }] }] });
  const { resourceSpans } = JSON.parse(protobufToJson('traces', [body]).toString()) as {
    resourceSpans: { scopeSpans: { spans: unknown[] }[] }[];
  };
  expect(resourceSpans[0]?.scopeSpans[0]?.spans[0]).toEqual({
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: 'eee19b7ec3c1b174',
    parentSpanId: 'eee19b7ec3c1b173',
    name: 'I "quote" ü',
    kind: 2,
    startTimeUnixNano: '1544712660000000000',
    endTimeUnixNano: '1544712661000000000',
    attributes: [
      { key: 'n', value: { intValue: '-9223372036854775808' } },
      { key: 'b', value: { bytesValue: 'AQL/' } },
      { key: 'd', value: { doubleValue: 'Infinity' } },
    ],
    status: { code: 2 },
  });
});

test('requests one after the other are one, a message that comes twice is merged, unknown fields are left out', () => {
  const named = (name: string) => encodeProto('logs', { resources: [{ scopes: [{ items: [{ eventName: name }] }] }] });
  const both = JSON.parse(protobufToJson('logs', [named('a'), named('b')]).toString()) as { resourceLogs: unknown[] };
  expect(both.resourceLogs).toHaveLength(2);
  // ResourceLogs { resource { droppedAttributesCount 1 } resource { attributes { key "k" } } field 15: 7 }
  const twice = [0x0a, 0x0d, 0x0a, 0x02, 0x10, 0x01, 0x0a, 0x05, 0x0a, 0x03, 0x0a, 0x01, 0x6b, 0x78, 0x07];
  expect(JSON.parse(protobufToJson('logs', [Uint8Array.from(twice)]).toString())).toEqual({
    resourceLogs: [{ resource: { droppedAttributesCount: 1, attributes: [{ key: 'k' }] } }],
  });
});
