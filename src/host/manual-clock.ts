import type { Clock } from './clock.ts';

/** A clock for tests: time stands still until `advance` moves it and runs the timers that are due, in order of their time. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { dueMs: number; run: () => void }[] = [];
  readonly #startUnixMs: number;

  constructor(startUnixMs = Date.UTC(2026, 0, 1)) {
    this.#startUnixMs = startUnixMs;
  }

  unixNano(): bigint {
    return BigInt(Math.round(this.#startUnixMs + this.#nowMs)) * 1_000_000n;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves time on by `ms`; a timer set by a timer runs too when it is due within them. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = untilMs;
  }
}
