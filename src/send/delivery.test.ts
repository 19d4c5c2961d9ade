import { expect, test } from 'vitest';
import type { Clock } from '../host/clock.ts';
import type { Batch } from './batch.ts';
import { type Delivered, deliver } from './delivery.ts';
import { Slot } from './slot.ts';
import type { Reply } from './transport.ts';

/** Whatever is waited for comes at once. */
const hasty: Clock = {
  unixNano: () => 0n,
  monotonicMs: () => 0,
  after(_delayMs, run) {
    queueMicrotask(run);
    return () => {};
  },
};

/** One batch, one retry, and these answers one after the other; after them success. */
async function delivered(...replies: (number | 'cut' | 'refused')[]): Promise<{ end: Delivered; tries: number }> {
  let tries = 0;
  const slot = new Slot('stream', hasty);
  const letter = {
    position: '0',
    body: Buffer.from('x'),
    items: 1,
    elsewhere: 0,
    dropped: 0,
    baggage: '',
    receivedUnixNano: 0n,
    after: [],
  };
  if (!slot.add(letter)) slot.flush('full');
  const batch: Batch = { signal: 'logs', letters: slot.letters() };
  const world = {
    transport: {
      async call(): Promise<Reply> {
        const reply = replies[tries++] ?? 200;
        if (typeof reply === 'string') return { kind: 'none', reason: reply, sent: reply === 'cut' };
        return { kind: 'http', status: reply, headers: {}, body: new Uint8Array(0) };
      },
      close: () => {},
      connections: () => [],
    },
    stream: 'stream',
    clock: hasty,
    chance: () => 0,
    policy: { retriesMax: 1, expiresMs: Number.POSITIVE_INFINITY },
    stopped: new Promise<'stopped'>(() => {}),
    onFailure: () => {},
    onRefused: () => {},
  };
  return { end: await deliver(world, slot, batch), tries };
}

test('a batch that was only told to come again is given up after its retries', async () => {
  expect(await delivered(503, 503, 503)).toMatchObject({ end: { kind: 'dead', refused: false }, tries: 2 });
});

test('a batch that may have been taken is not given up, whatever its later tries are told', async () => {
  expect(await delivered('cut', 503, 503, 503)).toMatchObject({ end: { kind: 'acknowledged' }, tries: 5 });
  expect(await delivered(504, 503, 503, 503)).toMatchObject({ end: { kind: 'acknowledged' }, tries: 5 });
});

test('a batch that never left is in no doubt', async () => {
  expect(await delivered('refused', 503, 503)).toMatchObject({ end: { kind: 'dead' }, tries: 2 });
});

test('a refusal is obeyed, also by a batch that may have been taken', async () => {
  expect(await delivered('cut', 401)).toMatchObject({ end: { kind: 'dead', refused: true, divisible: false } });
});
