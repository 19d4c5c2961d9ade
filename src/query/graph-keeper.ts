import { type CallGraph, mergeGraphs, serviceEdges } from '../analysis/call-graph.ts';
import type { CallSpans } from '../analysis/call-spans.ts';
import { pairCalls } from '../analysis/pairing.ts';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import { type Disk, errorText } from '../host/disk.ts';
import type { Engine } from '../store/engine.ts';
import type { CycleAlert } from './api-alerts.ts';
import { touchedWindows } from './graph-segment.ts';
import { newestEdges, WINDOW_SECONDS, windowOf, windowParts } from './graph-spans.ts';
import { type CycleWatch, watchCycles } from './graph-watch.ts';
import { newestVersion, spansIn, staleWindows, writeWindow } from './graph-windows.ts';

export interface GraphKeeperOptions {
  readonly engine: Engine;
  readonly disk: Disk;
  readonly clock: Clock;
  /** Where files on their way into the store are written: `<data>/graph`. */
  readonly directory: string;
  /** Share of time that the work may take. Default LIMITS.graphShareMax; 1 never pauses. */
  readonly shareMax?: number;
  /** Spans that are paired at once. Default LIMITS.graphSpansAtOnce. */
  readonly spansAtOnce?: number;
  /** One line about something an operator should know: a window that could not be read. */
  readonly report?: (text: string) => void;
  /** Is told of a call that closes a cycle of services. */
  readonly onCycle?: (cycle: CycleAlert) => void;
}

/** What an answer about the kept graph depends on. */
export interface GraphState {
  /** Windows written under later versions are not finished. */
  readonly version: number;
  /** Windows that wait to be paired anew, ascending. The graph is complete outside them. */
  readonly pending: readonly number[];
  readonly watch: CycleWatch;
}

/** A window as computed, with a fingerprint of what its neighbours depend on. */
interface Computed {
  readonly graph: CallGraph;
  readonly spans: number;
  /** By neighbour: a sum over the window's own spans of the traces that both windows share. */
  readonly shared: ReadonlyMap<number, number>;
}

const LAST_SECOND = 2 ** 32 - 1;

/**
 * Keeps the call graph in windows of a minute. A segment that is loaded marks the windows of its spans; a marked window is paired anew from the
 * stored spans and replaces the older one. So the kept graph is a function of what is stored: no order of arrival, no repeat and no crash
 * can make it differ from one that is rebuilt. What was not finished when the process died is found at the next start, by the number of
 * spans that each window was made from.
 */
export class GraphKeeper {
  readonly #options: GraphKeeperOptions;
  /** Marked windows, with the number of the mark: one that came while the window was paired stays. */
  readonly #dirty = new Map<number, number>();
  /** When each of them was marked last, monotonic. */
  readonly #markedMs = new Map<number, number>();
  /** Spans of windows when they were last paired. */
  readonly #sizes = new Map<number, number>();
  #marks = 0;
  #isCompared = false;
  /** What neighbours of a window were last made from: `<window> <neighbour>`. Forgotten at a restart, when each is told once more. */
  readonly #shared = new Map<string, number>();
  readonly #watch: CycleWatch;
  #version = 0;
  #newestNext = true;
  #wake: () => void = () => {};
  readonly #pauses = new Set<() => void>();
  #closed = false;
  #loop: Promise<void> = Promise.resolve();
  #peeks: Promise<void> = Promise.resolve();
  /** When windows that wait again were last paired, monotonic. */
  readonly #pairedMs = new Map<number, number>();

  constructor(options: GraphKeeperOptions) {
    this.#options = options;
    this.#watch = watchCycles(options.clock, options.onCycle ?? (() => {}));
  }

  /** Marks what changed since the graph was last written, in the background, and begins to work. */
  async start(): Promise<void> {
    const { engine, disk, directory } = this.#options;
    await disk.makeDirectory(directory);
    this.#version = await newestVersion(engine);
    await this.#watch.load(engine, this.#version);
    this.#loop = this.#mark(0, windowOf(LAST_SECOND)).then(() => {
      this.#isCompared = true;
      return this.#run();
    });
    this.#peeks = this.#peek();
  }

  /** A segment is in the store. Never rejects: what cannot be read now is found by the count of spans at the next start. */
  async segmentLoaded(
    sealed: { readonly tables: readonly { readonly table: string; readonly file: string }[] },
    directory: string,
  ): Promise<void> {
    try {
      const { windows, stretches } = await touchedWindows(this.#options.disk, directory, sealed);
      for (const window of windows) this.#markOne(window);
      for (const [first, last] of stretches) await this.#mark(first, last);
    } catch (error) {
      this.#report(`the windows of a segment cannot be read for the call graph: ${errorText(error)}`);
    }
    this.#wake();
  }

  state(): GraphState {
    return { version: this.#version, pending: [...this.#dirty.keys()].sort((a, b) => a - b), watch: this.#watch };
  }

  /** Pairs all windows between two seconds anew, whatever is known of them. Resolves when nothing is marked. */
  async rebuild(first: number, last: number): Promise<void> {
    const { engine } = this.#options;
    for (
      let window = windowOf(first);
      window <= last && last - first <= REBUILT_BLINDLY_MAX;
      window += WINDOW_SECONDS
    ) {
      if ((await spansIn(engine, window)) > 0) this.#markOne(window);
    }
    await this.#mark(windowOf(first), windowOf(last));
    this.#wake();
    await this.idle();
  }

  /** Resolves when no window is marked. */
  async idle(): Promise<void> {
    while ((this.#dirty.size > 0 || !this.#isCompared) && !this.#closed) await this.#pause(IDLE_CHECK_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of [...this.#pauses]) end();
    await Promise.all([this.#loop, this.#peeks]);
  }

  #markOne(window: number): void {
    this.#dirty.set(window, ++this.#marks);
    this.#markedMs.set(window, this.#options.clock.monotonicMs());
  }

  /** Marks the windows of a stretch whose stored spans are not as many as they were made from. */
  async #mark(first: number, last: number): Promise<void> {
    try {
      for (const window of await staleWindows(this.#options.engine, first, last)) this.#markOne(window);
    } catch (error) {
      if (!this.#closed) this.#report(`the call graph cannot be compared with the stored spans: ${errorText(error)}`);
    }
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const window = this.#next();
      if (window === undefined) {
        await this.#sleep(LIMITS.loadRescanMs);
        continue;
      }
      const startedMs = this.#options.clock.monotonicMs();
      try {
        await this.#refresh(window);
      } catch (error) {
        if (!this.#closed) this.#report(`a window of the call graph cannot be kept: ${errorText(error)}`);
        await this.#sleep(LIMITS.loadRetryMsMin);
      }
      const tookMs = this.#options.clock.monotonicMs() - startedMs;
      // More spans are likely to come into the newest windows; one of the past is done.
      const nowSecond = Number(this.#options.clock.unixNano() / 1_000_000_000n);
      const leastMs = window > nowSecond - 2 * WINDOW_SECONDS ? LIMITS.graphPauseMs : 0;
      await this.#pause(Math.max(leastMs, tookMs * (1 / this.#shareOf(window) - 1)));
    }
  }

  /**
   * Under load a window is paired long after its calls came. So that a call that closes a cycle is noticed all the same, the newest calls are
   * looked at by themselves while a window of now waits; what is kept of the graph is left to the pairing of the window.
   */
  async #peek(): Promise<void> {
    const { clock, engine } = this.#options;
    for (let turn = 0; !this.#closed; ) {
      await this.#pause(LIMITS.graphPeekMs);
      const nowNs = clock.unixNano();
      if (this.#closed || !this.#isBehind(Number(nowNs / 1_000_000_000n))) continue;
      const startedMs = clock.monotonicMs();
      let shareMax: number = LIMITS.graphPeekShareMax;
      try {
        const [from, to] = [nowNs - BigInt(LIMITS.graphPeekSpanMs) * 1_000_000n, nowNs + CLOCKS_APART_NS];
        const { edges, isSample } = await newestEdges(engine, from, to, turn++);
        if (isSample) shareMax = LIMITS.graphPeekSampleShareMax;
        this.#watch.take(windowOf(Number(from / 1_000_000_000n)), edges, true);
      } catch (error) {
        if (!this.#closed) this.#report(`the newest calls cannot be looked at: ${errorText(error)}`);
      }
      const tookMs = clock.monotonicMs() - startedMs;
      await this.#pause(Math.max(0, tookMs / shareMax - LIMITS.graphPeekMs));
    }
  }

  /** A window of now waits, and was last paired some time ago. */
  #isBehind(nowSecond: number): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const since = (window: number): number => nowMs - (this.#pairedMs.get(window) ?? Number.NEGATIVE_INFINITY);
    const isNew = (window: number): boolean => window > nowSecond - 2 * WINDOW_SECONDS;
    return [...this.#dirty.keys()].some((window) => isNew(window) && since(window) > LIMITS.graphPeekMs);
  }

  /** The newest and the oldest marked window in turns: what happens now is seen soon, and nothing waits for ever. */
  #next(): number | undefined {
    const ready = [...this.#dirty.keys()].filter((window) => !this.#isFilling(window));
    if (ready.length === 0) return undefined;
    this.#newestNext = !this.#newestNext;
    return this.#newestNext ? Math.max(...ready) : Math.min(...ready);
  }

  #isBusy(window: number): boolean {
    return (this.#sizes.get(window) ?? 0) > LIMITS.graphBusySpans;
  }

  /** Many spans, and more still coming. */
  #isFilling(window: number): boolean {
    const sinceMs = this.#options.clock.monotonicMs() - (this.#markedMs.get(window) ?? 0);
    return this.#isBusy(window) && sinceMs < LIMITS.graphBusyQuietMs;
  }

  #shareOf(window: number): number {
    return this.#options.shareMax ?? (this.#isBusy(window) ? LIMITS.graphBusyShareMax : LIMITS.graphShareMax);
  }

  /**
   * Pairs one window anew. Neighbours that share changed traces with it are written before it is: a crash in between leaves the window's own
   * count of spans wrong, and the next start does all of it again.
   */
  async #refresh(window: number): Promise<void> {
    const mark = this.#dirty.get(window);
    this.#sizes.set(window, await spansIn(this.#options.engine, window));
    if (this.#isFilling(window)) return;
    const computed = await this.#compute(window);
    for (const neighbour of [window - WINDOW_SECONDS, window + WINDOW_SECONDS]) {
      const key = `${window} ${neighbour}`;
      const shared = computed.shared.get(neighbour) ?? 0;
      if ((this.#shared.get(key) ?? 0) === shared) continue;
      if (!this.#dirty.has(neighbour)) await this.#write(neighbour, await this.#compute(neighbour));
      this.#shared.set(key, shared);
    }
    await this.#write(window, computed);
    if (this.#dirty.get(window) === mark) {
      this.#dirty.delete(window);
      this.#markedMs.delete(window);
    }
    this.#forgetOld(window);
  }

  async #compute(window: number): Promise<Computed> {
    const { engine } = this.#options;
    const graphs: CallGraph[] = [];
    const shared = new Map<number, number>();
    let spans = 0;
    let startedMs = this.#options.clock.monotonicMs();
    for await (const columns of windowParts(engine, window, this.#options.spansAtOnce)) {
      if (this.#closed) throw new Error('the store is closing');
      graphs.push(pairCalls(columns));
      spans += sumShared(columns, window, shared);
      const tookMs = this.#options.clock.monotonicMs() - startedMs;
      if (this.#isBusy(window)) await this.#pause(tookMs * (1 / this.#shareOf(window) - 1));
      startedMs = this.#options.clock.monotonicMs();
    }
    return { graph: mergeGraphs(graphs), spans, shared };
  }

  async #write(window: number, { graph, spans }: Computed): Promise<void> {
    const { engine, disk, directory } = this.#options;
    const version = this.#version + 1;
    await writeWindow(engine, disk, directory, { window, version, spans, graph });
    this.#version = version;
    this.#watch.take(window, serviceEdges(graph.edges));
    this.#pairedMs.set(window, this.#options.clock.monotonicMs());
  }

  /** Fingerprints of windows that are long past are dropped; a late span there costs its neighbours one more pairing. */
  #forgetOld(window: number): void {
    for (const old of this.#sizes.keys()) if (old < window - SHARED_SECONDS) this.#sizes.delete(old);
    for (const old of this.#pairedMs.keys()) if (old < window - SHARED_SECONDS) this.#pairedMs.delete(old);
    if (this.#shared.size <= SHARED_MAX) return;
    for (const key of this.#shared.keys())
      if (Number.parseInt(key, 10) < window - SHARED_SECONDS) this.#shared.delete(key);
    if (this.#shared.size > SHARED_MAX) this.#shared.clear();
  }

  #report(text: string): void {
    this.#options.report?.(text);
  }

  /** A pause that only the end of the process cuts short. */
  #pause(delayMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#options.clock.after(delayMs, end);
      this.#pauses.add(end);
    });
  }

  /** A pause that a new segment cuts short too. */
  #sleep(delayMs: number): Promise<void> {
    const before = new Set(this.#pauses);
    const pause = this.#pause(delayMs);
    const ends = [...this.#pauses].filter((end) => !before.has(end));
    this.#wake = () => {
      for (const end of ends) end();
    };
    return pause;
  }
}

/** Clocks of senders may be ahead of this one's. */
const CLOCKS_APART_NS = 5_000_000_000n;
const IDLE_CHECK_MS = 20;
/** Seconds over which a rebuild looks at each window; over more it looks only at those whose count of spans is wrong. */
const REBUILT_BLINDLY_MAX = 86_400;
const SHARED_MAX = 10_000;
const SHARED_SECONDS = 3_600;

/** Adds to `shared`, by neighbour, a fingerprint of the counted spans whose traces have spans there. Returns the number of counted spans. */
function sumShared(spans: CallSpans, window: number, shared: Map<number, number>): number {
  const { count, isCounted, trace, startNs, traceIds } = spans;
  const reaches = new Uint8Array(traceIds.length);
  for (let i = 0; i < count; i++) if (isCounted[i] === 0) reaches[trace[i]] |= startNs[i] < 0 ? BEFORE : AFTER;
  let counted = 0;
  let before = 0;
  let after = 0;
  for (let i = 0; i < count; i++) {
    if (isCounted[i] === 0) continue;
    counted++;
    const reach = reaches[trace[i]];
    if (reach === 0) continue;
    const mark = markOf(spans, i);
    if ((reach & BEFORE) !== 0) before = (before + mark) % MARKS;
    if ((reach & AFTER) !== 0) after = (after + mark) % MARKS;
  }
  addTo(shared, window - WINDOW_SECONDS, before);
  addTo(shared, window + WINDOW_SECONDS, after);
  return counted;
}

const BEFORE = 1;
const AFTER = 2;
const MARKS = 2 ** 48;

function addTo(sums: Map<number, number>, key: number, value: number): void {
  if (value > 0) sums.set(key, ((sums.get(key) ?? 0) + value) % MARKS);
}

/** A number that two different spans share by chance only. */
function markOf({ idHigh, idLow, kind, durationNs }: CallSpans, i: number): number {
  const low = Math.imul(idLow[i] ^ Math.imul(idHigh[i], 0x9e3779b1), 0x85ebca6b) >>> 0;
  const high = Math.imul((idHigh[i] ^ (low >>> 7)) + kind[i] + (durationNs[i] | 0), 0xc2b2ae35) >>> 16;
  return 1 + low + high * 2 ** 32;
}
