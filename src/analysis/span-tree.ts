import { type CallSpans, KIND } from './call-spans.ts';

/** Who is whose parent among spans in any order, with duplicates set aside. */
export interface SpanTree {
  /** Index of the parent, -1 when there is none or it is not among the spans. */
  readonly parent: Int32Array;
  /** 1 for a span that is there more than once, all but one of them. */
  readonly isDuplicate: Uint8Array;
}

export const isCallerKind = (kind: number): boolean => kind === KIND.client || kind === KIND.producer;
export const isCalleeKind = (kind: number): boolean => kind === KIND.server || kind === KIND.consumer;

/**
 * Finds parents by (trace, span id) in one pass over a hash table. Where several spans have the id, a server is the child of the client that
 * shares it (as Zipkin's B3 does), and anything else the child of the one in its own service; of equals the least in time and name.
 */
export function spanTree(spans: CallSpans): SpanTree {
  const index = new IdIndex(spans);
  const isDuplicate = new Uint8Array(spans.count);
  for (let i = 0; i < spans.count; i++) {
    const twin = index.add(i);
    if (twin >= 0) isDuplicate[twin] = 1;
  }
  const parent = new Int32Array(spans.count).fill(-1);
  for (let i = 0; i < spans.count; i++) {
    if (isDuplicate[i] === 0) parent[i] = index.parentOf(i);
  }
  return { parent, isDuplicate };
}

/** Spans by (trace, id): open addressing for the first of an id, a chain for the rare others. */
class IdIndex {
  readonly #spans: CallSpans;
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #next: Int32Array;

  constructor(spans: CallSpans) {
    this.#spans = spans;
    const size = 2 ** Math.ceil(Math.log2(Math.max(8, spans.count * 2)));
    this.#slots = new Int32Array(size).fill(-1);
    this.#mask = size - 1;
    this.#next = new Int32Array(spans.count).fill(-1);
  }

  /** Adds span i. Of two that are the same span the index of the one to leave out is returned, else -1. */
  add(i: number): number {
    const { trace, idHigh, idLow } = this.#spans;
    const slot = this.#slotOf(trace[i], idHigh[i], idLow[i]);
    const first = this.#slots[slot];
    if (first < 0) {
      this.#slots[slot] = i;
      return -1;
    }
    let before = -1;
    for (let other = first; other >= 0; before = other, other = this.#next[other]) {
      if (!this.#isSame(i, other)) continue;
      if (!this.#isLess(other, i)) return i;
      // The better copy takes the place of the other.
      this.#next[i] = this.#next[other];
      if (before < 0) this.#slots[slot] = i;
      else this.#next[before] = i;
      return other;
    }
    this.#next[before] = i;
    return -1;
  }

  parentOf(i: number): number {
    const { trace, idHigh, idLow, parentHigh, parentLow, kind } = this.#spans;
    if (isCalleeKind(kind[i])) {
      const first = this.#slots[this.#slotOf(trace[i], idHigh[i], idLow[i])];
      if (this.#next[first] >= 0) {
        const sharing = this.#best(first, (other) => isCallerKind(kind[other]));
        if (sharing >= 0) return sharing;
      }
    }
    if (parentHigh[i] === 0 && parentLow[i] === 0) return -1;
    const first = this.#slots[this.#slotOf(trace[i], parentHigh[i], parentLow[i])];
    if (first < 0) return -1;
    if (this.#next[first] < 0) return first === i ? -1 : first;
    const service = this.#serviceOf(i);
    const own = this.#best(first, (other) => other !== i && this.#serviceOf(other) === service);
    return own >= 0 ? own : this.#best(first, (other) => other !== i);
  }

  #best(first: number, fits: (span: number) => boolean): number {
    let best = -1;
    for (let at = first; at >= 0; at = this.#next[at]) {
      if (fits(at) && (best < 0 || this.#precedes(at, best))) best = at;
    }
    return best;
  }

  #serviceOf(i: number): number {
    return this.#spans.nodeService[this.#spans.node[i]];
  }

  #nameOf(i: number): string {
    const { nodeService, nodeOperation, node, names } = this.#spans;
    return `${names[nodeService[node[i]]]}\0${names[nodeOperation[node[i]]]}`;
  }

  #precedes(a: number, b: number): boolean {
    const { startNs, kind } = this.#spans;
    if (startNs[a] !== startNs[b]) return startNs[a] < startNs[b];
    if (kind[a] !== kind[b]) return kind[a] > kind[b];
    return this.#nameOf(a) < this.#nameOf(b);
  }

  /** One span that was sent twice: the same id, kind, service and start. */
  #isSame(a: number, b: number): boolean {
    const { kind, startNs } = this.#spans;
    return kind[a] === kind[b] && startNs[a] === startNs[b] && this.#serviceOf(a) === this.#serviceOf(b);
  }

  /** Which of two copies that differ gives way, so that the order in which they came does not matter: the shorter one. */
  #isLess(a: number, b: number): boolean {
    const { durationNs, failed, parentHigh, parentLow } = this.#spans;
    if (durationNs[a] !== durationNs[b]) return durationNs[a] < durationNs[b];
    if (failed[a] !== failed[b]) return failed[a] < failed[b];
    if (parentHigh[a] !== parentHigh[b]) return parentHigh[a] < parentHigh[b];
    if (parentLow[a] !== parentLow[b]) return parentLow[a] < parentLow[b];
    return this.#nameOf(a) < this.#nameOf(b);
  }

  /** Where the id stands or would stand. */
  #slotOf(wantedTrace: number, high: number, low: number): number {
    const { trace, idHigh, idLow } = this.#spans;
    const slots = this.#slots;
    let hash = Math.imul(wantedTrace ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(low, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & this.#mask;
    for (;;) {
      const at = slots[slot];
      if (at < 0 || (idLow[at] === low && idHigh[at] === high && trace[at] === wantedTrace)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}
