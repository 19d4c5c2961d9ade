import type { Clock } from '../../src/host/clock.ts';

/** Something that happens at a time. */
interface Event {
  readonly atMs: number;
  /** Of two at one time, the one that was planned first comes first. */
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * Time of a simulated world: stands still while anything can go on without it, then leaps to the next event. What is waited for beside time
 * are promises alone, and those are settled when the queue of microtasks is empty; so one seed means one run.
 */
export class VirtualTime {
  nowMs = 0;
  /** Leaps so far. */
  steps = 0;
  #order = 0;
  /** A binary heap: the next event first. */
  readonly #events: Event[] = [];

  /** Calls `run` after `delayMs`; the returned function takes that back. */
  after(delayMs: number, run: () => void): () => void {
    return this.at(this.nowMs + Math.max(0, delayMs), run);
  }

  at(atMs: number, run: () => void): () => void {
    const event: Event = { atMs, order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Runs what is due next, all that is due at the same time, and whatever follows from it without waiting. False: nothing is planned. */
  async leap(): Promise<boolean> {
    const first = this.#pop();
    if (first === undefined) return false;
    this.nowMs = first.atMs;
    this.steps++;
    first.run?.();
    while (this.#events[0]?.atMs === first.atMs) this.#pop()?.run?.();
    await settled();
    return true;
  }

  /** A clock of one process. */
  clock(grainMs: number, startUnixMs: number): ProcessClock {
    return new ProcessClock(this, grainMs, startUnixMs);
  }

  #push(event: Event): void {
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(event, events[above] as Event)) break;
      events[at] = events[above] as Event;
      at = above;
    }
    events[at] = event;
  }

  #pop(): Event | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (last === undefined || last === first) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= events.length) break;
      const other = events[below + 1];
      if (other !== undefined && isBefore(other, events[below] as Event)) below++;
      if (!isBefore(events[below] as Event, last)) break;
      events[at] = events[below] as Event;
      at = below;
    }
    events[at] = last;
    return first;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** Resolves when nothing is left that goes on by itself: a tick asked for by a microtask comes after the last of them. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

/** What one process sees of the time. Its timers end with it, and are as coarse as a busy machine's. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  readonly #grainMs: number;
  readonly #startUnixMs: number;
  #isAlive = true;

  constructor(time: VirtualTime, grainMs: number, startUnixMs: number) {
    this.#time = time;
    this.#grainMs = grainMs;
    this.#startUnixMs = startUnixMs;
  }

  unixNano(): bigint {
    return BigInt(Math.round(this.#startUnixMs + this.#time.nowMs)) * 1_000_000n;
  }

  monotonicMs(): number {
    return this.#time.nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    if (!this.#isAlive) return () => {};
    const dueMs = this.#time.nowMs + Math.max(1, delayMs);
    return this.#time.at(Math.ceil(dueMs / this.#grainMs) * this.#grainMs, () => {
      if (this.#isAlive) run();
    });
  }

  /** The process is dead. */
  stop(): void {
    this.#isAlive = false;
  }
}
