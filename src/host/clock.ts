/** Time and timers as the core sees them. */
export interface Clock {
  /** Wall clock, nanoseconds since 1970. It may jump. */
  unixNano(): bigint;
  /** Milliseconds since an arbitrary start; never goes back. For durations. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`, unless the returned function is called before. Does not keep the process alive. */
  after(delayMs: number, run: () => void): () => void;
}

/** The machine's clock. The wall clock is read in milliseconds: finer digits would be made up. */
export const systemClock: Clock = {
  unixNano: () => BigInt(Date.now()) * 1_000_000n,
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A promise that settles after `delayMs`. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/** Lets waiting events (sockets, finished disk operations) be handled before a long computation goes on. */
export function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
