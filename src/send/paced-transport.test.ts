import { afterEach, expect, test } from 'vitest';
import { openWorld, type RecordingSink, type World } from '../../test/support/doors.ts';
import { testLink } from '../../test/support/link.ts';
import { systemClock } from '../host/clock.ts';
import { HttpTransport } from './http-transport.ts';
import { pacer } from './paced-transport.ts';
import { parseTarget } from './target.ts';
import type { Reply, Transport } from './transport.ts';

let world: World<RecordingSink>;
afterEach(() => world.close());

async function openWay(): Promise<Transport> {
  world = await openWorld();
  const target = parseTarget(`http://127.0.0.1:${world.httpPort}`);
  if ('problem' in target) throw new Error(target.problem);
  const options = { packing: 'none', timeoutMs: 5_000, headers: {}, tls: {}, connectionAgeMsMax: 60_000 } as const;
  return new HttpTransport(target, options, testLink());
}

const call = (transport: Transport, bytes: number): Promise<Reply> =>
  transport.call({ signal: 'traces', body: [Buffer.alloc(bytes)], headers: {} });

/** Milliseconds that these calls take, one behind the other as a lane sends them. */
async function timeOf(transport: Transport, calls: number, bytes: number): Promise<number> {
  const startedMs = performance.now();
  for (let i = 0; i < calls; i++) expect(await call(transport, bytes)).toMatchObject({ kind: 'http', status: 200 });
  return performance.now() - startedMs;
}

test('requests over the rate wait, and arrive', async () => {
  const paced = pacer({ requestsPerSecondMax: 20, bytesPerSecondMax: 0 }, systemClock)(await openWay());
  // Twenty at once, and ten at twenty a second.
  expect(await timeOf(paced, 30, 10)).toBeGreaterThanOrEqual(490);
  expect(world.sink.requests).toHaveLength(30);
  paced.close();
});

test('so do bytes, over all lanes of the destination together', async () => {
  const way = await openWay();
  const pace = pacer({ requestsPerSecondMax: 0, bytesPerSecondMax: 100_000 }, systemClock);
  const lanes = [pace(way), pace(way)];
  const [longest] = (await Promise.all(lanes.map((lane) => timeOf(lane, 5, 15_000)))).sort((a, b) => b - a);
  // 150,000 bytes: a second's worth at once, the last of the rest half a second later.
  expect(longest).toBeGreaterThanOrEqual(490);
  for (const lane of lanes) lane.close();
});

test('a call that waits when sending ends is not sent', async () => {
  const paced = pacer({ requestsPerSecondMax: 5, bytesPerSecondMax: 0 }, systemClock)(await openWay());
  await timeOf(paced, 5, 10);
  const waiting = call(paced, 10);
  paced.close();
  expect(await waiting).toMatchObject({ kind: 'none', sent: false });
  expect(world.sink.requests).toHaveLength(5);
});

test('without a limit nothing stands between', async () => {
  const way = await openWay();
  expect(pacer({ requestsPerSecondMax: 0, bytesPerSecondMax: 0 }, systemClock)(way)).toBe(way);
  way.close();
});
