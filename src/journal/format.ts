import { assert } from '../base/assert.ts';
import { crc32c } from '../base/crc32c.ts';
import { LIMITS } from '../base/limits.ts';

/*
 * The bytes of a journal file; docs/journal.md draws them, golden/ holds an example of each. All numbers are little-endian.
 *
 * File header, 40 bytes: magic "CLEWJRNL" · version u32 · receiver u32 · boot u32 · sequence u32 · instance 8 bytes · zero u32 · crc32c u32
 * Record, 24 bytes and the payload: magic "CREC" · payload length u32 · sequence u32 · kind u8 · zero 3 bytes · payload crc32c u32 · crc32c u32
 *
 * Every checksum of a file goes on from the checksum of its header, so that a record of another segment, or bytes of a client that look
 * like a record, never pass for a record of this one.
 */

export const FILE_HEADER_BYTES = 40;
export const RECORD_HEADER_BYTES = 24;
const FILE_MAGIC = Buffer.from('CLEWJRNL', 'latin1');
const RECORD_MAGIC_BYTES = Buffer.from('CREC', 'latin1');
const RECORD_MAGIC = RECORD_MAGIC_BYTES.readUInt32LE(0);
const VERSION = 1;

/** What kind of payload a record holds. */
export const KIND = { request: 1 } as const;

/** What a journal file is: stands in its header and, over its seed, in every checksum. */
export interface JournalIdentity {
  /** 16 hexadecimal digits, of the data directory. */
  readonly instance: string;
  readonly receiver: number;
  /** 16 hexadecimal digits. */
  readonly segment: string;
}

/** A record header whose own checksum is right. */
export interface RecordHeader {
  readonly payloadBytes: number;
  readonly sequence: number;
  readonly kind: number;
  readonly payloadCrc: number;
}

/** The 40 bytes at the beginning of a journal file. */
export function encodeFileHeader(identity: JournalIdentity): Buffer {
  assert(/^[0-9a-f]{16}$/.test(identity.instance), 'an instance is 16 hexadecimal digits');
  assert(/^[0-9a-f]{16}$/.test(identity.segment), 'a segment is 16 hexadecimal digits');
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  FILE_MAGIC.copy(header);
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(identity.receiver, 12);
  header.writeUInt32LE(Number.parseInt(identity.segment.slice(0, 8), 16), 16);
  header.writeUInt32LE(Number.parseInt(identity.segment.slice(8), 16), 20);
  header.write(identity.instance, 24, 'hex');
  header.writeUInt32LE(crc32c(header.subarray(0, 36)), 36);
  return header;
}

/** From which every checksum of the file's records goes on. It follows from the identity alone, so a damaged file header loses nothing. */
export function checksumSeed(identity: JournalIdentity): number {
  return encodeFileHeader(identity).readUInt32LE(36);
}

/** The 24 bytes before a payload, which may be in parts, written into `header`. */
export function encodeRecordHeader(
  seed: number,
  kind: number,
  sequence: number,
  payload: readonly Uint8Array[],
  header: Buffer = Buffer.allocUnsafe(RECORD_HEADER_BYTES),
): Buffer {
  let payloadBytes = 0;
  let payloadCrc = seed;
  for (const part of payload) {
    payloadBytes += part.length;
    payloadCrc = crc32c(part, payloadCrc);
  }
  assert(payloadBytes <= LIMITS.journalRecordBytesMax, 'a journal record keeps its limit');
  header.writeUInt32LE(RECORD_MAGIC, 0);
  header.writeUInt32LE(payloadBytes, 4);
  header.writeUInt32LE(sequence, 8);
  // The kind and the three bytes of zero behind it.
  header.writeUInt32LE(kind, 12);
  header.writeUInt32LE(payloadCrc, 16);
  header.writeUInt32LE(crc32c(header.subarray(0, 20), seed), 20);
  return header;
}

/** The record header at `offset`, or undefined when there is none whose checksum is right. */
export function decodeRecordHeader(seed: number, bytes: Buffer, offset: number): RecordHeader | undefined {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined;
  if (bytes.readUInt32LE(offset) !== RECORD_MAGIC) return undefined;
  if (crc32c(bytes.subarray(offset, offset + 20), seed) !== bytes.readUInt32LE(offset + 20)) return undefined;
  return {
    payloadBytes: bytes.readUInt32LE(offset + 4),
    sequence: bytes.readUInt32LE(offset + 8),
    kind: bytes.readUInt8(offset + 12),
    payloadCrc: bytes.readUInt32LE(offset + 16),
  };
}

/** The next offset from `from` on at which a whole, right record header stands, or the end of the bytes. */
export function findRecordHeader(seed: number, bytes: Buffer, from: number): number {
  let offset = bytes.indexOf(RECORD_MAGIC_BYTES, from);
  while (offset !== -1) {
    if (decodeRecordHeader(seed, bytes, offset) !== undefined) return offset;
    offset = bytes.indexOf(RECORD_MAGIC_BYTES, offset + 1);
  }
  return bytes.length;
}
