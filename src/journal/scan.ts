import { crc32c } from '../base/crc32c.ts';
import {
  checksumSeed,
  decodeRecordHeader,
  encodeFileHeader,
  FILE_HEADER_BYTES,
  findRecordHeader,
  type JournalIdentity,
  RECORD_HEADER_BYTES,
} from './format.ts';

/** A whole record: both its checksums are right. */
export interface JournalRecord {
  readonly kind: number;
  readonly sequence: number;
  /** Of its header in the file. */
  readonly offset: number;
  readonly payload: Buffer;
}

/** A stretch of a journal that holds no whole record. */
export interface DamagedPlace {
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
  /** True: nothing whole comes after it. After a crash that is the usual trace of a write that was never acknowledged. */
  readonly tail: boolean;
  /** Records that are known to be missing here, by the sequence numbers around the place. Unknown at the tail: 0. */
  readonly recordsLost: number;
}

export interface ScannedJournal {
  readonly records: readonly JournalRecord[];
  readonly damaged: readonly DamagedPlace[];
  /** Whole records whose sequence number was there before; they are left out of `records`. */
  readonly duplicates: number;
}

/**
 * Reads a journal's bytes: every whole record once, in file order, and every damaged place. After a damaged place it goes on at the next
 * record header whose checksum is right, wherever that is.
 */
export function scanJournal(bytes: Uint8Array, identity: JournalIdentity): ScannedJournal {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seed = checksumSeed(identity);
  const records: JournalRecord[] = [];
  const damaged: DamagedPlace[] = [];
  const seen = new Set<number>();
  let duplicates = 0;
  let nextSequence = 0;
  let offset = checkFileHeader(buffer, identity, damaged);
  while (offset < buffer.length) {
    const read = readRecord(seed, buffer, offset);
    if ('reason' in read) {
      const end = findRecordHeader(seed, buffer, offset + 1);
      damaged.push({ offset, bytes: end - offset, reason: read.reason, tail: end === buffer.length, recordsLost: 0 });
      offset = end;
      continue;
    }
    if (seen.has(read.sequence)) {
      duplicates++;
    } else {
      if (read.sequence > nextSequence) noteMissing(damaged, offset, nextSequence, read.sequence);
      seen.add(read.sequence);
      nextSequence = Math.max(nextSequence, read.sequence + 1);
      records.push(read);
    }
    offset += RECORD_HEADER_BYTES + read.payload.length;
  }
  return { records, damaged, duplicates };
}

/** Where the records begin. The header is needed for nothing but to be compared: the identity is known from the file's name. */
function checkFileHeader(buffer: Buffer, identity: JournalIdentity, damaged: DamagedPlace[]): number {
  const found = buffer.subarray(0, FILE_HEADER_BYTES);
  if (found.length === 0 || found.equals(encodeFileHeader(identity))) return found.length;
  const tail = buffer.length <= FILE_HEADER_BYTES;
  const reason = tail ? 'the file ends in its header' : 'the file header is not that of this segment';
  damaged.push({ offset: 0, bytes: found.length, reason, tail, recordsLost: 0 });
  return found.length;
}

function readRecord(seed: number, buffer: Buffer, offset: number): JournalRecord | { readonly reason: string } {
  const header = decodeRecordHeader(seed, buffer, offset);
  if (header === undefined) {
    const rest = buffer.length - offset;
    return { reason: rest < RECORD_HEADER_BYTES ? 'the file ends in a record header' : 'no record header' };
  }
  const begin = offset + RECORD_HEADER_BYTES;
  const end = begin + header.payloadBytes;
  if (end > buffer.length) return { reason: `the file ends in the payload of record ${header.sequence}` };
  const payload = buffer.subarray(begin, end);
  if (crc32c(payload, seed) !== header.payloadCrc) {
    return { reason: `the payload of record ${header.sequence} fails its checksum` };
  }
  return { kind: header.kind, sequence: header.sequence, offset, payload };
}

/** Records before `sequence` are missing: the damaged place just before explains it, or else there is a place without bytes. */
function noteMissing(damaged: DamagedPlace[], offset: number, expected: number, sequence: number): void {
  const recordsLost = sequence - expected;
  const last = damaged.at(-1);
  if (last !== undefined && last.offset + last.bytes === offset) {
    damaged[damaged.length - 1] = { ...last, recordsLost };
    return;
  }
  const reason = `record ${sequence} stands where record ${expected} should be`;
  damaged.push({ offset, bytes: 0, reason, tail: false, recordsLost });
}
