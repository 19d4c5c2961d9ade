import { type Clock, pause } from '../../host/clock.ts';
import { type Disk, errorCode, errorText, makeDirectoryDurably } from '../../host/disk.ts';
import { KIND } from '../../journal/format.ts';
import { JournalReader } from '../../journal/reader.ts';
import { decodeRecord } from '../../journal/record.ts';
import type { SealedSegment } from '../../journal/sealed.ts';
import { journalFile } from '../../journal/segment-files.ts';
import type { Outgoing } from '../batch.ts';
import { rewriteRequest, withoutInvalidSpans } from '../rules/rewrite.ts';
import { type Decisions, type KeptSpans, readDecisions, writeDecisions } from './decisions.ts';
import { forEachSpan, type TakeSpan } from './spans.ts';
import type { TailRules } from './tail-rules.ts';
import { TraceTable } from './traces.ts';

export interface TailOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** `<data>/tail`. */
  readonly directory: string;
  readonly rules: TailRules;
  /** How long spans of a trace are waited for after its first. */
  readonly waitMs: number;
  /** Traces waited for and decisions remembered. */
  readonly tracesMax: number;
  readonly report: (text: string) => void;
}

/** A segment whose spans wait in the journal for the decision on their traces. */
interface Waiting {
  readonly key: string;
  readonly sealed: SealedSegment;
  readonly path: string;
  isRead: boolean;
  /** Monotonic; from when on every trace of it may be decided. */
  dueMs: number;
}

const DISK_RETRY_MS = 1_000;

/**
 * Tail sampling. The journal is where spans wait: memory holds for each trace only what its rules need. When the oldest segment that waits
 * is old enough, each of its traces is decided on (once; later spans follow), which spans of the segment are kept is written down durably,
 * and only then is the segment sent. So what is sent again after a crash is what was sent before, and what is left out is counted exactly.
 */
export class TailSampler {
  readonly #options: TailOptions;
  readonly #traces: TraceTable;
  readonly #waiting: Waiting[] = [];
  /** Segments that may be sent: by what is written down, or whole. */
  readonly #decided = new Map<string, 'written' | 'whole'>();
  /** Files of segments that are gone, oldest first, kept for the decisions in them. */
  readonly #remembered: { readonly key: string; readonly decisions: number }[] = [];
  readonly #counts = new Map<string, number>();
  #onDecided: () => void = () => {};
  #wake: () => void = () => {};
  #isStopping = false;
  #running: Promise<void> | undefined;
  /** Segments that were decided on before their time, because the table was full. */
  early = 0;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#traces = new TraceTable(options.rules, options.tracesMax);
  }

  get rules(): TailRules {
    return this.#options.rules;
  }

  /** Spans that came after the decision on their trace. */
  get late(): number {
    return this.#traces.late;
  }

  /** Begins with the decisions that are on disk. */
  async start(onDecided: () => void): Promise<void> {
    const { disk, directory } = this.#options;
    this.#onDecided = onDecided;
    for (const key of await this.#written()) {
      const decisions = await readDecisions(disk, `${directory}/${key}`);
      if (decisions === undefined) continue;
      this.#decided.set(key, 'written');
      this.#counts.set(key, decisions.kept.length + decisions.dropped.length);
      for (const id of decisions.kept) this.#traces.remember(id, true);
      for (const id of decisions.dropped) this.#traces.remember(id, false);
      this.#traces.makeRoom();
    }
    this.#running = this.#run();
  }

  /** A segment was sealed in this directory. `isBegun`: some of it was sent already, without sampling. */
  add(directory: string, sealed: SealedSegment, isBegun: boolean): void {
    const key = keyOf(sealed.receiver, sealed.segment);
    if (this.#decided.has(key)) return;
    if (isBegun || (sealed.items?.traces ?? 0) === 0 || !this.#hasRules) {
      this.#decided.set(key, 'whole');
      return;
    }
    const path = `${directory}/${journalFile(sealed.segment)}`;
    this.#waiting.push({ key, sealed, path, isRead: false, dueMs: Number.POSITIVE_INFINITY });
    this.#wake();
  }

  isDecided(receiver: number, segment: string): boolean {
    return this.#decided.has(keyOf(receiver, segment));
  }

  /** What leaves out of a segment's requests the spans that are not kept; undefined when it is sent whole. */
  async keeper(receiver: number, segment: string): Promise<Outgoing['tail']> {
    const key = keyOf(receiver, segment);
    if (this.#decided.get(key) !== 'written') return undefined;
    const decisions = await readDecisions(this.#options.disk, `${this.#options.directory}/${key}`);
    if (decisions === undefined) return undefined;
    return (sequence, body) => {
      const letter = decisions.letters.get(sequence);
      return letter === undefined ? body : keepSpans(body, letter);
    };
  }

  /** A segment is gone: its decisions are kept while there is room for them. */
  forgotten(receiver: number, segment: string): void {
    const key = keyOf(receiver, segment);
    const was = this.#decided.get(key);
    this.#decided.delete(key);
    if (was === 'written') this.#remembered.push({ key, decisions: this.#counts.get(key) ?? 0 });
    this.#counts.delete(key);
    void this.#forgetOldest();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    await this.#running;
  }

  get #hasRules(): boolean {
    const { rules, share } = this.#options.rules;
    return rules.length > 0 || share !== undefined;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        const unread = this.#waiting.find(({ isRead }) => !isRead);
        if (unread !== undefined && this.#traces.makeRoom()) await this.#read(unread);
        else if (!(await this.#decideDue(unread !== undefined))) await this.#sleep();
      } catch (error) {
        this.#options.report(`tail sampling waits: ${errorText(error)}`);
        await pause(this.#options.clock, DISK_RETRY_MS);
      }
    }
  }

  /** Notes what the spans of a segment say of their traces. */
  async #read(waiting: Waiting): Promise<void> {
    const { clock, waitMs, rules } = this.#options;
    let newestMs = 0;
    await this.#eachRequest(waiting, (_sequence, body, receivedMs) => {
      newestMs = Math.max(newestMs, receivedMs);
      forEachSpan(body, rules.rules, (bytes, at, rule) => this.#traces.note(bytes, at, rule));
    });
    const nowMs = Number(clock.unixNano() / 1_000_000n);
    // A wall clock that jumps may not make anybody wait longer.
    waiting.dueMs = clock.monotonicMs() + Math.min(waitMs, Math.max(0, newestMs + waitMs - nowMs));
    waiting.isRead = true;
  }

  /** Decides on the oldest segment when its time has come, or when there is no room for more traces. False: nothing is due. */
  async #decideDue(isFull: boolean): Promise<boolean> {
    const [oldest] = this.#waiting;
    if (oldest === undefined || !oldest.isRead) return false;
    const isDue = oldest.dueMs <= this.#options.clock.monotonicMs();
    if (!isDue && !isFull) return false;
    if (!isDue) this.early++;
    await this.#decide(oldest);
    return true;
  }

  async #decide(waiting: Waiting): Promise<void> {
    const { disk, directory } = this.#options;
    const letters = new Map<number, KeptSpans>();
    await this.#eachRequest(waiting, (sequence, body) => {
      const kept: boolean[] = [];
      const take: TakeSpan = (bytes, at) => void kept.push(this.#traces.decide(bytes, at));
      forEachSpan(body, NO_RULES, take);
      letters.set(sequence, { spans: kept.length, bits: bitsOf(kept) });
    });
    const decisions: Decisions = { letters, ...this.#traces.takeDecisions() };
    for (;;) {
      try {
        await makeDirectoryDurably(disk, directory);
        await writeDecisions(disk, directory, waiting.key, decisions);
        break;
      } catch (error) {
        this.#options.report(`decisions of tail sampling cannot be written: ${errorText(error)}`);
        await pause(this.#options.clock, DISK_RETRY_MS);
        if (this.#isStopping) return;
      }
    }
    this.#counts.set(waiting.key, decisions.kept.length + decisions.dropped.length);
    this.#waiting.shift();
    this.#decided.set(waiting.key, 'written');
    this.#onDecided();
  }

  /** The requests of a segment as they are sent, but for sampling and rules. */
  async #eachRequest(
    { sealed, path }: Waiting,
    take: (sequence: number, body: Uint8Array, receivedMs: number) => void,
  ): Promise<void> {
    const { instance, receiver, segment } = sealed;
    const reader = new JournalReader(this.#options.disk, path, { instance, receiver, segment }, sealed.journalBytes);
    for (;;) {
      const record = await reader.next();
      if (record === undefined) return;
      if (record.kind !== KIND.request) continue;
      const request = decodeRecord(record.payload);
      if (request?.signal !== 'traces') continue;
      const { body, rejected = 0, receivedUnixNano } = request;
      const valid = rejected > 0 ? withoutInvalidSpans(body) : body;
      take(record.sequence, valid, Number(receivedUnixNano / 1_000_000n));
    }
  }

  /** Until the oldest segment is due, or there is a new one. */
  async #sleep(): Promise<void> {
    const { clock } = this.#options;
    const [oldest] = this.#waiting;
    await new Promise<void>((resolve) => {
      const cancel =
        oldest === undefined
          ? () => {}
          : clock.after(Math.max(1, Math.min(oldest.dueMs - clock.monotonicMs(), SLEEP_MS_MAX)), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
      if (this.#isStopping) this.#wake();
    });
  }

  async #forgetOldest(): Promise<void> {
    const { disk, directory, tracesMax, report } = this.#options;
    let held = this.#remembered.reduce((sum, { decisions }) => sum + decisions, 0);
    while (held > tracesMax || this.#remembered.length > FILES_MAX) {
      const oldest = this.#remembered.shift();
      if (oldest === undefined) return;
      held -= oldest.decisions;
      await disk.remove(`${directory}/${oldest.key}`).catch((error: unknown) => {
        if (errorCode(error) !== 'ENOENT') report(`old decisions cannot be removed: ${errorText(error)}`);
      });
    }
  }

  /** Names of the files, oldest segment first. */
  async #written(): Promise<string[]> {
    const { disk, directory } = this.#options;
    try {
      const names = await disk.list(directory);
      const segmentIn = (name: string): string => name.slice(name.indexOf('-') + 1);
      return names.filter((name) => KEY.test(name)).sort((a, b) => (segmentIn(a) < segmentIn(b) ? -1 : 1));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

const NO_RULES: readonly [] = [];
const SLEEP_MS_MAX = 60_000;
/** Files of segments that are gone, whatever is in them. */
const FILES_MAX = 256;

const KEY = /^r\d{1,5}-[0-9a-f]{16}$/;
const keyOf = (receiver: number, segment: string): string => `r${receiver}-${segment}`;

function bitsOf(kept: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil(kept.length / 8));
  kept.forEach((isKept, index) => {
    if (isKept) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return bits;
}

/** The request with the spans whose bit is set: the same object when that is all of them. */
function keepSpans(body: Uint8Array, { bits }: KeptSpans): Uint8Array {
  let index = -1;
  const keepsSpan = (): boolean => {
    index++;
    return ((bits[index >> 3] ?? 0xff) & (1 << (index & 7))) !== 0;
  };
  return rewriteRequest({ rules: [], keptTraces: 1, keepsSpan }, 'traces', body);
}
