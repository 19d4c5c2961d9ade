import { assert } from '../../base/assert.ts';
import { NO, refuse, type Step, type Table } from './step.ts';

/*
 * The batch machine: one for each batch slot of a destination.
 *
 *   EMPTY ─add→ FILLING ─full, timeout→ READY ─send→ SENDING ─ok→ SENT ─reset→ EMPTY
 *       ↑reset┘   └add┘                   ↑              │ error
 *                                         └────retry── FAILED ─reset→ EMPTY
 *
 * Settled beyond the first draft: a batch in FAILED still holds its messages. It is sent again as it is (retry), under the same token, so
 * that the next hop can tell that it has applied it; or it is reset, and then each message it held is handed back to the queue or to
 * the dead letters. A FILLING one is reset when what it holds will be read again. READY takes nothing more: a batch never changes once it may have a token.
 *
 * Driven by `Slot` of ../slot.ts, one for each lane.
 *
 * Invariants, and who enforces each:
 *   B1  EMPTY ⇔ no messages.                                                     asserted after each step; machines.test.ts
 *   B2  items ≤ itemsMax (LIMITS.batchItemsMax), bytes ≤ bytesMax unless one message alone is larger.   asserted after each step
 *   B3  From READY to reset the messages are the same, in the same order.        BATCH_TABLE: add in FILLING alone
 *   B4  Nothing leaves but by `handed back` at a reset.                          effect `handBack`; machines.test.ts
 *   B5  FILLING has a deadline: no message waits longer than ageMsMax.           effect `timeoutAt`
 */

export type BatchPhase = 'EMPTY' | 'FILLING' | 'READY' | 'SENDING' | 'SENT' | 'FAILED';

export type BatchEvent<M> =
  /** `items`: spans, records or points in it. */
  | { readonly kind: 'add'; readonly message: M; readonly items: number; readonly bytes: number }
  /** What comes next does not fit. */
  | { readonly kind: 'full' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'send' }
  | { readonly kind: 'ok' }
  | { readonly kind: 'error' }
  | { readonly kind: 'retry' }
  | { readonly kind: 'reset' };

export type BatchEffect<M> =
  /** Send `timeout` at this time. */
  | { readonly kind: 'timeoutAt'; readonly atMs: number }
  | { readonly kind: 'ready' }
  | { readonly kind: 'transmit'; readonly messages: readonly M[] }
  /** Of a batch that was SENT: all are acknowledged. Of one that FAILED: their machines decide. */
  | { readonly kind: 'handBack'; readonly messages: readonly M[]; readonly acknowledged: boolean };

/** Messages from the last to the first: adding one copies nothing, and a batch that was seen never changes. */
interface Chain<M> {
  readonly message: M;
  readonly before: Chain<M> | undefined;
}

export interface Batch<M> {
  readonly phase: BatchPhase;
  readonly count: number;
  readonly last: Chain<M> | undefined;
  readonly items: number;
  readonly bytes: number;
  readonly refused: number;
}

export interface BatchLimits {
  readonly itemsMax: number;
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

export const BATCH_TABLE: Table<BatchPhase, BatchEvent<unknown>['kind']> = {
  // READY when the first message fills it.
  EMPTY: { add: ['FILLING', 'READY'], full: NO, timeout: NO, send: NO, ok: NO, error: NO, retry: NO, reset: NO },
  FILLING: {
    // When it fits; READY when nothing more does.
    add: ['FILLING', 'READY'],
    full: ['READY'],
    timeout: ['READY'],
    send: NO,
    ok: NO,
    error: NO,
    retry: NO,
    reset: ['EMPTY'],
  },
  READY: { add: NO, full: NO, timeout: NO, send: ['SENDING'], ok: NO, error: NO, retry: NO, reset: NO },
  SENDING: { add: NO, full: NO, timeout: NO, send: NO, ok: ['SENT'], error: ['FAILED'], retry: NO, reset: NO },
  SENT: { add: NO, full: NO, timeout: NO, send: NO, ok: NO, error: NO, retry: NO, reset: ['EMPTY'] },
  FAILED: { add: NO, full: NO, timeout: NO, send: NO, ok: NO, error: NO, retry: ['READY'], reset: ['EMPTY'] },
};

/** A slot that holds nothing. */
export function newBatch<M>(): Batch<M> {
  return { phase: 'EMPTY', count: 0, last: undefined, items: 0, bytes: 0, refused: 0 };
}

/** Whether a message of this size may be added: the first one always. */
export function fits(batch: Batch<unknown>, items: number, bytes: number, limits: BatchLimits): boolean {
  if (batch.phase === 'EMPTY') return true;
  return batch.phase === 'FILLING' && batch.items + items <= limits.itemsMax && batch.bytes + bytes <= limits.bytesMax;
}

/** The messages of a batch, in the order in which they were added. */
export function messagesOf<M>(batch: Batch<M>): M[] {
  const messages: M[] = [];
  for (let link = batch.last; link !== undefined; link = link.before) messages.push(link.message);
  return messages.reverse();
}

/** One event; `nowMs` is monotonic. */
export function stepBatch<M>(
  batch: Batch<M>,
  event: BatchEvent<M>,
  limits: BatchLimits,
  nowMs: number,
): Step<Batch<M>, BatchEffect<M>> {
  const step = next(batch, event, limits, nowMs);
  const { phase, count, items, bytes } = step.state;
  assert((phase === 'EMPTY') === (count === 0), 'B1: a batch is empty when it holds no message');
  assert(count <= 1 || (items <= limits.itemsMax && bytes <= limits.bytesMax), 'B2: several messages fit the limits');
  return step;
}

function next<M>(
  batch: Batch<M>,
  event: BatchEvent<M>,
  limits: BatchLimits,
  nowMs: number,
): Step<Batch<M>, BatchEffect<M>> {
  const phase = BATCH_TABLE[batch.phase][event.kind][0];
  if (phase === undefined) return refuse(batch);
  switch (event.kind) {
    case 'add':
      return fits(batch, event.items, event.bytes, limits) ? added(batch, event, limits, nowMs) : refuse(batch);
    case 'full':
    case 'timeout':
    case 'retry':
      return { state: { ...batch, phase }, effects: [{ kind: 'ready' }] };
    case 'send':
      return { state: { ...batch, phase }, effects: [{ kind: 'transmit', messages: messagesOf(batch) }] };
    case 'ok':
    case 'error':
      return { state: { ...batch, phase }, effects: NO };
    case 'reset': {
      const acknowledged = batch.phase === 'SENT';
      return {
        state: { ...newBatch<M>(), refused: batch.refused },
        effects: [{ kind: 'handBack', messages: messagesOf(batch), acknowledged }],
      };
    }
  }
}

function added<M>(
  batch: Batch<M>,
  { message, ...size }: Extract<BatchEvent<M>, { kind: 'add' }>,
  limits: BatchLimits,
  nowMs: number,
): Step<Batch<M>, BatchEffect<M>> {
  const items = batch.items + size.items;
  const bytes = batch.bytes + size.bytes;
  const isFull = items >= limits.itemsMax || bytes >= limits.bytesMax;
  const state: Batch<M> = {
    ...batch,
    phase: isFull ? 'READY' : 'FILLING',
    count: batch.count + 1,
    last: { message, before: batch.last },
    items,
    bytes,
  };
  if (isFull) return { state, effects: [{ kind: 'ready' }] };
  return { state, effects: batch.count === 0 ? [{ kind: 'timeoutAt', atMs: nowMs + limits.ageMsMax }] : NO };
}
