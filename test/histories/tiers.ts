import { type TlaChecker, withoutComments } from '../../src/history/checker.ts';
import { type HistoryLine, isSegmentStep, type StreamStep } from '../../src/history/steps.ts';
import { PLENTY } from '../../src/history/validate.ts';
import { positionOf } from '../../src/journal/position.ts';
import { followMoves, type Move, type MovesJudged } from './moves.ts';

/*
 * What edge, regional and central did with the records of one stream of the edge, as steps of spec/Tier.tla. An item is a record of the
 * edge; the regional's records, and what it sends, are followed item by item, however they were cut into batches.
 */

/** The actions of one hop: what its sender does, and what takes in behind it. */
interface HopActions {
  readonly send: string;
  readonly again: string;
  readonly forget: string;
  readonly stop: string;
  readonly take: string;
  readonly sync: string;
  readonly crash: string;
}

const TO_REGION: HopActions = {
  send: 'EdgeSend',
  again: 'EdgeAgain',
  forget: 'EdgeForget',
  stop: 'EdgeCrash',
  take: 'RegionTake',
  sync: 'RegionSync',
  crash: 'RegionCrash',
};

const TO_CENTRE: HopActions = {
  send: 'RegionSend',
  again: 'RegionAgain',
  forget: 'RegionForget',
  stop: 'RegionStop',
  take: 'CentreTake',
  sync: 'CentreSync',
  crash: 'CentreCrash',
};

/** A record of the receiving journal, and the items in it. */
interface Entry {
  readonly receiver: string;
  readonly segment: string;
  readonly record: number;
  readonly items: readonly number[];
}

type Say = (action: string, ...numbers: number[]) => void;

/** One stream from one journal to the next. */
class Hop {
  readonly stream: string;
  readonly #actions: HopActions;
  readonly #itemsOf: (position: string) => readonly number[];
  readonly #itemsUpTo: (position: string) => number;
  readonly #say: Say;
  #batch: number[] = [];
  #sent = 0;
  #done = 0;
  #durable = 0;
  #entries: Entry[] = [];

  /** @param itemsOf of a record of the sending journal; @param itemsUpTo the last item up to a position of it */
  constructor(
    stream: string,
    actions: HopActions,
    itemsOf: (position: string) => readonly number[],
    itemsUpTo: (position: string) => number,
    say: Say,
  ) {
    this.stream = stream;
    this.#actions = actions;
    this.#itemsOf = itemsOf;
    this.#itemsUpTo = itemsUpTo;
    this.#say = say;
  }

  ofSender({ step, at, count, where }: StreamStep): void {
    switch (step) {
      case 'Fill':
        this.#batch.push(...this.#itemsOf(at));
        return;
      case 'Transmit':
        this.#send();
        return;
      case 'Abandon':
      case 'BatchOk':
      case 'Overlap':
      case 'Split':
        this.#batch = [];
        return;
      case 'Save':
        this.#forget(at);
        return;
      case 'SCrash':
        // What was written down may be known only now.
        this.#forget(at);
        this.#batch = [];
        this.#sent = this.#done;
        this.#say(this.#actions.stop);
        return;
      case 'Deliver':
        this.#deliver(at, where, count);
        return;
      default:
        return;
    }
  }

  /** The items of a record that the receiver of this hop has journalled. */
  itemsAt(position: string): readonly number[] {
    return this.#entries.find((entry) => positionOf(entry.segment, entry.record - 1) === position)?.items ?? [];
  }

  /** The last item in its records up to a position. */
  itemsUpTo(position: string): number {
    return lastItem(this.#entries.filter((entry) => positionOf(entry.segment, entry.record - 1) <= position));
  }

  /** A receiver's fsync of so many records of a segment. */
  synced(receiver: string, segment: string, records: number): void {
    const at = this.#entries.findLastIndex((entry) => isIn(entry, receiver, segment) && entry.record <= records);
    const durable = lastItem(this.#entries.slice(0, at + 1));
    if (durable <= this.#durable) return;
    this.#durable = durable;
    this.#say(this.#actions.sync, 1, durable);
  }

  /** A receiver's next process has read back so many records of a segment. */
  readBack(receiver: string, segment: string, records: number): void {
    if (!this.#entries.some((entry) => isIn(entry, receiver, segment))) return;
    this.#entries = this.#entries.filter((entry) => !isIn(entry, receiver, segment) || entry.record <= records);
    this.#durable = lastItem(this.#entries);
    this.#say(`${this.#actions.crash}(<<${this.#durable}>>)`);
  }

  #send(): void {
    const [first = 0] = this.#batch;
    if (first <= this.#sent) {
      this.#sent = first - 1;
      this.#say(this.#actions.again, 1, this.#sent);
    }
    for (const item of this.#batch) this.#say(this.#actions.send, 1, item);
    this.#sent = this.#batch.at(-1) ?? this.#sent;
  }

  #forget(position: string): void {
    const done = this.#itemsUpTo(position);
    if (done <= this.#done) return;
    this.#done = done;
    this.#say(this.#actions.forget, 1, done);
  }

  #deliver(at: string, where: string, record: number): void {
    const [from = '', mark = ''] = at.split('-');
    const cut = where.lastIndexOf('/');
    const [first = 1] = this.#itemsOf(from);
    const items: number[] = [];
    for (let item = first; item <= this.#itemsUpTo(mark); item++) items.push(item);
    for (const item of items) this.#say(this.#actions.take, 1, item);
    this.#entries.push({ receiver: where.slice(0, cut), segment: where.slice(cut + 1), record, items });
  }
}

const isIn = (entry: Entry, receiver: string, segment: string): boolean =>
  entry.receiver === receiver && entry.segment === segment;
const lastItem = (entries: readonly Entry[]): number => Math.max(0, ...entries.flatMap(({ items }) => items));

/** A stream of the edge, and the regional's in which its records go on. */
export interface Journey {
  readonly edge: string;
  readonly region: string;
}

/** The streams of a history that lead over a regional. */
export function journeysIn(lines: readonly HistoryLine[]): Journey[] {
  const next = new Map<string, string>();
  for (const line of lines) {
    if (isSegmentStep(line) || line.step !== 'Deliver') continue;
    const [instance, receiver] = line.where.split('/');
    const [, , signal] = line.stream.split('-');
    next.set(line.stream, `${instance}-${receiver}-${signal}-`);
  }
  const names = [...next.keys()];
  return names.flatMap((edge) => {
    const region = names.find((name) => name.startsWith(next.get(edge) ?? ''));
    return region === undefined ? [] : [{ edge, region }];
  });
}

/** The moves of one journey, and how many items it has. */
function tierMoves(
  lines: readonly HistoryLine[],
  journey: Journey,
): { readonly moves: readonly Move[]; readonly items: number } {
  const moves: Move[] = [];
  const accepted: string[] = [];
  let line = 0;
  const say: Say = (action, ...numbers) => {
    moves.push({ action: numbers.length === 0 ? action : `${action}(${numbers.join(', ')})`, line });
  };
  const upTo = (position: string): number => accepted.filter((at) => at <= position).length;
  const atEdge = (position: string): number[] => (accepted.includes(position) ? [upTo(position)] : []);
  const first = new Hop(journey.edge, TO_REGION, atEdge, upTo, say);
  const second = new Hop(
    journey.region,
    TO_CENTRE,
    (position) => first.itemsAt(position),
    (position) => first.itemsUpTo(position),
    say,
  );
  for (const step of lines) {
    line = step.line;
    if (isSegmentStep(step)) {
      const { receiver, segment, count } = step;
      for (const hop of [first, second]) {
        if (step.step === 'Sync') hop.synced(receiver, segment, count);
        if (step.step === 'Replay') hop.readBack(receiver, segment, count);
      }
    } else if (step.stream === journey.region) {
      second.ofSender(step);
    } else if (step.stream === journey.edge) {
      // What a process reads that another one has read before was accepted then.
      if (step.step === 'Accept' && step.at > (accepted.at(-1) ?? '')) {
        accepted.push(step.at);
        say('Accept', 1);
      }
      first.ofSender(step);
    }
  }
  return { moves, items: accepted.length };
}

/** Follows a journey through spec/Tier.tla (`spec`, the module's text). What is given up is no item: only histories without it are. */
export function validateJourney(
  checker: TlaChecker,
  spec: string,
  lines: readonly HistoryLine[],
  journey: Journey,
  taken: (action: string) => void = () => {},
): MovesJudged {
  const { moves, items } = tierMoves(lines, journey);
  const constants = { S: '1', N: String(Math.max(1, items)), MaxFaults: String(PLENTY) };
  return followMoves(checker, { module: withoutComments(spec), constants }, moves, taken);
}
