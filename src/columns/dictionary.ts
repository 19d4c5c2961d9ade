import { ByteBuffer, type ByteSource, equalBytes, equalWords } from '../base/bytes.ts';
import { U32List } from '../base/lists.ts';

const FIRST_SLOTS = 64;
/** At least one slot of two is free; when the table has just been doubled, three of four. */
const SLOTS_AN_ENTRY = 3;

/**
 * Of `bytes[start, end)`, four bytes at a time: the multiplications of one byte each would wait for one another. Mixed once at the end because
 * open addressing uses the low bits.
 */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  let i = start;
  for (; i < end - 3; i += 4) {
    const word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/**
 * Byte strings numbered in the order of their first appearance. Open addressing over bytes; no JavaScript string is ever made.
 * Entry i is `data[starts[i], starts[i + 1])`.
 */
export class Dictionary {
  readonly data = new ByteBuffer();
  readonly starts = new U32List();
  readonly #hashes = new U32List();
  /** Entry number + 1; 0 is a free slot. */
  #slots = new Uint32Array(FIRST_SLOTS);

  constructor() {
    this.starts.push(0);
  }

  get size(): number {
    return this.starts.length - 1;
  }

  /** The number of `bytes[start, end)`, which is added when it is new. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry === 0) return this.#insert(slot, hash, bytes, start, end);
      if (this.#hashes.values[entry - 1] === hash && this.equals(entry - 1, bytes, start, end)) return entry - 1;
    }
  }

  /** As `add`, for bytes that are likely to be those of entry `guess`, which need not exist. */
  addGuessed(guess: number, bytes: Uint8Array, start: number, end: number): number {
    return guess < this.size && this.equals(guess, bytes, start, end) ? guess : this.add(bytes, start, end);
  }

  /** The entries as text. */
  texts(): string[] {
    const { bytes } = this.data;
    return Array.from({ length: this.size }, (_, i) => {
      const [start, end] = [this.starts.values[i], this.starts.values[i + 1]];
      return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
    });
  }

  /** True when entry `index` is `bytes[start, end)`. */
  equals(index: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.starts.values[index];
    const length = this.starts.values[index + 1] - from;
    if (length !== end - start) return false;
    return equalBytes(this.data.bytes, from, bytes, start, length);
  }

  /** As `equals`, by words. */
  equalsWords(index: number, source: ByteSource, start: number, end: number): boolean {
    const from = this.starts.values[index];
    const length = this.starts.values[index + 1] - from;
    return length === end - start && equalWords(this.data.words, from, source.words, start, length);
  }

  /** Forgets every entry from number `size` on, as if they had never been added. */
  truncate(size: number): void {
    if (size === 0) this.#slots.fill(0);
    // Newest first: an entry's slot is the last of its chain, so freeing it breaks no other chain.
    else for (let entry = this.size - 1; entry >= size; entry--) this.#free(entry);
    this.data.length = this.starts.values[size];
    this.starts.length = size + 1;
    this.#hashes.length = size;
  }

  /** Empties the dictionary and gives its memory back. */
  release(): void {
    this.data.release();
    this.starts.release();
    this.starts.push(0);
    this.#hashes.release();
    this.#slots = new Uint32Array(FIRST_SLOTS);
  }

  get sizeBytes(): number {
    return this.data.bytes.length + (this.starts.values.length + this.#hashes.values.length + this.#slots.length) * 4;
  }

  /** Of these, what the entries take. */
  get usedBytes(): number {
    // Two to four slots an entry.
    return this.data.length + this.size * (2 + SLOTS_AN_ENTRY) * 4;
  }

  #insert(slot: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const entry = this.size;
    this.data.append(bytes, start, end);
    this.#hashes.push(hash);
    // Last of the three, which may refuse to grow: only now the entry exists.
    this.starts.push(this.data.length);
    this.#slots[slot] = entry + 1;
    if (this.size * 2 > this.#slots.length) {
      this.#slots = new Uint32Array(this.#slots.length * 2);
      for (let i = 0; i < this.size; i++) this.#place(i);
    }
    return entry;
  }

  #free(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes.values[entry] & mask;
    while (this.#slots[slot] !== entry + 1) slot = (slot + 1) & mask;
    this.#slots[slot] = 0;
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes.values[entry] & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }
}
