import type { ByteSource } from '../base/bytes.ts';
import { WireError } from './wire-error.ts';

/** Wire types of the protobuf encoding (protobuf.dev/programming-guides/encoding). */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const VARINT_BYTES_MAX = 10;

/**
 * Reads protobuf from bytes that nobody has checked. Every length is compared with the end of the message it stands in, and 64-bit values
 * are two 32-bit halves (`low`, `high`), because nanoseconds do not fit a JavaScript number.
 *
 * A message is read as: `while (cursor.at < end) { const tag = cursor.tag(end); … }`. Ends nest: a length-delimited field's end is
 * `cursor.lengthEnd(end)`, never beyond the end of the message around it.
 */
export class Cursor implements ByteSource {
  bytes: Uint8Array;
  words: DataView;
  at = 0;
  /** Halves of the last 64-bit value that was read, as signed 32-bit integers: V8 keeps those without a heap number. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Begins again with other bytes. */
  read(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = 0;
  }

  /** Field number × 8 + wire type. */
  tag(end: number): number {
    const first = this.bytes[this.at];
    if (first < 128 && first > 7 && this.at < end) {
      this.at++;
      return first;
    }
    const start = this.at;
    this.varint64(end);
    const tag = this.low >>> 0;
    if (this.high !== 0 || tag < 8) throw new WireError(`the tag at byte ${start} has no valid field number`);
    return tag;
  }

  /** The low 32 bits of a varint, unsigned. */
  varint32(end: number): number {
    const bytes = this.bytes;
    let at = this.at;
    if (at < end) {
      const first = bytes[at];
      if (first < 128) {
        this.at = at + 1;
        return first;
      }
    }
    const start = at;
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end) throw truncated('varint', start, end);
      const byte = bytes[at++];
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) break;
      if (at - start >= VARINT_BYTES_MAX)
        throw new WireError(`varint of more than ${VARINT_BYTES_MAX} bytes at byte ${start}`);
    }
    this.at = at;
    return value >>> 0;
  }

  /** A whole varint into `low` and `high`. */
  varint64(end: number): void {
    const bytes = this.bytes;
    const start = this.at;
    // Most integers of telemetry (status codes, ports, sizes) are one or two bytes.
    const [first, second] = [bytes[start], bytes[start + 1]];
    if (first < 128 && start < end) {
      this.at = start + 1;
      this.low = first;
      this.high = 0;
      return;
    }
    if (second < 128 && start + 1 < end) {
      this.at = start + 2;
      this.low = (first & 127) | (second << 7);
      this.high = 0;
      return;
    }
    let at = start;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end) throw truncated('varint', start, end);
      const byte = bytes[at++];
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) break;
      if (at - start >= VARINT_BYTES_MAX)
        throw new WireError(`varint of more than ${VARINT_BYTES_MAX} bytes at byte ${start}`);
    }
    this.at = at;
    this.low = low | 0;
    this.high = high | 0;
  }

  /** A fixed64 or double into `low` and `high`. */
  fixed64(end: number): void {
    const at = this.at;
    if (at + 8 > end) throw truncated('fixed64', at, end);
    const b = this.bytes;
    this.low = b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24);
    this.high = b[at + 4] | (b[at + 5] << 8) | (b[at + 6] << 16) | (b[at + 7] << 24);
    this.at = at + 8;
  }

  fixed32(end: number): number {
    const at = this.at;
    if (at + 4 > end) throw truncated('fixed32', at, end);
    const b = this.bytes;
    this.at = at + 4;
    return (b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)) >>> 0;
  }

  /** Reads the length of a length-delimited field and answers where the field ends. The cursor then stands at its first byte. */
  lengthEnd(end: number): number {
    let length = this.bytes[this.at];
    if (length < 128 && this.at < end) this.at++;
    else {
      this.varint64(end);
      length = (this.high >>> 0) * 0x100000000 + (this.low >>> 0);
    }
    const fieldEnd = this.at + length;
    if (fieldEnd <= end) return fieldEnd;
    throw new WireError(`length ${length} at byte ${this.at} exceeds its message, which ends at byte ${end}`);
  }

  /** Passes over a field whose number is not known. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint64(end);
        return;
      case FIXED64:
        this.fixed64(end);
        return;
      case BYTES:
        this.at = this.lengthEnd(end);
        return;
      case FIXED32:
        this.fixed32(end);
        return;
      default:
        throw new WireError(`wire type ${tag & 7} of field ${tag >>> 3} at byte ${this.at} is not supported`);
    }
  }

  /** The unexpected tag of a known field is an error that names it; any other is passed over. */
  unknown(tag: number, end: number, message: string, fields: Readonly<Record<number, string>>): void {
    const name = fields[tag >>> 3];
    if (name !== undefined) throw new WireError(`${message}.${name} has wire type ${tag & 7} at byte ${this.at}`);
    this.skip(tag, end);
  }
}

function truncated(what: string, at: number, end: number): WireError {
  return new WireError(`${what} at byte ${at} is cut off by the end of its message at byte ${end}`);
}
