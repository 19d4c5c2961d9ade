import type { CallSpans } from './call-spans.ts';
import { drawTree, NOTE, type PathTree } from './critical-tree.ts';
import { spanTree } from './span-tree.ts';

/** `strict`: one span waits for another only when it begins after that one's end. `crisp`: an overlap below 1 % of the parent is forgiven. */
export type PathMode = 'strict' | 'crisp';

/** What the time of a section went to. */
export const SECTION = {
  /** The span's own work: nothing that it waits for runs. */
  self: 0,
  /** Between a client span and its server span: network and queue of the edge. */
  gap: 1,
  /** The work of a span that did not arrive; only its children did. */
  unobserved: 2,
} as const;

/**
 * Critical paths of many traces. The sections of a trace do not overlap, and their durations sum to its root's exactly. Times are whole
 * nanoseconds on the clock of `CallSpans.startNs`, after correction of skew.
 */
export interface CriticalPaths {
  readonly count: number;
  /** Latest section of each trace first. */
  readonly trace: Int32Array;
  readonly kind: Uint8Array;
  /** The span; the client of a gap; of unobserved time the first child of the span that is missing. */
  readonly span: Int32Array;
  /** The server span of a gap, else -1. */
  readonly server: Int32Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** By trace: index of the root span (-1: none has a duration that can be used), and NOTE bits about what was assumed. */
  readonly root: Int32Array;
  readonly notes: Uint16Array;
  /** By span: the next span on the way to the root as the path takes it, -1 for none and off the path. */
  readonly above: Int32Array;
  /** By span: nanoseconds by which the trace gets shorter at most when this span gets shorter; 0 off the path. */
  readonly drag: Float64Array;
  /** By span: nanoseconds that it can take longer without consequence; NaN where that is not known, below spans off the path. */
  readonly slack: Float64Array;
}

const TOLERANCE = 100;

/** Finds the critical path of every trace: walks back from the root's end, always into the child that finished last before. */
export function criticalPaths(spans: CallSpans, mode: PathMode = 'strict'): CriticalPaths {
  const tree = drawTree(spans, spanTree(spans));
  const walk = new Walk(spans, tree, mode);
  for (const root of tree.roots) if (root >= 0) walk.trace(root);
  return walk.finish();
}

/** Growing columns of sections, and the stack of the walk. */
class Walk {
  readonly #spans: CallSpans;
  readonly #tree: PathTree;
  readonly #mode: PathMode;
  #count = 0;
  #trace = new Int32Array(1024);
  #kind = new Uint8Array(1024);
  #span = new Int32Array(1024);
  #server = new Int32Array(1024);
  #start = new Float64Array(1024);
  #end = new Float64Array(1024);
  readonly #above: Int32Array;
  readonly #drag: Float64Array;
  readonly #slack: Float64Array;
  /** Children of the spans on the path, each span's by their end, last first. */
  readonly #order: Int32Array;
  #ordered = 0;
  /** One entry a span on the way down: itself, its next child in #order, the end of its children there, and where the walk stands in time. */
  readonly #stack: Int32Array;
  readonly #next: Int32Array;
  readonly #last: Int32Array;
  readonly #cursor: Float64Array;
  readonly #serverOf: Int32Array;
  readonly #taken: Int32Array;

  constructor(spans: CallSpans, tree: PathTree, mode: PathMode) {
    this.#spans = spans;
    this.#tree = tree;
    this.#mode = mode;
    this.#above = new Int32Array(tree.count).fill(-1);
    this.#drag = new Float64Array(tree.count);
    this.#slack = new Float64Array(tree.count).fill(Number.NaN);
    this.#order = new Int32Array(tree.count);
    this.#stack = new Int32Array(tree.count + 1);
    this.#next = new Int32Array(tree.count + 1);
    this.#last = new Int32Array(tree.count + 1);
    this.#cursor = new Float64Array(tree.count + 1);
    this.#serverOf = new Int32Array(tree.count + 1);
    this.#taken = new Int32Array(tree.count + 1);
  }

  trace(root: number): void {
    const { start, end } = this.#tree;
    this.#drag[root] = end[root] - start[root];
    this.#slack[root] = 0;
    let depth = 0;
    this.#enter(0, root);
    while (depth >= 0) {
      const span = this.#stack[depth];
      const child = this.#nextChild(depth);
      if (child < 0) {
        this.#own(depth, start[span], this.#cursor[depth]);
        depth--;
        continue;
      }
      if (this.#tree.isServerOf(span, child)) this.#serverOf[depth] = child;
      this.#own(depth, end[child], this.#cursor[depth]);
      this.#cursor[depth] = start[child];
      this.#above[child] = span;
      this.#enter(++depth, child);
    }
  }

  #enter(depth: number, span: number): void {
    const from = this.#ordered;
    this.#ordered = this.#tree.childrenByEnd(span, this.#order, from);
    this.#stack[depth] = span;
    this.#next[depth] = from;
    this.#last[depth] = this.#ordered;
    this.#cursor[depth] = this.#tree.end[span];
    this.#serverOf[depth] = -1;
    this.#taken[depth] = -1;
  }

  /** The child that finished last before the cursor, and in passing the slack of those that ran beside the last one. */
  #nextChild(depth: number): number {
    const { end } = this.#tree;
    const span = this.#stack[depth];
    const cursor = this.#cursor[depth];
    while (this.#next[depth] < this.#last[depth]) {
      const at = this.#next[depth]++;
      const child = this.#order[at];
      if (end[child] > cursor && this.#isForgiven(depth, at)) this.#tree.cutEnd(child, cursor);
      if (end[child] <= cursor) {
        this.#slack[child] = 0;
        this.#drag[child] = Math.min(this.#drag[span], this.#localDrag(depth, at));
        this.#taken[depth] = child;
        return child;
      }
      // It ended while the child that was taken last still ran; the first child is always taken.
      this.#slack[child] = end[this.#taken[depth]] - end[child];
    }
    return -1;
  }

  /** How much a child can shrink until another that ran beside it finishes last instead. */
  #localDrag(depth: number, at: number): number {
    const { start, end } = this.#tree;
    const child = this.#order[at];
    const rival = at + 1 < this.#last[depth] ? end[this.#order[at + 1]] : start[child];
    return end[child] - Math.max(start[child], rival);
  }

  /** CRISP's rule: the overlap is less than 1 % of the parent, and no other child ends within it. */
  #isForgiven(depth: number, at: number): boolean {
    if (this.#mode === 'strict') return false;
    const { start, end } = this.#tree;
    const span = this.#stack[depth];
    const child = this.#order[at];
    const cursor = this.#cursor[depth];
    if (start[child] >= cursor || (end[child] - cursor) * TOLERANCE >= end[span] - start[span]) return false;
    const isNextClear = at + 1 === this.#last[depth] || end[this.#order[at + 1]] < cursor;
    return isNextClear && this.#order[at - 1] === this.#taken[depth];
  }

  #own(depth: number, start: number, end: number): void {
    if (end <= start) return;
    if (this.#count === this.#trace.length) this.#grow();
    const at = this.#count++;
    const span = this.#stack[depth];
    const server = this.#serverOf[depth];
    const isMissing = span >= this.#spans.count;
    const shown = isMissing ? this.#tree.standIn(span) : span;
    this.#trace[at] = this.#spans.trace[shown];
    this.#kind[at] = isMissing ? SECTION.unobserved : server >= 0 ? SECTION.gap : SECTION.self;
    this.#span[at] = shown;
    this.#server[at] = server;
    this.#start[at] = start;
    this.#end[at] = end;
  }

  #grow(): void {
    const size = this.#trace.length * 2;
    this.#trace = widened(new Int32Array(size), this.#trace);
    this.#kind = widened(new Uint8Array(size), this.#kind);
    this.#span = widened(new Int32Array(size), this.#span);
    this.#server = widened(new Int32Array(size), this.#server);
    this.#start = widened(new Float64Array(size), this.#start);
    this.#end = widened(new Float64Array(size), this.#end);
  }

  finish(): CriticalPaths {
    const { count } = this.#spans;
    return {
      count: this.#count,
      trace: this.#trace.subarray(0, this.#count),
      kind: this.#kind.subarray(0, this.#count),
      span: this.#span.subarray(0, this.#count),
      server: this.#server.subarray(0, this.#count),
      start: this.#start.subarray(0, this.#count),
      end: this.#end.subarray(0, this.#count),
      root: this.#tree.roots,
      notes: this.#tree.notes,
      above: this.#above.subarray(0, count).map((span) => (span < count ? span : this.#above[span])),
      drag: this.#drag.subarray(0, count),
      slack: this.#slack.subarray(0, count),
    };
  }
}

function widened<T extends Int32Array | Uint8Array | Float64Array>(wide: T, old: T): T {
  wide.set(old);
  return wide;
}

/** What was assumed about a trace, as words. */
export function notesOf(bits: number): string[] {
  return Object.entries(NOTE).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name]));
}
