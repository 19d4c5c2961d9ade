import { crc32c } from '../base/crc32c.ts';
import { SUFFIX } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import { type Disk, errorCode, makeDirectoryDurably, readWhole, replaceDurably } from '../host/disk.ts';
import { type Batch, itemsOf, markOf } from './batch.ts';

/** What stands in the first line of a dead letter. */
export interface DeadLetter {
  readonly version: 1;
  /** Also its file's name. The same batch has the same id, so that it is kept once however often it is given up. */
  readonly id: string;
  readonly lane: string;
  readonly destination: string;
  readonly signal: Signal;
  readonly items: number;
  readonly bytes: number;
  readonly baggage: string;
  readonly reason: string;
  /** When it was given up, Unix milliseconds. */
  readonly atMs: number;
}

/** Batches that were given up: one file each, a line of JSON, its checksum, and the request's bytes. */
export class DeadLetters {
  readonly #disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Keeps a batch, durably. Rejects with the disk's error. */
  async keep(batch: Batch, about: Pick<DeadLetter, 'lane' | 'destination' | 'reason' | 'atMs'>): Promise<DeadLetter> {
    await makeDirectoryDurably(this.#disk, this.#directory);
    const body = Buffer.concat(batch.letters.map((letter) => letter.body));
    const id = `${markOf(batch)}-${hex(crc32c(Buffer.from(about.lane)))}`;
    const baggage = batch.letters[0]?.baggage ?? '';
    const { signal } = batch;
    const letter: DeadLetter = { version: 1, id, ...about, signal, items: itemsOf(batch), bytes: body.length, baggage };
    const json = Buffer.from(JSON.stringify({ ...letter, crc32c: crc32c(body) }));
    const bytes = Buffer.concat([json, Buffer.from(`\n${hex(crc32c(json))}\n`), body]);
    await replaceDurably(this.#disk, this.#directory, id + SUFFIX.dead, bytes, id + SUFFIX.temporary);
    return letter;
  }

  /** All that are kept, oldest batch first. A damaged one is told to `report` and left out. */
  async list(report: (text: string) => void = () => {}): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    for (const id of await this.#ids()) {
      const found = await this.read(id);
      if (found === undefined) report(`${this.#directory}/${id}${SUFFIX.dead} is damaged`);
      else letters.push(found.letter);
    }
    return letters;
  }

  /** One with its request; undefined when there is none that is whole. */
  async read(id: string): Promise<{ readonly letter: DeadLetter; readonly body: Buffer } | undefined> {
    if (!ID.test(id)) return undefined;
    const bytes = Buffer.from(await readWhole(this.#disk, `${this.#directory}/${id}${SUFFIX.dead}`));
    const end = bytes.indexOf(0x0a);
    if (end < 0) return undefined;
    const json = bytes.subarray(0, end);
    if (bytes.toString('latin1', end, end + CHECKSUM_BYTES) !== `\n${hex(crc32c(json))}\n`) return undefined;
    const { crc32c: checksum, ...letter } = JSON.parse(json.toString()) as DeadLetter & { crc32c: number };
    const body = bytes.subarray(end + CHECKSUM_BYTES);
    return crc32c(body) === checksum ? { letter, body } : undefined;
  }

  async remove(id: string): Promise<void> {
    await this.#disk.remove(`${this.#directory}/${id}${SUFFIX.dead}`).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
    await this.#disk.syncDirectory(this.#directory);
  }

  async #ids(): Promise<string[]> {
    try {
      const names = await this.#disk.list(this.#directory);
      return names.filter((name) => name.endsWith(SUFFIX.dead)).map((name) => name.slice(0, -SUFFIX.dead.length));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

const ID = /^[0-9a-f]{24}-[0-9a-f]{8}$/;
/** A line end, 8 digits, a line end. */
const CHECKSUM_BYTES = 10;

const hex = (value: number): string => value.toString(16).padStart(8, '0');
