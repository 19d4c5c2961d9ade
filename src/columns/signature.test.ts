import { expect, test } from 'vitest';
import { decodeProto, encodeProto, type Message } from '../../test/support/otlp-proto.ts';
import { randomAttributes, randomFrom } from '../../test/support/otlp-random.ts';
import { AttributeReader } from '../transcode/attributes.ts';
import { Cursor } from '../wire/protobuf.ts';
import { WireError } from '../wire/wire-error.ts';
import { LowColumn, MapColumn } from './builders.ts';
import { readAttributes, readSingle } from './signature.ts';

const SETS = Number(process.env['CLEW_SIGNATURE_SETS'] ?? 3000);

/** Keys, texts and signature that the transcoder writes for a KeyValueList. */
function written(bytes: Uint8Array): { keys: string[]; texts: string[]; signature: string } {
  const cursor = new Cursor(bytes);
  const reader = new AttributeReader(cursor);
  const map = new MapColumn();
  const types = new LowColumn();
  reader.begin();
  while (cursor.at < bytes.length) {
    cursor.tag(bytes.length);
    reader.keyValue(map, cursor.lengthEnd(bytes.length));
  }
  reader.finish(map, types);
  const text = (data: Uint8Array, start: number, end: number): string =>
    Buffer.from(data.subarray(start, end)).toString();
  const entry = (id: number): string =>
    text(map.keys.data.bytes, map.keys.starts.values[id], map.keys.starts.values[id + 1]);
  const ends = [0, ...map.values.ends.values.subarray(0, map.values.ends.length)];
  return {
    keys: [...map.keyIds.values.subarray(0, map.keyIds.length)].map(entry),
    // A value stands behind its length, which is one byte below 128 and two below 16384.
    texts: ends.slice(1).map((end, i) => {
      const size = end - ends[i];
      return text(map.values.data.bytes, end - (size > 16_385 ? size - 3 : size > 128 ? size - 2 : size - 1), end);
    }),
    signature: text(types.dictionary.data.bytes, 0, types.dictionary.data.length),
  };
}

/** A decoded AnyValue as OTLP/JSON has it. */
function asJson(any: Message): unknown {
  const [[name, value] = ['', undefined]] = Object.entries(any);
  const values = ((value as Message | undefined)?.['values'] as readonly Message[] | undefined) ?? [];
  if (name === 'bytesValue') return { bytesValue: Buffer.from(value as Uint8Array).toString('base64') };
  if (name === 'doubleValue') {
    const isZero = Object.is(value, -0);
    return { doubleValue: isZero ? '-0' : Number.isFinite(value) ? value : String(value) };
  }
  if (name === 'arrayValue') return { arrayValue: values.length === 0 ? {} : { values: values.map(asJson) } };
  if (name === 'kvlistValue') return { kvlistValue: values.length === 0 ? {} : { values: values.map(keyValueAsJson) } };
  return any;
}

const keyValueAsJson = (kv: Message): unknown => ({
  key: kv['key'] ?? '',
  ...(kv['value'] === undefined ? {} : { value: asJson(kv['value'] as Message) }),
});

test('what the transcoder writes reads back as what was sent', () => {
  for (let seed = 0; seed < SETS; seed++) {
    const random = randomFrom(seed);
    const bytes = encodeProto('KeyValueList', { values: randomAttributes(random) });
    const sent = (decodeProto('KeyValueList', bytes)['values'] as readonly Message[] | undefined) ?? [];
    const { keys, texts, signature } = written(bytes);
    expect(readAttributes(keys, texts, signature), `seed ${seed}: ${signature}`).toEqual(sent.map(keyValueAsJson));
  }
});

test('-0 keeps its sign, and a run of many values its length', () => {
  const values = Array.from({ length: 300 }, (_, i) => ({ doubleValue: i === 299 ? -0 : i + 0.5 }));
  const { keys, texts, signature } = written(
    encodeProto('KeyValueList', { values: [{ key: 'a', value: { arrayValue: { values } } }] }),
  );
  expect(signature).toBe('a(d300)');
  const [read] = readAttributes(keys, texts, signature);
  expect(read.value).toEqual({ arrayValue: { values: [...values.slice(0, -1), { doubleValue: '-0' }] } });
});

/** A length-delimited field. */
function field(number: number, content: Uint8Array): Uint8Array {
  const size = content.length;
  return Uint8Array.from([number * 8 + 2, ...(size < 128 ? [size] : [(size & 127) | 128, size >> 7]), ...content]);
}

/** The same as protobuf, by hand: the generic encoder stops before 64 levels. */
function nestedBytes(depth: number): Uint8Array {
  let value = field(1, Buffer.from('x'));
  for (let i = 0; i < depth; i++) value = field(5, field(1, value));
  return field(1, Uint8Array.from([...field(1, Buffer.from('deep')), ...field(2, value)]));
}

/** An array in an array in an array, so many deep. */
function nested(depth: number): Message {
  let value: Message = { stringValue: 'x' };
  for (let i = 0; i < depth; i++) value = { arrayValue: { values: [value] } };
  return value;
}

test('64 levels of nesting are kept, the 65th is refused', () => {
  const { keys, texts, signature } = written(nestedBytes(64));
  expect(readAttributes(keys, texts, signature)).toEqual([{ key: 'deep', value: nested(64) }]);
  expect(() => written(nestedBytes(65))).toThrow(WireError);
});

test('rows of other programs, without a signature or with one that does not fit, are strings', () => {
  expect(readAttributes(['a', 'b'], ['1', ''], '')).toEqual([
    { key: 'a', value: { stringValue: '1' } },
    { key: 'b', value: { stringValue: '' } },
  ]);
  for (const [text, signature] of [
    ['x', 'i'],
    ['1.5', 'i'],
    ['yes', 'b'],
    ['', 'd'],
    ['[1', 'a(i)'],
    ['[1]x', 'a(i)'],
    ['[1,2]', 'a(i)'],
    ['["\\u00"]', 'a(s)'],
    ['{"a" 1}', 'k(i)'],
    ['1', 'a(i'],
    ['1', 'q'],
    ['1', ')'],
    ['1', 'a'],
    ['1', 's99999999999'],
  ]) {
    expect(readAttributes(['k'], [text], signature), `${text} ${signature}`).toEqual([
      { key: 'k', value: { stringValue: text } },
    ]);
  }
});

test('a body without a signature is none, unless another program wrote it', () => {
  expect(readSingle('', '')).toBeUndefined();
  expect(readSingle('', 'n')).toEqual({});
  expect(readSingle('', 's')).toEqual({ stringValue: '' });
  expect(readSingle('Started', '')).toEqual({ stringValue: 'Started' });
  expect(readSingle('9007199254740993', 'i')).toEqual({ intValue: '9007199254740993' });
});
