import { expect, test } from 'vitest';
import { jsonOf } from '../../test/support/otlp-json.ts';
import { decodeProto, encodeProto, type Message } from '../../test/support/otlp-proto.ts';
import { randomFrom, randomRequest } from '../../test/support/otlp-random.ts';
import { SIGNALS, type Signal } from '../base/signal.ts';
import { jsonToProtobuf } from './json.ts';
import { TooLargeError } from './unpacking.ts';
import { WireError } from './wire-error.ts';

const read = (signal: Signal, text: string): Message => decodeProto(signal, jsonToProtobuf(signal, Buffer.from(text)));

const inAttribute = (value: string): string =>
  `{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":${value}}]}}]}`;

/** The value of the one attribute of a resource. */
function attribute(value: string): unknown {
  const [{ resource }] = read('traces', inAttribute(value))['resources'] as { resource: Message }[];
  const [only] = resource['attributes'] as Message[];
  return only['value'];
}

/** Of a field of the one data point of a gauge. */
function pointField(members: string): Message {
  const text = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{${members}}]}}]}]}]}`;
  const [{ scopes }] = read('metrics', text)['resources'] as {
    scopes: { items: { gauge: { dataPoints: Message[] } }[] }[];
  }[];
  return scopes[0].items[0].gauge.dataPoints[0];
}

test.each(SIGNALS)('random %s mean the same in JSON as in protobuf', (signal) => {
  for (let seed = 0; seed < 150; seed++) {
    const body = Uint8Array.from(encodeProto(signal, randomRequest(randomFrom(seed), signal)));
    const meant = decodeProto(signal, body);
    const text = jsonOf(signal, meant);
    expect(decodeProto(signal, jsonToProtobuf(signal, Buffer.from(text))), `seed ${seed}`).toEqual(meant);
    const spaced = JSON.stringify(JSON.parse(text), null, '\t');
    expect(decodeProto(signal, jsonToProtobuf(signal, Buffer.from(spaced))), `seed ${seed}`).toEqual(meant);
  }
});

test.each(SIGNALS)('%s in JSON cut off at any byte are a WireError', (signal) => {
  let text = '';
  for (let seed = 1; text.length < 1500 || text.length > 4000; seed++)
    text = jsonOf(signal, randomRequest(randomFrom(seed), signal));
  const bytes = Buffer.from(text);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => jsonToProtobuf(signal, bytes.subarray(0, length)), `first ${length} bytes`).toThrow(WireError);
  }
});

test.each([
  ['0', '0'],
  ['-0', '0'],
  ['"007"', '7'],
  ['1.0', '1'],
  ['1e3', '1000'],
  ['"12e-1"', undefined],
  ['9223372036854775807', '9223372036854775807'],
  ['"-9223372036854775808"', '-9223372036854775808'],
  ['9.223372036854775807e18', '9223372036854775807'],
  ['9223372036854775808', undefined],
  ['-9223372036854775809', undefined],
  ['1.5', undefined],
  ['1e400', undefined],
  ['""', undefined],
  ['"0x10"', undefined],
  ['"constructor"', undefined],
  ['true', undefined],
  ['01', undefined],
  ['+1', undefined],
  ['.5', undefined],
  ['1.', undefined],
  ['--1', undefined],
  ['NaN', undefined],
])('intValue %s is %s', (text, meant) => {
  const value = (): unknown => attribute(`{"intValue":${text}}`);
  if (meant === undefined) expect(value).toThrow(WireError);
  else expect(value()).toEqual({ intValue: meant });
});

test.each([
  ['0', 0],
  ['-0', -0],
  ['"-0"', -0],
  ['0.1', 0.1],
  ['"1e21"', 1e21],
  ['5e-324', 5e-324],
  ['1.7976931348623157e308', Number.MAX_VALUE],
  ['1e999', Number.POSITIVE_INFINITY],
  ['"NaN"', Number.NaN],
  ['"Infinity"', Number.POSITIVE_INFINITY],
  ['"-Infinity"', Number.NEGATIVE_INFINITY],
  ['"0x10"', undefined],
  ['"1_0"', undefined],
  ['""', undefined],
  ['"nan"', undefined],
  ['"constructor"', undefined],
  ['"toString"', undefined],
  ['NaN', undefined],
  ['Infinity', undefined],
  ['false', undefined],
  ['[]', undefined],
])('doubleValue %s is %s', (text, meant) => {
  const value = (): unknown => attribute(`{"doubleValue":${text}}`);
  if (meant === undefined) expect(value).toThrow(WireError);
  else expect(value()).toEqual({ doubleValue: meant });
});

test('32-bit and unsigned integers keep their ranges', () => {
  expect(pointField('"flags":4294967295,"timeUnixNano":"18446744073709551615"')).toEqual({
    flags: 4294967295,
    timeUnixNano: '18446744073709551615',
  });
  expect(() => pointField('"flags":4294967296')).toThrow('not within');
  expect(() => pointField('"flags":-1')).toThrow('not within');
  expect(() => pointField('"timeUnixNano":"18446744073709551616"')).toThrow('not within');
  expect(() => pointField('"timeUnixNano":-1')).toThrow('not within');
  expect(pointField('"asInt":-5')).toEqual({ asInt: '-5' });
});

test('null is as absent, but no item of a list', () => {
  expect(read('traces', '{"resourceSpans":null}')).toEqual({});
  expect(read('traces', '{"resourceSpans":[{"resource":null,"scopeSpans":[],"schemaUrl":null}]}')).toEqual({
    resources: [{}],
  });
  expect(() => read('traces', '{"resourceSpans":[null]}')).toThrow(WireError);
});

test('text keeps every character: escapes, pairs of surrogates, NUL; a lone surrogate becomes the replacement character', () => {
  const text = (escaped: string): unknown => attribute(`{"stringValue":"${escaped}"}`);
  expect(text('\\u00e9\\n\\t\\b\\f\\r\\"\\\\\\/\\u0000')).toEqual({ stringValue: 'é\n\t\b\f\r"\\/\u0000' });
  expect(text('\\ud83c\\udf33🌳')).toEqual({ stringValue: '🌳🌳' });
  expect(text('\\ud83c')).toEqual({ stringValue: '\ufffd' });
  expect(text('\\ud83c\\u0041\\udf33')).toEqual({ stringValue: '\ufffdA\ufffd' });
  for (const wrong of ['\\x41', '\\u12', '\\u12g4', '\\', '\n', '\u0001'])
    expect(() => text(wrong), wrong).toThrow(WireError);
  const key = '{"resourceSpans":[{"schema\\u0055rl":"u"}]}';
  expect(read('traces', key)).toEqual({ resources: [{ schemaUrl: 'u' }] });
});

test('what is no JSON object of the request is refused, and the message names byte and member', () => {
  const wrong: [string, RegExp][] = [
    ['', /byte 0/],
    ['[]', /must be an object/],
    ['"x"', /must be an object/],
    ['{} {}', /byte 3: unexpected text/],
    ['{"a":1,}', /expected a string/],
    ["{'a':1}", /expected a string/],
    ['{"a" 1}', /expected ":"/],
    ['{"a":tru}', /expected true/],
    ['{"resourceSpans":{}}', /\(resourceSpans\): must be an array/],
    [
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":5}]}]}]}',
      /resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[0\]\.name\): must be a string/,
    ],
    ['{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"xyz"}]}]}]}', /spanId\): "xyz" is not hexadecimal/],
  ];
  for (const [text, message] of wrong) expect(() => read('traces', text), text).toThrow(message);
});

test('nesting beyond the limit is refused, in values as in what is ignored', () => {
  const nested = (depth: number): string => '{"arrayValue":{"values":['.repeat(depth) + '{}' + ']}}'.repeat(depth);
  expect(jsonToProtobuf('traces', Buffer.from(inAttribute(nested(60)))).length).toBeGreaterThan(60 * 4);
  expect(() => attribute(nested(100_000))).toThrow(/nested deeper/);
  expect(() => read('traces', `{"unknown":${'['.repeat(100_000)}`)).toThrow(/nested deeper/);
});

test('ids and numbers of megabytes are taken or refused, without running out of stack', () => {
  const long = (count: number): string => 'ab'.repeat(count);
  const span = (traceId: string): string => `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${traceId}"}]}]}]}`;
  expect(jsonToProtobuf('traces', Buffer.from(span(long(10_000_000)))).length).toBeGreaterThan(10_000_000);
  expect(() => read('traces', span(`${long(10_000_000)}g`))).toThrow(WireError);
  expect(() => attribute(`{"intValue":${'9'.repeat(20_000_000)}}`)).toThrow(WireError);
  expect(() => attribute(`{"bytesValue":"${'A'.repeat(20_000_000)}!"}`)).toThrow(WireError);
});

test('protobuf beyond the limit is too large', () => {
  const counts = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[${'0,'.repeat(9_999)}0]}]}}]}]}]}`;
  expect(jsonToProtobuf('metrics', Buffer.from(counts), 200_000).length).toBeGreaterThan(80_000);
  expect(() => jsonToProtobuf('metrics', Buffer.from(counts), 50_000)).toThrow(TooLargeError);
});

test('a usual export of an SDK is read', () => {
  const text = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}]},
    "scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0","attributes":[]},"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C",
    "spanId":"EEE19B7EC3C1B174","parentSpanId":"EEE19B7EC3C1B173","name":"I'm a server span","startTimeUnixNano":"1544712660000000000",
    "endTimeUnixNano":"1544712661000000000","kind":2,"attributes":[{"key":"my.span.attr","value":{"intValue":"5"}}]}]}]}]}`;
  const [{ scopes }] = read('traces', text)['resources'] as { scopes: { items: Message[] }[] }[];
  const [span] = scopes[0].items;
  expect(Buffer.from(span['traceId'] as Uint8Array).toString('hex')).toBe('5b8efff798038103d269b633813fc60c');
  expect(span).toMatchObject({ name: "I'm a server span", kind: 2, startTimeUnixNano: '1544712660000000000' });
});
