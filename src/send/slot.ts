import { assert } from '../base/assert.ts';
import { recordStream } from '../base/history.ts';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import type { Position } from '../journal/position.ts';
import type { Letter } from './batch.ts';
import {
  type BatchEffect,
  type BatchEvent,
  type BatchLimits,
  fits,
  type Batch as Machine,
  messagesOf,
  newBatch,
  stepBatch,
} from './machines/batch.ts';

/** What is read is durable and sealed: nobody waits for more of it, so its end is the end of the waiting too. */
const SLOT_LIMITS: BatchLimits = { itemsMax: LIMITS.batchItemsMax, bytesMax: LIMITS.forwardBatchBytesMax, ageMsMax: 0 };

/** Runs the batch machine of one lane: every letter goes through it, and a request holds what it hands out. */
export class Slot {
  readonly #stream: string;
  readonly #clock: Clock;
  readonly #limits: BatchLimits;
  #batch: Machine<Letter> = newBatch();

  constructor(stream: string, clock: Clock, limits: BatchLimits = SLOT_LIMITS) {
    this.#stream = stream;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Events that came in a state that does not know them. */
  get refused(): number {
    return this.#batch.refused;
  }

  get isEmpty(): boolean {
    return this.#batch.phase === 'EMPTY';
  }

  /** A letter was read: it is one of the stream's from now on. */
  accepted(position: Position): void {
    recordStream('Accept', this.#stream, 0, position);
  }

  fits(letter: Letter): boolean {
    return fits(this.#batch, letter.items, letter.body.length, this.#limits);
  }

  /** Adds a letter that fits. True when nothing more does. */
  add(letter: Letter): boolean {
    const { items, body, position } = letter;
    const effects = this.#step({ kind: 'add', message: letter, items, bytes: body.length });
    recordStream('Fill', this.#stream, 0, position);
    return this.#isReady(effects);
  }

  /** Nothing more is added: what comes next does not fit (`full`), or nothing comes (`timeout`). */
  flush(why: 'full' | 'timeout'): void {
    this.#isReady(this.#step({ kind: why }));
  }

  letters(): Letter[] {
    return messagesOf(this.#batch);
  }

  /** Its request begins. */
  send(): void {
    this.#step({ kind: 'send' });
  }

  ok(): void {
    this.#step({ kind: 'ok' });
  }

  error(): void {
    this.#step({ kind: 'error' });
  }

  /** The same letters once more, under the same token. */
  retry(): void {
    this.#step({ kind: 'retry' });
  }

  /** Empties it; what it held is the caller's. */
  reset(): readonly Letter[] {
    const [handed] = this.#step({ kind: 'reset' });
    assert(handed?.kind === 'handBack', 'a batch that has ended hands its letters back');
    return handed.messages;
  }

  /** What was read is read again: of a batch that nobody has sent nothing is kept. */
  abandon(): void {
    if (this.isEmpty) return;
    assert(this.#batch.phase === 'FILLING', 'only a batch that is not complete is given up');
    recordStream('Abandon', this.#stream);
    this.reset();
  }

  #isReady(effects: readonly BatchEffect<Letter>[]): boolean {
    const isReady = effects.some(({ kind }) => kind === 'ready');
    if (isReady) recordStream('Flush', this.#stream);
    return isReady;
  }

  #step(event: BatchEvent<Letter>): readonly BatchEffect<Letter>[] {
    const { state, effects } = stepBatch(this.#batch, event, this.#limits, this.#clock.monotonicMs());
    this.#batch = state;
    return effects;
  }
}
