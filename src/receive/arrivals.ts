/** A request of which not everything has come yet. Those that arrive now are a ring, oldest first; one that has come stands alone. */
export class Arrival {
  before: Arrival = this;
  after: Arrival = this;
  readonly sinceMs: number;
  /** Answers it and gives its memory back. */
  readonly refuse: () => void;

  constructor(sinceMs: number, refuse: () => void) {
    this.sinceMs = sinceMs;
    this.refuse = refuse;
  }
}

/**
 * The requests that are arriving, oldest first. Memory is reserved ahead of what arrives, so a hundred clients that send a byte now and then
 * could hold all there is; where others need it, those that have been arriving for long are told to come again.
 */
export class Arrivals {
  /** Closes the ring: behind the youngest, before the oldest. */
  readonly #ends = new Arrival(0, () => undefined);
  readonly #slowMs: number;

  constructor(slowMs: number) {
    this.#slowMs = slowMs;
  }

  begin(refuse: () => void): Arrival {
    const ends = this.#ends;
    const arrival = new Arrival(performance.now(), refuse);
    arrival.before = ends.before;
    arrival.after = ends;
    ends.before.after = arrival;
    ends.before = arrival;
    return arrival;
  }

  /** It has come, or will not; said again, nothing happens. */
  end(arrival: Arrival): void {
    arrival.before.after = arrival.after;
    arrival.after.before = arrival.before;
    arrival.before = arrival;
    arrival.after = arrival;
  }

  /** Refuses the oldest request that is slow, unless it is `own`; false when there is none. */
  refuseSlow(own: Arrival): boolean {
    const oldest = this.#ends.after;
    if (oldest === this.#ends || oldest === own || performance.now() - oldest.sinceMs < this.#slowMs) return false;
    this.end(oldest);
    oldest.refuse();
    return true;
  }
}
