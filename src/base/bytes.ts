import { grow } from './growth.ts';

/** Growing byte buffers and the small encodings that every hot path shares. */

const FIRST_CAPACITY = 256;

/**
 * The same memory as bytes and, for four bytes at a time at any place, as a DataView. Comparing and copying the short strings of telemetry
 * by words takes less than half the time that bytes take.
 */
export interface ByteSource {
  readonly bytes: Uint8Array;
  readonly words: DataView;
}

/** Bytes that grow at their end by doubling. `bytes` is valid up to `length`; it is replaced when it grows, so never keep it across an append. */
export class ByteBuffer implements ByteSource {
  bytes: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  words = new DataView(this.bytes.buffer);
  length = 0;

  /** An empty buffer in memory that is given. */
  static over(memory: Uint8Array): ByteBuffer {
    const buffer = new ByteBuffer();
    buffer.bytes = memory;
    buffer.words = new DataView(memory.buffer, memory.byteOffset, memory.length);
    return buffer;
  }

  /** Makes room for `count` more bytes behind `length`. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const capacity = Math.max(needed, this.bytes.length * 2);
    grow(capacity - this.bytes.length);
    const grown = new Uint8Array(capacity);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.words = new DataView(grown.buffer);
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Appends `source[start, end)`. Short runs are copied by hand: the call of `set` costs more than they do. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.length + count > this.bytes.length) this.reserve(count);
    const to = this.bytes;
    let at = this.length;
    if (count <= SHORT_COPY) for (let from = start; from < end; from++) to[at++] = source[from];
    else to.set(source.subarray(start, end), at);
    this.length += count;
  }

  /** As `append`, by words. */
  appendFrom(source: ByteSource, start: number, end: number): void {
    const count = end - start;
    if (count > SHORT_COPY_BY_WORDS) {
      this.append(source.bytes, start, end);
      return;
    }
    if (this.length + count > this.bytes.length) this.reserve(count);
    const [from, to, at] = [source.words, this.words, this.length];
    let i = 0;
    for (; i < count - 3; i += 4) to.setInt32(at + i, from.getInt32(start + i, true), true);
    for (; i < count; i++) to.setUint8(at + i, from.getUint8(start + i));
    this.length += count;
  }

  /** Appends `source[start, end)` so many times. */
  appendRepeated(source: Uint8Array, start: number, end: number, times: number): void {
    const first = this.length;
    const total = (end - start) * times;
    if (total === 0) return;
    this.reserve(total);
    this.append(source, start, end);
    // What is there is copied behind itself, twice as much each time.
    for (let done = end - start; done < total; done = this.length - first) {
      const next = Math.min(done, total - done);
      this.bytes.copyWithin(this.length, first, first + next);
      this.length += next;
    }
  }

  /** LEB128 of a non-negative integer below 2^53. */
  varint(value: number): void {
    if (this.length + 8 > this.bytes.length) this.reserve(8);
    let rest = value;
    while (rest > 127) {
      this.bytes[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  /** Text of characters below 128. */
  ascii(text: string): void {
    this.reserve(text.length);
    const { bytes, length } = this;
    for (let i = 0; i < text.length; i++) bytes[length + i] = text.charCodeAt(i);
    this.length = length + text.length;
  }

  /** Empties the buffer and gives its memory back. */
  release(): void {
    this.bytes = new Uint8Array(FIRST_CAPACITY);
    this.words = new DataView(this.bytes.buffer);
    this.length = 0;
  }

  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Below this many bytes a loop beats Uint8Array.set (measured on Node 20: the crossing lies between 24 and 48). */
const SHORT_COPY = 32;

/** The same for words. */
const SHORT_COPY_BY_WORDS = 96;

/** The two digits of each byte, the upper one first. */
const HEX_PAIRS = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  const text = byte.toString(16).padStart(2, '0');
  HEX_PAIRS[byte] = text.charCodeAt(0) | (text.charCodeAt(1) << 8);
}

/** Writes lower-case hexadecimal digits of `source[start, end)` to `to` at `at`, and answers the place after them. */
export function writeHex(to: DataView, at: number, source: Uint8Array, start: number, end: number): number {
  let place = at;
  for (let i = start; i < end; i++) {
    to.setUint16(place, HEX_PAIRS[source[i]], true);
    place += 2;
  }
  return place;
}

/** As `equalBytes`, by words. */
export function equalWords(a: DataView, aStart: number, b: DataView, bStart: number, length: number): boolean {
  let i = 0;
  for (; i < length - 3; i += 4) if (a.getInt32(aStart + i, true) !== b.getInt32(bStart + i, true)) return false;
  for (; i < length; i++) if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false;
  return true;
}

/** True when `a[aStart, aStart + length)` equals `b[bStart, bStart + length)`. */
export function equalBytes(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}
