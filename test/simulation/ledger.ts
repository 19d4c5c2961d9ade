import { type Item, textOf } from './payload.ts';
import type { NodeName, Schedule } from './schedule.ts';

/** A promise that was broken. */
export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
  readonly atMs: number;
}

export type Invariant =
  | 'nothing is lost'
  | 'nothing is doubled'
  | 'nothing is made up'
  | 'order is kept'
  | 'accounts are exact'
  | 'limits are kept'
  | 'everything drains'
  | 'nothing is given up without a reason'
  | 'no process fails'
  | 'nothing is left over';

/** What was sent, and what is known of each item since: the truth that the program's own accounts are held to. */
export class Ledger {
  readonly sent = new Map<number, Item & { readonly baggage: string; readonly isDropped: boolean }>();
  readonly acknowledged = new Set<number>();
  /** Insert token by item. */
  readonly stored = new Map<number, string>();
  /** Some fsync was a lie and the power was cut after it: what it covered may be gone. */
  mayLose = false;
  violation: Violation | undefined;
  readonly #now: () => number;
  #arrivalCount = 0;
  /** Of each node the number that each item had when it came last. */
  readonly #arrivals = new Map<NodeName, Map<number, number>>();
  /** Of each stream, by the node that takes it in, the number at the node before of the item that came last. */
  readonly #heads = new Map<string, number>();
  /** The stream of the edge in which each item came to the tier in between, where that is one node. */
  readonly #edgeStreams = new Map<number, string>();
  readonly #isOneTier: boolean;

  /** @param isDropped whether the rules of the edge leave out what belongs to a trace */
  constructor(schedule: Schedule, now: () => number, isDropped: (signal: string, trace: number) => boolean) {
    this.#now = now;
    this.#isOneTier = schedule.shape.regionals === 1;
    for (const { signal, baggage, items } of schedule.requests) {
      for (const { id, trace } of items) {
        this.sent.set(id, { id, trace, text: textOf(id), baggage, isDropped: isDropped(signal, trace) });
      }
    }
  }

  /** Notes a broken promise; the first one counts. */
  broken(invariant: Invariant, what: string): void {
    this.violation ??= { invariant, what, atMs: this.#now() };
  }

  holds(isSo: boolean, invariant: Invariant, what: () => string): void {
    if (!isSo) this.broken(invariant, what());
  }

  /** Items come to a node, in this order, in a stream of another or from clients. */
  arrived(node: NodeName, items: readonly Item[], stream: string | undefined): void {
    const arrivals = this.#arrivals.get(node) ?? new Map<number, number>();
    this.#arrivals.set(node, arrivals);
    for (const { id } of items) {
      arrivals.set(id, this.#arrivalCount++);
      if (node === 'regional' && stream !== undefined) this.#edgeStreams.set(id, stream);
    }
  }

  /** Items of a stream are taken in by `node`: they must come in the order in which the node before took them in. */
  taken(node: NodeName, from: NodeName, stream: string, items: readonly Item[]): void {
    for (const { id } of items) {
      const number = this.#arrivals.get(from)?.get(id);
      if (number === undefined) {
        this.broken('nothing is made up', `${node} took in item ${id}, which ${from} never had`);
        continue;
      }
      this.#follows(node, stream, id, number);
      const edgeStream = this.#edgeStreams.get(id);
      if (from !== 'regional' || edgeStream === undefined || !this.#isOneTier) continue;
      // Whichever receivers of the tier in between it came through.
      this.#follows(node, edgeStream, id, this.#arrivals.get('edge')?.get(id) ?? -1);
    }
  }

  /** An item of a stream is taken in by a node: its number at the source is higher than that of the item before. */
  #follows(node: NodeName, stream: string, id: number, number: number): void {
    const key = `${node} ${stream}`;
    // What a lie has cost, marks and places of it included, comes again, and behind what did not wait for it.
    const isLater = this.mayLose || number > (this.#heads.get(key) ?? -1);
    this.holds(isLater, 'order is kept', () => `${node} took in item ${id} of ${stream} after a later one`);
    this.#heads.set(key, number);
  }

  /** An item is in the store from now on. */
  store(token: string, item: Item, baggage: string): void {
    const { id } = item;
    const sent = this.sent.get(id);
    const before = this.stored.get(id);
    if (before !== undefined) this.broken('nothing is doubled', `item ${id} is stored by ${before} and by ${token}`);
    if (sent === undefined) this.broken('nothing is made up', `item ${id} is stored and was never sent`);
    else if (sent.text !== item.text || sent.trace !== item.trace || sent.baggage !== baggage) {
      this.broken('nothing is made up', `item ${id} is stored as ${JSON.stringify({ ...item, baggage })}`);
    } else if (sent.isDropped) this.broken('accounts are exact', `item ${id} is stored and a rule drops it`);
    this.stored.set(id, token);
  }

  /** At the end: whatever was acknowledged is in the store, or in a dead letter, or was dropped by a rule. */
  settle(dead: ReadonlySet<number>): void {
    if (this.mayLose) return;
    for (const id of this.acknowledged) {
      if (this.stored.has(id) || dead.has(id) || this.sent.get(id)?.isDropped === true) continue;
      this.broken('nothing is lost', `item ${id} was acknowledged and is neither stored nor in a dead letter`);
    }
  }
}
