import { crc32c } from '../base/crc32c.ts';
import { LIMITS } from '../base/limits.ts';
import { type Disk, readWhole } from '../host/disk.ts';
import {
  checksumSeed,
  decodeRecordHeader,
  FILE_HEADER_BYTES,
  findRecordHeader,
  type JournalIdentity,
  RECORD_HEADER_BYTES,
} from './format.ts';
import type { JournalRecord } from './scan.ts';

/** Reads the records of a sealed journal in order, holding one window of it. What scanJournal finds in the whole file, this finds piece by piece. */
export class JournalReader {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #seed: number;
  readonly #windowBytes: number;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;
  #offset = FILE_HEADER_BYTES;
  #nextSequence = 0;
  /** Bytes that hold no whole record. */
  damagedBytes = 0;

  /** @param bytesMax of the file, as its manifest says */
  constructor(
    disk: Disk,
    path: string,
    identity: JournalIdentity,
    bytesMax: number,
    windowBytes: number = LIMITS.forwardReadBytes,
  ) {
    this.#disk = disk;
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#seed = checksumSeed(identity);
    this.#windowBytes = windowBytes;
  }

  /**
   * The next whole record, undefined at the end. Its payload is a view of a window that nobody writes to again. Damaged places are passed
   * over and counted. Rejects with the disk's error.
   */
  async next(): Promise<JournalRecord | undefined> {
    for (;;) {
      if (this.#offset >= this.#bytesMax) return undefined;
      const record = await this.#read();
      if (record === undefined) {
        await this.#resume();
      } else {
        this.#offset = record.offset + RECORD_HEADER_BYTES + record.payload.length;
        // A record that stands there twice is one record.
        if (record.sequence < this.#nextSequence) continue;
        this.#nextSequence = record.sequence + 1;
        return record;
      }
    }
  }

  async #read(): Promise<JournalRecord | undefined> {
    const offset = this.#offset;
    const head = await this.#bytes(offset, RECORD_HEADER_BYTES);
    const header = decodeRecordHeader(this.#seed, head, 0);
    if (header === undefined || offset + RECORD_HEADER_BYTES + header.payloadBytes > this.#bytesMax) return undefined;
    const payload = await this.#bytes(offset + RECORD_HEADER_BYTES, header.payloadBytes);
    if (payload.length < header.payloadBytes || crc32c(payload, this.#seed) !== header.payloadCrc) return undefined;
    return { kind: header.kind, sequence: header.sequence, offset, payload };
  }

  /** Goes on at the next record header whose checksum is right. Rare, so the rest of the file is read at once. */
  async #resume(): Promise<void> {
    const bytes = await readWhole(this.#disk, this.#path, this.#bytesMax);
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const next = Math.min(findRecordHeader(this.#seed, whole, this.#offset + 1), this.#bytesMax);
    this.damagedBytes += next - this.#offset;
    this.#offset = next === whole.length ? this.#bytesMax : next;
  }

  /** Bytes of the file; fewer where it ends. */
  async #bytes(at: number, length: number): Promise<Buffer> {
    const inWindow = at - this.#windowAt;
    if (inWindow < 0 || inWindow + length > this.#window.length) {
      this.#window = await this.#load(at, Math.max(length, Math.min(this.#windowBytes, this.#bytesMax - at)));
      this.#windowAt = at;
      return this.#window.subarray(0, length);
    }
    return this.#window.subarray(inWindow, inWindow + length);
  }

  async #load(at: number, length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let filled = 0;
    while (filled < length) {
      const part = await this.#disk.read(this.#path, at + filled, length - filled);
      if (part.length === 0) break;
      parts.push(part);
      filled += part.length;
    }
    const only = parts[0];
    if (parts.length === 1 && only !== undefined) return Buffer.from(only.buffer, only.byteOffset, only.length);
    return Buffer.concat(parts, filled);
  }
}
