import { crc32c } from '../base/crc32c.ts';
import { record } from '../base/history.ts';
import { SUFFIX } from '../base/names.ts';
import { type Disk, errorCode, errorText, readWhole, replaceDurably } from '../host/disk.ts';
import type { SealedSegment, SealedTable } from './sealed.ts';
import { sealedFile } from './segment-files.ts';

/*
 * A manifest file is two lines: the SealedSegment as JSON, and the CRC-32C of the first line (without its line end) in 8 hexadecimal digits.
 */

/** Makes the manifest durable: from now on the segment is sealed. The journal it was made from is durable already; the files it names need not be. */
export async function writeManifest(disk: Disk, directory: string, sealed: SealedSegment): Promise<void> {
  const name = sealedFile(sealed.segment);
  record('Publish', sealed.receiver, sealed.segment, sealed.records);
  await replaceDurably(disk, directory, name, encodeManifest(sealed), name + SUFFIX.temporary);
  record('Seal', sealed.receiver, sealed.segment);
}

/** The bytes of a manifest file. */
export function encodeManifest(sealed: SealedSegment): Buffer {
  const json = Buffer.from(JSON.stringify(sealed));
  return Buffer.concat([json, Buffer.from(`\n${hex(crc32c(json))}\n`)]);
}

/** The manifest in `path` (its state's suffix is the caller's choice), or why it cannot be used. Rejects with the disk's error when unreadable. */
export async function readManifest(disk: Disk, path: string): Promise<SealedSegment | { readonly reason: string }> {
  return decodeManifest(await readWhole(disk, path));
}

/** As `readManifest`, and undefined when there is none, or none any more: it may go away while it is read. Never rejects: an error of the disk is a reason. */
export async function findManifest(
  disk: Disk,
  path: string,
): Promise<SealedSegment | { readonly reason: string } | undefined> {
  try {
    const manifest = await readManifest(disk, path);
    return 'reason' in manifest && (await disk.size(path)) === undefined ? undefined : manifest;
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? undefined : { reason: errorText(error) };
  }
}

export function decodeManifest(bytes: Uint8Array): SealedSegment | { readonly reason: string } {
  const end = bytes.indexOf(0x0a);
  if (end === -1) return { reason: 'the manifest is cut off' };
  const json = bytes.subarray(0, end);
  const checksum = Buffer.from(bytes.subarray(end)).toString('latin1');
  if (checksum !== `\n${hex(crc32c(json))}\n`) return { reason: 'the manifest fails its checksum' };
  const value: unknown = JSON.parse(Buffer.from(json).toString());
  return isSealedSegment(value) ? value : { reason: 'the manifest is of another version' };
}

function isSealedSegment(value: unknown): value is SealedSegment {
  const sealed = value as Partial<SealedSegment> | null;
  return sealed !== null && sealed.version === 1 && Array.isArray(sealed.tables);
}

/** Why a sealed segment cannot be loaded as it is, or undefined when it can. `checksums` reads every file, `sizes` only looks. */
export async function verifySealed(
  disk: Disk,
  directory: string,
  sealed: SealedSegment,
  depth: 'sizes' | 'checksums',
): Promise<string | undefined> {
  for (const table of sealed.tables) {
    const path = `${directory}/${table.file}`;
    const size = await disk.size(path);
    if (size === undefined) return `${path} is missing`;
    if (size !== table.bytes) return `${path} has ${size} bytes instead of ${table.bytes}`;
    if (depth === 'checksums' && !(await hasChecksum(disk, path, table))) return `${path} fails its checksum`;
  }
  return undefined;
}

const READ_BYTES = 1024 * 1024;

async function hasChecksum(disk: Disk, path: string, table: SealedTable): Promise<boolean> {
  let checksum = 0;
  for (let offset = 0; offset < table.bytes; ) {
    const part = await disk.read(path, offset, Math.min(READ_BYTES, table.bytes - offset));
    if (part.length === 0) return false;
    checksum = crc32c(part, checksum);
    offset += part.length;
  }
  return checksum === table.crc32c;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
