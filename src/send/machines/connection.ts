import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { NO, refuse, type Step, type Table } from './step.ts';

/*
 * The connection machine: one for each pooled connection. Over HTTP/2 a connection carries many requests at once; it is ACTIVE while it
 * carries any.
 *
 *   CLOSED ─opened→ IDLE ─activate→ ACTIVE ─drain_request→ DRAINING ─drain_complete→ CLOSED
 *                    ↑ └──release────┘ │ error                │ error
 *                    └────recover──── ERROR                   └→ CLOSED
 *
 * Settled beyond the first draft: release leads back from ACTIVE; a connection breaks in IDLE and in DRAINING too; an IDLE one drains at
 * once. A broken DRAINING connection is CLOSED, not ERROR: nobody wants it back.
 *
 * Driven by `Line` of ../lines.ts, one for each connection of a transport, which sends requests only on one that took them.
 *
 * Invariants, and who enforces each:
 *   C1  ACTIVE carries at least one request; IDLE, ERROR and CLOSED carry none.     asserted after each step; machines.test.ts
 *   C2  DRAINING takes no new request.                                              CONNECTION_TABLE
 *   C3  DRAINING ends when the last request does (drain_complete is not forgotten): the release that empties it says so by its effect.
 *   C4  A request on a connection that breaks is reported lost exactly once.        effect `lost`; machines.test.ts
 *   C5  At most `streamsMax` requests at once.                                      asserted after each step
 */

export type ConnectionPhase = 'IDLE' | 'ACTIVE' | 'DRAINING' | 'CLOSED' | 'ERROR';

export type ConnectionEvent =
  | { readonly kind: 'opened' }
  /** A request begins on it. */
  | { readonly kind: 'activate' }
  /** A request on it ended, however. */
  | { readonly kind: 'release' }
  | { readonly kind: 'drain_request' }
  | { readonly kind: 'drain_complete' }
  | { readonly kind: 'error' }
  /** It was opened again. */
  | { readonly kind: 'recover' };

export type ConnectionEffect =
  /** The requests it carried got no answer: so many. */
  | { readonly kind: 'lost'; readonly requests: number }
  /** Nothing is left on it: send `drain_complete`. */
  | { readonly kind: 'drained' }
  | { readonly kind: 'close' };

export interface Connection {
  readonly phase: ConnectionPhase;
  /** Requests under way. */
  readonly requests: number;
  readonly streamsMax: number;
  readonly sinceMs: number;
  readonly refused: number;
}

export const CONNECTION_TABLE: Table<ConnectionPhase, ConnectionEvent['kind']> = {
  CLOSED: {
    opened: ['IDLE'],
    activate: NO,
    release: NO,
    drain_request: NO,
    drain_complete: NO,
    error: NO,
    recover: NO,
  },
  IDLE: {
    opened: NO,
    activate: ['ACTIVE'],
    release: NO,
    drain_request: ['DRAINING'],
    drain_complete: NO,
    error: ['ERROR'],
    recover: NO,
  },
  ACTIVE: {
    opened: NO,
    // While streams are free.
    activate: ['ACTIVE'],
    // IDLE with the last one.
    release: ['ACTIVE', 'IDLE'],
    drain_request: ['DRAINING'],
    drain_complete: NO,
    error: ['ERROR'],
    recover: NO,
  },
  DRAINING: {
    opened: NO,
    activate: NO,
    release: ['DRAINING'],
    drain_request: NO,
    // When it is empty.
    drain_complete: ['CLOSED'],
    error: ['CLOSED'],
    recover: NO,
  },
  ERROR: {
    opened: NO,
    activate: NO,
    release: NO,
    drain_request: ['CLOSED'],
    drain_complete: NO,
    error: NO,
    recover: ['IDLE'],
  },
};

/** A connection that is not open yet. */
export function newConnection(nowMs: number, streamsMax: number = LIMITS.streamsPerConnectionMax): Connection {
  return { phase: 'CLOSED', requests: 0, streamsMax, sinceMs: nowMs, refused: 0 };
}

/** Whether one more request fits. */
export function hasRoom({ phase, requests, streamsMax }: Connection): boolean {
  return phase === 'IDLE' || (phase === 'ACTIVE' && requests < streamsMax);
}

/** One event; `nowMs` is monotonic. */
export function stepConnection(
  connection: Connection,
  event: ConnectionEvent,
  nowMs: number,
): Step<Connection, ConnectionEffect> {
  const step = next(connection, event, nowMs);
  const { phase, requests, streamsMax } = step.state;
  assert(phase === 'DRAINING' || (phase === 'ACTIVE') === requests > 0, 'C1: an active connection carries requests');
  assert(0 <= requests && requests <= streamsMax, 'C5: a connection carries as many requests as it may');
  return step;
}

function next(connection: Connection, event: ConnectionEvent, nowMs: number): Step<Connection, ConnectionEffect> {
  const { requests } = connection;
  const phase = CONNECTION_TABLE[connection.phase][event.kind][0];
  if (phase === undefined) return refuse(connection);
  const to = (phase: ConnectionPhase, requests: number): Connection => ({
    ...connection,
    phase,
    requests,
    sinceMs: phase === connection.phase ? connection.sinceMs : nowMs,
  });
  switch (event.kind) {
    case 'opened':
    case 'recover':
      return { state: to(phase, 0), effects: NO };
    case 'activate':
      return hasRoom(connection) ? { state: to('ACTIVE', requests + 1), effects: NO } : refuse(connection);
    case 'release': {
      const left = requests - 1;
      if (left < 0) return refuse(connection);
      if (connection.phase === 'ACTIVE') return { state: to(left === 0 ? 'IDLE' : 'ACTIVE', left), effects: NO };
      return { state: to('DRAINING', left), effects: left === 0 ? [{ kind: 'drained' }] : NO };
    }
    case 'drain_request':
      return {
        state: to(phase, requests),
        effects: phase === 'DRAINING' && requests === 0 ? [{ kind: 'drained' }] : NO,
      };
    case 'drain_complete':
      return requests === 0 ? { state: to(phase, 0), effects: [{ kind: 'close' }] } : refuse(connection);
    case 'error':
      return { state: to(phase, 0), effects: requests === 0 ? NO : [{ kind: 'lost', requests }] };
  }
}
