import { FORWARD_FILE } from '../base/names.ts';
import type { Signal } from '../base/signal.ts';
import type { Clock } from '../host/clock.ts';
import { pause } from '../host/clock.ts';
import { type Disk, errorText } from '../host/disk.ts';
import { readJsonFile, writeJsonFile } from '../host/json-file.ts';
import { type Position, START } from '../journal/position.ts';

/** What became of the items of one lane since the data directory was made. */
export interface LaneAccount {
  /** Everything up to here is settled. */
  readonly position: Position;
  /** Acknowledged by the next hop. */
  readonly forwarded: number;
  /** Of items that were forwarded, those that the next hop said it rejected (partial success). */
  readonly refusedInPart: number;
  /** In dead letters, or settled there (resent or dropped by a person). */
  readonly dead: number;
  /** Left out by a rule or by sampling. */
  readonly dropped: number;
  /** Routes lead them to other destinations. */
  readonly elsewhere: number;
  /** In records that the disk has damaged. */
  readonly lost: number;
  /** Where there are several targets: the one that was sent to last. */
  readonly target?: string;
}

/** Items that a receiver directory has handed to forwarding, up to a segment. */
export interface Taken {
  readonly segment: string;
  readonly items: Readonly<Record<Signal, number>>;
}

/** Routes, and the last segment of each receiver directory that they are for; without `until` they are those in force. */
interface RouteEpoch {
  readonly lines: readonly string[];
  readonly until?: Readonly<Record<string, string>>;
}

interface Ledger {
  readonly version: 1;
  readonly taken: Record<string, Taken>;
  readonly lanes: Record<string, LaneAccount>;
  /** Oldest first; absent where there never were any. */
  routes?: readonly RouteEpoch[];
}

const EMPTY_LANE: LaneAccount = {
  position: START,
  forwarded: 0,
  refusedInPart: 0,
  dead: 0,
  dropped: 0,
  elsewhere: 0,
  lost: 0,
};
const NOTHING_TAKEN: Taken = { segment: '', items: { traces: 0, metrics: 0, logs: 0 } };

/** Between two savings: what a crash may cause to be sent again to a receiver that is no Clew. */
const SAVE_INTERVAL_MS = 100;
const RETRY_MS = 1_000;

/**
 * How far each lane is, and the account of its items: one file, replaced as a whole, so that position and counts never disagree. Saved
 * soon after every change; what a crash forgets of it is sent again, and a Clew on the other side acknowledges it without storing it.
 */
export class Progress {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #report: (text: string) => void;
  #ledger: Ledger = { version: 1, taken: {}, lanes: {} };
  #isDirty = false;
  #saving: Promise<void> | undefined;
  #wanted = false;
  /** Hears that a lane has come further. */
  onSettled: (key: string) => void = () => {};
  /** Hears how far a lane is, when it is durable. */
  onSaved: (key: string, position: Position) => void = () => {};
  readonly #savedPositions = new Map<string, Position>();

  constructor(disk: Disk, clock: Clock, directory: string, report: (text: string) => void) {
    this.#disk = disk;
    this.#clock = clock;
    this.#directory = directory;
    this.#report = report;
  }

  /** Reads what was saved. Rejects when it is damaged: then positions would begin again, and everything kept would be sent again. */
  async load(): Promise<void> {
    const path = `${this.#directory}/${FORWARD_FILE}`;
    const saved = await readJsonFile(this.#disk, path);
    if (saved === 'damaged') {
      throw new Error(`${path} is damaged: remove it to have everything that is still here sent (again)`);
    }
    if (saved !== undefined) this.#ledger = saved as Ledger;
  }

  lane(key: string): LaneAccount {
    return { ...EMPTY_LANE, ...this.#ledger.lanes[key] };
  }

  lanes(): readonly (readonly [key: string, account: LaneAccount])[] {
    return Object.entries(this.#ledger.lanes);
  }

  taken(receiver: number): Taken {
    return this.#ledger.taken[receiver] ?? NOTHING_TAKEN;
  }

  /** Replaces a lane's account. */
  settle(key: string, account: LaneAccount): void {
    this.#ledger.lanes[key] = account;
    this.#changed();
    this.onSettled(key);
  }

  /** Counts the items of a segment once, however often it is seen. Segments of a receiver come in order. */
  take(receiver: number, segment: string, items: Readonly<Record<Signal, number>>): void {
    const before = this.taken(receiver);
    if (segment <= before.segment) return;
    const sum = (signal: Signal): number => before.items[signal] + items[signal];
    const total = { traces: sum('traces'), metrics: sum('metrics'), logs: sum('logs') };
    this.#ledger.taken[receiver] = { segment, items: total };
    this.#changed();
  }

  /**
   * Begins with these routes. What was taken before keeps the routes that it was taken under: changed for what one destination is past and another
   * is not, they would lead items to both or to neither.
   * @param isPast whether every destination is past a segment of a receiver directory
   */
  beginRoutes(lines: readonly string[], isPast: (receiver: number, segment: string) => boolean): void {
    const epochs = this.#ledger.routes ?? [{ lines: [] }];
    const last = epochs.at(-1);
    if (last === undefined || sameLines(last.lines, lines)) return;
    const taken = Object.entries(this.#ledger.taken).map(([receiver, { segment }]) => [receiver, segment]);
    const now: Readonly<Record<string, string>> = Object.fromEntries(taken);
    const kept = epochs
      .map((epoch) => ({ until: now, ...epoch }))
      .filter(({ until }) => Object.entries(until).some(([receiver, segment]) => !isPast(Number(receiver), segment)));
    this.#ledger.routes = [...kept, { lines }];
    this.#changed();
  }

  /** The routes that a segment was taken under. */
  routesFor(receiver: number, segment: string): readonly string[] {
    const epochs = this.#ledger.routes ?? [];
    return epochs.find(({ until }) => until === undefined || segment <= (until[receiver] ?? ''))?.lines ?? [];
  }

  /** Makes everything so far durable. Settles when it is, however long the disk refuses. */
  async saved(): Promise<void> {
    while (this.#isDirty || this.#saving !== undefined) {
      this.#wanted = true;
      this.#saving ??= this.#save();
      await this.#saving;
    }
  }

  #changed(): void {
    this.#isDirty = true;
    this.#saving ??= pause(this.#clock, SAVE_INTERVAL_MS).then(() => this.#save());
  }

  async #save(): Promise<void> {
    this.#wanted = false;
    this.#isDirty = false;
    try {
      const positions = this.lanes().map(([key, { position }]) => [key, position] as const);
      await writeJsonFile(this.#disk, this.#directory, FORWARD_FILE, this.#ledger);
      for (const [key, position] of positions) {
        if (this.#savedPositions.get(key) === position) continue;
        this.#savedPositions.set(key, position);
        this.onSaved(key, position);
      }
    } catch (error) {
      this.#isDirty = true;
      this.#report(`the progress of forwarding cannot be saved: ${errorText(error)}`);
      await pause(this.#clock, RETRY_MS);
    }
    this.#saving = undefined;
    if (this.#isDirty && !this.#wanted) this.#changed();
  }
}

/** Makes the file of a data directory that begins to forward. */
export function makeLedger(disk: Disk, directory: string): Promise<void> {
  return writeJsonFile(disk, directory, FORWARD_FILE, { version: 1, taken: {}, lanes: {} });
}

const sameLines = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, index) => line === b[index]);
