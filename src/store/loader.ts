import path from 'node:path';
import { record } from '../base/history.ts';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import { type Disk, errorText } from '../host/disk.ts';
import { finishForgotten, forget, listSealed } from '../journal/forget.ts';
import { findManifest, readManifest, verifySealed } from '../journal/manifest.ts';
import type { SealedSegment } from '../journal/sealed.ts';
import { damagedFile, receiverDirectory, sealedFile } from '../journal/segment-files.ts';
import { attributeKeysOf } from './attribute-keys.ts';
import { columnsOf } from './columns-on-demand.ts';
import type { Engine } from './engine.ts';
import { DamagedSegment, insertToken, nextLoad, noteFailure, type PendingLoad, pendingLoad } from './load-plan.ts';

export interface LoaderOptions {
  readonly engine: Engine;
  readonly disk: Disk;
  readonly clock: Clock;
  /** `<data>/journal`. */
  readonly journalDirectory: string;
  /** Default LIMITS.loadsInParallel. */
  readonly loadsInParallel?: number;
  /** The segment is in the store and its files are gone: its receiver may count their bytes as free. */
  readonly onForgotten?: (receiver: number, segment: string) => void;
  /**
   * All rows of the segment are in the store; its files, in `directory`, are still there. Awaited before they are removed. What it makes of
   * them must survive being called again: after a crash the segment is inserted, without effect, and told anew.
   */
  readonly onInserted?: (sealed: SealedSegment, directory: string) => Promise<void>;
  /** A file of the segment is not what its manifest says: its receiver is to rebuild it from the journal. Called at each try. */
  readonly onDamaged?: (receiver: number, segment: string) => void;
  /** One line about something an operator should know. */
  readonly report?: (text: string) => void;
}

export interface LoaderStatus {
  readonly loadedSegments: number;
  readonly loadFailures: number;
  readonly lastLoadError: string | null;
  /** From the first sight of the newest loaded segment to its rows being visible. */
  readonly lagMs: number;
  readonly pendingSegments: number;
  /** Segments set aside as `.damaged` since the start. */
  readonly damagedSegments: number;
}

/**
 * Brings sealed segments into the store, oldest first, a few at a time, and forgets them. What is on disk decides: a message only makes
 * it look sooner. A crash at any point is repaired by loading again, because each insert carries a token that the store takes once.
 */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #pending = new Map<string, PendingLoad>();
  readonly #running = new Set<Promise<void>>();
  readonly #waiters: (() => void)[] = [];
  #cancelRescan: () => void = () => {};
  #cancelRetry: () => void = () => {};
  #arriving = 0;
  #pauses = 0;
  #closed = false;
  #loaded = 0;
  #failures = 0;
  #damaged = 0;
  #lastError: string | null = null;
  #lagMs = 0;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Finishes what a crash cut short, then begins to load what is there. */
  async start(): Promise<void> {
    const { disk, journalDirectory, onForgotten } = this.#options;
    for (const { receiver, segment } of await finishForgotten(disk, journalDirectory)) onForgotten?.(receiver, segment);
    await this.rescan();
    this.#scheduleRescan();
  }

  /** A receiver has sealed a segment. Never rejects; what cannot be read now is found by the next rescan. */
  async notify(receiver: number, segment: string): Promise<void> {
    this.#arriving++;
    const { disk, journalDirectory } = this.#options;
    const file = path.join(receiverDirectory(journalDirectory, receiver), sealedFile(segment));
    const manifest = await findManifest(disk, file);
    if (manifest !== undefined) {
      if ('reason' in manifest) this.#fail(`${file}: ${manifest.reason}`);
      else this.#add(manifest);
    }
    // Else a rescan was quicker, and it is loaded already.
    this.#arriving--;
    this.#pump();
    this.#wakeIfIdle();
  }

  /** Looks through the journal directories. */
  async rescan(): Promise<void> {
    const { disk, journalDirectory } = this.#options;
    try {
      const report = (text: string) => this.#fail(text);
      for (const sealed of await listSealed(disk, journalDirectory, report)) this.#add(sealed);
    } catch (error) {
      this.#fail(errorText(error));
    }
    this.#pump();
  }

  status(): LoaderStatus {
    return {
      loadedSegments: this.#loaded,
      loadFailures: this.#failures,
      lastLoadError: this.#lastError,
      lagMs: this.#lagMs,
      pendingSegments: this.#pending.size,
      damagedSegments: this.#damaged,
    };
  }

  /** Resolves when nothing known is waiting to be loaded. */
  async idle(): Promise<void> {
    while (!this.#isIdle()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Runs `task` while no load is under way and none begins: the journal and the store do not move against one another. */
  async paused<T>(task: () => Promise<T>): Promise<T> {
    this.#pauses++;
    try {
      await Promise.all(this.#running);
      return await task();
    } finally {
      this.#pauses--;
      this.#pump();
    }
  }

  /** Waits for the loads under way; begins no other. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRescan();
    this.#cancelRetry();
    await Promise.all(this.#running);
  }

  #scheduleRescan(): void {
    this.#cancelRescan = this.#options.clock.after(LIMITS.loadRescanMs, () => {
      void this.rescan().finally(() => {
        if (!this.#closed) this.#scheduleRescan();
      });
    });
  }

  #add(sealed: PendingLoad['sealed']): void {
    const key = `${sealed.receiver}/${sealed.segment}`;
    if (!this.#pending.has(key)) this.#pending.set(key, pendingLoad(sealed, this.#options.clock.monotonicMs()));
  }

  /** Starts loads while there are places and segments whose turn has come. */
  #pump(): void {
    if (this.#closed || this.#pauses > 0) return;
    const { clock, loadsInParallel = LIMITS.loadsInParallel } = this.#options;
    const nowMs = clock.monotonicMs();
    while (this.#running.size < loadsInParallel) {
      const load = nextLoad(this.#pending.values(), nowMs);
      if (load === undefined) {
        this.#wakeForRetry(nowMs);
        return;
      }
      load.running = true;
      const work: Promise<void> = this.#load(load).finally(() => {
        load.running = false;
        this.#running.delete(work);
        this.#pump();
        this.#wakeIfIdle();
      });
      this.#running.add(work);
    }
  }

  #isIdle(): boolean {
    return this.#pending.size === 0 && this.#arriving === 0;
  }

  #wakeIfIdle(): void {
    if (this.#isIdle()) for (const wake of this.#waiters.splice(0)) wake();
  }

  #wakeForRetry(nowMs: number): void {
    const waiting = [...this.#pending.values()].filter((load) => !load.running).map((load) => load.notBeforeMs);
    this.#cancelRetry();
    if (waiting.length === 0) return;
    this.#cancelRetry = this.#options.clock.after(Math.max(1, Math.min(...waiting) - nowMs), () => this.#pump());
  }

  /** One try. Never rejects. */
  async #load(load: PendingLoad): Promise<void> {
    const { disk, clock, journalDirectory, onInserted, onForgotten, onDamaged } = this.#options;
    const { sealed } = load;
    const directory = receiverDirectory(journalDirectory, sealed.receiver);
    const key = `${sealed.receiver}/${sealed.segment}`;
    try {
      // Where all is inserted and the disk has refused to forget it, only that is left to do.
      if (load.forgetting.at === 'sealed') {
        // A rescan may have seen it just before an earlier load forgot it.
        if ((await disk.size(`${directory}/${sealedFile(sealed.segment)}`)) === undefined) {
          this.#pending.delete(key);
          return;
        }
        if (load.tries > 0) await this.#readAgain(load, directory);
        await this.#insert(load, directory);
        record('Load', directory, sealed.segment);
        await onInserted?.(load.sealed, directory);
        this.#lagMs = clock.monotonicMs() - load.seenAtMs;
      }
      await forget(disk, directory, sealed.segment, load.forgetting);
      this.#pending.delete(key);
      this.#loaded++;
      onForgotten?.(sealed.receiver, sealed.segment);
    } catch (error) {
      this.#fail(`segment ${key}: ${errorText(error)}`);
      // Each time: the receiver may have been away when it was asked, and what it rebuilt may be damaged once more.
      if (error instanceof DamagedSegment) onDamaged?.(sealed.receiver, sealed.segment);
      if (noteFailure(load, error, clock.monotonicMs())) await this.#setAside(load, directory, key);
    }
  }

  /** Inserts what is not inserted yet, after all files are found to be what the manifest says. */
  async #insert({ sealed, inserted }: PendingLoad, directory: string): Promise<void> {
    const damage = await verifySealed(this.#options.disk, directory, sealed, 'checksums');
    if (damage !== undefined) throw new DamagedSegment(damage);
    for (const { table, columns, file, keys } of sealed.tables) {
      if (inserted.has(table)) continue;
      await columnsOf(this.#options.engine).ensure(table, columns);
      await attributeKeysOf(this.#options.engine).ensure(table, columns, keys);
      await this.#options.engine.insertNative({
        table,
        columns,
        path: path.resolve(directory, file),
        token: insertToken(sealed, table),
      });
      inserted.add(table);
    }
  }

  async #readAgain(load: PendingLoad, directory: string): Promise<void> {
    const manifest = await readManifest(this.#options.disk, `${directory}/${sealedFile(load.sealed.segment)}`);
    if ('reason' in manifest) throw new DamagedSegment(manifest.reason);
    load.sealed = manifest;
  }

  /** Nothing of the segment is removed: its receiver rebuilds the files from the journal at its next start, or an operator looks at them. */
  async #setAside(load: PendingLoad, directory: string, key: string): Promise<void> {
    const { disk } = this.#options;
    const { segment } = load.sealed;
    try {
      await disk.rename(`${directory}/${sealedFile(segment)}`, `${directory}/${damagedFile(segment)}`);
      await disk.syncDirectory(directory);
      this.#pending.delete(key);
      this.#damaged++;
      this.#options.report?.(
        `segment ${key} cannot be loaded and is set aside as ${directory}/${damagedFile(segment)} with its journal: ${load.permanentError}`,
      );
    } catch (error) {
      this.#fail(`segment ${key} cannot be set aside: ${errorText(error)}`);
    }
  }

  #fail(text: string): void {
    this.#failures++;
    this.#lastError = text;
    this.#options.report?.(text);
  }
}
