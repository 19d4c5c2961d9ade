import { type CallSpans, KIND } from './call-spans.ts';
import type { SpanTree } from './span-tree.ts';

/** What had to be assumed about a trace. */
export const NOTE = {
  /** No span without a parent arrived: the longest of the topmost ones is taken for the root. */
  'no-root': 1,
  /** Several spans have no parent: the longest is the root, the others are left out. */
  'many-roots': 2,
  /** Spans name one another as parents in a circle, which is opened at the earliest. */
  loop: 4,
  /** Parents are missing: their children are hung below the innermost span that they lie in. */
  incomplete: 8,
  /** A server's clock differs from its client's: its spans are moved to the middle of the client's. */
  'clock-skew': 16,
  /** A span reaches beyond its parent: cut to the parent's time. */
  clipped: 32,
  /** Work that nothing waits for is left out: consumers, and spans that begin when their parent has ended. */
  asynchronous: 64,
} as const;

/** A server may be longer than its client by one part in so many and is still moved instead of cut. */
const SKEW_PART = 100;
const SORT_SMALL = 24;
/** Spans that are looked at to find the place of those without parents, for each span of the table. */
const DESCENT_SPANS = 8;

/**
 * The spans of many traces as trees in which every child lies within its parent. A missing parent is a node of its own, numbered from
 * `spans.count`. Children are placed when they are asked for: most spans of a trace are never looked at.
 */
export class PathTree {
  readonly count: number;
  /** By trace: the span that the path goes through, -1 for none. */
  readonly roots: Int32Array;
  readonly notes: Uint16Array;
  /** Within the parent; valid for the children of spans that were asked for, and for roots. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly #spans: CallSpans;
  readonly #first: Int32Array;
  readonly #sibling: Int32Array;
  readonly #shift: Float64Array;
  readonly #isPlaced: Uint8Array;
  readonly #isDropped: Uint8Array;

  constructor(spans: CallSpans, missing: number) {
    this.#spans = spans;
    this.count = spans.count + missing;
    this.roots = new Int32Array(spans.traceIds.length).fill(-1);
    this.notes = new Uint16Array(spans.traceIds.length);
    this.start = new Float64Array(this.count);
    this.end = new Float64Array(this.count);
    this.#first = new Int32Array(this.count).fill(-1);
    this.#sibling = new Int32Array(this.count).fill(-1);
    this.#shift = new Float64Array(this.count);
    this.#isPlaced = new Uint8Array(this.count);
    this.#isDropped = new Uint8Array(this.count);
  }

  isServerOf(span: number, child: number): boolean {
    const { kind, count } = this.#spans;
    return span < count && child < count && kind[span] === KIND.client && kind[child] === KIND.server;
  }

  /** Of the children of a missing span the one that begins first. */
  standIn(missing: number): number {
    let best = this.#first[missing];
    for (let child = best; child >= 0; child = this.#sibling[child]) if (this.precedes(child, best)) best = child;
    return best;
  }

  /** By start; of equals the longer, then by id: an order that does not depend on that of the table. */
  precedes(a: number, b: number): boolean {
    const { startNs, durationNs } = this.#spans;
    if (startNs[a] !== startNs[b]) return startNs[a] < startNs[b];
    if (durationNs[a] !== durationNs[b]) return durationNs[a] > durationNs[b];
    return this.#compareIds(a, b) < 0;
  }

  link(parent: number, child: number): void {
    this.#sibling[child] = this.#first[parent];
    this.#first[parent] = child;
  }

  setRoot(trace: number, span: number): void {
    this.roots[trace] = span;
    this.start[span] = this.#spans.startNs[span];
    this.end[span] = this.start[span] + this.#spans.durationNs[span];
  }

  /** Makes a node for a missing span that lasts as long as its children, and hangs it where it fits. Returns how many spans were looked at. */
  hang(missing: number, children: readonly number[], budget: number): number {
    const { startNs, durationNs, trace } = this.#spans;
    this.start[missing] = Number.POSITIVE_INFINITY;
    this.end[missing] = Number.NEGATIVE_INFINITY;
    for (const child of children) {
      this.start[missing] = Math.min(this.start[missing], startNs[child]);
      this.end[missing] = Math.max(this.end[missing], startNs[child] + durationNs[child]);
      this.link(missing, child);
    }
    let parent = this.roots[trace[children[0]]];
    let looked = 0;
    for (let inner: number = parent; inner >= 0; ) {
      parent = inner;
      inner = -1;
      this.#place(parent);
      for (let child = this.#first[parent]; child >= 0; child = this.#sibling[child]) {
        if (++looked > budget) break;
        if (child >= this.#spans.count || this.#isDropped[child] === 1) continue;
        if (this.start[child] > this.start[missing] || this.end[child] < this.end[missing]) continue;
        if (inner >= 0) {
          inner = -1;
          break;
        }
        inner = child;
      }
      if (looked > budget) break;
    }
    this.link(parent, missing);
    this.#clip(parent, missing);
    return looked;
  }

  /** Writes the children of a span that take part to `order` from index `at` on, the last to finish first; returns the index behind them. */
  childrenByEnd(span: number, order: Int32Array, at: number): number {
    this.#place(span);
    let to = at;
    for (let child = this.#first[span]; child >= 0; child = this.#sibling[child]) {
      if (this.#isDropped[child] === 0) order[to++] = child;
    }
    if (to - at > SORT_SMALL) {
      order.subarray(at, to).sort((a, b) => this.#compare(a, b));
      return to;
    }
    for (let i = at + 1; i < to; i++) {
      const child = order[i];
      let hole = i;
      for (; hole > at && this.#compare(child, order[hole - 1]) < 0; hole--) order[hole] = order[hole - 1];
      order[hole] = child;
    }
    return to;
  }

  /** Lets a child end earlier. */
  cutEnd(child: number, end: number): void {
    this.end[child] = end;
  }

  #compare(a: number, b: number): number {
    return this.end[b] - this.end[a] || this.start[a] - this.start[b] || this.#compareIds(a, b);
  }

  #compareIds(a: number, b: number): number {
    const { idHigh, idLow, kind, count } = this.#spans;
    const x = a < count ? a : this.standIn(a);
    const y = b < count ? b : this.standIn(b);
    return idHigh[x] - idHigh[y] || idLow[x] - idLow[y] || kind[x] - kind[y];
  }

  #place(span: number): void {
    if (this.#isPlaced[span] === 1) return;
    this.#isPlaced[span] = 1;
    let servers = 0;
    for (let child = this.#first[span]; child >= 0; child = this.#sibling[child]) {
      if (this.isServerOf(span, child)) servers++;
    }
    const { startNs, durationNs, count } = this.#spans;
    for (let child = this.#first[span]; child >= 0; child = this.#sibling[child]) {
      if (child >= count) continue;
      this.#shift[child] = this.#shift[span];
      if (servers === 1 && this.isServerOf(span, child)) this.#alignClocks(span, child);
      this.start[child] = startNs[child] + this.#shift[child];
      this.end[child] = this.start[child] + durationNs[child];
      this.#clip(span, child);
    }
  }

  /** Moves a server that lies outside its client to the client's middle. */
  #alignClocks(client: number, server: number): void {
    const { startNs, durationNs, trace } = this.#spans;
    const early = startNs[client] - startNs[server];
    const spare = durationNs[client] - durationNs[server];
    if (early <= 0 && spare + early >= 0) return;
    if (-spare * SKEW_PART > durationNs[client]) return;
    this.#shift[server] += early + Math.floor(spare / 2);
    this.notes[trace[server]] |= NOTE['clock-skew'];
  }

  #clip(parent: number, child: number): void {
    const { kind, count, trace } = this.#spans;
    const shown = child < count ? child : this.standIn(child);
    const isAfter = this.start[child] >= this.end[parent] && this.end[child] > this.end[parent];
    if (isAfter || (child < count && kind[child] === KIND.consumer)) {
      this.#isDropped[child] = 1;
      this.notes[trace[shown]] |= NOTE.asynchronous;
      return;
    }
    const start = Math.max(this.start[child], this.start[parent]);
    const end = Math.min(this.end[child], this.end[parent]);
    if (start !== this.start[child] || end !== this.end[child]) this.notes[trace[shown]] |= NOTE.clipped;
    this.start[child] = start;
    this.end[child] = end;
    if (end <= start) this.#isDropped[child] = 1;
  }
}

/** Builds the trees: opens circles of parents, chooses the root of each trace, hangs what misses its parent where it fits. */
export function drawTree(spans: CallSpans, { parent, isDuplicate }: SpanTree): PathTree {
  const orphans: number[] = [];
  const tops: number[] = [];
  const opened = openLoops(spans, parent);
  for (let i = 0; i < spans.count; i++) {
    if (isDuplicate[i] === 1 || parent[i] >= 0) continue;
    const isOrphan = spans.parentHigh[i] !== 0 || spans.parentLow[i] !== 0;
    (isOrphan && !opened.has(i) ? orphans : tops).push(i);
  }
  const tree = new PathTree(spans, orphans.length);
  for (const i of opened) tree.notes[spans.trace[i]] |= NOTE.loop;
  const trueRoots = tops.filter((i) => !opened.has(i));
  chooseRoots(spans, tree, trueRoots);
  chooseRoots(spans, tree, [...orphans, ...opened], NOTE['no-root']);
  for (let i = 0; i < spans.count; i++) if (parent[i] >= 0 && isDuplicate[i] === 0) tree.link(parent[i], i);
  hangOrphans(spans, tree, orphans);
  return tree;
}

/** Cuts the parent of one span of every circle, the earliest. Returns those spans. */
function openLoops(spans: CallSpans, parent: Int32Array): Set<number> {
  const opened = new Set<number>();
  const state = new Int32Array(spans.count).fill(-1);
  for (let i = 0; i < spans.count; i++) {
    let at = i;
    while (at >= 0 && state[at] < 0) {
      state[at] = i;
      at = parent[at];
    }
    if (at < 0 || state[at] !== i) continue;
    let first = at;
    for (let member = parent[at]; member !== at; member = parent[member]) {
      if (isEarlier(spans, member, first)) first = member;
    }
    opened.add(first);
    parent[first] = -1;
  }
  return opened;
}

function isEarlier({ startNs, idHigh, idLow, kind }: CallSpans, a: number, b: number): boolean {
  return (startNs[a] - startNs[b] || idHigh[a] - idHigh[b] || idLow[a] - idLow[b] || kind[a] - kind[b]) < 0;
}

/** Takes the longest of the candidates for each trace that has no root yet, and notes when there was a choice. */
function chooseRoots(spans: CallSpans, tree: PathTree, candidates: readonly number[], note = 0): void {
  const { trace, durationNs } = spans;
  const best = new Map<number, number>();
  for (const i of candidates) {
    const other = best.get(trace[i]);
    if (other === undefined && tree.roots[trace[i]] >= 0) continue;
    if (other === undefined) {
      best.set(trace[i], i);
      tree.notes[trace[i]] |= note;
      tree.setRoot(trace[i], i);
      continue;
    }
    tree.notes[trace[i]] |= note === 0 ? NOTE['many-roots'] : 0;
    const isBetter =
      durationNs[i] > durationNs[other] || (durationNs[i] === durationNs[other] && tree.precedes(i, other));
    if (!isBetter) continue;
    best.set(trace[i], i);
    tree.setRoot(trace[i], i);
  }
}

/** Children of one missing span are siblings below one node. */
function hangOrphans(spans: CallSpans, tree: PathTree, orphans: readonly number[]): void {
  const { trace, parentHigh, parentLow, kind } = spans;
  const families = new Map<string, number[]>();
  for (const i of orphans) {
    tree.notes[trace[i]] |= NOTE.incomplete;
    if (tree.roots[trace[i]] === i || kind[i] === KIND.consumer) continue;
    const key = `${trace[i]}/${parentHigh[i]}/${parentLow[i]}`;
    const family = families.get(key);
    if (family === undefined) families.set(key, [i]);
    else family.push(i);
  }
  let missing = spans.count;
  let budget = spans.count * DESCENT_SPANS;
  for (const [, family] of [...families].sort(([a], [b]) => (a < b ? -1 : 1))) {
    budget -= tree.hang(missing++, family, budget);
  }
}
