import { ByteBuffer } from '../base/bytes.ts';
import type { U32List } from '../base/lists.ts';
import type { Dictionary } from './dictionary.ts';

/**
 * Writes one block of ClickHouse's Native format: `columns, rows`, then each column as name, type, serialisation state, values
 * (clickhouse.com/docs/interfaces/formats/Native; LowCardinality as SerializationLowCardinality reads it). The result is a list of chunks,
 * some of them views of the columns themselves: nothing may be appended to those before the chunks are written.
 */
export class NativeWriter {
  readonly chunks: Uint8Array[] = [];
  #pending = new ByteBuffer();

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
    this.chunks.push(bytes);
  }

  /** 32-bit words, little-endian as this machine is. */
  words(values: Uint32Array, count: number): void {
    this.chunk(new Uint8Array(values.buffer, values.byteOffset, count * 4));
  }

  /** Row ends as UInt64. */
  offsets(ends: U32List): void {
    const wide = new Uint32Array(ends.length * 2);
    for (let i = 0; i < ends.length; i++) wide[i * 2] = ends.values[i];
    this.words(wide, wide.length);
  }

  lowCardinalityPrefix(): void {
    this.#word64(LOW_CARDINALITY_VERSION);
  }

  /** Dictionary and ids of a LowCardinality column; nothing at all for zero rows. */
  lowCardinality(dictionary: Dictionary, ids: Uint32Array, count: number): void {
    if (count === 0) return;
    const width = dictionary.size <= 0x100 ? 0 : dictionary.size <= 0x10000 ? 1 : 2;
    this.#word64(width + HAS_ADDITIONAL_KEYS + NEEDS_UPDATE);
    this.#word64(dictionary.size);
    const keys = new ByteBuffer();
    for (let i = 0; i < dictionary.size; i++) {
      const start = dictionary.starts.values[i];
      const end = dictionary.starts.values[i + 1];
      keys.varint(end - start);
      keys.append(dictionary.data.bytes, start, end);
    }
    this.chunk(keys.view());
    this.#word64(count);
    if (width === 2) this.words(ids, count);
    else if (width === 1) this.chunk(new Uint8Array(Uint16Array.from(ids.subarray(0, count)).buffer));
    else this.chunk(Uint8Array.from(ids.subarray(0, count)));
  }

  finish(): Uint8Array[] {
    this.#flush();
    return this.chunks;
  }

  #word64(value: number): void {
    const out = this.#pending;
    out.reserve(8);
    for (let i = 0; i < 8; i++) out.bytes[out.length++] = i < 4 ? (value >>> (8 * i)) & 255 : 0;
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.chunks.push(this.#pending.view());
    this.#pending = new ByteBuffer();
  }
}

/** Shorter runs are collected into one chunk, so that a small segment is not hundreds of tiny writes. */
const CHUNK_BYTES_MIN = 4096;

const LOW_CARDINALITY_VERSION = 1;
const HAS_ADDITIONAL_KEYS = 1 << 9;
const NEEDS_UPDATE = 1 << 10;
