import type { HistoryLine, HistoryStep, StreamStep } from './steps.ts';
import { isSegmentStep } from './steps.ts';
import { concerns } from './validate.ts';

/**
 * A step of spec/Sender.tla, and the line that it stands for. Messages are numbered from 1 in the order in which they were accepted. Records
 * that no batch and no account ever parted are one message.
 */
export interface StreamMove {
  readonly name: string;
  readonly numbers: readonly number[];
  readonly line: HistoryLine;
}

/** All that happened to one stream. */
export interface StreamLife {
  readonly stream: string;
  readonly moves: readonly StreamMove[];
  readonly retriesMax: number;
  readonly connections: number;
  /** Messages that the receiver refused for good. */
  readonly poison: ReadonlySet<number>;
  /** The receiver keeps a history too; otherwise what it must have done is supplied. */
  readonly isReceiverKnown: boolean;
}

/** Why a line cannot be a step of any stream. */
export interface StreamProblem {
  readonly line: HistoryLine;
  readonly problem: string;
}

/**
 * The life of each stream in a history that a lane began there. Reports to other Clews, dead letters that are sent again, and streams whose
 * sender keeps no history are none of a lane. The steps of its receiver are those of the segments that its batches became a part of: their fsync,
 * their load, their mark, and what was read back after a crash.
 */
export function streamLives(lines: readonly HistoryLine[]): (StreamLife | StreamProblem)[] {
  const names = new Set<string>();
  const known = new Set<string>();
  for (const line of lines) {
    if (isSegmentStep(line)) continue;
    if (line.step === 'SCrash') names.add(line.stream);
    if (line.step === 'Deliver') known.add(line.stream);
  }
  return [...names].map((stream) => {
    const own = lines.filter((line): line is StreamStep => !isSegmentStep(line) && line.stream === stream);
    const life = new LifeReader(stream, known.has(stream), lastPositions(own));
    for (const line of lines) {
      const problem = life.take(line);
      if (problem !== undefined) return { line, problem };
    }
    return life.life();
  });
}

/** The last position of each message: a message ends where something begins or ends behind it. */
function lastPositions(steps: readonly StreamStep[]): ReadonlySet<string> {
  const ends = new Set<string>();
  const begins = new Set<string>();
  let batch: string[] = [];
  for (const { step, at } of steps) {
    if (step === 'Fill') batch.push(at);
    if (step === 'SCrash' || step === 'Abandon') batch = [];
    if (step === 'Flush') {
      begins.add(batch[0] ?? '');
      ends.add(batch.at(-1) ?? '');
      batch = [];
    }
    if (step === 'Deliver') begins.add(at.split('-')[0] ?? '');
    if (step === 'Save' || step === 'SCrash' || step === 'Overlap') ends.add(at);
    if (step === 'Deliver') ends.add(at.split('-')[1] ?? '');
  }
  const accepted = [...new Set(steps.filter(({ step }) => step === 'Accept').map(({ at }) => at))].sort();
  const cuts = [...ends].sort();
  let cut = 0;
  return new Set(
    accepted.filter((at, index) => {
      const next = accepted[index + 1];
      while (cut < cuts.length && (cuts[cut] ?? '') < at) cut++;
      // An end may stand behind the last record before it: that of a segment does.
      return next === undefined || begins.has(next) || (cut < cuts.length && (cuts[cut] ?? '') < next);
    }),
  );
}

/** One entry of the receiver's journal: a message, and the record that its batch is. */
interface Entry {
  readonly segment: string;
  readonly record: number;
}

/** Translates line after line. It checks nothing but that numbers can be given: what may follow what is the specification's affair. */
class LifeReader {
  readonly #stream: string;
  readonly #isReceiverKnown: boolean;
  readonly #moves: StreamMove[] = [];
  readonly #lasts: ReadonlySet<string>;
  /** Of messages, the last of each. */
  readonly #positions: string[] = [];
  /** Of records. */
  #accepted = '';
  #filled = '';
  readonly #poison = new Set<number>();
  #retriesMax = 0;
  #connections = 1;
  #batch: number[] = [];
  #saved = 0;
  #entries: Entry[] = [];
  #durable = 0;
  #applied = 0;
  #marked = 0;
  readonly #loaded = new Set<string>();
  readonly #forgotten = new Set<string>();

  constructor(stream: string, isReceiverKnown: boolean, lasts: ReadonlySet<string>) {
    this.#lasts = lasts;
    this.#stream = stream;
    this.#isReceiverKnown = isReceiverKnown;
  }

  life(): StreamLife {
    return {
      stream: this.#stream,
      moves: this.#moves,
      retriesMax: this.#retriesMax,
      connections: this.#connections,
      poison: this.#poison,
      isReceiverKnown: this.#isReceiverKnown,
    };
  }

  /** Returns why the line cannot be a step of this stream. */
  take(line: HistoryLine): string | undefined {
    if (isSegmentStep(line)) return this.#takeOfReceiver(line);
    if (line.stream !== this.#stream) return undefined;
    return this.#takeOfStream(line);
  }

  #add(line: HistoryLine, name: string, ...numbers: number[]): void {
    this.#moves.push({ name, numbers, line });
  }

  /** How many messages stand at or before a position. */
  #upTo(position: string): number {
    let count = 0;
    while (count < this.#positions.length && (this.#positions[count] ?? '') <= position) count++;
    return count;
  }

  #takeOfStream(line: StreamStep): string | undefined {
    const { step, at, count } = line;
    switch (step) {
      case 'Connect':
      case 'ConnectFail':
      case 'Close':
        this.#add(line, step);
        return undefined;
      case 'ConnectOk':
      case 'Open':
      case 'Recover':
      case 'ConnErr':
      case 'Drain':
      case 'DrainDone':
        this.#connections = Math.max(this.#connections, count);
        this.#add(line, step, count);
        return undefined;
      case 'Accept':
        return this.#accept(line, at);
      case 'Fill':
        return this.#fill(line, at);
      case 'Send':
        this.#add(line, step, 1, count);
        return undefined;
      case 'Save':
      case 'SCrash':
        return this.#account(line, step);
      case 'Deliver':
        return this.#deliver(line);
      default:
        this.#ofBatch(line, step);
        return undefined;
    }
  }

  #accept(line: StreamStep, at: string): string | undefined {
    // What a process reads that another one has read before was accepted then.
    if (at <= this.#accepted) return undefined;
    this.#accepted = at;
    if (!this.#lasts.has(at)) return undefined;
    this.#positions.push(at);
    this.#add(line, 'Accept');
    return undefined;
  }

  #fill(line: StreamStep, at: string): string | undefined {
    if (at > this.#accepted) return `${at} was not accepted`;
    if (at <= this.#filled) return `${at} comes after ${this.#filled} in a batch`;
    this.#filled = at;
    if (!this.#lasts.has(at)) return undefined;
    const message = this.#upTo(at);
    this.#batch.push(message);
    this.#add(line, 'Fill', 1, message);
    return undefined;
  }

  /** Flush, Abandon, Transmit, Release, and how a batch ends. */
  #ofBatch(line: StreamStep, step: string): void {
    // Of a message that was not read to its end nothing is in the batch yet.
    if (step === 'Abandon' && this.#batch.length === 0) {
      this.#filled = '';
      return;
    }
    if (step === 'Refuse') for (const message of this.#batch) this.#poison.add(message);
    if (step === 'Overlap') this.#add(line, step, 1, this.#upTo(line.at));
    else this.#add(line, step, 1);
    if (ENDS.has(step)) this.#empty();
  }

  #empty(): void {
    this.#batch = [];
    this.#filled = '';
  }

  #account(line: StreamStep, step: 'Save' | 'SCrash'): undefined {
    const upTo = this.#upTo(line.at);
    if (step === 'SCrash') {
      this.#empty();
      this.#retriesMax = line.count;
      this.#saved = upTo;
      this.#add(line, step, upTo);
    } else if (upTo > this.#saved) {
      this.#saved = upTo;
      this.#add(line, step, upTo);
    }
    return undefined;
  }

  #deliver(line: StreamStep): string | undefined {
    const [from = '', mark = ''] = line.at.split('-');
    const last = this.#upTo(mark);
    const first = this.#positions.findIndex((at) => at >= from) + 1;
    if (this.#positions[last - 1] !== mark || first === 0) return `no batch ends at ${mark}`;
    const messages = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    this.#add(line, 'Deliver', ...messages);
    for (const _ of messages) this.#entries.push({ segment: line.where, record: line.count });
    return undefined;
  }

  #takeOfReceiver(line: HistoryStep): undefined {
    const segment = `${line.receiver}/${line.segment}`;
    switch (line.step) {
      case 'Sync': {
        const durable = this.#entries.findLastIndex((at) => at.segment === segment && at.record <= line.count) + 1;
        if (durable > this.#durable) {
          this.#durable = durable;
          this.#add(line, 'Fsync', durable);
        }
        return;
      }
      case 'Replay':
        this.#readBack(line, segment);
        return;
      case 'Load':
        this.#loaded.add(segment);
        this.#apply(line);
        return;
      case 'Marked':
      case 'Remove':
        this.#forgotten.add(segment);
        this.#commit(line);
        return;
      case 'StoreBoot':
        this.#storeCrash(line);
        return;
      default:
        return;
    }
  }

  #readBack(line: HistoryStep, segment: string): void {
    if (!this.#entries.some((entry) => entry.segment === segment)) return;
    this.#entries = this.#entries.filter((entry) => entry.segment !== segment || entry.record <= line.count);
    this.#durable = this.#entries.length;
    this.#add(line, 'RCrash', this.#durable);
  }

  #apply(line: HistoryStep): void {
    while (this.#applied < this.#durable && this.#loaded.has(this.#entries[this.#applied]?.segment ?? '')) {
      this.#applied++;
      this.#add(line, 'Apply');
    }
  }

  #commit(line: HistoryStep): void {
    const before = this.#marked;
    while (this.#marked < this.#applied && this.#forgotten.has(this.#entries[this.#marked]?.segment ?? '')) {
      this.#marked++;
    }
    if (this.#marked > before) this.#add(line, 'CommitOff', this.#marked);
  }

  #storeCrash(line: HistoryStep): void {
    const concerned = this.#entries.slice(this.#marked, this.#applied);
    if (!concerned.some(({ segment }) => concerns(line.receiver, receiverOf(segment)))) return;
    for (const { segment } of concerned) this.#loaded.delete(segment);
    this.#applied = this.#marked;
    this.#add(line, 'StoreCrash');
  }
}

const receiverOf = (segment: string): string => segment.slice(0, segment.lastIndexOf('/'));

/** Steps after which a batch is empty. */
const ENDS: ReadonlySet<string> = new Set(['BatchOk', 'Refuse', 'Split', 'Overlap', 'Requeue', 'Abandon']);
