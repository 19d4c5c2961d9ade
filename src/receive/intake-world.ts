import { record } from '../base/history.ts';
import { yieldToEvents } from '../host/clock.ts';
import type { Disk } from '../host/disk.ts';
import { readWhole } from '../host/disk.ts';
import { LyingDisk } from '../host/lying-disk.ts';
import { ManualClock } from '../host/manual-clock.ts';
import { finishForgotten, forget, listSealed } from '../journal/forget.ts';
import { verifySealed } from '../journal/manifest.ts';
import { receiverDirectory } from '../journal/segment-files.ts';
import { type Intake, type IntakeLimits, openIntake } from './intake.ts';
import { StreamMarks } from './marks.ts';
import type { SegmentBuilder } from './segment-builder.ts';

/*
 * A small world for tests of the intake: a lying disk, a clock that stands still, a transcoder whose items are lines of text, and a store
 * that keeps the lines it loads by insert token, as ClickHouse does.
 */

export const INSTANCE = 'feedc0de00000001';
export const JOURNAL = '/data/journal';
export const DIRECTORY = receiverDirectory(JOURNAL, 0);

/** Items are lines; one that begins with `!` is rejected; a body that begins with `?` is invalid, with `#` makes the transcoder throw. */
function lineBuilder(frozen: (groupBytes: number | undefined) => void): SegmentBuilder {
  let rows: string[] = [];
  return {
    get items() {
      return rows.length;
    },
    get sizeBytes() {
      return rows.join('').length;
    },
    get sharedBytes() {
      return rows.filter((row) => row.startsWith('s')).length * 100;
    },
    get repeatedBytes() {
      return rows.length * 100;
    },
    transcode(signal, body, baggage, receivedUnixNano) {
      const text = Buffer.from(body).toString();
      if (text.startsWith('?')) return { kind: 'invalid', message: 'not lines' };
      if (text.startsWith('#')) throw new Error('no such line');
      const lines = text.split('\n').filter((line) => line !== '');
      const accepted = lines.filter((line) => !line.startsWith('!'));
      for (const line of accepted) rows.push(`${line} ${signal} ${baggage} ${receivedUnixNano}`);
      const rejected = lines.length - accepted.length;
      return { kind: 'ok', accepted: accepted.length, rejected, message: rejected > 0 ? 'begins with !' : '' };
    },
    freeze(groupBytes) {
      frozen(groupBytes);
      const chunks = rows.map((row) => Buffer.from(`${row}\n`));
      return [{ table: 'lines', columns: ['line'], rows: rows.length, groups: [chunks] }];
    },
    reset() {
      rows = [];
    },
  };
}

export class IntakeWorld {
  readonly lying: LyingDisk;
  clock = new ManualClock();
  readonly reports: string[] = [];
  readonly announced: string[] = [];
  /** In what pieces each segment was sealed; undefined: as few as is sensible. */
  readonly groupBytes: (number | undefined)[] = [];
  /** What the store holds: rows by insert token. It survives every crash. */
  readonly loaded = new Map<string, readonly string[]>();
  /** Segments that were forgotten and stood there to be loaded once more: on a disk that keeps its promises, none. */
  readonly revenants: string[] = [];
  readonly #forgotten = new Set<string>();

  constructor(seed: number) {
    this.lying = new LyingDisk(seed);
  }

  /** Starts a receiver on a newly booted disk. */
  async start(limits: Partial<IntakeLimits> = {}): Promise<{ intake: Intake; disk: Disk }> {
    return this.#start(limits, this.lying.boot());
  }

  /** As `start`, with what the streams of other Clews need. */
  async startWithMarks(): Promise<{ intake: Intake; disk: Disk; marks: StreamMarks }> {
    const disk = this.lying.boot();
    const marks = new StreamMarks(disk, DIRECTORY, 0);
    await marks.load((text) => this.reports.push(text));
    return { ...(await this.#start({}, disk, marks)), marks };
  }

  async #start(
    limits: Partial<IntakeLimits>,
    disk: Disk,
    marks?: StreamMarks,
  ): Promise<{ intake: Intake; disk: Disk }> {
    const intake = await openIntake({
      disk,
      clock: this.#newClock(),
      directory: DIRECTORY,
      receiver: 0,
      instance: INSTANCE,
      newBuilder: () => lineBuilder((groupBytes) => this.groupBytes.push(groupBytes)),
      limits: { diskFreeBytesMin: 0, ...limits },
      ...(marks === undefined ? {} : { marks }),
      onSealed: (segment) => this.announced.push(segment),
      onReport: (text) => this.reports.push(text),
    });
    return { intake, disk };
  }

  /** One round of the store: loads what is sealed and whole, forgets it, asks for repair of what is not. */
  async load(intake: Intake, disk: Disk): Promise<void> {
    for (const { segment } of await finishForgotten(disk, JOURNAL)) intake.forgotten(segment);
    for (const sealed of await listSealed(disk, JOURNAL, (text) => this.reports.push(text))) {
      const problem = await verifySealed(disk, DIRECTORY, sealed, 'checksums');
      if (problem !== undefined) {
        intake.rebuild(sealed.segment);
        continue;
      }
      if (this.#forgotten.has(sealed.segment)) this.revenants.push(sealed.segment);
      for (const table of sealed.tables) {
        const token = `${sealed.instance}/r${sealed.receiver}/${sealed.segment}/${table.table}`;
        const text = Buffer.from(await readWhole(disk, `${DIRECTORY}/${table.file}`)).toString();
        if (!this.loaded.has(token)) this.loaded.set(token, text.split('\n').slice(0, -1));
      }
      record('Load', DIRECTORY, sealed.segment);
      await forget(disk, DIRECTORY, sealed.segment);
      this.#forgotten.add(sealed.segment);
      intake.forgotten(sealed.segment);
    }
  }

  /** First words of all rows in the store, sorted. */
  storedIds(): string[] {
    return [...this.loaded.values()].flatMap((rows) => rows.map((row) => row.split(' ')[0])).sort();
  }

  /** Goes on where the last one stands; the timers of the process before, which is dead, do not run any more. */
  #newClock(): ManualClock {
    this.clock = new ManualClock(Number(this.clock.unixNano() / 1_000_000n));
    return this.clock;
  }

  /** Lets everything run that does not wait for time, then moves time on. */
  async pass(ms: number): Promise<void> {
    await yieldToEvents();
    this.clock.advance(ms);
    for (let turn = 0; turn < 5; turn++) await yieldToEvents();
  }
}

/** A request of the given lines. */
export function lines(...items: string[]) {
  return { signal: 'logs' as const, body: Buffer.from(items.join('\n')), baggage: 'k=v' };
}
