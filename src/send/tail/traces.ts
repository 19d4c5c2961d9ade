import { traceHash } from '../balance/hash.ts';
import type { TailRules } from './tail-rules.ts';

/** What is known of a trace, in one small integer, which V8 keeps in the table itself: bit 0 decided, bit 1 kept, above them the first rule that fits + 1. */
const DECIDED = 1;
const KEPT = 2;
const RULE_SHIFT = 2;

/**
 * The traces that are being waited for, and the decisions that are remembered for spans that come late, in one table of bounded size; oldest
 * first. Pure.
 */
export class TraceTable {
  readonly #rules: TailRules;
  readonly #tracesMax: number;
  readonly #states = new Map<string, number>();
  /** Decisions that were made since `takeDecisions`. */
  #made = { kept: [] as string[], dropped: [] as string[] };
  /** Spans that came after the decision on their trace, and followed it. */
  late = 0;

  constructor(rules: TailRules, tracesMax: number) {
    this.#rules = rules;
    this.#tracesMax = tracesMax;
  }

  /** A span was read. `rule`: the first one that it fits, -1 for none. */
  note(bytes: Uint8Array, traceIdAt: number, rule: number): void {
    const id = idAt(bytes, traceIdAt);
    const state = this.#states.get(id) ?? 0;
    if ((state & DECIDED) !== 0) this.late++;
    else if (state === 0 || (rule >= 0 && state >> RULE_SHIFT === 0)) {
      this.#states.set(id, rule >= 0 ? (rule + 1) << RULE_SHIFT : state);
    }
  }

  /** Whether a span is kept: what was decided on its trace, or is decided now by what is known of it. */
  decide(bytes: Uint8Array, traceIdAt: number): boolean {
    const id = idAt(bytes, traceIdAt);
    const state = this.#states.get(id) ?? 0;
    if ((state & DECIDED) !== 0) return (state & KEPT) !== 0;
    const index = (state >> RULE_SHIFT) - 1;
    const rule = this.#rules.rules[index] ?? this.#shareOf(bytes, traceIdAt);
    if (rule !== undefined) rule.kept++;
    this.remember(id, rule !== undefined);
    this.#made[rule === undefined ? 'dropped' : 'kept'].push(id);
    return rule !== undefined;
  }

  /** Puts a decision in, as the newest. */
  remember(id: string, isKept: boolean): void {
    this.#states.delete(id);
    this.#states.set(id, isKept ? DECIDED | KEPT : DECIDED);
  }

  /** Forgets the oldest decisions while the table is over its size. False: what is oldest is not decided yet, so a decision is due. */
  makeRoom(): boolean {
    for (const [id, state] of this.#states) {
      if (this.#states.size <= this.#tracesMax) return true;
      if ((state & DECIDED) === 0) return false;
      this.#states.delete(id);
    }
    return true;
  }

  /** The decisions made since the last call: trace ids in latin1, 16 characters each. */
  takeDecisions(): { readonly kept: readonly string[]; readonly dropped: readonly string[] } {
    const made = this.#made;
    this.#made = { kept: [], dropped: [] };
    return made;
  }

  get size(): number {
    return this.#states.size;
  }

  #shareOf(bytes: Uint8Array, traceIdAt: number) {
    const { share } = this.#rules;
    if (share === undefined || share.reason.kind !== 'share' || traceIdAt < 0) return undefined;
    return traceHash(bytes, traceIdAt) < share.reason.share * 2 ** 32 ? share : undefined;
  }
}

const idAt = (bytes: Uint8Array, at: number): string =>
  at < 0 ? '' : Buffer.from(bytes.buffer, bytes.byteOffset + at, 16).toString('latin1');
