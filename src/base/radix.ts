/** Sorting many rows by several integer keys, without comparing and without objects: least significant key first, each pass stable. */

const DIGIT_BITS = 16;
const DIGITS = 1 << DIGIT_BITS;

/** Reused: sorting is synchronous. */
const counts = new Uint32Array(DIGITS);

/** Row numbers 0 … `length` − 1, to be sorted by passes. */
export class RowOrder {
  rows: Uint32Array;
  #spare: Uint32Array;

  constructor(length: number) {
    this.rows = new Uint32Array(length);
    for (let i = 0; i < length; i++) this.rows[i] = i;
    this.#spare = new Uint32Array(length);
  }

  /**
   * Sorts by `keys[row * stride + offset]` as an unsigned 32-bit integer; rows with equal keys stay in the order of the passes before.
   * The most significant key is sorted by last.
   */
  by(keys: Uint32Array, stride = 1, offset = 0): void {
    let differing = 0;
    const first = keys[offset];
    for (let row = 1; row < this.rows.length; row++) differing |= keys[row * stride + offset] ^ first;
    if ((differing & (DIGITS - 1)) !== 0) this.#pass(keys, stride, offset, 0);
    if (differing >>> DIGIT_BITS !== 0) this.#pass(keys, stride, offset, DIGIT_BITS);
  }

  #pass(keys: Uint32Array, stride: number, offset: number, shift: number): void {
    const { rows } = this;
    const target = this.#spare;
    counts.fill(0);
    for (let i = 0; i < rows.length; i++) counts[(keys[rows[i] * stride + offset] >>> shift) & (DIGITS - 1)]++;
    let start = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = counts[digit];
      counts[digit] = start;
      start += count;
    }
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      target[counts[(keys[row * stride + offset] >>> shift) & (DIGITS - 1)]++] = row;
    }
    this.rows = target;
    this.#spare = rows;
  }

  /** The place of each row: `ranks()[row]`. */
  ranks(): Uint32Array {
    const ranks = new Uint32Array(this.rows.length);
    for (let i = 0; i < this.rows.length; i++) ranks[this.rows[i]] = i;
    return ranks;
  }
}
