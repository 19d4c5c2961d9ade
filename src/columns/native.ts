import { ByteBuffer } from '../base/bytes.ts';
import type { U32List } from '../base/lists.ts';
import type { Dictionary } from './dictionary.ts';
import { Scratch } from './scratch.ts';

/** Numbers of dictionary entries; nearly all dictionaries of a segment have less than 256. */
export type Ids = Uint8Array | Uint16Array | Uint32Array;

const NO_IDS = new Uint8Array(0);

/**
 * Writes one block of ClickHouse's Native format: `columns, rows`, then each column as name, type, serialisation state, values
 * (clickhouse.com/docs/interfaces/formats/Native; LowCardinality as SerializationLowCardinality reads it). The result is a list of chunks, to be
 * taken between columns: views of the columns themselves or of `scratch`, which later columns use again.
 */
export class NativeWriter {
  readonly scratch: Scratch;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #pending = new ByteBuffer();

  constructor(scratch = new Scratch()) {
    this.scratch = scratch;
  }

  header(columns: number, rows: number): void {
    this.#pending.varint(columns);
    this.#pending.varint(rows);
  }

  column(name: string, type: string): void {
    this.#pending.varint(name.length);
    this.#pending.ascii(name);
    this.#pending.varint(type.length);
    this.#pending.ascii(type);
  }

  /** Bytes as they are. */
  chunk(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (bytes.length < CHUNK_BYTES_MIN) {
      this.#pending.append(bytes, 0, bytes.length);
      return;
    }
    this.#flush();
    this.#push(bytes);
  }

  /** 32-bit words, little-endian as this machine is. */
  words(values: Uint32Array, count: number): void {
    this.chunk(new Uint8Array(values.buffer, values.byteOffset, count * 4));
  }

  /** Row ends as UInt64. */
  offsets(ends: U32List): void {
    const wide = this.scratch.words(ends.length * 2);
    widen(ends.values, ends.length, wide);
    this.words(wide, wide.length);
  }

  lowCardinalityPrefix(): void {
    this.#word64(LOW_CARDINALITY_VERSION);
  }

  /** Dictionary and ids of a LowCardinality column; nothing at all for zero rows. */
  lowCardinality(dictionary: Dictionary, ids: Uint32Array, count: number): void {
    const target = this.beginLowCardinality(dictionary, count);
    narrow(ids, count, target);
    this.endLowCardinality(target);
  }

  /** Writes the dictionary of a LowCardinality column of `count` rows. Answers where their ids go, in the width in which they are stored. */
  beginLowCardinality(dictionary: Dictionary, count: number): Ids {
    if (count === 0) return NO_IDS;
    const width = dictionary.size <= 0x100 ? 0 : dictionary.size <= 0x10000 ? 1 : 2;
    this.#word64(width + HAS_ADDITIONAL_KEYS + NEEDS_UPDATE);
    this.#word64(dictionary.size);
    const { starts, data } = dictionary;
    const keys = this.scratch.buffer(data.length + dictionary.size * LENGTH_BYTES_MAX);
    for (let i = 0; i < dictionary.size; i++) {
      const start = starts.values[i];
      const end = starts.values[i + 1];
      keys.varint(end - start);
      keys.append(data.bytes, start, end);
    }
    this.chunk(keys.view());
    this.#word64(count);
    if (width === 2) return this.scratch.words(count);
    const bytes = this.scratch.bytes(count << width);
    return width === 0 ? bytes : new Uint16Array(bytes.buffer, bytes.byteOffset, count);
  }

  /** The ids are there. */
  endLowCardinality(ids: Ids): void {
    this.chunk(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  }

  /** Bytes of the chunks that wait to be taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The chunks of the columns written so far. They are valid until `reuse`. */
  take(): Uint8Array[] {
    this.#flush();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return chunks;
  }

  /** What was taken is written: its memory may be used for the next columns. */
  reuse(): void {
    this.scratch.reset();
  }

  #push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  #word64(value: number): void {
    const out = this.#pending;
    out.reserve(8);
    for (let i = 0; i < 8; i++) out.bytes[out.length++] = i < 4 ? (value >>> (8 * i)) & 255 : 0;
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.#push(this.#pending.view());
    this.#pending = new ByteBuffer();
  }
}

// Loops over rows are functions of the module: V8 compiles those once, and a closure that is made for each segment anew each time.

function widen(ends: Uint32Array, count: number, wide: Uint32Array): void {
  for (let i = 0; i < count; i++) {
    wide[i * 2] = ends[i];
    wide[i * 2 + 1] = 0;
  }
}

function narrow(ids: Uint32Array, count: number, target: Ids): void {
  for (let i = 0; i < count; i++) target[i] = ids[i];
}

/** Shorter runs are collected into one chunk, so that a small segment is not hundreds of tiny writes. */
const CHUNK_BYTES_MIN = 4096;

/** Bytes of a varint below 2^35, with room for ByteBuffer's own reserve. */
const LENGTH_BYTES_MAX = 8;

const LOW_CARDINALITY_VERSION = 1;
const HAS_ADDITIONAL_KEYS = 1 << 9;
const NEEDS_UPDATE = 1 << 10;
