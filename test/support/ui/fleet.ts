import type { FleetHop, FleetRole, FleetSeen, HopAccount, HopTarget } from '../../../src/base/fleet.ts';
import type { FleetNode } from '../../../src/query/api-fleet.ts';

/** A fleet as the centre sees it: three edges, one of them silent, two regionals, another receiver; or the centre alone. */
export function fleetAnswer(hasOthers: boolean): Pick<FleetNode, 'nodes'> {
  const centre = node('centre', 'central', []);
  if (!hasOthers) return { nodes: [centre] };
  const toCentre = (received: number) => hop('grpc://centre:4317', 'id-centre', account('traces', received));
  return {
    nodes: [
      { ...centre, silentMs: 0, perSecond: { traces: 41_210, metrics: 5_120, logs: 12_800 } },
      node('frankfurt', 'regional', [toCentre(88_123_456)], 2_100),
      node('dublin', 'regional', [
        { ...toCentre(41_200_800), lagMs: 42_000, failures: 3, lastFailure: 'HTTP 503: the journal is full' },
      ]),
      node('shop-1', 'edge', [
        hop(
          'http://frankfurt:4318|http://dublin:4318',
          'id-frankfurt',
          account('traces', 12_000_000, { dropped: 9_000_000 }),
        ),
        hop('https://archive.example:4318', '', account('traces', 12_000_000, { elsewhere: 11_500_000 })),
      ]),
      node('shop-2', 'edge', [hop('http://frankfurt:4318', 'id-frankfurt', account('traces', 9_412_003))]),
      {
        ...node('warehouse', 'edge', [
          hop(
            'http://dublin:4318',
            'id-dublin',
            account('logs', 733_210, { queued: 12_400, dead: 3, lost: 2 }),
            'down',
          ),
        ]),
        silentMs: 754_000,
      },
    ],
  };
}

function account(signal: HopAccount['signal'], received: number, changes: Partial<HopAccount> = {}): HopAccount {
  const none = { queued: 0, dead: 0, dropped: 0, elsewhere: 0, lost: 0, refusedInPart: 0 };
  const rest = Object.values(changes).reduce((sum: number, count) => sum + Number(count), 0);
  return { signal, received, forwarded: received - rest, ...none, ...changes };
}

function hop(url: string, instance: string, one: HopAccount, condition: HopTarget['condition'] = 'up'): FleetHop {
  const reason = condition === 'up' ? '' : 'connect ECONNREFUSED';
  const urls = url.split('|');
  const targets = urls.map((each, index) => ({
    ...{ url: each, instance: index === 0 ? instance : 'id-dublin', condition, share: 1, responseMs: 1.4, reason },
  }));
  const waits = { queuedBytes: one.queued * 400, queuedSegments: 1, lagMs: 0, failures: 0, lastFailure: '' };
  return { name: url, url, targets, accounts: [one], ...waits };
}

function node(name: string, role: FleetRole, hops: readonly FleetHop[], silentMs = 3_200): FleetSeen {
  const counts = { traces: 12_040, metrics: 880, logs: 2_300 };
  return {
    instance: `id-${name}`,
    name,
    role,
    version: '0.1.0',
    upMs: 8_123_000,
    receivers: 2,
    receiversUp: 2,
    accepted: counts,
    perSecond: counts,
    refused: { overloaded: 12 },
    journalBytes: 120e6,
    journalQuotaBytes: 8e9,
    diskFreeBytes: 61e9,
    diskTotalBytes: 100e9,
    memoryBytes: 98e6,
    hops,
    silentMs,
  };
}
