import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SendFailure } from '../retry.ts';
import { BATCH_TABLE, type Batch, type BatchEvent, fits, messagesOf, newBatch, stepBatch } from './batch.ts';
import {
  CONNECTION_TABLE,
  type Connection,
  type ConnectionEvent,
  hasRoom,
  newConnection,
  stepConnection,
} from './connection.ts';
import { isFinal, MESSAGE_TABLE, type MessageEvent, newMessage, stepMessage } from './message.ts';
import { maySend, newProtocol, PROTOCOL_TABLE, type ProtocolEvent, stepProtocol } from './protocol.ts';

const chance = fc.double({ min: 0, max: 0.999, noNaN: true });
const failure: fc.Arbitrary<SendFailure> = fc.oneof(
  fc.constant<SendFailure>({ kind: 'refused', reason: 'bad' }),
  fc.record({
    kind: fc.constant('retry' as const),
    reason: fc.constant('busy'),
    afterMs: fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: undefined }),
  }),
);
/** Events of the given kinds; every one carries what any of them may need. */
const eventOf = <E extends { readonly kind: string }>(table: Record<string, Record<E['kind'], unknown>>) =>
  fc
    .record({ kind: fc.constantFrom(...(Object.keys(Object.values(table)[0] ?? {}) as E['kind'][])), chance, failure })
    .map((event) => event as unknown as E);
const runs = { numRuns: Number(process.env['CLEW_PROPERTY_RUNS'] ?? 300) };
const steps = <E>(event: fc.Arbitrary<E>) =>
  fc.array(fc.tuple(event, fc.integer({ min: 0, max: 5000 })), { maxLength: 60 });

/** Every arrow of a table, a line each. */
const arrows = (table: Record<string, Record<string, readonly string[]>>): string[] =>
  Object.entries(table).flatMap(([from, row]) =>
    Object.entries(row).flatMap(([event, to]) => (to.length === 0 ? [] : `${from} ${event}> ${to.join('|')}`)),
  );

// What the properties below are held to: they take the tables for granted.
test.each([
  [
    'protocol',
    PROTOCOL_TABLE,
    [
      'INIT connect_request> CONNECTING',
      'INIT disconnect_request> CLOSED',
      'CONNECTING connect_success> CONNECTED',
      'CONNECTING connect_failure> ERROR',
      'CONNECTING disconnect_request> CLOSED',
      'CONNECTED connection_lost> ERROR',
      'CONNECTED disconnect_request> CLOSED',
      'ERROR retry_request> CONNECTING',
      'ERROR disconnect_request> CLOSED',
      'CLOSED reconnect_request> CONNECTING',
    ],
  ],
  [
    'connection',
    CONNECTION_TABLE,
    [
      'CLOSED opened> IDLE',
      'IDLE activate> ACTIVE',
      'IDLE drain_request> DRAINING',
      'IDLE error> ERROR',
      'ACTIVE activate> ACTIVE',
      'ACTIVE release> ACTIVE|IDLE',
      'ACTIVE drain_request> DRAINING',
      'ACTIVE error> ERROR',
      'DRAINING release> DRAINING',
      'DRAINING drain_complete> CLOSED',
      'DRAINING error> CLOSED',
      'ERROR drain_request> CLOSED',
      'ERROR recover> IDLE',
    ],
  ],
  [
    'message',
    MESSAGE_TABLE,
    [
      'PENDING send_request> SENDING',
      'SENDING send_success> SENT',
      'SENDING send_failure> FAILED|DEAD',
      'SENT ack_received> ACKED',
      'SENT ack_timeout> FAILED|DEAD',
      'SENT answer_failed> FAILED|DEAD',
      'FAILED retry_request> RETRYING',
      'RETRYING retry_success> SENT',
      'RETRYING retry_failure> FAILED|DEAD',
    ],
  ],
  [
    'batch',
    BATCH_TABLE,
    [
      'EMPTY add> FILLING|READY',
      'FILLING add> FILLING|READY',
      'FILLING full> READY',
      'FILLING timeout> READY',
      'FILLING reset> EMPTY',
      'READY send> SENDING',
      'SENDING ok> SENT',
      'SENDING error> FAILED',
      'SENT reset> EMPTY',
      'FAILED retry> READY',
      'FAILED reset> EMPTY',
    ],
  ],
] as const)('the arrows of the %s machine are those of its page, and no others', (_, table, expected) => {
  expect(arrows(table).sort()).toEqual([...expected].sort());
});

test('a connection carries as many requests as it has streams, and reports every one when it breaks', () => {
  let connection = newConnection(0, 3);
  for (const kind of ['opened', 'activate', 'activate', 'activate'] as const) {
    connection = stepConnection(connection, { kind }, 0).state;
  }
  expect(hasRoom(connection)).toBe(false);
  expect(stepConnection(connection, { kind: 'activate' }, 0).state).toEqual({ ...connection, refused: 1 });
  const { effects } = stepConnection(connection, { kind: 'error' }, 0);
  expect(effects.filter(({ kind }) => kind === 'lost')).toEqual([{ kind: 'lost', requests: 3 }]);
});

test('a protocol goes only where its table leads, retries at a time after a failure, and refuses the rest', () => {
  fc.assert(
    fc.property(steps(eventOf<ProtocolEvent>(PROTOCOL_TABLE)), (events) => {
      let now = 0;
      let protocol = newProtocol(now);
      let failures = 0;
      for (const [event, waitMs] of events) {
        now += waitMs;
        const allowed = PROTOCOL_TABLE[protocol.phase][event.kind];
        const { state, effects } = stepProtocol(protocol, event, now);
        if (allowed.length === 0) {
          expect(state).toEqual({ ...protocol, refused: protocol.refused + 1 });
          expect(effects).toEqual([]);
        } else {
          expect(allowed).toContain(state.phase);
          if (event.kind === 'connect_success' || event.kind === 'disconnect_request') failures = 0;
          if (state.phase === 'ERROR') failures++;
          expect(state.backoff.failures).toBe(failures);
        }
        expect(state.retryAtMs !== undefined).toBe(state.phase === 'ERROR');
        if (state.phase === 'ERROR' && allowed.length > 0) expect(state.retryAtMs).toBeGreaterThan(now);
        expect(maySend(state)).toBe(state.phase === 'CONNECTED');
        protocol = state;
      }
    }),
    runs,
  );
});

test('a connection carries requests only while it is active or draining, and reports each lost one once', () => {
  fc.assert(
    fc.property(
      steps(eventOf<ConnectionEvent>(CONNECTION_TABLE)),
      fc.integer({ min: 1, max: 4 }),
      (events, streams) => {
        let connection: Connection = newConnection(0, streams);
        let open = 0;
        for (const [event] of events) {
          const allowed = CONNECTION_TABLE[connection.phase][event.kind];
          const room = hasRoom(connection);
          const { state, effects } = stepConnection(connection, event, 0);
          const refused = state.refused > connection.refused;
          if (refused) expect({ ...state, refused: 0 }).toEqual({ ...connection, refused: 0 });
          else expect(allowed).toContain(state.phase);
          if (event.kind === 'activate') expect(!refused).toBe(room);
          if (!refused && event.kind === 'activate') open++;
          if (!refused && event.kind === 'release') open--;
          for (const effect of effects) {
            if (effect.kind !== 'lost') continue;
            expect(effect.requests).toBe(open);
            open = 0;
          }
          if (effects.some(({ kind }) => kind === 'drained' || kind === 'close')) expect(open).toBe(0);
          if (state.phase === 'DRAINING' && open === 0) expect(refused || effects.length === 1).toBe(true);
          expect(state.requests).toBe(open);
          expect(open).toBeLessThanOrEqual(streams);
          expect(open > 0).toBe(state.phase === 'ACTIVE' || (state.phase === 'DRAINING' && open > 0));
          connection = state;
        }
      },
    ),
    runs,
  );
});

test('a message ends acknowledged or given up with its reason, never after more retries than allowed', () => {
  const policy = fc.record({
    retriesMax: fc.integer({ min: 0, max: 6 }),
    expiresMs: fc.integer({ min: 0, max: 100_000 }),
  });
  fc.assert(
    fc.property(steps(eventOf<MessageEvent>(MESSAGE_TABLE)), policy, (events, policy) => {
      let now = 0;
      let message = newMessage(now);
      let ends = 0;
      let resends = 0;
      for (const [event, waitMs] of events) {
        now += waitMs;
        const allowed = MESSAGE_TABLE[message.phase][event.kind];
        const { state, effects } = stepMessage(message, event, policy, now);
        if (allowed.length === 0) expect(state).toEqual({ ...message, refused: message.refused + 1 });
        else expect(allowed).toContain(state.phase);
        if (isFinal(message)) expect(state.phase).toBe(message.phase);
        for (const effect of effects) {
          if (effect.kind === 'acked') ends++;
          if (effect.kind === 'send' && event.kind === 'retry_request') resends++;
          if (effect.kind !== 'dead') continue;
          ends++;
          const refused = event.kind !== 'ack_timeout' && 'failure' in event && event.failure.kind === 'refused';
          if (effect.why === 'refused') expect(refused).toBe(true);
          if (effect.why === 'retries') expect(message.tries.retries).toBe(policy.retriesMax);
          if (effect.why === 'expired') expect(message.tries.retries).toBeLessThan(policy.retriesMax);
        }
        expect(state.tries.retries).toBeLessThanOrEqual(policy.retriesMax);
        expect(resends).toBeLessThanOrEqual(policy.retriesMax);
        expect(state.retryAtMs !== undefined).toBe(state.phase === 'FAILED');
        expect(ends).toBe(isFinal(state) ? 1 : 0);
        message = state;
      }
    }),
    runs,
  );
});

test('a message that is always answered with a retryable error is given up after exactly its retries', () => {
  const policy = { retriesMax: 4, expiresMs: 1e9 };
  const failure = { kind: 'retry', reason: 'HTTP 503', afterMs: undefined } as const;
  let message = stepMessage(newMessage(0), { kind: 'send_request' }, policy, 0).state;
  message = stepMessage(message, { kind: 'send_success' }, policy, 0).state;
  let sends = 1;
  for (;;) {
    const { state, effects } = stepMessage(message, { kind: 'answer_failed', failure, chance: 0.5 }, policy, 0);
    message = state;
    if (effects[0]?.kind === 'dead') {
      expect(effects[0]).toEqual({ kind: 'dead', why: 'retries', reason: 'HTTP 503' });
      break;
    }
    message = stepMessage(message, { kind: 'retry_request' }, policy, 0).state;
    message = stepMessage(message, { kind: 'retry_success' }, policy, 0).state;
    sends++;
  }
  expect(sends).toBe(policy.retriesMax + 1);
});

test('a batch hands back exactly what was added, in order, and takes nothing once it is ready', () => {
  const limits = { itemsMax: 20, bytesMax: 500, ageMsMax: 100 };
  const kinds = Object.keys(BATCH_TABLE.EMPTY) as BatchEvent<number>['kind'][];
  const event = fc.record({
    kind: fc.constantFrom(...kinds, 'add' as const, 'add' as const),
    items: fc.integer({ min: 1, max: 30 }),
    bytes: fc.integer({ min: 1, max: 600 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      let batch: Batch<number> = newBatch();
      let held: number[] = [];
      let next = 0;
      for (const { kind, items, bytes } of events) {
        const event = { kind, message: next, items, bytes } as BatchEvent<number>;
        const { state, effects } = stepBatch(batch, event, limits, 7);
        const refused = state.refused > batch.refused;
        if (!refused) expect(BATCH_TABLE[batch.phase][kind]).toContain(state.phase);
        if (kind === 'add') expect(!refused).toBe(fits(batch, items, bytes, limits));
        if (!refused && kind === 'add') held.push(next++);
        for (const effect of effects) {
          if (effect.kind === 'timeoutAt') expect(effect.atMs).toBe(107);
          if (effect.kind === 'transmit') expect(effect.messages).toEqual(held);
          if (effect.kind !== 'handBack') continue;
          expect(effect).toEqual({ kind: 'handBack', messages: held, acknowledged: batch.phase === 'SENT' });
          held = [];
        }
        expect(messagesOf(state)).toEqual(held);
        expect(held.length === 0).toBe(state.phase === 'EMPTY');
        if (held.length > 1) {
          expect(state.items).toBeLessThanOrEqual(limits.itemsMax);
          expect(state.bytes).toBeLessThanOrEqual(limits.bytesMax);
        }
        batch = state;
      }
    }),
    runs,
  );
});
