import { expect, test } from 'vitest';
import type { FleetSeen } from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import { LyingDisk } from '../host/lying-disk.ts';
import { ManualClock } from '../host/manual-clock.ts';
import { readPeerReport, writePeerReport } from '../wire/peer.ts';
import { FleetView } from './fleet-view.ts';

const NONE = { traces: 0, metrics: 0, logs: 0 };

function node(instance: string, silentMs = 0, upMs = 0): FleetSeen {
  const bytes = { journalBytes: 0, journalQuotaBytes: 1, diskFreeBytes: 1, diskTotalBytes: 1, memoryBytes: 0 };
  const counts = { accepted: NONE, perSecond: NONE, refused: { overloaded: 2 } };
  const about = { instance, name: `name of ${instance}`, role: 'edge' as const, version: '1', upMs };
  return { ...about, receivers: 1, receiversUp: 1, ...counts, ...bytes, hops: [], silentMs };
}

async function world() {
  const [machine, clock] = [new LyingDisk(1), new ManualClock()];
  const disk = machine.boot();
  await disk.makeDirectory('/data');
  const open = () =>
    FleetView.open({ disk, clock, directory: '/data', instance: 'self', report: (text) => reports.push(text) });
  const reports: string[] = [];
  return { machine, clock, open, reports, view: await open() };
}

test('silence grows by the own clock alone, on top of what the one in between said', async () => {
  const { view, clock } = await world();
  view.take({ nodes: [node('region'), node('edge', 4_000), node('self')] });
  clock.advance(10_000);
  expect(view.nodes().map(({ instance, silentMs }) => [instance, silentMs])).toEqual([
    ['region', 10_000],
    ['edge', 14_000],
  ]);
});

test('of two ways to hear of a Clew the newer word counts', async () => {
  const { view } = await world();
  view.take({ nodes: [node('edge', 1_000, 7)] });
  view.take({ nodes: [node('edge', 3_000, 5)] });
  expect(view.nodes()).toMatchObject([{ upMs: 7, silentMs: 1_000 }]);
  view.take({ nodes: [node('edge', 500, 8)] });
  expect(view.nodes()).toMatchObject([{ upMs: 8, silentMs: 500 }]);
});

test('a silent Clew is missed after a restart, and forgotten after a week', async () => {
  const { view, clock, open } = await world();
  view.take({ nodes: [node('edge')] });
  await view.close();
  clock.advance(60_000);
  const again = await open();
  expect(again.nodes()).toMatchObject([{ instance: 'edge', silentMs: 60_000 }]);
  clock.advance(LIMITS.peerForgottenMs);
  expect(again.nodes()).toEqual([]);
});

test('no more Clews are kept than the limit, whoever tells of them', async () => {
  const { view } = await world();
  for (let part = 0; part < 3; part++) {
    view.take({ nodes: Array.from({ length: LIMITS.fleetNodesMax / 2 }, (_, i) => node(`edge-${part}-${i}`)) });
  }
  expect(view.nodes()).toHaveLength(LIMITS.fleetNodesMax);
});

test('a damaged file is told and begun anew', async () => {
  const { machine, view, open, reports } = await world();
  view.take({ nodes: [node('edge')] });
  await view.close();
  machine.flipBit('/data/fleet', 9, 1);
  expect((await open()).nodes()).toEqual([]);
  expect(reports[0]).toContain('/data/fleet is damaged');
});

test('a report that is written is read the same, and one over its size leaves out those heard of longest ago', () => {
  const nodes = [node('a'), node('b', 5)];
  expect(readPeerReport(writePeerReport({ nodes }))).toEqual({ nodes });
  const large = { ...node('big'), refused: { ['x'.repeat(LIMITS.peerBytesMax / 8)]: 1 } };
  const bytes = writePeerReport({ nodes: Array.from({ length: 12 }, () => large) });
  expect(bytes.length).toBeLessThanOrEqual(LIMITS.peerBytesMax);
  expect(readPeerReport(bytes).nodes.length).toBe(6);
});

test.each([
  ['{', 'the body is no JSON'],
  ['[]', 'report must be an object'],
  ['{"nodes":{}}', 'report.nodes must be a list'],
  [JSON.stringify({ nodes: [{ ...node('a'), role: 'boss' }] }), 'report.nodes[0].role must be one of all, edge'],
  [JSON.stringify({ nodes: [{ ...node('a'), upMs: -1 }] }), 'report.nodes[0].upMs must be a number of at least 0'],
])('the report %s is refused: %s', (text, problem) => {
  expect(() => readPeerReport(Buffer.from(text))).toThrow(problem);
});
