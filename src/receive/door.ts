import { assert } from '../base/assert.ts';
import type { LIMITS } from '../base/limits.ts';
import type { Outcome, Refused } from '../wire/outcome.ts';
import type { Arrivals } from './arrivals.ts';
import type { TakePeer } from './peer-door.ts';
import { type Client, type Holder, newClient } from './shares.ts';
import type { ExportSink } from './sink.ts';
import type { Turns } from './turns.ts';

export type DoorLimits = Pick<
  typeof LIMITS,
  | 'requestBytesMax'
  | 'headerBytesMax'
  | 'baggageBytesMax'
  | 'connectionsMax'
  | 'streamsPerConnectionMax'
  | 'requestTimeoutMs'
  | 'slowRequestMs'
  | 'idleTimeoutMs'
  | 'retryAfterMs'
>;

/** Widens the literal types of LIMITS, so that an operator's value fits. */
export type ConfiguredLimits = { readonly [Name in keyof DoorLimits]: number };

/** What both doors share. */
export interface DoorContext {
  readonly sink: ExportSink;
  readonly limits: ConfiguredLimits;
  readonly counters: DoorCounters;
  readonly arrivals: Arrivals;
  readonly turns: Turns;
  /** Told of each piece of a body that was read, by its size. */
  readonly letGo: (bytes: number) => void;
  /** True when this `authorization` header may send. */
  readonly authorize: (header: string | undefined) => boolean;
  /** Where reports of other Clews go; undefined where nobody keeps them. */
  readonly takePeer: TakePeer | undefined;
  /** Origins that browsers may send from; '*' is any. */
  readonly corsOrigins: readonly string[];
  readonly onReport: (text: string) => void;
  /** Set when the doors are closing: clients are told to take their next request elsewhere. */
  draining: boolean;
}

const clients = new WeakMap<object, Client>();

/** Who sends on a connection: its socket, or its HTTP/2 session. */
export function clientOf(connection: object): Client {
  let client = clients.get(connection);
  if (client === undefined) {
    client = newClient();
    clients.set(connection, client);
  }
  return client;
}

export class DoorCounters {
  requests = 0;
  requestBytes = 0;
  connections = 0;
  /** Connections closed at once because of limits.connectionsMax. */
  connectionsRefused = 0;
  readonly refused: Record<string, number> = {};

  /** Counts one answered request of `bytes` on the wire. */
  answered(outcome: Outcome, bytes: number): void {
    this.requests++;
    this.requestBytes += bytes;
    if (outcome.kind !== 'success') this.refused[outcome.kind] = (this.refused[outcome.kind] ?? 0) + 1;
  }
}

/** Why the sink has no room. */
export function overloadOf({ sink }: DoorContext): Refused {
  const outcome = sink.overload();
  assert(outcome.kind !== 'success', 'a sink without room refuses');
  return outcome;
}

/** What a request is told that had to make room for others. */
export const tooSlow = ({ limits }: DoorContext): Refused => ({
  kind: 'overloaded',
  message: `the request has been arriving for more than ${limits.slowRequestMs} ms (limits.slowRequestMs), and others need its memory`,
  retryAfterMs: limits.retryAfterMs,
});

/** Memory that a request holds, from its first byte to its answer. */
export class Reservation implements Holder {
  readonly client: Client;
  heldBytes = 0;
  readonly #sink: ExportSink;

  constructor(sink: ExportSink, client: Client) {
    this.#sink = sink;
    this.client = client;
  }

  /** Holds `total` bytes from now on; false when the sink has no room, and then nothing changes. */
  growTo(total: number): boolean {
    const more = total - this.heldBytes;
    if (more <= 0) return true;
    if (!this.#sink.reserve(more, this)) return false;
    this.heldBytes = total;
    return true;
  }

  /** Gives back what it holds beyond `total`. */
  shrinkTo(total: number): void {
    if (total >= this.heldBytes) return;
    this.#sink.release(this.heldBytes - total, this);
    this.heldBytes = total;
  }

  release(): void {
    this.shrinkTo(0);
  }
}
