import { recordStream } from '../base/history.ts';
import { errorText } from '../host/disk.ts';
import type { Link } from './link.ts';
import {
  type Connection,
  type ConnectionEvent,
  type ConnectionPhase,
  hasRoom,
  newConnection,
  stepConnection,
} from './machines/connection.ts';

/** What a transport calls a connection: a socket, a session. */
export interface Wire {
  close(): void;
}

/** What a wire says of itself, once each at most. */
export interface WireEvents {
  /** It takes no more requests, and ends those that it carries: the other side said goodbye, or closed it between two requests. */
  readonly leaving: () => void;
  readonly broken: () => void;
}

export interface LinesOptions<W extends Wire> {
  readonly link: Link;
  /** Requests that one connection carries at once. */
  readonly streamsMax: number;
  /** After this a connection is replaced by a new one, whose name is resolved again. */
  readonly ageMsMax: number;
  /** Rejects with the reason when there is no connection within the time. */
  readonly open: (events: WireEvents, withinMs: number) => Promise<W>;
}

/** Runs the connection machine of one connection, which is opened again and again in its place. */
export class Line<W extends Wire> {
  readonly #link: Link;
  readonly #number: number;
  #connection: Connection;
  #wire: W | undefined;
  #turn = 0;

  constructor(link: Link, streamsMax: number) {
    this.#link = link;
    this.#number = link.nextConnection();
    this.#connection = newConnection(link.clock.monotonicMs(), streamsMax);
  }

  get phase(): ConnectionPhase {
    return this.#connection.phase;
  }

  get refused(): number {
    return this.#connection.refused;
  }

  get hasRoom(): boolean {
    return hasRoom(this.#connection);
  }

  /** Whether it may be opened in this place. */
  get isDown(): boolean {
    return this.phase === 'CLOSED' || this.phase === 'ERROR';
  }

  /** The open connection. */
  get wire(): W {
    if (this.#wire === undefined) throw new Error(`a connection that is ${this.phase} has no wire`);
    return this.#wire;
  }

  /** Of the wire that is opened next: what an earlier one in this place says late is not heard. */
  events(): WireEvents {
    this.#turn++;
    const turn = this.#turn;
    const ifCurrent = (act: () => void) => (): void => {
      if (turn === this.#turn) act();
    };
    return { leaving: ifCurrent(() => this.drain()), broken: ifCurrent(() => this.broke()) };
  }

  opened(wire: W): void {
    const isAgain = this.phase === 'ERROR';
    this.#wire = wire;
    this.#step({ kind: isAgain ? 'recover' : 'opened' });
    const isFirst = this.#link.opened();
    recordStream(isFirst ? 'ConnectOk' : isAgain ? 'Recover' : 'Open', this.#link.stream, this.#number);
  }

  /** A request begins on it. */
  activate(): void {
    this.#step({ kind: 'activate' });
    recordStream('Send', this.#link.stream, this.#number);
  }

  /** A request on it has ended, unless the connection broke before. */
  release(): void {
    if (this.phase !== 'ACTIVE' && this.phase !== 'DRAINING') return;
    recordStream('Release', this.#link.stream, this.#number);
    this.#step({ kind: 'release' });
  }

  /** Lets it end what it carries, and takes nothing new. */
  drain(): void {
    if (this.phase !== 'IDLE' && this.phase !== 'ACTIVE') return;
    recordStream('Drain', this.#link.stream, this.#number);
    this.#step({ kind: 'drain_request' });
  }

  broke(): void {
    if (this.isDown) return;
    this.#step({ kind: 'error' });
    this.#closeWire();
    recordStream('ConnErr', this.#link.stream, this.#number);
    this.#link.broken();
  }

  #step(event: ConnectionEvent): void {
    const { state, effects } = stepConnection(this.#connection, event, this.#link.clock.monotonicMs());
    this.#connection = state;
    for (const { kind } of effects) {
      if (kind === 'drained') this.#step({ kind: 'drain_complete' });
      // The requests that are lost hear of it from their wire.
      if (kind !== 'close') continue;
      this.#closeWire();
      recordStream('DrainDone', this.#link.stream, this.#number);
      this.#link.closed();
    }
  }

  #closeWire(): void {
    this.#wire?.close();
    this.#wire = undefined;
  }
}

/** The connections of one stream to one target: opened when they are needed and the protocol lets them, and used again. */
export class Lines<W extends Wire> {
  readonly #options: LinesOptions<W>;
  readonly #lines: Line<W>[] = [];
  readonly #openedMs = new Map<Line<W>, number>();
  #opening: Promise<string | undefined> | undefined;
  #isClosed = false;

  constructor(options: LinesOptions<W>) {
    this.#options = options;
  }

  /** A connection on which a request has begun; or why there is none. */
  async take(withinMs: number): Promise<Line<W> | string> {
    this.#drainOld();
    for (;;) {
      if (this.#isClosed) return 'the connection was closed';
      const line = this.#lines.find(({ hasRoom }) => hasRoom);
      if (line !== undefined && this.#options.link.maySend) {
        line.activate();
        return line;
      }
      this.#opening ??= this.#open(withinMs).finally(() => {
        this.#opening = undefined;
      });
      const problem = await this.#opening;
      if (problem !== undefined) return problem;
    }
  }

  /** The connections by their phase, and the events that they refused. */
  states(): readonly { readonly phase: ConnectionPhase; readonly refused: number }[] {
    return this.#lines.map(({ phase, refused }) => ({ phase, refused }));
  }

  /** Ends all connections; what they carry is lost. */
  close(): void {
    this.#isClosed = true;
    for (const line of this.#lines) {
      line.drain();
      line.broke();
    }
  }

  #drainOld(): void {
    const nowMs = this.#options.link.clock.monotonicMs();
    for (const line of this.#lines) {
      if (nowMs - (this.#openedMs.get(line) ?? nowMs) > this.#options.ageMsMax) line.drain();
    }
  }

  /** Opens one connection; resolves with why it could not, undefined when it is there. */
  async #open(withinMs: number): Promise<string | undefined> {
    const { link, streamsMax, open } = this.#options;
    if (!(await link.beginOpening())) return 'the connection was closed';
    let line = this.#lines.find(({ isDown }) => isDown);
    if (line === undefined) {
      line = new Line<W>(link, streamsMax);
      this.#lines.push(line);
    }
    const opening = line;
    try {
      const wire = await open(opening.events(), withinMs);
      if (this.#isClosed) {
        wire.close();
        link.failedToOpen();
        return undefined;
      }
      opening.opened(wire);
      this.#openedMs.set(opening, link.clock.monotonicMs());
      return undefined;
    } catch (error) {
      link.failedToOpen();
      return errorText(error);
    }
  }
}
