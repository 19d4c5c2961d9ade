import { LIMITS } from '../../src/base/limits.ts';
import type { Clock } from '../../src/host/clock.ts';
import { Lines, type Wire, type WireEvents } from '../../src/send/lines.ts';
import type { Link } from '../../src/send/link.ts';
import type { ExportCall, Reply, Transport } from '../../src/send/transport.ts';
import type { Fault, LinkName } from './schedule.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A process with a door. */
export interface Host {
  readonly isAlive: boolean;
  /** What it answers; never rejects. */
  answer(call: ExportCall, wire: SimulatedWire): Promise<Reply>;
  /** The connections that lead to it. */
  readonly wires: Set<SimulatedWire>;
}

/** Where a link leads: one of the receivers that listen now, or none. */
export type PickHost = () => Host | undefined;

export type MishapFault = Extract<Fault, { readonly kind: 'mishap' }>;

interface LinkState {
  isDown: boolean;
  readonly mishaps: MishapFault[];
}

const none = (reason: string): Reply => ({ kind: 'none', reason, sent: true });

/** One connection. */
export class SimulatedWire implements Wire {
  readonly link: LinkName;
  readonly host: Host;
  isOpen = true;
  readonly #events: WireEvents | undefined;
  /** What waits for an answer on it. */
  readonly waiting = new Set<(reply: Reply) => void>();

  constructor(link: LinkName, host: Host, events: WireEvents | undefined) {
    this.link = link;
    this.host = host;
    this.#events = events;
    host.wires.add(this);
  }

  /** By the sender. */
  close(): void {
    this.isOpen = false;
    this.host.wires.delete(this);
    for (const settle of [...this.waiting]) settle(none('the connection was closed'));
  }

  /** By anything else. */
  break(): void {
    if (!this.isOpen) return;
    this.close();
    this.#events?.broken();
  }
}

/** Links between clients and nodes: each message takes a while, and may meet with anything that the schedule has for it. */
export class Network {
  readonly #time: VirtualTime;
  readonly #chance: () => number;
  readonly #delayMsMax: number;
  readonly #links = new Map<LinkName, LinkState>();

  readonly #killSender: (link: LinkName) => void;

  /** @param killSender ends the process that sends over a link */
  constructor(time: VirtualTime, chance: () => number, delayMsMax: number, killSender: (link: LinkName) => void) {
    this.#time = time;
    this.#chance = chance;
    this.#delayMsMax = delayMsMax;
    this.#killSender = killSender;
  }

  link(name: LinkName): LinkState {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const made: LinkState = { isDown: false, mishaps: [] };
    this.#links.set(name, made);
    return made;
  }

  /** Nothing breaks any more. */
  heal(): void {
    for (const link of this.#links.values()) {
      link.isDown = false;
      link.mishaps.length = 0;
    }
  }

  /** Connects, as `LinesOptions.open` wants it. */
  open(link: LinkName, pick: PickHost, clock: Clock, events: WireEvents, withinMs: number): Promise<SimulatedWire> {
    return new Promise((resolve, reject) => {
      this.#time.after(this.#delayMs(), () => {
        if (this.link(link).isDown) {
          clock.after(withinMs, () => reject(new Error(`no connection within ${withinMs} ms`)));
          return;
        }
        const host = pick();
        if (host === undefined) reject(new Error('connection refused'));
        else resolve(new SimulatedWire(link, host, events));
      });
    });
  }

  /** One request and its answer. */
  exchange(wire: SimulatedWire, call: ExportCall, clock: Clock, timeoutMs: number): Promise<Reply> {
    const sent: ExportCall = { ...call, body: [Buffer.concat(call.body)] };
    return new Promise((resolve) => {
      let cancel: () => void = () => {};
      const settle = (reply: Reply): void => {
        cancel();
        wire.waiting.delete(settle);
        resolve(reply);
      };
      wire.waiting.add(settle);
      cancel = clock.after(timeoutMs, () => settle(none(`no answer within ${timeoutMs} ms`)));
      const mishap = this.link(wire.link).mishaps.shift();
      if (mishap === undefined) this.#deliver(wire, sent, 0, (reply) => this.#back(wire, () => settle(reply)));
      else this.#meet(mishap, wire, sent, settle);
    });
  }

  #meet({ what, delayMs, status }: MishapFault, wire: SimulatedWire, call: ExportCall, settle: (reply: Reply) => void) {
    const back = (reply: Reply): void => this.#back(wire, () => settle(reply));
    switch (what) {
      case 'lost':
        this.#time.after(this.#delayMs(), () => wire.break());
        break;
      case 'answer lost':
        this.#deliver(wire, call, 0, () => wire.break());
        break;
      case 'late':
        this.#deliver(wire, call, delayMs, back);
        break;
      case 'twice':
        // Who tries again in between answers with what the last try was answered.
        this.#deliver(wire, call, 0, () => {});
        this.#deliver(wire, call, delayMs, back);
        break;
      case 'sender dies':
        this.#deliver(wire, call, 0, () => this.#killSender(wire.link));
        break;
      case 'damaged':
        this.#deliver(wire, this.#damaged(call), 0, back);
        break;
      case 'refused':
        back(placeholder(status));
        break;
      case 'answered in its place':
        this.#deliver(wire, call, 0, () => {});
        back(placeholder(status));
    }
  }

  /** What is on its way arrives, unless the link is cut; also from a sender that has gone, more often than not. */
  #deliver(wire: SimulatedWire, call: ExportCall, laterMs: number, answered: (reply: Reply) => void): void {
    this.#time.after(laterMs + this.#delayMs(), () => {
      if (!wire.host.isAlive || (laterMs === 0 && this.link(wire.link).isDown)) return;
      if (!wire.isOpen && this.#chance() < 0.4) return;
      void wire.host.answer(call, wire).then((reply) => {
        if (wire.host.isAlive) answered(reply);
      });
    });
  }

  #back(wire: SimulatedWire, arrive: () => void): void {
    this.#time.after(this.#delayMs(), () => {
      if (!this.link(wire.link).isDown && wire.isOpen) arrive();
    });
  }

  #damaged(call: ExportCall): ExportCall {
    const body = Buffer.concat(call.body);
    const at = Math.floor(this.#chance() * body.length);
    if (body.length > 0) body[at] = (body[at] ?? 0) ^ (1 << Math.floor(this.#chance() * 8));
    return { ...call, body: [body] };
  }

  #delayMs(): number {
    return 0.2 + this.#chance() * this.#delayMsMax;
  }
}

/** The answer of something between, which speaks HTTP. */
const placeholder = (status: number): Reply => ({ kind: 'http', status, headers: {}, body: new Uint8Array(0) });

/** How long a sender waits for a connection, and for an answer. */
export const TIMEOUT_MS = 1_000;

/** A way over the simulated network, run by the same machines as the real ones. */
export class SimulatedTransport implements Transport {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #lines: Lines<SimulatedWire>;

  constructor(network: Network, name: LinkName, pick: PickHost, link: Link, streamsMax: number) {
    this.#network = network;
    this.#clock = link.clock;
    this.#lines = new Lines({
      link,
      streamsMax,
      ageMsMax: LIMITS.connectionAgeMsMax,
      open: (events, withinMs) => network.open(name, pick, link.clock, events, withinMs),
    });
  }

  async call(call: ExportCall): Promise<Reply> {
    const line = await this.#lines.take(TIMEOUT_MS);
    if (typeof line === 'string') return { kind: 'none', reason: line, sent: false };
    call.onBegin?.();
    const reply = await this.#network.exchange(line.wire, call, this.#clock, TIMEOUT_MS);
    if (reply.kind === 'none') line.broke();
    else line.release();
    return reply;
  }

  close(): void {
    this.#lines.close();
  }

  connections(): ReturnType<Transport['connections']> {
    return this.#lines.states();
  }
}
