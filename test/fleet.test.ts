import { afterEach, expect, it } from 'vitest';
import type { FleetSeen } from '../src/base/fleet.ts';
import { LIMITS } from '../src/base/limits.ts';
import { PEER_PATHS } from '../src/base/names.ts';
import type { FleetNode } from '../src/query/api-fleet.ts';
import { type RunningClew, startClew, waitUntil } from './support/clew.ts';
import { openWorld, send } from './support/doors.ts';
import { encodeProto } from './support/otlp-proto.ts';

/** What each Clew of a fleet knows of the others: edge → regional → central, each its own processes. */
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function clew(...flags: readonly string[]): Promise<RunningClew> {
  const running = await startClew({ flags: [...flags, '--receivers', '1'] });
  closers.push(() => running.stop());
  return running;
}

const fleetOf = async ({ url }: RunningClew): Promise<FleetNode> =>
  (await (await fetch(`${url.api}/api/v1/fleet`)).json()) as FleetNode;

const named = async (running: RunningClew, name: string): Promise<FleetSeen | null> =>
  (await fleetOf(running)).nodes.find((node) => node.name === name) ?? null;

const span = (id: number): Uint8Array =>
  encodeProto('traces', {
    resources: [
      { scopes: [{ items: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, id), name: `span ${id}` }] }] },
    ],
  });

it('the centre knows its edges through the regional one, with their exact accounts', async () => {
  const central = await clew('central', '--name', 'centre');
  const regional = await clew('regional', '--name', 'region', '--forward', `grpc://127.0.0.1:${central.ports.grpc}`);
  const edge = await clew('edge', '--name', 'shop', '--forward', `http://127.0.0.1:${regional.ports.http}`);
  for (const id of [1, 2, 3]) expect((await send({ port: edge.ports.http, body: span(id) })).status).toBe(200);

  const seen = await waitUntil('the centre knows the account of the edge', 30_000, async () => {
    const node = await named(central, 'shop');
    return node?.hops[0]?.accounts.find(({ signal }) => signal === 'traces')?.forwarded === 3 ? node : null;
  });
  expect(seen).toMatchObject({ role: 'edge', receivers: 1, receiversUp: 1 });
  const [hop] = seen.hops;
  expect(hop?.accounts.find(({ signal }) => signal === 'traces')).toEqual({
    signal: 'traces',
    ...{ received: 3, forwarded: 3, queued: 0, dead: 0, dropped: 0, elsewhere: 0, lost: 0, refusedInPart: 0 },
  });
  const { instance } = await fleetOf(regional);
  expect(hop?.targets).toMatchObject([{ instance, condition: 'up' }]);
  const all = (await fleetOf(central)).nodes;
  expect(all.map(({ name }) => name).sort()).toEqual(['centre', 'region', 'shop']);
  expect(all[0]).toMatchObject({ name: 'centre', silentMs: 0, hops: [] });
}, 60_000);

it('a report needs the token that telemetry needs, and a bad one is refused by name', async () => {
  const world = await openWorld({
    tokens: ['sesame'],
    takePeer: async () => ({ instance: 'x', name: 'x', role: 'all', version: '0', resources: NO_LOAD }),
  });
  closers.push(() => world.close());
  const post = async (body: string, headers: Record<string, string>) => {
    const url = `http://127.0.0.1:${world.httpPort}${PEER_PATHS.http}`;
    const type = { 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', body, headers: { ...type, ...headers } });
    return { status: answer.status, text: await answer.text() };
  };
  expect((await post('{"nodes":[]}', {})).status).toBe(401);
  const token = { authorization: 'Bearer sesame' };
  expect(await post('{"nodes":[]}', token)).toMatchObject({ status: 200 });
  const bad = await post('{"nodes":[{"instance":7}]}', token);
  expect(bad.status).toBe(400);
  expect(bad.text).toContain('report.nodes[0].instance must be a string');
  const large = await post(JSON.stringify({ nodes: [], more: 'x'.repeat(LIMITS.peerBytesMax) }), token);
  expect(large.status).toBe(413);
});

const NO_LOAD = { cpu: 0, memory: 0, disk: 0 };
