import { crc32c } from '../base/crc32c.ts';
import { HOP_HEADERS } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import { KIND } from '../journal/format.ts';
import { type Place, type Position, positionOf } from '../journal/position.ts';
import type { JournalReader } from '../journal/reader.ts';
import { decodeRecord } from '../journal/record.ts';
import { checkRequest } from '../wire/check.ts';
import { withoutInvalidSpans } from './rules/rewrite.ts';
import type { Slot } from './slot.ts';

/** One record of the journal on its way: an export request as it came. */
export interface Letter {
  readonly position: Position;
  readonly body: Uint8Array;
  readonly items: number;
  /** Items that routes lead to other destinations. */
  readonly elsewhere: number;
  /** Items that rules and sampling have left out of the body. */
  readonly dropped: number;
  readonly baggage: string;
  readonly receivedUnixNano: bigint;
  /** What other receivers took in before it of the same stream: it is sent after that. */
  readonly after: readonly Place[];
}

/** Requests of one signal and baggage that are sent as one: their concatenation is itself a request, for the messages of protobuf merge. */
export interface Batch {
  readonly signal: Signal;
  readonly letters: readonly Letter[];
}

/** An export request as rules leave it: the same object when they change nothing, empty when they leave nothing. */
export type Rewrite = (signal: Signal, body: Uint8Array) => Uint8Array;

/** What is done to the requests of one segment on their way to one destination, in this order; it must be the same whenever they are sent again. */
export interface Outgoing {
  /** Spans of traces that sampling has decided to keep, of the record with this sequence. */
  readonly tail?: ((sequence: number, body: Uint8Array) => Uint8Array) | undefined;
  /** The part that routes lead to this destination. */
  readonly route?: Rewrite | undefined;
  readonly rewrite?: Rewrite | undefined;
}

/** Settles when it is the turn of a letter: what it names as before it is settled. */
export type AwaitPredecessors = (letter: Letter) => Promise<void>;

/** Reads letters of one signal and puts them into batches, in order. */
export class BatchReader {
  readonly #reader: JournalReader;
  readonly #segment: string;
  readonly #signal: Signal;
  readonly #after: Position;
  readonly #slot: Slot;
  readonly #outgoing: Outgoing;
  readonly #predecessors: AwaitPredecessors;
  #waiting: Letter | undefined;
  /** Items of all letters that were read. */
  itemsRead = 0;

  /**
   * @param from letters of this segment and signal, after this position
   * @param slot holds each batch from its first letter on
   * @param outgoing what is done to each request
   * @param predecessors waited for before the first letter of a batch, where that letter is behind others
   */
  constructor(
    reader: JournalReader,
    { segment, signal, after }: { readonly segment: string; readonly signal: Signal; readonly after: Position },
    slot: Slot,
    outgoing: Outgoing,
    predecessors: AwaitPredecessors,
  ) {
    this.#slot = slot;
    this.#reader = reader;
    this.#segment = segment;
    this.#signal = signal;
    this.#after = after;
    this.#outgoing = outgoing;
    this.#predecessors = predecessors;
  }

  /** The next batch, undefined at the end of the segment. Rejects with the disk's error. */
  async next(): Promise<Batch | undefined> {
    const first = this.#waiting ?? (await this.#nextLetter());
    this.#waiting = undefined;
    if (first === undefined) return undefined;
    // All that was read before it is settled: nothing waits with it that others may be waiting for.
    if (first.after.length > 0) await this.#predecessors(first);
    let isReady = this.#slot.add(first);
    while (!isReady) {
      const letter = await this.#nextLetter();
      if (letter !== undefined && this.#isFor(first, letter)) {
        isReady = this.#slot.add(letter);
        continue;
      }
      this.#waiting = letter;
      this.#slot.flush(letter === undefined ? 'timeout' : 'full');
      isReady = true;
    }
    return { signal: this.#signal, letters: this.#slot.letters() };
  }

  /** A letter may go with others into the batch that begins with `first`. */
  #isFor(first: Letter, letter: Letter): boolean {
    return letter.baggage === first.baggage && letter.after.length === 0 && this.#slot.fits(letter);
  }

  async #nextLetter(): Promise<Letter | undefined> {
    for (;;) {
      const record = await this.#reader.next();
      if (record === undefined) return undefined;
      const position = positionOf(this.#segment, record.sequence);
      if (record.kind !== KIND.request || position <= this.#after) continue;
      const request = decodeRecord(record.payload);
      if (request === undefined || request.signal !== this.#signal) continue;
      const { body, baggage, receivedUnixNano, token, items = 0, rejected = 0 } = request;
      this.itemsRead += items;
      this.#slot.accepted(position);
      const valid = rejected > 0 ? withoutInvalidSpans(body) : body;
      const prepared = prepare(this.#outgoing, request.signal, record.sequence, valid, items);
      return { position, ...prepared, baggage, receivedUnixNano, after: token?.after ?? [] };
    }
  }
}

/** What is left of a request for one destination, and where its other items went. */
function prepare(
  { tail, route, rewrite }: Outgoing,
  signal: Signal,
  sequence: number,
  valid: Uint8Array,
  items: number,
): Pick<Letter, 'body' | 'items' | 'elsewhere' | 'dropped'> {
  const countIn = (body: Uint8Array): number => (body === valid ? items : checkRequest(signal, body).items);
  const own = route?.(signal, valid) ?? valid;
  const elsewhere = items - countIn(own);
  const sampled = signal === 'traces' ? (tail?.(sequence, valid) ?? valid) : valid;
  // Decisions are those of the whole request, so they are applied before any of it is left out.
  const mine = sampled === valid ? own : (route?.(signal, sampled) ?? sampled);
  const body = rewrite?.(signal, mine) ?? mine;
  const kept = countIn(body);
  return { body, items: kept, elsewhere, dropped: items - elsewhere - kept };
}

export const itemsOf = (batch: Batch): number => batch.letters.reduce((sum, letter) => sum + letter.items, 0);

export const droppedOf = (batch: Batch): number => batch.letters.reduce((sum, letter) => sum + letter.dropped, 0);

export const elsewhereOf = (batch: Batch): number => batch.letters.reduce((sum, letter) => sum + letter.elsewhere, 0);

/** Position of the last letter. */
export function markOf(batch: Batch): Position {
  return batch.letters.at(-1)?.position ?? '';
}

/** The letters after `mark`; undefined when none is left. */
export function after(batch: Batch, mark: Position): Batch | undefined {
  const letters = batch.letters.filter((letter) => letter.position > mark);
  return letters.length === 0 ? undefined : { ...batch, letters };
}

/** The two halves of a batch of several letters. */
export function halves(batch: Batch): [Batch, Batch] {
  const middle = batch.letters.length >> 1;
  return [
    { ...batch, letters: batch.letters.slice(0, middle) },
    { ...batch, letters: batch.letters.slice(middle) },
  ];
}

/** What tells a Clew which batch it is; other receivers pass over it. */
export function hopHeaders(batch: Batch, stream: string): Readonly<Record<string, string>> {
  let checksum = 0;
  for (const { body } of batch.letters) checksum = crc32c(body, checksum);
  const [first] = batch.letters;
  const headers = {
    [HOP_HEADERS.stream]: stream,
    [HOP_HEADERS.batch]: `${first?.position ?? ''}-${markOf(batch)}`,
    [HOP_HEADERS.checksum]: checksum.toString(16).padStart(8, '0'),
  };
  return first === undefined || first.baggage === '' ? headers : { ...headers, baggage: first.baggage };
}
