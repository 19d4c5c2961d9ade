import { keepHistory, type StreamStepName } from '../../src/base/history.ts';
import { type TlaChecker, withoutComments } from '../../src/history/checker.ts';
import { type Position, positionOf } from '../../src/journal/position.ts';
import { type Fault, type Schedule, scheduleOf } from '../simulation/schedule.ts';
import { simulate } from '../simulation/simulation.ts';
import { followMoves, type Move, type MovesJudged } from './moves.ts';

/*
 * What the receivers and lanes of a tier did with streams that went from one to another, as steps of spec/Order.tla. A record of a journal of
 * the tier is a batch of the hop before; that a stream has moved is seen where its next record is taken in.
 */

/** A step of a stream, as it is recorded. */
export interface StreamEvent {
  readonly step: StreamStepName;
  readonly stream: string;
  readonly at: string;
  readonly where: string;
  readonly count: number;
}

/** The nodes of the simulation, as the names of their streams begin. */
const BEFORE = 'feedc0de00000001-';
const LANE = /^feedc0de00000002-r(\d+)-traces-/;

/** One receiver of the tier: its journal of traces, and how far its lane is. */
class Lane {
  readonly records: Position[] = [];
  batch: number[] = [];
  sent = 0;
  arrived = 0;
  done = 0;

  /** The record that stands there: 1 for the first; 0 for none. */
  nth(position: Position): number {
    return this.records.indexOf(position) + 1;
  }

  /** The last record up to a position. */
  upTo(position: Position): number {
    return this.records.filter((record) => record <= position).length;
  }
}

interface OrderMoves {
  readonly moves: readonly Move[];
  readonly receivers: number;
  readonly streams: number;
  readonly items: number;
}

/** Turns the events of a tier into moves, one after the other. */
class Tier {
  readonly moves: Move[] = [];
  readonly #lanes = new Map<number, Lane>();
  readonly #streams: string[] = [];
  /** By stream: items taken in, and who holds it; both from 1 on. */
  readonly #marks: number[] = [];
  readonly #holders: number[] = [];
  #line = 0;

  get sizes(): Omit<OrderMoves, 'moves'> {
    const receivers = Math.max(...this.#lanes.keys(), 1);
    return { receivers, streams: this.#streams.length, items: Math.max(0, ...this.#marks.slice(1)) };
  }

  take(event: StreamEvent): void {
    const { step, stream, at } = event;
    const lane = LANE.exec(stream)?.[1];
    if (lane === undefined) {
      if (step === 'Deliver' && stream.startsWith(BEFORE)) this.#takeIn(event);
    } else {
      const r = Number(lane) + 1;
      const of = this.#laneOf(r);
      if (step === 'Fill') of.batch.push(of.nth(at));
      if (step === 'Transmit') this.#send(r, of);
      if (step === 'Deliver') this.#arrive(r, of, at);
      if (step === 'BatchOk') this.#settle(r, of, Number.POSITIVE_INFINITY);
      if (step === 'Overlap') this.#settle(r, of, of.upTo(at));
      // What was under way is read again.
      if (step === 'Abandon') of.batch = [];
    }
    this.#line++;
  }

  #say(action: string, ...numbers: number[]): void {
    this.moves.push({ action: `${action}(${numbers.join(', ')})`, line: this.#line });
  }

  #laneOf(receiver: number): Lane {
    const lane = this.#lanes.get(receiver) ?? new Lane();
    this.#lanes.set(receiver, lane);
    return lane;
  }

  #takeIn({ stream, where, count }: StreamEvent): void {
    const [, receiver, segment = ''] = /^r(\d+)\/(\w+)$/.exec(where) ?? [];
    const r = Number(receiver) + 1;
    if (!this.#streams.includes(stream)) this.#streams.push(stream);
    const s = this.#streams.indexOf(stream) + 1;
    if (this.#holders[s] !== r) this.#say('Grant', s, r);
    this.#holders[s] = r;
    const item = (this.#marks[s] ?? 0) + 1;
    this.#marks[s] = item;
    this.#say('Take', s, r, item);
    this.#laneOf(r).records.push(positionOf(segment, count - 1));
  }

  #send(r: number, lane: Lane): void {
    const open = lane.batch.filter((i) => i > lane.done);
    const [first = lane.sent + 1] = open;
    if (first <= lane.sent) {
      lane.sent = lane.done;
      this.#say('Again', r);
    }
    for (const i of open) this.#say('Send', r, i);
    lane.sent = open.at(-1) ?? lane.sent;
  }

  #arrive(r: number, lane: Lane, at: string): void {
    const [, mark = ''] = at.split('-');
    while (lane.arrived < lane.upTo(mark)) this.#say('Arrive', r, ++lane.arrived);
  }

  #settle(r: number, lane: Lane, last: number): void {
    for (const i of lane.batch.filter((nth) => nth > lane.done && nth <= last)) {
      this.#say('Settle', r, i);
      lane.done = i;
    }
    lane.batch = [];
  }
}

/** The moves of one history. The line of a move is the event that it stands for. */
export function orderMoves(events: readonly StreamEvent[]): OrderMoves {
  const tier = new Tier();
  for (const event of events) tier.take(event);
  return { moves: tier.moves, ...tier.sizes };
}

/** Follows what a tier did through spec/Order.tla (`spec`, the module's text). */
export function validateOrder(
  checker: TlaChecker,
  spec: string,
  events: readonly StreamEvent[],
  taken: (action: string) => void = () => {},
): MovesJudged | undefined {
  const { moves, receivers, streams, items } = orderMoves(events);
  if (items === 0) return undefined;
  const sizes = { R: receivers, S: streams, N: items, Moves: moves.length, MaxFaults: moves.length };
  const constants = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, String(size)]));
  return followMoves(checker, { module: withoutComments(spec), constants }, moves, taken);
}

/** Faults that move streams and hold lanes up, and take no record away. A process that is killed would go on to record what nobody sees. */
const isOfOrder = (fault: Fault): boolean =>
  (fault.kind === 'mishap' && fault.link !== 'client-edge' && /lost/.test(fault.what)) || fault.kind === 'partition';

/** The schedule of a seed in which streams wander, undefined when they do not. */
function wanderingSchedule(seed: number): Schedule | undefined {
  const schedule = scheduleOf(seed);
  const { shape, faults } = schedule;
  if (shape.edgeAgeMsMax === undefined) return undefined;
  return { ...schedule, shape: { ...shape, rules: [], retriesMax: 256 }, faults: faults.filter(isOfOrder) };
}

/** What a simulated fleet records of its streams; undefined when in the schedule of this seed none wanders. */
export async function orderHistory(seed: number): Promise<StreamEvent[] | undefined> {
  const schedule = wanderingSchedule(seed);
  if (schedule === undefined) return undefined;
  const events: StreamEvent[] = [];
  keepHistory(
    () => {},
    (step, stream, count, at, where) => events.push({ step, stream, at, where, count }),
  );
  try {
    await simulate(schedule);
  } finally {
    keepHistory(undefined);
  }
  return events;
}
