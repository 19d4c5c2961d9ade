/** A request of which not everything has come yet. */
interface Arrival {
  readonly sinceMs: number;
  /** Answers it and gives its memory back. */
  readonly refuse: () => void;
}

/**
 * The requests that are arriving, oldest first. Memory is reserved ahead of what arrives, so a hundred clients that send a byte now and then
 * could hold all there is; where others need it, those that have been arriving for long are told to come again.
 */
export class Arrivals {
  readonly #arriving = new Map<object, Arrival>();
  readonly #slowMs: number;

  constructor(slowMs: number) {
    this.#slowMs = slowMs;
  }

  begin(key: object, refuse: () => void): void {
    this.#arriving.set(key, { sinceMs: performance.now(), refuse });
  }

  end(key: object): void {
    this.#arriving.delete(key);
  }

  /** Refuses the oldest request that is slow, unless it is `own`; false when there is none. */
  refuseSlow(own: object): boolean {
    const oldest = this.#arriving.entries().next().value;
    if (oldest === undefined) return false;
    const [key, { sinceMs, refuse }] = oldest;
    if (key === own || performance.now() - sinceMs < this.#slowMs) return false;
    this.#arriving.delete(key);
    refuse();
    return true;
  }
}
