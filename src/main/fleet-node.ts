import type { FleetHop, FleetReport, FleetSeen } from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import type { Signal } from '../base/signal.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { diskSpace } from '../host/space.ts';
import type { FleetDestination, FleetNode } from '../query/api-fleet.ts';
import type { Forwarder } from '../send/forwarder.ts';
import type { RuleSet } from '../send/rules/rules.ts';
import type { TailRules } from '../send/tail/tail-rules.ts';
import { FleetView } from '../vitals/fleet-view.ts';
import type { ReceiverReport, Vitals } from '../vitals/vitals.ts';
import type { Start } from './channel.ts';
import type { NamedDestination } from './destinations.ts';
import { nameOf } from './role.ts';

/** What is forwarded, where something is. */
export interface Forwarding {
  readonly forwarder: Pick<Forwarder, 'accounts' | 'states' | 'queuedSegments' | 'queuedBytes'>;
  readonly rules: Pick<RuleSet, 'rules'>;
  readonly tail: TailRules;
  readonly destinations: readonly Pick<NamedDestination, 'name' | 'url' | 'targets'>[];
}

type Facts = Pick<Start, 'role' | 'instance' | 'version' | 'startedAtMs' | 'settings'>;

/** The Clews that tell this one of themselves. */
export const openFleetView = ({ instance, settings }: Facts, report: (text: string) => void): Promise<FleetView> =>
  FleetView.open({ disk: nodeDisk, clock: systemClock, directory: settings.data, instance, report });

/** The answer of GET /api/v1/fleet. */
export async function fleetNode(
  start: Facts,
  vitals: Vitals,
  others: readonly FleetSeen[],
  forwarding?: Forwarding,
): Promise<FleetNode> {
  const receivers = vitals.receivers();
  const sum = (of: (receiver: ReceiverReport) => number): number =>
    receivers.reduce((total, receiver) => total + of(receiver), 0);
  const node = {
    role: start.role,
    instance: start.instance,
    name: nameOf(start),
    version: start.version,
    startedAt: new Date(start.startedAtMs).toISOString(),
    receivers: receivers.map(({ receiver, up, accepted, perSecond, repeated, refused, ackP99Ms, memoryBytes }) => ({
      receiver,
      up,
      accepted,
      perSecond,
      repeated,
      refused,
      ackP99Ms,
      memoryBytes,
    })),
    journal: {
      bytes: sum((receiver) => receiver.journalBytes),
      quotaBytes: sum((receiver) => receiver.journalQuotaBytes),
    },
    sources: sourcesOf(receivers),
    rules: rulesIn(forwarding),
    destinations: destinationsIn(forwarding),
    disk: await diskSpace(start.settings.data),
  };
  const nowMs = Number(systemClock.unixNano() / 1_000_000n);
  return { ...node, nodes: [{ ...reportOf(node, nowMs), silentMs: 0 }, ...others] };
}

/** Each rule with its effect: attributes that it changed, or traces that it kept. */
function rulesIn(forwarding: Forwarding | undefined): FleetNode['rules'] {
  if (forwarding === undefined) return [];
  const { rules, tail } = forwarding;
  return [
    ...rules.rules.map(({ text, applied }) => ({ rule: text, applied })),
    ...tail.rules.map(({ text, kept }) => ({ rule: text, applied: kept })),
    ...(tail.share === undefined ? [] : [{ rule: tail.share.text, applied: tail.share.kept }]),
  ];
}

function destinationsIn(forwarding: Forwarding | undefined): FleetNode['destinations'] {
  if (forwarding === undefined) return [];
  const { forwarder, destinations } = forwarding;
  const accounts = forwarder.accounts();
  const states = forwarder.states();
  return destinations.map(({ name, url, targets }) => ({
    name,
    url,
    targets: targets(),
    accounts: accounts.flatMap(({ destination, ...account }) => (destination === name ? [account] : [])),
    lanes: states.flatMap(({ destination, ...lane }) => (destination === name ? [lane] : [])),
    queuedSegments: forwarder.queuedSegments,
    queuedBytes: forwarder.queuedBytes,
  }));
}

/** What this Clew tells its next hops of itself. */
function reportOf(node: Omit<FleetNode, 'nodes'>, nowMs: number): FleetReport {
  const { receivers } = node;
  const bySignal = (of: (receiver: FleetNode['receivers'][number], signal: Signal) => number) => {
    const sum = (signal: Signal): number => receivers.reduce((total, receiver) => total + of(receiver, signal), 0);
    return { traces: sum('traces'), metrics: sum('metrics'), logs: sum('logs') };
  };
  const refused: Record<string, number> = {};
  for (const [reason, count] of receivers.flatMap((receiver) => Object.entries(receiver.refused))) {
    refused[reason] = (refused[reason] ?? 0) + count;
  }
  return {
    instance: node.instance,
    name: node.name,
    role: node.role,
    version: node.version,
    upMs: Math.max(0, nowMs - Date.parse(node.startedAt)),
    receivers: receivers.length,
    receiversUp: receivers.filter(({ up }) => up).length,
    accepted: bySignal(({ accepted }, signal) => accepted[signal]),
    perSecond: bySignal(({ perSecond }, signal) => perSecond[signal]),
    refused,
    journalBytes: node.journal.bytes,
    journalQuotaBytes: node.journal.quotaBytes,
    diskFreeBytes: node.disk.freeBytes,
    diskTotalBytes: node.disk.totalBytes,
    memoryBytes: receivers.reduce((total, { memoryBytes }) => total + memoryBytes, 0),
    hops: node.destinations.map((destination) => hopOf(destination, nowMs)),
  };
}

function hopOf(destination: FleetDestination, nowMs: number): FleetHop {
  const { name, url, targets, accounts, lanes, queuedBytes, queuedSegments } = destination;
  const ages = lanes.flatMap(({ waitingSinceMs }) => (waitingSinceMs > 0 ? [nowMs - waitingSinceMs] : []));
  const worst = [...lanes].sort((a, b) => b.failures - a.failures)[0];
  return {
    name,
    url,
    targets,
    accounts,
    queuedBytes,
    queuedSegments,
    lagMs: Math.max(0, ...ages),
    failures: worst?.failures ?? 0,
    lastFailure: worst?.lastFailure ?? '',
  };
}

/** The sources of all receivers, each once. */
function sourcesOf(receivers: readonly ReceiverReport[]): FleetNode['sources'] {
  const found = new Map<string, { instance: string; batches: number; lastMs: number }>();
  for (const { instance, batches, lastMs } of receivers.flatMap(({ sources }) => sources)) {
    const before = found.get(instance);
    found.set(instance, {
      instance,
      batches: batches + (before?.batches ?? 0),
      lastMs: Math.max(lastMs, before?.lastMs ?? 0),
    });
  }
  return [...found.values()].sort((a, b) => b.lastMs - a.lastMs).slice(0, LIMITS.sourcesShownMax);
}
