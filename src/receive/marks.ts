import { crc32cText } from '../base/crc32c.ts';
import { LIMITS } from '../base/limits.ts';
import { MARKS_FILE, SUFFIX } from '../base/names.ts';
import { type Disk, readWhole, replaceDurably } from '../host/disk.ts';

/**
 * How far the stream of each sending Clew was taken in, in one receiver directory. A position is as durable as the data: it stands in the
 * journal record of its batch, and before a segment is sealed (from then on the store may remove its journal) it is saved here.
 */
export class StreamMarks {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #marks = new Map<string, string>();
  /** Positions that are not saved yet. */
  #isDirty = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Reads what was saved. A damaged file is reported and counts as empty: batches repeated just now may be stored again. */
  async load(report: (text: string) => void): Promise<void> {
    const path = `${this.#directory}/${MARKS_FILE}`;
    if ((await this.#disk.size(path)) === undefined) return;
    const bytes = await readWhole(this.#disk, path);
    const lines = marksIn(bytes);
    if (lines === undefined) report(`${path} is damaged: batches that are repeated just now may be stored twice`);
    for (const [stream, mark] of lines ?? []) this.note(stream, mark);
    this.#isDirty = false;
  }

  get size(): number {
    return this.#marks.size;
  }

  /** Position of the last batch that was taken in; '' when there was none. */
  get(stream: string): string {
    return this.#marks.get(stream) ?? '';
  }

  all(): [stream: string, mark: string][] {
    return [...this.#marks];
  }

  /** The batch that ends at `mark` is durable. */
  note(stream: string, mark: string): void {
    if (mark <= this.get(stream)) return;
    this.#marks.set(stream, mark);
    this.#isDirty = true;
  }

  /** Makes every position so far durable. Rejects with the disk's error. */
  save(): Promise<void> {
    const saved = this.#saving.catch(() => {}).then(() => this.#save());
    this.#saving = saved;
    return saved;
  }

  async #save(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    try {
      const bytes = encodeMarks(this.all());
      await replaceDurably(this.#disk, this.#directory, MARKS_FILE, bytes, MARKS_FILE + SUFFIX.temporary);
    } catch (error) {
      this.#isDirty = true;
      throw error;
    }
  }
}

/** A line for each stream, then the CRC-32C of all lines in 8 hexadecimal digits. */
function encodeMarks(marks: readonly (readonly [string, string])[]): Buffer {
  const lines = Buffer.from(marks.map(([stream, mark]) => `${stream} ${mark}\n`).join(''));
  return Buffer.concat([lines, Buffer.from(`${crc32cText(lines)}\n`)]);
}

function marksIn(bytes: Uint8Array): [string, string][] | undefined {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < 0) return undefined;
  const lines = Buffer.from(bytes.subarray(0, end));
  if (Buffer.from(bytes.subarray(end)).toString('latin1') !== `${crc32cText(lines)}\n`) return undefined;
  const texts = lines.toString('latin1').split('\n').slice(0, -1);
  return texts.map((line) => line.split(' ') as [string, string]);
}

const CHECKSUM_BYTES = 9;

const STREAM = /^[0-9a-z][0-9a-z.-]{0,127}$/;
const BATCH = /^([0-9a-f]{24})-([0-9a-f]{24})$/;

/** The batch that the headers of a forwarding Clew name; undefined for every other client, and for what is not written so. */
export function batchOf(
  stream: unknown,
  batch: unknown,
): { readonly stream: string; readonly from: string; readonly mark: string } | undefined {
  if (typeof stream !== 'string' || typeof batch !== 'string' || !STREAM.test(stream)) return undefined;
  const [, from, mark] = BATCH.exec(batch) ?? [];
  return from === undefined || mark === undefined || from > mark ? undefined : { stream, from, mark };
}

/** True when one more stream may be remembered. */
export const hasRoom = (marks: StreamMarks): boolean => marks.size < LIMITS.streamsMax;
