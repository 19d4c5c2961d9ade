import { crc32cText } from '../base/crc32c.ts';
import { LIMITS } from '../base/limits.ts';
import { MARKS_FILE, SUFFIX } from '../base/names.ts';
import { type Disk, readWhole, replaceDurably } from '../host/disk.ts';
import type { Place, Position } from '../journal/position.ts';

/** How far a stream of another Clew was taken in, and where in a receiver directory its last record stands, if there is one. */
export interface StreamMark {
  readonly stream: string;
  readonly mark: string;
  readonly at?: Place | undefined;
}

/** The last record of a stream in this directory; the mark may be later, for others took in batches of it too. */
interface Known {
  mark: string;
  at: Position;
}

/**
 * How far the stream of each sending Clew was taken in, in one receiver directory. A position is as durable as the data: it stands in the
 * journal record of its batch, and before a segment is sealed (from then on the store may remove its journal) it is saved here.
 */
export class StreamMarks {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #receiver: number;
  readonly #marks = new Map<string, Known>();
  /** Positions that are not saved yet. */
  #isDirty = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(disk: Disk, directory: string, receiver: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#receiver = receiver;
  }

  /** Reads what was saved. A damaged file is reported and counts as empty: batches repeated just now may be stored again. */
  async load(report: (text: string) => void): Promise<void> {
    const path = `${this.#directory}/${MARKS_FILE}`;
    if ((await this.#disk.size(path)) === undefined) return;
    const bytes = await readWhole(this.#disk, path);
    const lines = marksIn(bytes);
    if (lines === undefined) report(`${path} is damaged: batches that are repeated just now may be stored twice`);
    for (const [stream, mark, at] of lines ?? []) {
      this.note(stream, mark);
      if (at !== undefined) this.stands(stream, at);
    }
    this.#isDirty = false;
  }

  get size(): number {
    return this.#marks.size;
  }

  /** Position of the last batch that was taken in; '' when there was none. */
  get(stream: string): string {
    return this.#marks.get(stream)?.mark ?? '';
  }

  of(stream: string): StreamMark {
    const { mark = '', at = '' } = this.#marks.get(stream) ?? {};
    return { stream, mark, at: at === '' ? undefined : { receiver: this.#receiver, position: at } };
  }

  all(): StreamMark[] {
    return [...this.#marks.keys()].map((stream) => this.of(stream));
  }

  /** The batch that ends at `mark` is durable. */
  note(stream: string, mark: string): void {
    const known = this.#known(stream);
    if (mark <= known.mark) return;
    known.mark = mark;
    this.#isDirty = true;
  }

  /** A record of the stream is durable in this directory. */
  stands(stream: string, at: Position): void {
    const known = this.#known(stream);
    if (at <= known.at) return;
    known.at = at;
    this.#isDirty = true;
  }

  #known(stream: string): Known {
    let known = this.#marks.get(stream);
    if (known === undefined) {
      known = { mark: '', at: '' };
      this.#marks.set(stream, known);
    }
    return known;
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
      const bytes = encodeMarks(this.#marks);
      await replaceDurably(this.#disk, this.#directory, MARKS_FILE, bytes, MARKS_FILE + SUFFIX.temporary);
    } catch (error) {
      this.#isDirty = true;
      throw error;
    }
  }
}

/** A line for each stream: its name, its mark, and where its last record stands; then the CRC-32C of all lines in 8 hexadecimal digits. */
function encodeMarks(marks: ReadonlyMap<string, Known>): Buffer {
  const lines = Buffer.from([...marks].map(([stream, known]) => `${lineOf(stream, known)}\n`).join(''));
  return Buffer.concat([lines, Buffer.from(`${crc32cText(lines)}\n`)]);
}

const lineOf = (stream: string, { mark, at }: Known): string =>
  at === '' ? `${stream} ${mark}` : `${stream} ${mark} ${at}`;

function marksIn(bytes: Uint8Array): [stream: string, mark: string, at?: Position][] | undefined {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < 0) return undefined;
  const lines = Buffer.from(bytes.subarray(0, end));
  if (Buffer.from(bytes.subarray(end)).toString('latin1') !== `${crc32cText(lines)}\n`) return undefined;
  const texts = lines.toString('latin1').split('\n').slice(0, -1);
  return texts.map((line) => line.split(' ') as [string, string, string?]);
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
