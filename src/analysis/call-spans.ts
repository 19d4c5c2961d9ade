/** Numbers of OTLP's span kinds. */
export const KIND = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;

/** What pairing needs to know of a span, one array a column. Names and traces are numbers into the lists beside them. */
export interface CallSpans {
  readonly count: number;
  readonly trace: Int32Array;
  /** 64-bit ids as two halves. A parent of zero is none. */
  readonly idHigh: Uint32Array;
  readonly idLow: Uint32Array;
  readonly parentHigh: Uint32Array;
  readonly parentLow: Uint32Array;
  readonly kind: Uint8Array;
  /** (service, operation) of the span. */
  readonly node: Int32Array;
  /** Nanoseconds from a moment that all spans of the table share. */
  readonly startNs: Float64Array;
  readonly durationNs: Float64Array;
  readonly failed: Uint8Array;
  /** What it names as its other side: a number of `names`, -1 when nothing. See peer.ts. */
  readonly peer: Int32Array;
  /** 1 for a call of a database. */
  readonly isDatabase: Uint8Array;
  /** 0 for spans that are only there to find partners among: they are not counted. */
  readonly isCounted: Uint8Array;
  readonly traceIds: readonly string[];
  readonly names: readonly string[];
  /** Service and operation of each node, as numbers of `names`. */
  readonly nodeService: readonly number[];
  readonly nodeOperation: readonly number[];
}

/** One span as text and numbers, on its way into the columns. */
export interface CallSpan {
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** '' for a root. */
  readonly parentSpanId: string;
  readonly kind: number;
  readonly service: string;
  readonly operation: string;
  readonly startNs: number;
  readonly durationNs: number;
  readonly failed: boolean;
  readonly peer: string;
  readonly isDatabase: boolean;
  readonly isCounted: boolean;
}

/** Collects spans into columns of at most `capacity` rows. */
export class CallSpansBuilder {
  readonly #columns: { -readonly [K in keyof CallSpans]: CallSpans[K] };
  readonly #traceIds: string[] = [];
  readonly #traces = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #nameNumbers = new Map<string, number>();
  readonly #nodes = new Map<number, number>();
  readonly #nodeService: number[] = [];
  readonly #nodeOperation: number[] = [];

  constructor(capacity: number) {
    this.#columns = {
      count: 0,
      trace: new Int32Array(capacity),
      idHigh: new Uint32Array(capacity),
      idLow: new Uint32Array(capacity),
      parentHigh: new Uint32Array(capacity),
      parentLow: new Uint32Array(capacity),
      kind: new Uint8Array(capacity),
      node: new Int32Array(capacity),
      startNs: new Float64Array(capacity),
      durationNs: new Float64Array(capacity),
      failed: new Uint8Array(capacity),
      peer: new Int32Array(capacity),
      isDatabase: new Uint8Array(capacity),
      isCounted: new Uint8Array(capacity),
      traceIds: this.#traceIds,
      names: this.#names,
      nodeService: this.#nodeService,
      nodeOperation: this.#nodeOperation,
    };
  }

  add(span: CallSpan): void {
    const columns = this.#columns;
    const at = columns.count++;
    columns.trace[at] = numberOf(this.#traces, this.#traceIds, span.traceId);
    columns.idHigh[at] = Number.parseInt(span.spanId.slice(0, 8), 16);
    columns.idLow[at] = Number.parseInt(span.spanId.slice(8), 16);
    if (span.parentSpanId !== '') {
      columns.parentHigh[at] = Number.parseInt(span.parentSpanId.slice(0, 8), 16);
      columns.parentLow[at] = Number.parseInt(span.parentSpanId.slice(8), 16);
    }
    columns.kind[at] = span.kind;
    columns.node[at] = this.#node(this.#name(span.service), this.#name(span.operation));
    columns.startNs[at] = span.startNs;
    columns.durationNs[at] = span.durationNs;
    columns.failed[at] = span.failed ? 1 : 0;
    columns.peer[at] = span.peer === '' ? -1 : this.#name(span.peer);
    columns.isDatabase[at] = span.isDatabase ? 1 : 0;
    columns.isCounted[at] = span.isCounted ? 1 : 0;
  }

  finish(): CallSpans {
    return this.#columns;
  }

  #name(text: string): number {
    return numberOf(this.#nameNumbers, this.#names, text);
  }

  #node(service: number, operation: number): number {
    const key = service * NAMES_MAX + operation;
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const node = this.#nodeService.length;
    this.#nodes.set(key, node);
    this.#nodeService.push(service);
    this.#nodeOperation.push(operation);
    return node;
  }
}

/** Above the number of distinct names in one table, so that two of them make one number. */
const NAMES_MAX = 2 ** 26;

function numberOf(numbers: Map<string, number>, texts: string[], text: string): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  const number = texts.length;
  texts.push(text);
  numbers.set(text, number);
  return number;
}
