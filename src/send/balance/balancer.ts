import { consistentHash } from './consistent-hash.ts';
import { leastConnections } from './least-connections.ts';
import { roundRobin } from './round-robin.ts';
import type { Balancer } from './targets.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

/** The ways to spread requests, by the names that the configuration uses. */
export const BALANCERS: Readonly<Record<BalancerName, () => Balancer>> = {
  'round-robin': roundRobin,
  'least-connections': leastConnections,
  'weighted-round-robin': weightedRoundRobin,
  'consistent-hash': () => consistentHash(),
};

export type BalancerName = 'round-robin' | 'least-connections' | 'weighted-round-robin' | 'consistent-hash';
