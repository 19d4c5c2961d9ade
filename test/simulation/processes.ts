import { LIMITS } from '../../src/base/limits.ts';
import { DIRECTORIES, HOP_HEADERS } from '../../src/base/names.ts';
import type { Disk } from '../../src/host/disk.ts';
import { receiverDirectory } from '../../src/journal/segment-files.ts';
import type { ChannelMessage } from '../../src/main/channel.ts';
import { Claims } from '../../src/main/claims.ts';
import { Arrivals } from '../../src/receive/arrivals.ts';
import { checkBuilder } from '../../src/receive/check-builder.ts';
import { clientOf, type DoorContext, DoorCounters, overloadOf, Reservation } from '../../src/receive/door.ts';
import { exportRequest, hopOf } from '../../src/receive/exporting.ts';
import { headersOf } from '../../src/receive/http-answers.ts';
import { type Intake, openIntake } from '../../src/receive/intake.ts';
import { StreamMarks } from '../../src/receive/marks.ts';
import { OnceSink } from '../../src/receive/once.ts';
import type { Holder } from '../../src/receive/shares.ts';
import type { ExportRequest, ExportSink } from '../../src/receive/sink.ts';
import { DeadLetters } from '../../src/send/dead.ts';
import { Forwarder, type ForwarderOptions } from '../../src/send/forwarder.ts';
import { Progress } from '../../src/send/progress.ts';
import type { ExportCall, Reply } from '../../src/send/transport.ts';
import { Loader } from '../../src/store/loader.ts';
import { exportResponse, grpcStatusOf, httpStatusOf, statusMessage } from '../../src/wire/answers.ts';
import type { Outcome } from '../../src/wire/outcome.ts';
import type { Ledger } from './ledger.ts';
import type { Host, SimulatedWire } from './network.ts';
import { describe, itemsIn } from './payload.ts';
import type { NodeName, ProcessName, Shape } from './schedule.ts';
import { rowBuilder, type StoreTwin } from './store-twin.ts';
import type { ProcessClock } from './virtual-time.ts';

export const DATA = '/data';
const JOURNAL = `${DATA}/${DIRECTORIES.journal}`;

/** What a process works with; it is as dead as `isAlive` says, whatever still runs of it. */
export interface Body {
  readonly node: NodeName;
  readonly name: ProcessName;
  readonly isAlive: boolean;
  readonly disk: Disk;
  readonly clock: ProcessClock;
  readonly instance: string;
  readonly shape: Shape;
  readonly ledger: Ledger;
  /** To the supervisor of the node. */
  readonly post: (message: ChannelMessage) => void;
  /** Undefined: nobody reads what happens. */
  readonly log: ((text: string) => void) | undefined;
  readonly report: (text: string) => void;
}

/** A process that runs: takes messages, and may be asked to end in good order. */
export interface Work {
  take(message: ChannelMessage): void;
  stop(): Promise<void>;
}

/** A receiver as src/main/receiver-process.ts puts it together, with a simulated door. */
export class Receiver implements Work, Host {
  readonly wires = new Set<SimulatedWire>();
  readonly intake: Intake;
  readonly #body: Body;
  readonly #once: OnceSink;
  readonly #claims: Claims;
  readonly #context: DoorContext;

  private constructor(body: Body, intake: Intake, marks: StreamMarks, witness: Witness) {
    this.#body = body;
    this.intake = intake;
    this.#claims = new Claims(indexOf(body), { send: body.post }, body.clock);
    this.#once = new OnceSink(witness, marks, (stream) => this.#claims.claim(stream), body.clock);
    this.#context = {
      sink: this.#once,
      limits: LIMITS,
      counters: new DoorCounters(),
      arrivals: new Arrivals(LIMITS.slowRequestMs),
      turns: { take: (waiting) => waiting.begin(0) },
      letGo: () => undefined,
      authorize: () => true,
      takePeer: undefined,
      corsOrigins: [],
      onReport: body.report,
      draining: false,
    };
  }

  static async open(body: Body, sourceOf: SourceOf, isJournalled: IsJournalled): Promise<Receiver> {
    const { disk, clock, shape, report, instance } = body;
    const receiver = indexOf(body);
    const directory = receiverDirectory(JOURNAL, receiver);
    const marks = new StreamMarks(disk, directory, receiver);
    await marks.load(report);
    const intake = await openIntake({
      disk,
      clock,
      directory,
      marks,
      newBuilder: body.node === 'central' ? rowBuilder : checkBuilder,
      receiver,
      instance,
      limits: {
        inflightBytesMax: shape.inflightBytesMax,
        journalBytesMax: shape.journalBytesMax,
        segmentItemsMax: shape.segmentItemsMax,
        segmentBytesMax: shape.segmentBytesMax,
        segmentAgeMsMax: (body.node === 'edge' ? shape.edgeAgeMsMax : undefined) ?? shape.segmentAgeMsMax,
        diskFreeBytesMin: 0,
      },
      onSealed: (segment) => body.post({ type: 'sealed', receiver, segment }),
      onReport: report,
    });
    const witness = new Witness(body, intake, sourceOf, isJournalled);
    const made = new Receiver(body, intake, marks, witness);
    body.post({ type: 'marks', receiver, marks: marks.all() });
    return made;
  }

  get isAlive(): boolean {
    return this.#body.isAlive;
  }

  take(message: ChannelMessage): void {
    const receiver = indexOf(this.#body);
    if (message.type === 'forgotten') this.intake.forgotten(message.segment);
    if (message.type === 'rebuild') this.intake.rebuild(message.segment);
    if (message.type === 'granted') this.#claims.granted(message.stream, message);
    if (message.type !== 'surrender') return;
    const { stream } = message;
    const { post } = this.#body;
    void this.#once.surrender(stream).then((mark) => post({ type: 'surrendered', receiver, ...mark }));
  }

  async answer(call: ExportCall, wire: SimulatedWire): Promise<Reply> {
    const { signal, headers } = call;
    if (signal === 'peer') return { kind: 'http', status: 404, headers: {}, body: new Uint8Array(0) };
    const [body = new Uint8Array(0)] = call.body;
    const reservation = new Reservation(this.#once, clientOf(wire));
    const hop = hopOf(headers);
    const { baggage = '' } = headers;
    const request = { signal, body, unpacker: undefined, encoding: '', json: false, baggage, hop };
    const outcome = reservation.growTo(body.length)
      ? await new Promise<Outcome>((answered) => exportRequest(this.#context, request, reservation, answered))
      : overloadOf(this.#context);
    const { ledger, isAlive, node, name, log, shape } = this.#body;
    if (isAlive) log?.(`${node} ${name} answers ${outcome.kind} to ${describe(headers, idsIn(call))}${why(outcome)}`);
    if (isAlive && hop === undefined && outcome.kind === 'success') {
      for (const { id } of itemsIn(signal, body)) ledger.acknowledged.add(id);
    }
    return shape.transport === 'http' ? httpReply(outcome) : grpcReply(outcome);
  }

  stop(): Promise<void> {
    return this.intake.close();
  }
}

const indexOf = ({ name }: Body): number => Number(name.slice(1));
const idsIn = (call: ExportCall): number[] => {
  try {
    return call.signal === 'peer' ? [] : itemsIn(call.signal, call.body[0] ?? new Uint8Array(0)).map(({ id }) => id);
  } catch {
    return [];
  }
};
const why = (outcome: Outcome): string =>
  'message' in outcome && outcome.message !== '' ? `: ${outcome.message}` : '';

function httpReply(outcome: Outcome): Reply {
  if (outcome.kind === 'success') {
    const body = exportResponse(outcome.rejected, outcome.message);
    return { kind: 'http', status: 200, headers: {}, body };
  }
  return { kind: 'http', status: httpStatusOf(outcome), headers: headersOf(outcome), body: statusMessage(outcome) };
}

function grpcReply(outcome: Outcome): Reply {
  if (outcome.kind === 'success') {
    const body = exportResponse(outcome.rejected, outcome.message);
    return { kind: 'grpc', code: 0, message: '', details: undefined, headers: {}, body };
  }
  const headers = outcome.kind === 'overlap' ? { [HOP_HEADERS.mark]: outcome.mark } : {};
  const code = grpcStatusOf(outcome);
  return { kind: 'grpc', code, message: outcome.message, details: statusMessage(outcome), headers, body: undefined };
}

/** Bytes that the journal adds to a request: the headers of record and payload, the token, the baggage. */
const RECORD_EXTRA_BYTES = 200;

/** The node that a stream comes from. */
export type SourceOf = (stream: string) => NodeName | undefined;

/** Whether a journal of a receiver has these bytes. */
export type IsJournalled = (receiver: number, bytes: string) => boolean;

/** Stands between the check for repetitions and the intake, and sees all that is really taken in. */
class Witness implements ExportSink {
  readonly #body: Body;
  readonly #intake: Intake;
  readonly #sourceOf: SourceOf;
  readonly #isJournalled: IsJournalled;

  constructor(body: Body, intake: Intake, sourceOf: SourceOf, isJournalled: IsJournalled) {
    this.#body = body;
    this.#intake = intake;
    this.#sourceOf = sourceOf;
    this.#isJournalled = isJournalled;
  }

  reserve(bytes: number, holder: Holder): boolean {
    const isReserved = this.#intake.reserve(bytes, holder);
    if (isReserved) this.#look();
    return isReserved;
  }

  release(bytes: number, holder: Holder): void {
    this.#intake.release(bytes, holder);
  }

  overload(): Outcome {
    return this.#intake.overload();
  }

  isHeldUp(bytes: number): boolean {
    return this.#intake.isHeldUp(bytes);
  }

  async export(request: ExportRequest): Promise<Outcome> {
    const { ledger, node } = this.#body;
    const items = itemsOrNone(request);
    ledger.arrived(node, items, request.batch?.stream);
    const outcome = await this.#intake.export(request);
    if (outcome.kind === 'success' && request.batch !== undefined && this.#body.isAlive) {
      const { stream } = request.batch;
      const source = this.#sourceOf(stream);
      if (source !== undefined) ledger.taken(node, source, stream, items);
    }
    if (outcome.kind === 'overloaded' && request.batch !== undefined && this.#body.isAlive)
      this.#lookFor(request.batch);
    return outcome;
  }

  /** A batch was refused and may come again at once: no journal may still have it, or the next start would take it twice. */
  #lookFor({ stream, mark }: NonNullable<ExportRequest['batch']>): void {
    const { ledger, node, name } = this.#body;
    const isThere = this.#isJournalled(indexOf(this.#body), `${stream} ${mark}`);
    ledger.holds(
      !isThere,
      'nothing is made up',
      () => `${node} ${name} refused ${stream} ${mark} and has it in a journal`,
    );
  }

  #look(): void {
    const { ledger, shape, node, name } = this.#body;
    const { inflightBytes, journalBytes } = this.#intake.vitals();
    const say = (what: string, bytes: number, max: number) => () => `${node} ${name}: ${what} ${bytes}, at most ${max}`;
    const { inflightBytesMax, journalBytesMax } = shape;
    ledger.holds(
      inflightBytes <= inflightBytesMax && inflightBytes >= 0,
      'limits are kept',
      say('bytes in flight', inflightBytes, inflightBytesMax),
    );
    // A request is weighed before its record and its rows are made: they come on top of those that are let in.
    const most = 2 * journalBytesMax + RECORD_EXTRA_BYTES * shape.segmentItemsMax;
    ledger.holds(journalBytes <= most, 'limits are kept', say('bytes of journal', journalBytes, most));
  }
}

function itemsOrNone({ signal, body }: ExportRequest): ReturnType<typeof itemsIn> {
  try {
    return itemsIn(signal, body);
  } catch {
    return [];
  }
}

/** The sender process of a node that forwards, as src/main/sender-process.ts puts it together. */
export class Sender implements Work {
  readonly forwarder: Forwarder;
  readonly dead: DeadLetters;

  private constructor(forwarder: Forwarder, dead: DeadLetters) {
    this.forwarder = forwarder;
    this.dead = dead;
  }

  static async open(
    body: Body,
    chance: () => number,
    way: Pick<ForwarderOptions, 'destinations' | 'rewrite'>,
  ): Promise<Sender> {
    const { disk, clock, instance, report, shape, post } = body;
    const itemsMax = shape.recuts ? 2 + Math.floor(chance() * 12) : shape.batchItemsMax;
    const dead = new DeadLetters(disk, `${DATA}/${DIRECTORIES.dead}`);
    const forwarder = new Forwarder({
      disk,
      clock,
      chance,
      journalDirectory: JOURNAL,
      instance,
      ...way,
      batchLimits: { itemsMax, bytesMax: shape.batchBytesMax, ageMsMax: 0 },
      progress: new Progress(disk, clock, DATA, report),
      dead,
      onForgotten: (receiver, segment) => post({ type: 'forgotten', receiver, segment }),
      report,
    });
    await forwarder.start();
    return new Sender(forwarder, dead);
  }

  take(message: ChannelMessage): void {
    if (message.type === 'sealed') this.forwarder.notify();
  }

  stop(): Promise<void> {
    return this.forwarder.stop();
  }
}

/** The part of the store process that loads. */
export class Store implements Work {
  readonly loader: Loader;

  private constructor(loader: Loader) {
    this.loader = loader;
  }

  static async open(body: Body, twin: StoreTwin, read: (path: string) => Uint8Array): Promise<Store> {
    const { disk, clock, post, report } = body;
    const loader = new Loader({
      engine: twin.engine(read, () => body.isAlive),
      disk,
      clock,
      journalDirectory: JOURNAL,
      onForgotten: (receiver, segment) => post({ type: 'forgotten', receiver, segment }),
      onDamaged: (receiver, segment) => post({ type: 'rebuild', receiver, segment }),
      report,
    });
    await loader.start();
    return new Store(loader);
  }

  take(message: ChannelMessage): void {
    if (message.type === 'sealed') void this.loader.notify(message.receiver, message.segment);
  }

  stop(): Promise<void> {
    return this.loader.close();
  }
}
