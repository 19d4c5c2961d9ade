import { ByteBuffer } from '../base/bytes.ts';
import { LIMITS } from '../base/limits.ts';
import type { Signal } from '../base/signal.ts';
import { isNumber, JsonReader } from './json-reader.ts';
import { type Field, type MessageSchema, REQUEST_MESSAGE, SCHEMA } from './schema.ts';
import { TooLargeError } from './unpacking.ts';

/**
 * OTLP/JSON as OTLP/protobuf, so that everything behind the doors knows one encoding (OTLP specification, "JSON Protobuf Encoding"): ids in
 * hexadecimal of either case, other bytes in base64, enums as integers, 64-bit integers as text or number, unknown members ignored, null as absent.
 * @param bytesMax of the protobuf: a list of small numbers takes up to four times as much as in JSON
 * @throws WireError naming byte and member of what is wrong; TooLargeError
 */
export function jsonToProtobuf(
  signal: Signal,
  body: Uint8Array,
  bytesMax: number = LIMITS.requestBytesMax,
): Uint8Array {
  const reader = new JsonReader(body);
  const out = new ByteBuffer();
  out.reserve(body.length);
  writeMembers(reader, out, SCHEMA[REQUEST_MESSAGE[signal]], bytesMax);
  reader.end();
  return out.view();
}

function writeMembers(reader: JsonReader, out: ByteBuffer, schema: MessageSchema, bytesMax: number): void {
  if (reader.kind() !== 'object') throw reader.fail(`${schema.name} must be an object`);
  reader.object((name) => {
    const field = schema.byJsonName.get(name);
    if (field === undefined) reader.skip();
    else if (reader.kind() === 'null') reader.literal('null');
    else if (field.repeated) writeRepeated(reader, out, field, bytesMax);
    else writeField(reader, out, field, bytesMax);
  });
}

function writeRepeated(reader: JsonReader, out: ByteBuffer, field: Field, bytesMax: number): void {
  if (reader.kind() !== 'array') throw reader.fail('must be an array');
  reader.array(() => {
    if (reader.kind() === 'null') throw reader.fail('null is no item of an array');
    writeField(reader, out, field, bytesMax);
    if (out.length > bytesMax) throw new TooLargeError(bytesMax);
  });
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

function writeField(reader: JsonReader, out: ByteBuffer, field: Field, bytesMax: number): void {
  const tag = (wireType: number): void => out.varint(field.number * 8 + wireType);
  switch (field.type) {
    case 'message':
      tag(BYTES);
      writeDelimited(out, () => writeMembers(reader, out, SCHEMA[field.message ?? 'AnyValue'], bytesMax));
      return;
    case 'string':
      if (reader.kind() !== 'string') throw reader.fail('must be a string');
      tag(BYTES);
      writeDelimited(out, () => reader.stringBytes(out));
      return;
    case 'id':
    case 'bytes':
      tag(BYTES);
      writeBytes(reader, out, field.type === 'id');
      return;
    case 'bool':
      tag(VARINT);
      out.byte(readBool(reader) ? 1 : 0);
      return;
    case 'double':
      tag(FIXED64);
      writeDouble(reader, out);
      return;
    case 'fixed64':
    case 'sfixed64':
      tag(FIXED64);
      writeFixed(out, readInteger(reader, field.type), 8);
      return;
    case 'fixed32':
      tag(FIXED32);
      writeFixed(out, readInteger(reader, field.type), 4);
      return;
    default:
      tag(VARINT);
      writeVarint(
        out,
        field.type === 'sint32' ? zigzag(readInteger(reader, 'sint32')) : readInteger(reader, field.type),
      );
  }
}

/** Writes content behind its length, which is known only afterwards: the content is moved up by the size of the length. */
function writeDelimited(out: ByteBuffer, content: () => void): void {
  const start = out.length;
  out.byte(0);
  content();
  const length = out.length - start - 1;
  if (length < 128) {
    out.bytes[start] = length;
    return;
  }
  const prefix = new ByteBuffer();
  prefix.varint(length);
  out.reserve(prefix.length);
  out.bytes.copyWithin(start + prefix.length, start + 1, out.length);
  out.bytes.set(prefix.view(), start);
  out.length = start + prefix.length + length;
}

function writeBytes(reader: JsonReader, out: ByteBuffer, hexadecimal: boolean): void {
  if (reader.kind() !== 'string') throw reader.fail(`must be a string in ${hexadecimal ? 'hexadecimal' : 'base64'}`);
  const text = reader.text();
  // A repeated group would run out of stack on megabytes of digits.
  const valid = hexadecimal ? /^[0-9a-fA-F]*$/.test(text) && text.length % 2 === 0 : /^[\w+/-]*={0,2}$/.test(text);
  if (!valid)
    throw reader.fail(`${JSON.stringify(text.slice(0, 64))} is not ${hexadecimal ? 'hexadecimal' : 'base64'}`);
  const bytes = Buffer.from(text, hexadecimal ? 'hex' : 'base64');
  out.varint(bytes.length);
  out.append(bytes, 0, bytes.length);
}

function readBool(reader: JsonReader): boolean {
  const kind = reader.kind();
  if (kind !== 'true' && kind !== 'false') throw reader.fail('must be true or false');
  reader.literal(kind);
  return kind === 'true';
}

const DOUBLE_NAMES: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function writeDouble(reader: JsonReader, out: ByteBuffer): void {
  const kind = reader.kind();
  if (kind !== 'number' && kind !== 'string') throw reader.fail('must be a number');
  const text = reader.numberText();
  const value = DOUBLE_NAMES.get(text) ?? (isNumber(text) ? Number(text) : undefined);
  if (value === undefined) throw reader.fail(`${JSON.stringify(text.slice(0, 64))} is not a number`);
  out.reserve(8);
  new DataView(out.bytes.buffer, out.bytes.byteOffset + out.length).setFloat64(0, value, true);
  out.length += 8;
}

type IntegerType = Exclude<Field['type'], 'string' | 'bool' | 'bytes' | 'id' | 'double' | 'message'>;

const RANGES: Readonly<Record<IntegerType, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  sint32: [-(2n ** 31n), 2n ** 31n - 1n],
  enum: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  fixed32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sfixed64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  fixed64: [0n, 2n ** 64n - 1n],
};

function readInteger(reader: JsonReader, type: IntegerType): bigint {
  const kind = reader.kind();
  if (kind !== 'number' && kind !== 'string') throw reader.fail('must be an integer');
  if (kind === 'string' && type === 'enum') throw reader.fail('an enum must be its number, not its name');
  const text = reader.numberText();
  const value = parseInteger(text);
  if (value === undefined) throw reader.fail(`${JSON.stringify(text.slice(0, 64))} is not an integer`);
  const [least, most] = RANGES[type];
  if (value < least || value > most) throw reader.fail(`${text.slice(0, 64)} is not within ${least} … ${most}`);
  return value;
}

/** Digits beyond the largest exponent of a 64-bit integer can only be too large or not whole. */
const EXPONENT_MAX = 20;

/** An integer in decimal, also as `1.0` or `1e3` when it is whole. */
function parseInteger(text: string): bigint | undefined {
  if (/^-?\d{1,40}$/.test(text)) return BigInt(text);
  const match = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([-+]?\d{1,3}))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = '', exponent = '0'] = match;
  const shift = Number(exponent) - fraction.length;
  if (shift > EXPONENT_MAX) return undefined;
  const digits = BigInt(whole + fraction);
  const scale = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && digits % scale !== 0n) return undefined;
  const value = shift < 0 ? digits / scale : digits * scale;
  return sign === '-' ? -value : value;
}

const zigzag = (value: bigint): bigint => (value >= 0n ? value * 2n : -value * 2n - 1n);

/** Negative integers are ten bytes, as protobuf has it. */
function writeVarint(out: ByteBuffer, value: bigint): void {
  if (value >= 0n && value <= 0xffffffffn) {
    out.varint(Number(value));
    return;
  }
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    out.byte(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.byte(Number(rest));
}

function writeFixed(out: ByteBuffer, value: bigint, count: number): void {
  out.reserve(count);
  let rest = BigInt.asUintN(64, value);
  for (let i = 0; i < count; i++) {
    out.bytes[out.length++] = Number(rest & 255n);
    rest >>= 8n;
  }
}
