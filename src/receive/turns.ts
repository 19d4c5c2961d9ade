/** A whole request that waits to be taken in. */
export interface Waiting {
  readonly sizeBytes: number;
  /** Begins. Must not throw; what it does until it returns is what counts as its time. */
  begin(waitedMs: number): void;
}

/** In which order, and when, whole requests are taken in. */
export interface Turns {
  /** Begins `waiting` when it is its turn. */
  take(waiting: Waiting): void;
}

/** While the next request is held up, it is asked so often whether it still is. */
const HELD_UP_MS = 2;

/** So long whole requests are taken in before the sockets get their turn again; one at least. */
const TURN_MS = 5;

/**
 * In the order in which they came, a few milliseconds of them in each turn of the event loop. All that hundreds of sockets bring at once would
 * otherwise be one turn of a tenth of a second and more, in which nothing is answered and one connection is accepted (libuv accepts one in a
 * turn: of 256 that came together some waited for 25 s), and the journal would write it as one group, for which everybody waits, instead of
 * some while others are taken in.
 */
export class LoopTurns implements Turns {
  readonly #waiting: Waiting[] = [];
  /** When each of them came. */
  readonly #sinceMs: number[] = [];
  #next = 0;
  #isRunning = false;
  readonly #isHeldUp: (bytes: number) => boolean;
  readonly #run = (): void => this.#turn();

  /** @param isHeldUp whether a request of so many bytes, the next one, should wait although it is its turn (ExportSink) */
  constructor(isHeldUp: (bytes: number) => boolean) {
    this.#isHeldUp = isHeldUp;
  }

  take(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#sinceMs.push(performance.now());
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(this.#run);
  }

  #turn(): void {
    let nowMs = performance.now();
    const endMs = nowMs + TURN_MS;
    const waiting = this.#waiting;
    do {
      const next = this.#next;
      if (this.#isHeldUp(waiting[next].sizeBytes)) {
        setTimeout(this.#run, HELD_UP_MS);
        return;
      }
      this.#next++;
      waiting[next].begin(nowMs - this.#sinceMs[next]);
      nowMs = performance.now();
    } while (this.#next < waiting.length && nowMs < endMs);
    const isEmpty = this.#next === waiting.length;
    if (isEmpty || this.#next > GONE_MAX) {
      waiting.splice(0, this.#next);
      this.#sinceMs.splice(0, this.#next);
      this.#next = 0;
    }
    if (isEmpty) this.#isRunning = false;
    else setImmediate(this.#run);
  }
}

/** Entries that are over stay in the list until they are so many, for each removal moves all that still wait. */
const GONE_MAX = 1024;
