import { LIMITS } from '../base/limits.ts';
import { diskSpace } from '../host/space.ts';
import type { FleetNode } from '../query/api.ts';
import type { Forwarder } from '../send/forwarder.ts';
import type { RuleSet } from '../send/rules/rules.ts';
import type { ReceiverReport, Vitals } from '../vitals/vitals.ts';
import type { Start } from './channel.ts';

/** What is forwarded, where something is. */
export interface Forwarding {
  readonly forwarder: Pick<Forwarder, 'accounts' | 'states' | 'queuedSegments' | 'queuedBytes'>;
  readonly rules: Pick<RuleSet, 'rules'>;
  readonly destinations: readonly { readonly name: string; readonly url: string }[];
}

/** The answer of GET /api/v1/fleet. */
export async function fleetNode(
  start: Pick<Start, 'role' | 'instance' | 'version' | 'startedAtMs' | 'settings'>,
  vitals: Vitals,
  forwarding?: Forwarding,
): Promise<FleetNode> {
  const { forwarder, rules, destinations = [] } = forwarding ?? {};
  const receivers = vitals.receivers();
  const accounts = forwarder?.accounts() ?? [];
  const states = forwarder?.states() ?? [];
  const sum = (of: (receiver: ReceiverReport) => number): number =>
    receivers.reduce((total, receiver) => total + of(receiver), 0);
  return {
    role: start.role,
    instance: start.instance,
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
    rules: (rules?.rules ?? []).map(({ text, applied }) => ({ rule: text, applied })),
    destinations: destinations.map(({ name, url }) => ({
      name,
      url,
      accounts: accounts.flatMap(({ destination, ...account }) => (destination === name ? [account] : [])),
      lanes: states.flatMap(({ destination, ...lane }) => (destination === name ? [lane] : [])),
      queuedSegments: forwarder?.queuedSegments ?? 0,
      queuedBytes: forwarder?.queuedBytes ?? 0,
    })),
    disk: await diskSpace(start.settings.data),
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
