import type { SealedSegment } from '../journal/sealed.ts';

/** Closed segments that the store has not forgotten, and what they occupy: they count for the quota of the journal. */
export class Retained {
  readonly #bytesOf = new Map<string, number>();
  readonly #sealed = new Set<string>();
  /** On disk, of all of them. */
  bytes = 0;

  /** Those that the store may load. */
  get sealed(): ReadonlySet<string> {
    return this.#sealed;
  }

  /** A segment occupies so many bytes from now on. */
  note(segment: string, bytes: number): void {
    this.bytes += bytes - (this.#bytesOf.get(segment) ?? 0);
    if (bytes === 0) this.#bytesOf.delete(segment);
    else this.#bytesOf.set(segment, bytes);
  }

  noteSealed({ segment, tables, journalBytes }: SealedSegment): void {
    this.#sealed.add(segment);
    this.note(
      segment,
      tables.reduce((sum, table) => sum + table.bytes, journalBytes),
    );
  }

  forget(segment: string): void {
    this.#sealed.delete(segment);
    this.note(segment, 0);
  }
}
