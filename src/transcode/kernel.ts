import { ByteBuffer } from '../base/bytes.ts';
import type { Range } from './contexts.ts';
import { writeDouble } from './double-text.ts';
import * as layout from './kernel-layout.ts';

/** The part of WebAssembly's interface that is used here: it is no Node module and no part of the language, so neither's types have it. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  decode(bytes: number): number;
}

const DOUBLE = new Float64Array(1);
const DOUBLE_HALVES = new Int32Array(DOUBLE.buffer);

/**
 * The span decoder in WebAssembly (kernel/README.md): a request of traces → what it adds to the columns. It keeps nothing from one request to
 * the next, so that one serves all segments of a process, and what it does not take (a damaged request, an invalid span, one that is too large)
 * goes to the TypeScript beside it (traces.ts), which also says what is wrong.
 */
export class SpanKernel {
  readonly memory: Uint8Array;
  readonly words: Uint32Array;
  readonly #decode: (bytes: number) => number;

  /** @param code the bytes of spans.wasm */
  constructor(code: Uint8Array<ArrayBuffer>) {
    const text = new ByteBuffer();
    const host = {
      doubleText: (to: number, value: number): number => {
        DOUBLE[0] = value;
        text.length = 0;
        writeDouble(text, DOUBLE_HALVES[0], DOUBLE_HALVES[1]);
        this.memory.set(text.view(), to);
        return to + text.length;
      },
    };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { host });
    const { memory, decode } = instance.exports as Exports;
    this.memory = new Uint8Array(memory.buffer);
    this.words = new Uint32Array(memory.buffer);
    this.#decode = decode;
  }

  /** One of the numbers that tell how much was read. */
  count(number: number): number {
    return this.words[(layout.COUNTS >> 2) + number];
  }

  /** A scope or resource that holds rows: what it is, and how many rows there are up to its end. Its place and its schema URL's are written to `owner` and `schemaUrl`. */
  envelope(index: number, owner: Range, schemaUrl: Range): { readonly kind: number; readonly rows: number } {
    const words = this.words;
    const at = (layout.ENVELOPES >> 2) + index * layout.ENVELOPE_WORDS;
    owner.start = words[at + 1] | 0;
    owner.end = words[at + 2] | 0;
    schemaUrl.start = words[at + 3] | 0;
    schemaUrl.end = words[at + 4] | 0;
    return { kind: words[at], rows: words[at + 5] };
  }

  /**
   * Reads a request. What it adds then lies in `memory` (kernel-layout.ts); false when TypeScript has to read it.
   * @param bases lengths of the columns now
   */
  decode(body: Uint8Array, bases: readonly number[]): boolean {
    if (body.length > layout.INPUT_BYTES_MAX) return false;
    this.memory.set(body, layout.INPUT);
    for (let i = 0; i < bases.length; i++) this.words[(layout.BASES >> 2) + i] = bases[i];
    return this.#decode(body.length) !== 0;
  }
}
