import { type CallSpans, CallSpansBuilder } from './call-spans.ts';

/** A span with absolute times, on its way to a critical path. */
export interface TimedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly kind: number;
  readonly service: string;
  readonly operation: string;
  /** Unix nanoseconds. */
  readonly startNs: bigint;
  readonly durationNs: bigint;
}

/** Times of one trace are numbers from its first span on; beyond this (52 days) they are cut, so that every sum of them is exact. */
const FAR_NS = 2n ** 52n;

/** Collects spans of many traces, each trace on a clock of its own that begins at `bases` (by number of the trace). */
export class TimedSpans {
  readonly #builder: CallSpansBuilder;
  readonly #bases = new Map<string, bigint>();

  constructor(capacity: number) {
    this.#builder = new CallSpansBuilder(capacity);
  }

  add(span: TimedSpan): void {
    let base = this.#bases.get(span.traceId);
    if (base === undefined) {
      base = span.startNs;
      this.#bases.set(span.traceId, base);
    }
    this.#builder.add({
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId,
      kind: span.kind,
      service: span.service,
      operation: span.operation,
      startNs: near(span.startNs - base),
      durationNs: Math.max(0, near(span.durationNs)),
      failed: false,
      peer: '',
      isDatabase: false,
      isCounted: true,
    });
  }

  finish(): { readonly spans: CallSpans; readonly bases: readonly bigint[] } {
    return { spans: this.#builder.finish(), bases: [...this.#bases.values()] };
  }
}

const near = (nanos: bigint): number => Number(nanos > FAR_NS ? FAR_NS : nanos < -FAR_NS ? -FAR_NS : nanos);
