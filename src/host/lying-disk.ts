import { assert } from '../base/assert.ts';
import type { AppendFile, Disk, OpenMode } from './disk.ts';
import { seededChance } from './seeded-chance.ts';

/*
 * A disk in memory that keeps exactly the promises of disk.ts and tells, from a seed, these lies:
 *
 * - power cut (`crash('power')`): of the bytes a file got since its last sync nothing survives, or any prefix (torn inside a write), or
 *   any subset of its writes with zeros in the holes (reordered); of the names made, renamed or removed since the last sync of their
 *   directory any subset survives.
 * - killed process (`crash('process')`): the operation under way may be done in part, everything before it survives.
 * - `crash` at a step: the operation is done in part or not at all, then no process can do anything more; `killed`: none but the one that
 *   made the step is dead, and the others (see `join`) go on.
 * - `EIO`, `ENOSPC` at a step: the operation fails, a write after any prefix; the bytes of a failed sync can never be made durable.
 * - `lost` at a step: a sync answers well and has done nothing; a later sync does not make up for it.
 * - full disk: a write past `capacityBytes` writes what fits, then fails with ENOSPC.
 * - short reads, when `shortReads` is set; flipped bits, with `flipBit`; any delay, when `decide` answers with a promise.
 *
 * It never lies about: directories (durable when made), sizes, truncate (durable when it succeeds).
 */

export type Verdict = 'ok' | 'EIO' | 'ENOSPC' | 'lost' | 'crash' | 'killed';

export interface Step {
  /** Counts every operation since the disk was made, from 0. */
  readonly index: number;
  readonly operation: 'open' | 'write' | 'sync' | 'rename' | 'remove' | 'truncate' | 'syncDirectory' | 'read' | 'list';
  readonly path: string;
}

export type Decide = (step: Step) => Verdict | Promise<Verdict>;

/** A failed operation, with the code that the system would give; 'ECRASHED' from a process that is dead. */
class DiskFault extends Error {
  readonly code: string;
  constructor(code: string, operation: string, path: string) {
    super(`${code}: ${operation} ${path}`);
    this.name = 'DiskFault';
    this.code = code;
  }
}

type FileChange = { readonly offset: number; readonly bytes: Uint8Array } | { readonly cutTo: number };

interface LyingFile {
  content: Uint8Array;
  durable: Uint8Array;
  /** Changes since the last sync, in order. */
  unsynced: FileChange[];
}

type NameChange =
  | { readonly kind: 'create'; readonly path: string; readonly file: LyingFile }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string };

/** One process that uses the disk. */
interface Life {
  isAlive: boolean;
  readonly onDeath: () => void;
}

export class LyingDisk {
  /** Asked at every step; replaced by a test. */
  decide: Decide = () => 'ok';
  shortReads = false;
  capacityBytes = Number.POSITIVE_INFINITY;
  stepCount = 0;
  readonly #chance: () => number;
  readonly #directories = new Set<string>();
  #names = new Map<string, LyingFile>();
  #durableNames = new Map<string, LyingFile>();
  #unsyncedNames: NameChange[] = [];
  readonly #lives = new Set<Life>();

  constructor(seed: number) {
    this.#chance = seededChance(seed);
  }

  /** The disk as a newly started process sees it. Processes started before are dead: their operations fail with ECRASHED. */
  boot(): Disk {
    this.#endAll();
    return this.join().disk;
  }

  /** The disk as one more process sees it, beside those that run; `kill` ends this one. `onDeath` hears of its end, however it comes. */
  join(onDeath: () => void = () => {}): { readonly disk: Disk; readonly kill: () => void } {
    const life: Life = { isAlive: true, onDeath };
    this.#lives.add(life);
    return { disk: this.#view(life), kill: () => this.#end(life) };
  }

  /** Ends the process (its cached bytes survive) or cuts the power (what was not synced is at the mercy of the seed). */
  crash(kind: 'process' | 'power'): void {
    this.#endAll();
    this.decide = () => 'ok';
    if (kind === 'process') return;
    for (const change of this.#unsyncedNames) if (this.#chance() < 0.5) applyName(this.#durableNames, change);
    this.#unsyncedNames = [];
    this.#names = new Map(this.#durableNames);
    for (const file of new Set(this.#names.values())) this.#cutPower(file);
  }

  /** Flips one bit of a file, on the platter and in the cache. */
  flipBit(path: string, offset: number, bit: number): void {
    const file = this.#file(path, 'flip');
    assert(offset < file.content.length, 'the flipped bit lies in the file');
    file.content[offset] ^= 1 << bit;
    if (offset < file.durable.length && file.durable !== file.content) file.durable[offset] ^= 1 << bit;
  }

  /** Names of all files, sorted. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  has(path: string): boolean {
    return this.#names.has(path);
  }

  /** Whether a file would have this name after a power cut, whatever that takes. */
  hasDurably(path: string): boolean {
    return this.#durableNames.has(path);
  }

  /** A copy of a file's bytes as a reader sees them now. */
  content(path: string): Uint8Array {
    return this.#file(path, 'read').content.slice();
  }

  /** Puts a file there, durable, as if it had always been there. */
  place(path: string, content: Uint8Array): void {
    const file = { content: content.slice(), durable: content.slice(), unsynced: [] };
    this.#names.set(path, file);
    this.#durableNames.set(path, file);
    this.#directories.add(directoryOf(path));
  }

  #end(life: Life): void {
    if (!life.isAlive) return;
    life.isAlive = false;
    this.#lives.delete(life);
    life.onDeath();
  }

  #endAll(): void {
    for (const life of [...this.#lives]) this.#end(life);
  }

  #file(path: string, operation: string): LyingFile {
    const file = this.#names.get(path);
    if (file === undefined) throw new DiskFault('ENOENT', operation, path);
    return file;
  }

  #usedBytes(): number {
    let used = 0;
    for (const file of this.#names.values()) used += file.content.length;
    return used;
  }

  #cutPower(file: LyingFile): void {
    const mood = this.#chance();
    const survivors: FileChange[] = [];
    const last = Math.floor(this.#chance() * (file.unsynced.length + 1));
    for (const [index, change] of file.unsynced.entries()) {
      if (mood < 0.3) break;
      if (mood < 0.7 && index > last) break;
      if (mood >= 0.7 && this.#chance() < 0.5) continue;
      survivors.push(mood < 0.7 && index === last ? this.#torn(change) : change);
    }
    let durable = file.durable;
    for (const change of survivors) durable = changed(durable, change);
    file.durable = durable;
    file.content = durable.slice();
    file.unsynced = [];
  }

  #torn(change: FileChange): FileChange {
    if ('cutTo' in change) return change;
    return { offset: change.offset, bytes: change.bytes.subarray(0, Math.floor(this.#chance() * change.bytes.length)) };
  }

  /** One step of a process: asks `decide`, and runs `act` unless the verdict forbids it. `partly` is what a failing operation may still do. */
  async #step(
    life: Life,
    operation: Step['operation'],
    path: string,
    act: (verdict: 'ok' | 'lost') => void,
    partly: (failure: Exclude<Verdict, 'ok' | 'lost'>) => void = () => {},
  ): Promise<void> {
    if (!life.isAlive) throw new DiskFault('ECRASHED', operation, path);
    const verdict = await this.decide({ index: this.stepCount++, operation, path });
    if (!life.isAlive) throw new DiskFault('ECRASHED', operation, path);
    if (verdict === 'ok' || verdict === 'lost') return act(verdict);
    partly(verdict);
    if (verdict === 'crash') this.#endAll();
    if (verdict === 'killed') this.#end(life);
    if (!life.isAlive) throw new DiskFault('ECRASHED', operation, path);
    throw new DiskFault(verdict, operation, path);
  }

  #view(life: Life): Disk {
    // An error code means that a rename or remove did not happen; only a process that dies in it leaves that open.
    const maybe = (act: () => void) => (failure: Verdict) => {
      if (isEnd(failure) && this.#chance() < 0.5) act();
    };
    return {
      open: (path, mode) => this.#open(life, path, mode),
      rename: (path, to) => {
        const act = () => this.#changeName({ kind: 'rename', path, to });
        return this.#step(life, 'rename', path, act, maybe(act));
      },
      remove: (path) => {
        const act = () => this.#changeName({ kind: 'remove', path });
        return this.#step(life, 'remove', path, act, maybe(act));
      },
      truncate: (path, bytes) =>
        this.#step(life, 'truncate', path, () => {
          const file = this.#file(path, 'truncate');
          change(file, { cutTo: bytes });
          makeDurable(file);
        }),
      syncDirectory: (path) =>
        this.#step(life, 'syncDirectory', path, (verdict) => {
          if (!this.#directories.has(path)) throw new DiskFault('ENOENT', 'syncDirectory', path);
          if (verdict === 'ok') this.#syncNames(path);
        }),
      makeDirectory: async (path) => {
        for (let above = path; above !== ''; above = directoryOf(above)) this.#directories.add(above);
      },
      list: async (path) => {
        await this.#step(life, 'list', path, () => {});
        if (!this.#directories.has(path)) throw new DiskFault('ENOENT', 'list', path);
        const below = [...this.#names.keys(), ...this.#directories].filter((name) => directoryOf(name) === path);
        return below.map((name) => name.slice(path.length + 1)).sort();
      },
      size: async (path) => {
        if (!life.isAlive) throw new DiskFault('ECRASHED', 'size', path);
        return this.#names.get(path)?.content.length;
      },
      read: async (path, offset, length) => {
        await this.#step(life, 'read', path, () => {});
        const whole = this.#file(path, 'read').content.slice(offset, offset + length);
        if (!this.shortReads || whole.length === 0) return whole;
        return whole.subarray(0, 1 + Math.floor(this.#chance() * whole.length));
      },
      freeBytes: async () => Math.min(Math.max(this.capacityBytes - this.#usedBytes(), 0), Number.MAX_SAFE_INTEGER),
    };
  }

  #changeName(nameChange: NameChange): void {
    if (nameChange.kind !== 'create' && !this.#names.has(nameChange.path)) {
      throw new DiskFault('ENOENT', nameChange.kind, nameChange.path);
    }
    applyName(this.#names, nameChange);
    this.#unsyncedNames.push(nameChange);
  }

  #syncNames(directory: string): void {
    const rest: NameChange[] = [];
    for (const nameChange of this.#unsyncedNames) {
      if (directoryOf(nameChange.path) === directory) applyName(this.#durableNames, nameChange);
      else rest.push(nameChange);
    }
    this.#unsyncedNames = rest;
  }

  async #open(life: Life, path: string, mode: OpenMode): Promise<AppendFile> {
    await this.#step(life, 'open', path, () => {
      const existing = this.#names.get(path);
      if (!this.#directories.has(directoryOf(path))) throw new DiskFault('ENOENT', 'open', path);
      if (existing === undefined) {
        if (mode === 'overwrite') throw new DiskFault('ENOENT', 'open', path);
        const file = { content: new Uint8Array(0), durable: new Uint8Array(0), unsynced: [] };
        this.#changeName({ kind: 'create', path, file });
      } else if (mode === 'create') {
        throw new DiskFault('EEXIST', 'open', path);
      } else if (mode === 'replace') {
        change(existing, { cutTo: 0 });
      }
    });
    const file = this.#file(path, 'open');
    // Where the next byte goes, when that is not the end.
    let at = mode === 'overwrite' ? 0 : undefined;
    return {
      path,
      get sizeBytes() {
        return at ?? file.content.length;
      },
      write: (parts) => {
        const bytes = concatenated(parts);
        const put = (count: number) => {
          if (count > 0) change(file, { offset: at ?? file.content.length, bytes: bytes.slice(0, count) });
          if (at !== undefined) at += count;
        };
        const partly = () => put(Math.floor(this.#chance() * (bytes.length + 1)));
        const act = () => {
          const standing = file.content.length - (at ?? file.content.length);
          const fitting = Math.min(bytes.length, standing + Math.max(this.capacityBytes - this.#usedBytes(), 0));
          put(fitting);
          if (fitting < bytes.length) throw new DiskFault('ENOSPC', 'write', path);
        };
        return this.#step(life, 'write', path, act, partly);
      },
      sync: () => {
        const act = (verdict: 'ok' | 'lost') => {
          if (verdict === 'ok') makeDurable(file);
          else file.unsynced = [];
        };
        const partly = (failure: Verdict) => {
          if (!isEnd(failure)) file.unsynced = [];
        };
        return this.#step(life, 'sync', path, act, partly);
      },
      close: async () => {},
    };
  }
}

/** The verdicts that end the process in the middle of a step. */
const isEnd = (verdict: Verdict): boolean => verdict === 'crash' || verdict === 'killed';

function applyName(names: Map<string, LyingFile>, nameChange: NameChange): void {
  if (nameChange.kind === 'create') {
    names.set(nameChange.path, nameChange.file);
    return;
  }
  const file = names.get(nameChange.path);
  if (file === undefined) return;
  names.delete(nameChange.path);
  if (nameChange.kind === 'rename') names.set(nameChange.to, file);
}

function change(file: LyingFile, fileChange: FileChange): void {
  file.content = changed(file.content, fileChange);
  file.unsynced.push(fileChange);
}

function changed(content: Uint8Array, fileChange: FileChange): Uint8Array {
  if ('cutTo' in fileChange) return content.slice(0, fileChange.cutTo);
  const result = new Uint8Array(Math.max(content.length, fileChange.offset + fileChange.bytes.length));
  result.set(content);
  result.set(fileChange.bytes, fileChange.offset);
  return result;
}

/** Applies what was written since the last sync to what was durable; a lost or failed sync has already taken its share away. */
function makeDurable(file: LyingFile): void {
  for (const fileChange of file.unsynced) file.durable = changed(file.durable, fileChange);
  file.unsynced = [];
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
