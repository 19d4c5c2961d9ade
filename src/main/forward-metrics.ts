import type { MetricName } from '../base/names.ts';
import type { FleetDestination, FleetNode } from '../query/api-fleet.ts';
import { family, receiverFamilies, type Sample } from '../vitals/prometheus.ts';
import type { ReceiverReport } from '../vitals/vitals.ts';

const STATES = ['received', 'forwarded', 'queued', 'dead', 'dropped', 'lost'] as const;

/** `/metrics` of a Clew that forwards. */
export function forwardMetrics(node: FleetNode, receivers: readonly ReceiverReport[]): string {
  const perLane = (value: (lane: FleetDestination['lanes'][number]) => number): Sample[] =>
    node.destinations.flatMap(({ name, lanes }) =>
      lanes.map((lane): Sample => [{ destination: name, receiver: lane.receiver, signal: lane.signal }, value(lane)]),
    );
  const items = node.destinations.flatMap(({ name, accounts }) =>
    accounts.flatMap((account) =>
      STATES.map((state): Sample => [{ destination: name, signal: account.signal, state }, account[state]]),
    ),
  );
  const refused = node.destinations.flatMap(({ name, accounts }) =>
    accounts.map((account): Sample => [{ destination: name, signal: account.signal }, account.refusedInPart]),
  );
  const perDestination = (value: (destination: FleetDestination) => number): Sample[] =>
    node.destinations.map((destination): Sample => [{ destination: destination.name }, value(destination)]);
  const families: readonly (readonly [MetricName, readonly Sample[]])[] = [
    ['clew_build_info', [[{ version: node.version, role: node.role }, 1]]],
    ...receiverFamilies(receivers),
    ['clew_journal_bytes', [[{}, node.journal.bytes]]],
    ['clew_journal_quota_bytes', [[{}, node.journal.quotaBytes]]],
    ['clew_forward_items', items],
    ['clew_forward_refused_items_total', refused],
    ['clew_forward_queued_bytes', perDestination((destination) => destination.queuedBytes)],
    ['clew_forward_queued_segments', perDestination((destination) => destination.queuedSegments)],
    ['clew_forward_lag_seconds', perLane((lane) => Math.max(0, lane.acknowledgedMs - lane.receivedMs) / 1e3)],
    ['clew_forward_lanes', byState(node, PROTOCOL_STATES, (lane, state) => (lane.protocol === state ? 1 : 0))],
    ['clew_forward_connections', byState(node, CONNECTION_STATES, (lane, state) => lane.connections[state])],
    [
      'clew_forward_refused_events_total',
      byState(node, MACHINES, (lane, machine) => lane.refusedEvents[machine], 'machine'),
    ],
    ['clew_forward_failures', perLane((lane) => lane.failures)],
    ['clew_forward_bytes_total', perLane((lane) => lane.bytes)],
    ['clew_forward_batches_total', perLane((lane) => lane.batches)],
    ['clew_rule_applied_total', node.rules.map(({ rule, applied }): Sample => [{ rule }, applied])],
    ['clew_disk_total_bytes', [[{}, node.disk.totalBytes]]],
    ['clew_disk_free_bytes', [[{}, node.disk.freeBytes]]],
  ];
  return families.map(([name, samples]) => family(name, samples)).join('');
}

const PROTOCOL_STATES = ['INIT', 'CONNECTING', 'CONNECTED', 'ERROR', 'CLOSED'] as const;
const CONNECTION_STATES = ['IDLE', 'ACTIVE', 'DRAINING', 'CLOSED', 'ERROR'] as const;
const MACHINES = ['protocol', 'connection', 'message', 'batch'] as const;

/** Sums over the lanes of each destination, one sample for each of `states`. */
function byState<State extends string>(
  node: FleetNode,
  states: readonly State[],
  value: (lane: FleetDestination['lanes'][number], state: State) => number,
  label = 'state',
): Sample[] {
  return node.destinations.flatMap(({ name, lanes }) =>
    states.map(
      (state): Sample => [
        { destination: name, [label]: state },
        lanes.reduce((sum, lane) => sum + value(lane, state), 0),
      ],
    ),
  );
}
