import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { waitUntil } from '../../test/support/clew.ts';
import { SUCCESS } from '../../test/support/doors.ts';
import { type Hop, openTestHop } from '../../test/support/hop.ts';
import { encodeProto } from '../../test/support/otlp-proto.ts';
import { positionOf } from '../journal/position.ts';
import type { HopBatch } from '../receive/sink.ts';
import { Predecessors } from './predecessors.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const STREAM = 'feedc0de00000009-r0-traces-next';
const mark = (n: number): string => positionOf('0000000100000001', n);

/** A span of the stream with this number. */
function span(n: number): Uint8Array {
  const item = { traceId: Buffer.alloc(16, 7), spanId: Buffer.alloc(8, n), name: `span ${n}` };
  return encodeProto('traces', { resources: [{ scopes: [{ items: [item] }] }] });
}

/** The batch that holds it, behind what another receiver took in. */
const batch = (n: number, ...after: NonNullable<HopBatch['after']>): HopBatch => ({
  stream: STREAM,
  from: mark(n),
  mark: mark(n),
  after,
});

/** Where the nth record stands that a receiver took in, all in one segment. */
function place(hop: Hop, receiver: number, nth: number): NonNullable<HopBatch['after']>[number] {
  const journals = fs
    .readdirSync(path.join(hop.data, `journal/r${receiver}`))
    .filter((name) => /\.journal$/.test(name));
  return { receiver, position: positionOf(String(journals.sort()[0]).slice(0, 16), nth - 1) };
}

const arrived = ({ world }: Hop): string[] =>
  world.sink.requests.flatMap(({ body }) =>
    [
      ...Buffer.from(body)
        .toString('latin1')
        .matchAll(/span \d/g),
    ].map(String),
  );

const comeAgain = { kind: 'overloaded', message: 'later', retryAfterMs: 300 } as const;

test('what a stream left with its last receiver goes before what its new one took in', async () => {
  const hop = await openTestHop(closers);
  const takeInR1 = await hop.another(1);
  const after = place(hop, 0, 2);
  await hop.take(['traces', span(1), '', batch(1)], ['traces', span(2), '', batch(2)]);
  await takeInR1(['traces', span(3), '', batch(3, after)]);
  let isRefused = false;
  hop.world.sink.reply = ({ batch: sent }) => {
    if (isRefused || sent?.stream.includes('-r0-') !== true) return SUCCESS;
    isRefused = true;
    return comeAgain;
  };
  const forwarder = await hop.start();
  await forwarder.idle(10_000);
  // The first two were refused once.
  expect(arrived(hop)).toEqual(['span 1', 'span 2', 'span 1', 'span 2', 'span 3']);
});

test('a stream that came back goes in between as well, and is not merged with what was before', async () => {
  const hop = await openTestHop(closers);
  const takeInR1 = await hop.another(1);
  const [first, second] = [place(hop, 0, 1), place(hop, 1, 1)];
  await hop.take(['traces', span(1), '', batch(1)], ['traces', span(3), '', batch(3, second)]);
  await takeInR1(['traces', span(2), '', batch(2, first)]);
  const forwarder = await hop.start();
  await forwarder.idle(10_000);
  expect(arrived(hop)).toEqual(['span 1', 'span 2', 'span 3']);
});

test('it waits for what is not sealed yet, also over the end of the process that forwards', async () => {
  const hop = await openTestHop(closers);
  const takeInR1 = await hop.another(1);
  const after = place(hop, 0, 1);
  expect((await hop.intake.export({ signal: 'traces', body: span(1), baggage: '', batch: batch(1) })).kind).toBe(
    'success',
  );
  await takeInR1(['traces', span(2), '', batch(2, after)], ['traces', span(3), '', batch(3)]);
  const first = await hop.start();
  await waitUntil('the lane of r1 waits', 5_000, async () =>
    first.states().some(({ waitsFor }) => waitsFor.length > 0) ? true : null,
  );
  const lane = first.states().find(({ key }) => key === 'next/r1/traces');
  expect(lane).toMatchObject({ waitsFor: [0] });
  expect(lane?.waitingSinceMs).toBeGreaterThan(Date.now() - 60_000);
  await first.stop();
  expect(arrived(hop)).toEqual([]);
  const next = await hop.start();
  await hop.intake.seal();
  await next.idle(10_000);
  expect(arrived(hop)).toEqual(['span 1', 'span 2', 'span 3']);
  expect(next.states().flatMap(({ waitsFor }) => waitsFor)).toEqual([]);
});

test('what was removed by hand is waited for by nobody', async () => {
  const hop = await openTestHop(closers);
  const takeInR1 = await hop.another(1);
  await takeInR1(['traces', span(2), '', batch(2, { receiver: 7, position: mark(1) })]);
  const forwarder = await hop.start();
  await forwarder.idle(10_000);
  expect(arrived(hop)).toEqual(['span 2']);
});

test('a lane that comes further while it is looked at is not missed', async () => {
  let settled = false;
  const predecessors: Predecessors = new Predecessors(async () => {
    const isSettled = settled;
    settled = true;
    // Between the look and its answer.
    if (!isSettled) predecessors.changed('lane');
    return isSettled;
  });
  await predecessors.settled([['lane', { receiver: 0, position: mark(1) }]]);
  expect(settled).toBe(true);
});
