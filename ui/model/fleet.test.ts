import { expect, test } from 'vitest';
import type { FleetHop, FleetSeen, HopAccount } from '../../src/base/fleet.ts';
import { fleetPicture, isClosed, troublesOf } from './fleet.ts';

const account = (changes: Partial<HopAccount> = {}): HopAccount => ({
  signal: 'traces',
  ...{ received: 10, forwarded: 10, queued: 0, dead: 0, dropped: 0, elsewhere: 0, lost: 0, refusedInPart: 0 },
  ...changes,
});

function hop(to: string, changes: Partial<FleetHop> = {}): FleetHop {
  const url = `http://${to}:4318`;
  const target = { url, instance: to, condition: 'up' as const, share: 1, responseMs: 1, reason: '' };
  const waits = { queuedBytes: 0, queuedSegments: 0, lagMs: 0, failures: 0, lastFailure: '' };
  return { name: to, url, targets: [target], accounts: [account()], ...waits, ...changes };
}

function node(instance: string, hops: readonly FleetHop[], changes: Partial<FleetSeen> = {}): FleetSeen {
  const none = { traces: 0, metrics: 0, logs: 0 };
  const bytes = { journalBytes: 0, journalQuotaBytes: 100, diskFreeBytes: 90, diskTotalBytes: 100, memoryBytes: 0 };
  const about = { instance, name: instance, role: 'edge' as const, version: '1', upMs: 1, silentMs: 0 };
  const counts = { receivers: 1, receiversUp: 1, accepted: none, perSecond: none, refused: {} };
  return { ...about, ...counts, ...bytes, hops, ...changes };
}

const places = (nodes: readonly FleetSeen[]) =>
  Object.fromEntries(fleetPicture(nodes).boxes.map(({ id, column, row }) => [id, `${column}.${row}`]));

test('senders stand left of those they forward to, other receivers are boxes too', () => {
  const nodes = [
    node('centre', []),
    node('a', [hop('region')]),
    node('b', [hop('region'), hop('x')]),
    node('region', [hop('centre')]),
  ];
  expect(places(nodes)).toEqual({ a: '0.0', b: '0.1', region: '1.0', 'http://x:4318': '1.1', centre: '2.0' });
  expect(fleetPicture(nodes).lines.map(({ from, to }) => `${from}→${to}`)).toEqual([
    'a→region',
    'b→region',
    'b→http://x:4318',
    'region→centre',
  ]);
});

test('a Clew alone, one that nobody forwards to, and a circle have a place', () => {
  expect(places([node('alone', [])])).toEqual({ alone: '0.0' });
  expect(places([node('centre', []), node('idle', []), node('a', [hop('centre')])])).toEqual({
    a: '0.0',
    centre: '1.0',
    idle: '1.1',
  });
  expect(Object.keys(places([node('a', [hop('b')]), node('b', [hop('a')])]))).toEqual(['a', 'b']);
});

test.each([
  [{ silentMs: 15_001 }, 'is silent'],
  [{ receiversUp: 0 }, '1 of 1 receivers are down'],
  [{ hops: [hop('x', { accounts: [account({ forwarded: 8, lost: 2 })] })] }, '2 items are lost: the disk damaged them'],
  [{ hops: [hop('x', { accounts: [account({ forwarded: 9, dead: 1 })] })] }, '1 items are dead letters'],
  [{ hops: [hop('x', { accounts: [account({ forwarded: 9 })] })] }, 'an account does not add up'],
  [{ hops: [hop('x', { lagMs: 10_001 })] }, 'what it forwards is behind'],
  [{ journalBytes: 81 }, 'its journal is nearly full'],
  [{ diskFreeBytes: 9 }, 'its disk is nearly full'],
])('of a Clew with %j one says: %s', (changes, trouble) => {
  expect(troublesOf(node('a', [], changes))).toEqual([trouble]);
});

test('an account is closed when every item is in one place', () => {
  expect(troublesOf(node('a', [hop('b')]))).toEqual([]);
  expect(
    isClosed({ accounts: [account({ forwarded: 1, queued: 2, dead: 3, dropped: 2, elsewhere: 1, lost: 1 })] }),
  ).toBe(true);
  expect(isClosed({ accounts: [account({ forwarded: 12, queued: -2 })] })).toBe(false);
});
