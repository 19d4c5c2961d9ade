import { grow } from './growth.ts';

const FIRST_CAPACITY = 64;

/** Up to this many words a loop beats TypedArray.set with the view that it needs, which is garbage a moment later. */
const SHORT_COPY = 64;

/** A growing list of unsigned 32-bit integers; also holds Int32 (same bits) and, as pairs low/high, 64-bit values. */
export class U32List {
  values = new Uint32Array(FIRST_CAPACITY);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) this.#grow();
    this.values[this.length++] = value;
  }

  /** A 64-bit value as its two halves. */
  push64(low: number, high: number): void {
    if (this.length + 2 > this.values.length) this.#grow();
    this.values[this.length++] = low;
    this.values[this.length++] = high;
  }

  /** Appends `value` until the list has `length` of them. */
  fillTo(length: number, value: number): void {
    while (this.values.length < length) this.#grow();
    this.values.fill(value, this.length, length);
    this.length = length;
  }

  /** Appends `count` words of `source` from `start` on. */
  append(source: Uint32Array, start: number, count: number): void {
    while (this.length + count > this.values.length) this.#grow();
    const { values, length } = this;
    if (count > SHORT_COPY) values.set(source.subarray(start, start + count), length);
    else for (let i = 0; i < count; i++) values[length + i] = source[start + i];
    this.length += count;
  }

  /** As `append`, but of each word the word of `table` that it points at. */
  appendMapped(source: Uint32Array, start: number, count: number, table: Uint32Array): void {
    while (this.length + count > this.values.length) this.#grow();
    const { values, length } = this;
    for (let i = 0; i < count; i++) values[length + i] = table[source[start + i]];
    this.length += count;
  }

  /** Empties the list and gives its memory back. */
  release(): void {
    this.values = new Uint32Array(FIRST_CAPACITY);
    this.length = 0;
  }

  #grow(): void {
    grow(this.values.length * 4);
    const grown = new Uint32Array(this.values.length * 2);
    grown.set(this.values);
    this.values = grown;
  }
}
