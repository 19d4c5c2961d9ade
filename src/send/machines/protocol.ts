import { assert } from '../../base/assert.ts';
import { type Backoff, firstBackoff, nextDelay } from '../../base/backoff.ts';
import { NO, refuse, type Step, type Table } from './step.ts';

/*
 * The protocol machine: one for each lane to a destination. It knows whether there is any connection at all; which one is used is the
 * pool's affair.
 *
 *   INIT ─connect_request→ CONNECTING ─connect_success→ CONNECTED ─disconnect_request→ CLOSED
 *                           │      ↑                        │                            │
 *                 connect_failure  retry_request    connection_lost               reconnect_request
 *                           ↓      │                        ↓                            ↓
 *                           └──→ ERROR ←────────────────────┘                        CONNECTING
 *
 * Settled beyond the first draft: the last connection of a CONNECTED protocol may break (connection_lost → ERROR), and a sender may be
 * stopped whatever its destination does (disconnect_request is taken in every state but CLOSED).
 *
 * Driven by `Link` of ../link.ts: no connection is opened and no request begins that it does not let.
 *
 * Invariants, and who enforces each:
 *   P1  Only CONNECTED lets a request be sent.                              `maySend`, asked by `Lines.take`; lines.test.ts
 *   P2  In ERROR, and there alone, a time is set for the next try.          asserted after each step; machines.test.ts
 *   P3  Failures in a row are counted and end with connect_success.         asserted after each step; machines.test.ts
 *   P4  CLOSED is left by reconnect_request alone.                          PROTOCOL_TABLE
 *   P5  A refused event changes nothing but its count.                      `refuse`; every machine's test
 */

export type ProtocolPhase = 'INIT' | 'CONNECTING' | 'CONNECTED' | 'ERROR' | 'CLOSED';

export type ProtocolEvent =
  | { readonly kind: 'connect_request' }
  | { readonly kind: 'connect_success' }
  /** `chance` in [0, 1) spreads the next try. */
  | { readonly kind: 'connect_failure'; readonly chance: number }
  /** The last usable connection broke. */
  | { readonly kind: 'connection_lost'; readonly chance: number }
  | { readonly kind: 'retry_request' }
  | { readonly kind: 'disconnect_request' }
  | { readonly kind: 'reconnect_request' };

export type ProtocolEffect =
  | { readonly kind: 'connect' }
  | { readonly kind: 'disconnect' }
  /** Send `retry_request` at this time. */
  | { readonly kind: 'retryAt'; readonly atMs: number };

export interface Protocol {
  readonly phase: ProtocolPhase;
  /** Since when it is in this phase, monotonic. */
  readonly sinceMs: number;
  /** In ERROR: when the connection is tried again, monotonic. */
  readonly retryAtMs: number | undefined;
  readonly backoff: Backoff;
  /** Events that came in a state that does not know them. */
  readonly refused: number;
}

export const PROTOCOL_TABLE: Table<ProtocolPhase, ProtocolEvent['kind']> = {
  INIT: {
    connect_request: ['CONNECTING'],
    connect_success: NO,
    connect_failure: NO,
    connection_lost: NO,
    retry_request: NO,
    disconnect_request: ['CLOSED'],
    reconnect_request: NO,
  },
  CONNECTING: {
    connect_request: NO,
    connect_success: ['CONNECTED'],
    connect_failure: ['ERROR'],
    connection_lost: NO,
    retry_request: NO,
    disconnect_request: ['CLOSED'],
    reconnect_request: NO,
  },
  CONNECTED: {
    connect_request: NO,
    connect_success: NO,
    connect_failure: NO,
    connection_lost: ['ERROR'],
    retry_request: NO,
    disconnect_request: ['CLOSED'],
    reconnect_request: NO,
  },
  ERROR: {
    connect_request: NO,
    connect_success: NO,
    connect_failure: NO,
    connection_lost: NO,
    retry_request: ['CONNECTING'],
    disconnect_request: ['CLOSED'],
    reconnect_request: NO,
  },
  CLOSED: {
    connect_request: NO,
    connect_success: NO,
    connect_failure: NO,
    connection_lost: NO,
    retry_request: NO,
    disconnect_request: NO,
    reconnect_request: ['CONNECTING'],
  },
};

/** A protocol that nobody has asked to connect. */
export function newProtocol(nowMs: number): Protocol {
  return { phase: 'INIT', sinceMs: nowMs, retryAtMs: undefined, backoff: firstBackoff(), refused: 0 };
}

/** Whether requests may be sent (P1). */
export function maySend(protocol: Protocol): boolean {
  return protocol.phase === 'CONNECTED';
}

/** One event; `nowMs` is monotonic. */
export function stepProtocol(protocol: Protocol, event: ProtocolEvent, nowMs: number): Step<Protocol, ProtocolEffect> {
  const step = next(protocol, event, nowMs);
  const { phase, retryAtMs, backoff } = step.state;
  assert((phase === 'ERROR') === (retryAtMs !== undefined), 'P2: in error alone a time is set for the next try');
  assert(phase !== 'CONNECTED' || backoff.failures === 0, 'P3: a connection ends the row of failures');
  return step;
}

function next(protocol: Protocol, event: ProtocolEvent, nowMs: number): Step<Protocol, ProtocolEffect> {
  const phase = PROTOCOL_TABLE[protocol.phase][event.kind][0];
  if (phase === undefined) return refuse(protocol);
  const state: Protocol = { ...protocol, phase, sinceMs: nowMs, retryAtMs: undefined };
  switch (event.kind) {
    case 'connect_request':
    case 'retry_request':
    case 'reconnect_request':
      return { state, effects: [{ kind: 'connect' }] };
    case 'connect_success':
      return { state: { ...state, backoff: firstBackoff() }, effects: NO };
    case 'connect_failure':
    case 'connection_lost': {
      const { delayMs, backoff } = nextDelay(protocol.backoff, { chance: event.chance });
      const atMs = nowMs + delayMs;
      return { state: { ...state, backoff, retryAtMs: atMs }, effects: [{ kind: 'retryAt', atMs }] };
    }
    case 'disconnect_request':
      return { state: { ...state, backoff: firstBackoff() }, effects: [{ kind: 'disconnect' }] };
  }
}
