import type { Signal } from '../../src/base/signal.ts';
import type { SegmentBuilder } from '../../src/receive/segment-builder.ts';
import { type Engine, EngineError, type NativeInsert, type QueryResult } from '../../src/store/engine.ts';
import { checkRequest } from '../../src/wire/check.ts';
import { WireError } from '../../src/wire/wire-error.ts';
import type { Ledger } from './ledger.ts';
import { type Item, itemsIn } from './payload.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Row extends Item {
  readonly baggage: string;
}

/** Rows of items in the place of ClickHouse's: a table for each signal, a line of JSON for each row. */
export function rowBuilder(): SegmentBuilder {
  let rows: Record<Signal, string[]> = { traces: [], metrics: [], logs: [] };
  let sizeBytes = 0;
  let count = 0;
  return {
    get items() {
      return count;
    },
    get sizeBytes() {
      return sizeBytes;
    },
    sharedBytes: 0,
    repeatedBytes: 0,
    transcode(signal, body, baggage) {
      try {
        const { items, rejected, message } = checkRequest(signal, body);
        for (const item of itemsIn(signal, body)) {
          const row = `${JSON.stringify({ ...item, baggage } satisfies Row)}\n`;
          rows[signal].push(row);
          sizeBytes += row.length;
        }
        count += items;
        return { kind: 'ok', accepted: items, rejected, message };
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        return { kind: 'invalid', message: error.message };
      }
    },
    freeze: () =>
      (['traces', 'logs'] as const).map((signal) => ({
        table: `simulated_${signal}`,
        columns: ['row'],
        rows: rows[signal].length,
        groups: [rows[signal].map((row) => Buffer.from(row))],
      })),
    reset() {
      rows = { traces: [], metrics: [], logs: [] };
      sizeBytes = 0;
      count = 0;
    },
  };
}

/** Tokens that the store remembers a table while it is followed: few, so that it forgets some. */
export const TOKENS_REMEMBERED = 6;
/** Otherwise: more than a schedule has segments, as LIMITS.deduplicationWindow is more than what can be in doubt at once. */
const TOKENS_PLENTY = 64;

/** What the store does with a file of rows: it begins to be inserted, is applied, or passed over because its token is remembered. */
export type InsertStep = 'Send' | 'Apply' | 'Skip';

/** Hears of each such step; a file is one batch, whatever the token is. */
export type HearInsert = (step: InsertStep, table: string, file: string) => void;

/** ClickHouse as far as loading needs it: it keeps the rows of each insert token that it remembers once. It survives every crash; its statements may not. */
export class StoreTwin {
  /** Inserts fail: nothing is inserted (`before`), or all is and nobody hears of it (`after`). */
  failing: 'before' | 'after' | undefined;
  readonly #time: VirtualTime;
  readonly #chance: () => number;
  readonly #ledger: Ledger;
  readonly #hear: HearInsert;
  readonly #tokensMax: number;
  /** The last tokens of each table, the oldest first. */
  readonly #remembered = new Map<string, string[]>();
  readonly #texts = new Map<string, string>();

  constructor(time: VirtualTime, chance: () => number, ledger: Ledger, hear: HearInsert | undefined) {
    this.#hear = hear ?? (() => {});
    this.#tokensMax = hear === undefined ? TOKENS_PLENTY : TOKENS_REMEMBERED;
    this.#time = time;
    this.#chance = chance;
    this.#ledger = ledger;
  }

  /** The engine as one process has it; `read` gives the bytes of a file. */
  engine(read: (path: string) => Uint8Array, isAlive: () => boolean): Engine {
    const nothing: QueryResult = { columns: [], rows: [], rowsBeforeLimit: 0, elapsedMs: 0, rowsRead: 0, bytesRead: 0 };
    return {
      kind: 'embedded',
      version: 'simulated',
      query: async () => nothing,
      command: async () => {},
      insertNative: (insert) => this.#insert(insert, read, isAlive),
      close: async () => {},
    };
  }

  async #insert(
    { table, path, token }: NativeInsert,
    read: (path: string) => Uint8Array,
    isAlive: () => boolean,
  ): Promise<void> {
    // What is left of a dead process begins nothing; what it had begun may be done.
    if (!isAlive()) await new Promise(() => {});
    const text = Buffer.from(read(path)).toString();
    this.#hear('Send', table, path);
    await new Promise<void>((resolve) => {
      this.#time.after(1 + this.#chance() * 20, resolve);
    });
    if (!isAlive() && this.#chance() < 0.5) await new Promise(() => {});
    if (this.failing === 'before') throw new EngineError('memory limit exceeded', 241);
    const remembered = this.#remembered.get(table) ?? [];
    const isKnown = remembered.includes(token);
    this.#hear(isKnown ? 'Skip' : 'Apply', table, path);
    if (!isKnown) {
      this.#remembered.set(table, [...remembered, token].slice(-this.#tokensMax));
      for (const line of text.split('\n').slice(0, -1)) {
        const { baggage, ...item } = JSON.parse(line) as Row;
        this.#ledger.store(token, item, baggage);
      }
    }
    const before = this.#texts.get(token);
    this.#texts.set(token, text);
    this.#ledger.holds(before === undefined || before === text, 'nothing is lost', () => {
      return `${token} comes with other rows than before`;
    });
    if (this.failing === 'after') throw new EngineError('connection reset', 0);
  }
}
