import { NO, refuse, type Step, type Table } from './step.ts';

/*
 * The batch machine: one for each batch slot of a destination.
 *
 *   EMPTY ─add→ FILLING ─full, timeout→ READY ─send→ SENDING ─ok→ SENT ─reset→ EMPTY
 *                 └add┘                   ↑              │ error
 *                                         └────retry── FAILED ─reset→ EMPTY
 *
 * Settled beyond the first draft: a batch in FAILED still holds its messages. It is sent again as it is (retry), under the same token, so
 * that the next hop can tell that it has applied it; or it is reset, and then each message it held is handed back to the queue or to
 * the dead letters. READY takes nothing more: a batch never changes once it may have a token.
 *
 * Invariants, and who enforces each:
 *   B1  EMPTY ⇔ no messages.                                                     `stepBatch`; batch.test.ts
 *   B2  messages ≤ itemsMax (LIMITS.batchItemsMax), bytes ≤ bytesMax unless one message alone is larger.   `stepBatch`
 *   B3  From READY to reset the messages are the same, in the same order.        BATCH_TABLE: add in FILLING alone
 *   B4  Nothing leaves but by `handed back` at a reset.                          effect `handBack`; batch.test.ts
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

export interface Batch<M> {
  readonly phase: BatchPhase;
  readonly messages: readonly M[];
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
    reset: NO,
  },
  READY: { add: NO, full: NO, timeout: NO, send: ['SENDING'], ok: NO, error: NO, retry: NO, reset: NO },
  SENDING: { add: NO, full: NO, timeout: NO, send: NO, ok: ['SENT'], error: ['FAILED'], retry: NO, reset: NO },
  SENT: { add: NO, full: NO, timeout: NO, send: NO, ok: NO, error: NO, retry: NO, reset: ['EMPTY'] },
  FAILED: { add: NO, full: NO, timeout: NO, send: NO, ok: NO, error: NO, retry: ['READY'], reset: ['EMPTY'] },
};

/** A slot that holds nothing. */
export function newBatch<M>(): Batch<M> {
  return { phase: 'EMPTY', messages: [], items: 0, bytes: 0, refused: 0 };
}

/** Whether a message of this size may be added: the first one always. */
export function fits(batch: Batch<unknown>, items: number, bytes: number, limits: BatchLimits): boolean {
  if (batch.phase === 'EMPTY') return true;
  return batch.phase === 'FILLING' && batch.items + items <= limits.itemsMax && batch.bytes + bytes <= limits.bytesMax;
}

/** One event; `nowMs` is monotonic. */
export function stepBatch<M>(
  batch: Batch<M>,
  event: BatchEvent<M>,
  limits: BatchLimits,
  nowMs: number,
): Step<Batch<M>, BatchEffect<M>> {
  const phase = BATCH_TABLE[batch.phase][event.kind][0];
  if (phase === undefined) return refuse(batch);
  switch (event.kind) {
    case 'add': {
      if (!fits(batch, event.items, event.bytes, limits)) return refuse(batch);
      const items = batch.items + event.items;
      const bytes = batch.bytes + event.bytes;
      const full = items >= limits.itemsMax || bytes >= limits.bytesMax;
      const state: Batch<M> = {
        ...batch,
        phase: full ? 'READY' : 'FILLING',
        messages: [...batch.messages, event.message],
        items,
        bytes,
      };
      if (full) return { state, effects: [{ kind: 'ready' }] };
      return {
        state,
        effects: batch.phase === 'EMPTY' ? [{ kind: 'timeoutAt', atMs: nowMs + limits.ageMsMax }] : NO,
      };
    }
    case 'full':
    case 'timeout':
    case 'retry':
      return { state: { ...batch, phase }, effects: [{ kind: 'ready' }] };
    case 'send':
      return { state: { ...batch, phase }, effects: [{ kind: 'transmit', messages: batch.messages }] };
    case 'ok':
    case 'error':
      return { state: { ...batch, phase }, effects: NO };
    case 'reset': {
      const acknowledged = batch.phase === 'SENT';
      return {
        state: { ...newBatch<M>(), refused: batch.refused },
        effects: [{ kind: 'handBack', messages: batch.messages, acknowledged }],
      };
    }
  }
}
