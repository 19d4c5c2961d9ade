import { assert } from '../base/assert.ts';
import { type Arrived, addArrived, NOTHING, perSecond } from './rates.ts';

/** One step of the history: items a second, and refused requests a second. */
export interface HistoryPoint {
  readonly timeMs: number;
  readonly traces: number;
  readonly metrics: number;
  readonly logs: number;
  readonly refused: number;
}

/** What arrived over the last while, one point a step; older points fall out. */
export class History {
  readonly #stepMs: number;
  readonly #pointsMax: number;
  readonly #points: HistoryPoint[] = [];
  #stepStartMs: number;
  #open: Arrived = NOTHING;

  constructor(startMs: number, stepMs: number, spanMs: number) {
    assert(stepMs > 0 && spanMs >= stepMs, 'a history has at least one step');
    this.#stepMs = stepMs;
    this.#pointsMax = Math.floor(spanMs / stepMs);
    this.#stepStartMs = startMs - (startMs % stepMs);
  }

  /** Counts what arrived by `nowMs` (wall clock). */
  add(nowMs: number, arrived: Arrived): void {
    this.#advance(nowMs);
    this.#open = addArrived(this.#open, arrived);
  }

  /** The finished steps, oldest first. */
  points(nowMs: number): readonly HistoryPoint[] {
    this.#advance(nowMs);
    return [...this.#points];
  }

  /** Finishes the steps that have passed. After a jump of the clock, back or over the whole span, it begins anew. */
  #advance(nowMs: number): void {
    const behind = nowMs - this.#stepStartMs;
    if (behind < 0 || behind > this.#pointsMax * this.#stepMs) {
      this.#points.length = 0;
      this.#open = NOTHING;
      this.#stepStartMs = nowMs - (nowMs % this.#stepMs);
      return;
    }
    while (nowMs - this.#stepStartMs >= this.#stepMs) {
      const rates = perSecond(this.#open.items, this.#stepMs);
      const refused = Math.round((this.#open.refused * 10_000) / this.#stepMs) / 10;
      this.#points.push({ timeMs: this.#stepStartMs, ...rates, refused });
      if (this.#points.length > this.#pointsMax) this.#points.shift();
      this.#open = NOTHING;
      this.#stepStartMs += this.#stepMs;
    }
  }
}
