import type { Cursor } from '../wire/protobuf.ts';
import type { AttributeReaders } from './attributes.ts';
import { DOUBLE_VALUE, INT_VALUE } from './metric-columns.ts';
import type { PointBatch, Scalar, Values, Word } from './points.ts';

/** Reads one field of a data point; the cursor stands behind its tag. */
type ReadField = (batch: PointBatch, cursor: Cursor, readers: AttributeReaders, end: number) => void;

/** The fields of a data point message, by tag; the names are for error messages. */
export interface PointShape {
  readonly message: string;
  readonly fields: Readonly<Record<number, ReadField>>;
  readonly names: Readonly<Record<number, string>>;
}

const FIXED64 = 1;
const BYTES = 2;

const halves =
  (name: 'start' | 'time' | Scalar, bit = 0): ReadField =>
  (batch, cursor, _readers, end) => {
    cursor.fixed64(end);
    batch.row[name].low = cursor.low;
    batch.row[name].high = cursor.high;
    batch.row.optional |= bit;
  };

const value =
  (kind: number): ReadField =>
  (batch, cursor, _readers, end) => {
    cursor.fixed64(end);
    batch.row.kind = kind;
    batch.row.value.low = cursor.low;
    batch.row.value.high = cursor.high;
  };

const attributes: ReadField = (batch, cursor, readers, end) =>
  readers.item.keyValue(batch.head.attributes, cursor.lengthEnd(end));

const flags: ReadField = (batch, cursor, _readers, end) => {
  batch.row.Flags = cursor.varint32(end);
};

/** sint32: zigzag. */
const readSigned = (cursor: Cursor, end: number): number => {
  const raw = cursor.varint32(end);
  return (raw >>> 1) ^ -(raw & 1);
};

const signed =
  (name: Word): ReadField =>
  (batch, cursor, _readers, end) => {
    batch.row[name] = readSigned(cursor, end);
  };

const exemplar: ReadField = (batch, cursor, readers, end) => {
  batch.exemplars.read(cursor, readers.nested, cursor.lengthEnd(end));
  batch.row.exemplars++;
};

const one =
  (name: Values): ReadField =>
  (batch, cursor, _readers, end) => {
    cursor.fixed64(end);
    batch.values.get(name)?.inner.push(cursor.low, cursor.high);
  };

const packed =
  (name: Values): ReadField =>
  (batch, cursor, readers, end) => {
    const packedEnd = cursor.lengthEnd(end);
    const read = one(name);
    while (cursor.at < packedEnd) read(batch, cursor, readers, packedEnd);
  };

const quantile: ReadField = (batch, cursor, _readers, end) => {
  const messageEnd = cursor.lengthEnd(end);
  let [quantileLow, quantileHigh, valueLow, valueHigh] = [0, 0, 0, 0];
  while (cursor.at < messageEnd) {
    const tag = cursor.tag(messageEnd);
    if (tag === 0x09) {
      cursor.fixed64(messageEnd);
      quantileLow = cursor.low;
      quantileHigh = cursor.high;
    } else if (tag === 0x11) {
      cursor.fixed64(messageEnd);
      valueLow = cursor.low;
      valueHigh = cursor.high;
    } else cursor.unknown(tag, messageEnd, 'ValueAtQuantile', { 1: 'quantile', 2: 'value' });
  }
  batch.quantile.push(quantileLow, quantileHigh);
  batch.quantileValue.push(valueLow, valueHigh);
  batch.row.quantiles++;
};

/** Buckets of an exponential histogram: offset (sint32) and bucket_counts (uint64 varints, packed or not). */
const buckets =
  (counts: Values, offset: Word, bit: number): ReadField =>
  (batch, cursor, _readers, end) => {
    const messageEnd = cursor.lengthEnd(end);
    const inner = batch.values.get(counts)?.inner;
    batch.row.optional |= bit;
    const count = (limit: number): void => {
      cursor.varint64(limit);
      inner?.push(cursor.low, cursor.high);
    };
    while (cursor.at < messageEnd) {
      const tag = cursor.tag(messageEnd);
      if (tag === 0x08) batch.row[offset] = readSigned(cursor, messageEnd);
      else if (tag === 0x10) count(messageEnd);
      else if (tag === 0x12) {
        const packedEnd = cursor.lengthEnd(messageEnd);
        while (cursor.at < packedEnd) count(packedEnd);
      } else cursor.unknown(tag, messageEnd, 'Buckets', { 1: 'offset', 2: 'bucket_counts' });
    }
  };

/** Bits of OptionalFields (src/columns/tables.ts). */
const HAS_SUM = 1;
const HAS_MIN = 2;
const HAS_MAX = 4;
const HAS_POSITIVE = 8;
const HAS_NEGATIVE = 16;

const tag = (field: number, wireType: number): number => field * 8 + wireType;

export const NUMBER_SHAPE: PointShape = {
  message: 'NumberDataPoint',
  fields: {
    [tag(2, FIXED64)]: halves('start'),
    [tag(3, FIXED64)]: halves('time'),
    [tag(4, FIXED64)]: value(DOUBLE_VALUE),
    [tag(5, BYTES)]: exemplar,
    [tag(6, FIXED64)]: value(INT_VALUE),
    [tag(7, BYTES)]: attributes,
    [tag(8, 0)]: flags,
  },
  names: {
    2: 'start_time_unix_nano',
    3: 'time_unix_nano',
    4: 'as_double',
    5: 'exemplars',
    6: 'as_int',
    7: 'attributes',
    8: 'flags',
  },
};

export const HISTOGRAM_SHAPE: PointShape = {
  message: 'HistogramDataPoint',
  fields: {
    [tag(2, FIXED64)]: halves('start'),
    [tag(3, FIXED64)]: halves('time'),
    [tag(4, FIXED64)]: halves('Count'),
    [tag(5, FIXED64)]: halves('Sum', HAS_SUM),
    [tag(6, FIXED64)]: one('BucketCounts'),
    [tag(6, BYTES)]: packed('BucketCounts'),
    [tag(7, FIXED64)]: one('ExplicitBounds'),
    [tag(7, BYTES)]: packed('ExplicitBounds'),
    [tag(8, BYTES)]: exemplar,
    [tag(9, BYTES)]: attributes,
    [tag(10, 0)]: flags,
    [tag(11, FIXED64)]: halves('Min', HAS_MIN),
    [tag(12, FIXED64)]: halves('Max', HAS_MAX),
  },
  names: {
    2: 'start_time_unix_nano',
    3: 'time_unix_nano',
    4: 'count',
    5: 'sum',
    6: 'bucket_counts',
    7: 'explicit_bounds',
    8: 'exemplars',
    9: 'attributes',
    10: 'flags',
    11: 'min',
    12: 'max',
  },
};

export const EXPONENTIAL_SHAPE: PointShape = {
  message: 'ExponentialHistogramDataPoint',
  fields: {
    [tag(1, BYTES)]: attributes,
    [tag(2, FIXED64)]: halves('start'),
    [tag(3, FIXED64)]: halves('time'),
    [tag(4, FIXED64)]: halves('Count'),
    [tag(5, FIXED64)]: halves('Sum', HAS_SUM),
    [tag(6, 0)]: signed('Scale'),
    [tag(7, FIXED64)]: halves('ZeroCount'),
    [tag(8, BYTES)]: buckets('PositiveBucketCounts', 'PositiveOffset', HAS_POSITIVE),
    [tag(9, BYTES)]: buckets('NegativeBucketCounts', 'NegativeOffset', HAS_NEGATIVE),
    [tag(10, 0)]: flags,
    [tag(11, BYTES)]: exemplar,
    [tag(12, FIXED64)]: halves('Min', HAS_MIN),
    [tag(13, FIXED64)]: halves('Max', HAS_MAX),
    [tag(14, FIXED64)]: halves('ZeroThreshold'),
  },
  names: {
    1: 'attributes',
    2: 'start_time_unix_nano',
    3: 'time_unix_nano',
    4: 'count',
    5: 'sum',
    6: 'scale',
    7: 'zero_count',
    8: 'positive',
    9: 'negative',
    10: 'flags',
    11: 'exemplars',
    12: 'min',
    13: 'max',
    14: 'zero_threshold',
  },
};

export const SUMMARY_SHAPE: PointShape = {
  message: 'SummaryDataPoint',
  fields: {
    [tag(2, FIXED64)]: halves('start'),
    [tag(3, FIXED64)]: halves('time'),
    [tag(4, FIXED64)]: halves('Count'),
    [tag(5, FIXED64)]: halves('Sum'),
    [tag(6, BYTES)]: quantile,
    [tag(7, BYTES)]: attributes,
    [tag(8, 0)]: flags,
  },
  names: {
    2: 'start_time_unix_nano',
    3: 'time_unix_nano',
    4: 'count',
    5: 'sum',
    6: 'quantile_values',
    7: 'attributes',
    8: 'flags',
  },
};
