import type { Cursor } from '../wire/protobuf.ts';

/** Reads the few fields that the command line needs of OTLP files in protobuf. Field numbers are those of opentelemetry-proto 1.x. */

/** Key and value of an attribute, the value as text; '' where it is no text, number or truth. */
export function readKeyValue(cursor: Cursor, end: number): [string, string] {
  let key = '';
  let value = '';
  eachField(cursor, end, (field, inner) => {
    if (field === 1) key = text(cursor, inner);
    else if (field === 2) {
      eachField(cursor, inner, (valueField, valueEnd) => {
        if (valueField === 1) value = text(cursor, valueEnd);
        else if (valueField === 2) value = String(cursor.low !== 0);
        else if (valueField === 3) value = BigInt.asIntN(64, unsigned(cursor)).toString();
      });
    }
  });
  return [key, value];
}

const FIXED64 = 1;
const BYTES = 2;

/**
 * Calls `take` with each field's number. A length-delimited field is given with its end, the cursor at its first byte; the value of any other
 * is in the cursor's halves. What `take` does not read is passed over.
 */
export function eachField(cursor: Cursor, end: number, take: (field: number, end: number) => void): void {
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if ((tag & 7) === BYTES) {
      const inner = cursor.lengthEnd(end);
      take(tag >>> 3, inner);
      cursor.at = inner;
    } else if ((tag & 7) === FIXED64) {
      cursor.fixed64(end);
      take(tag >>> 3, cursor.at);
    } else if ((tag & 7) === 0) {
      cursor.varint64(end);
      take(tag >>> 3, cursor.at);
    } else cursor.skip(tag, end);
  }
}

export const hex = (cursor: Cursor, end: number): string =>
  Buffer.from(cursor.bytes.subarray(cursor.at, end)).toString('hex');
export const text = (cursor: Cursor, end: number): string =>
  Buffer.from(cursor.bytes.subarray(cursor.at, end)).toString();
export const unsigned = ({ high, low }: Cursor): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
