import type { GraphState } from '../query/graph-keeper.ts';
import { family } from '../vitals/prometheus.ts';

/** What is known of the call graph, for /metrics. */
export function graphMetrics({ watch, pending }: GraphState): string {
  const { count, longest, meanLength, services, truncated } = watch.summary();
  return [
    family('clew_graph_cycles', [[{}, count]]),
    family('clew_graph_longest_cycle_services', [[{}, longest]]),
    family('clew_graph_mean_cycle_services', [[{}, meanLength]]),
    family('clew_graph_cyclic_services', [[{}, services]]),
    family('clew_graph_cycles_truncated', [[{}, Number(truncated)]]),
    family('clew_graph_pending_windows', [[{}, pending.length]]),
  ].join('');
}
