import type { Place } from '../journal/position.ts';

/** Whether a lane, named by its key, has settled what stands in a place of its directory. */
export type IsSettled = (lane: string, place: Place) => Promise<boolean>;

/**
 * Who waits for which lanes. A stream of another Clew that moved from one receiver of this one to another is in the queues of both, and leaves them in
 * order: its first record in the second names the last one in the first, and is sent when that is settled.
 *
 * Nobody waits in a circle: a record waits for records alone that were durable before it was taken in, and a lane settles its own in the
 * order in which they were taken in. So of all records that wait the oldest has nothing to wait for (spec/Order.tla).
 */
export class Predecessors {
  readonly #isSettled: IsSettled;
  readonly #changes = new Map<string, { readonly changed: Promise<void>; readonly tell: () => void }>();

  constructor(isSettled: IsSettled) {
    this.#isSettled = isSettled;
  }

  /** Settles when all of these lanes have settled what stands in their place. Rejects with the disk's error. */
  async settled(places: readonly (readonly [lane: string, place: Place])[]): Promise<void> {
    for (const [lane, place] of places) {
      for (;;) {
        // Before it is asked: what changes meanwhile is not missed.
        const change = this.#changeOf(lane);
        if (await this.#isSettled(lane, place)) break;
        await change;
      }
    }
  }

  /** A lane has come further. */
  changed(lane: string): void {
    const change = this.#changes.get(lane);
    this.#changes.delete(lane);
    change?.tell();
  }

  /** Any lane may have nothing left of what others wait for. */
  allChanged(): void {
    for (const lane of [...this.#changes.keys()]) this.changed(lane);
  }

  #changeOf(lane: string): Promise<void> {
    let change = this.#changes.get(lane);
    if (change === undefined) {
      let tell = (): void => {};
      const changed = new Promise<void>((resolve) => {
        tell = resolve;
      });
      change = { changed, tell };
      this.#changes.set(lane, change);
    }
    return change.changed;
  }
}
