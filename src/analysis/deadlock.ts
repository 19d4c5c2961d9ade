import { graphOf } from './graph.ts';
import { type LockTable, reduce, type WaitEdge, waitEdges } from './lock-table.ts';
import { stronglyConnected } from './scc.ts';
import { chooseVictims, type VictimPlan } from './victims.ts';

/** Owners that wait for one another and cannot go on by themselves. */
export interface Deadlock {
  /**
   * cycle: each waits for the next; knot: members wait for any of several, all of which are members; units: a pool or semaphore is used up;
   * self: one waits for itself; queue: only the order of a queue is in the way, and another order resolves it.
   */
  readonly kind: 'cycle' | 'knot' | 'units' | 'self' | 'queue';
  /** In name order. */
  readonly members: readonly string[];
  /** The shortest circle through the first name, beginning there: each waits for the next, and the last for the first. */
  readonly cycle: readonly WaitEdge[];
  /** Unix nanoseconds when its last wait began. */
  readonly sinceNs: bigint;
  /** Members with the beginnings of their waits: the same while the deadlock is the same. */
  readonly name: string;
  readonly victims: VictimPlan;
  /** Of a queue: an order in which everybody gets what it waits for. */
  readonly order: readonly string[];
}

export interface DeadlockReport {
  readonly deadlocks: readonly Deadlock[];
  /** Blocked behind a deadlock without being part of one, and what it is behind: indexes of `deadlocks`. */
  readonly bystanders: ReadonlyMap<string, readonly number[]>;
  /** All that is waited for now, deadlock or not. */
  readonly edges: readonly WaitEdge[];
}

/**
 * Finds every deadlock of a table: reduction to what cannot finish (Coffman), its strongly connected components, and of each component what
 * is still stuck when everybody else has finished. That is exact for AND, OR and k-of-n waits, several units and lock modes alike.
 */
export function findDeadlocks(table: LockTable): DeadlockReport {
  const stuck = reduce(table, { queues: false }).stuck;
  const deadlocks = coresOf(table, stuck, false).map((core) => describe(table, core, false));
  const known = new Set(deadlocks.flatMap(({ members }) => members));
  const blocked = reduce(table, { queues: true }).stuck;
  // Queue deadlocks are looked for in what would remain when the others are resolved.
  const rest = reduce(table, { queues: true, without: known }).stuck;
  for (const core of coresOf(table, rest, true)) deadlocks.push(describe(table, core, true));
  const edges = waitEdges(table, new Set(table.owners()), true);
  return { deadlocks, bystanders: bystandersOf(deadlocks, blocked, edges), edges };
}

/** The components of what is stuck that are stuck by themselves. */
function coresOf(table: LockTable, stuck: ReadonlySet<string>, queues: boolean): string[][] {
  const names = [...stuck].sort();
  const number = new Map(names.map((name, i) => [name, i]));
  const edges = waitEdges(table, stuck, queues);
  const ends = (side: 'waiter' | 'blocker') => edges.map((edge) => number.get(edge[side]) ?? 0);
  const graph = graphOf(names.length, ends('waiter'), ends('blocker'));
  const { count, of } = stronglyConnected(graph);
  const groups = Array.from({ length: count }, (): string[] => []);
  for (const [i, name] of names.entries()) groups[of[i]].push(name);
  return groups
    .map((group) => [...reduce(table, { queues, only: new Set(group) }).stuck].sort())
    .filter((core) => core.length > 0)
    .sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

function describe(table: LockTable, members: readonly string[], queues: boolean): Deadlock {
  const set = new Set(members);
  const edges = waitEdges(table, set, queues);
  const starts = members.map((owner) => table.waitsOf(owner).reduce(latest, 0n));
  const hard = { queues: false, only: set };
  return {
    kind: queues ? 'queue' : kindOf(table, members, edges),
    members,
    cycle: shortestCycle(members[0], edges),
    sinceNs: members.flatMap((owner) => table.waitsOf(owner)).reduce(latest, 0n),
    name: members.map((owner, i) => `${owner}@${starts[i]}`).join(' '),
    victims: queues ? { victims: [], frees: [] } : chooseVictims(table, members),
    order: queues ? reduce(table, hard).finished : [],
  };
}

const latest = (time: bigint, { sinceNs }: { readonly sinceNs: bigint }): bigint => (sinceNs > time ? sinceNs : time);

function kindOf(table: LockTable, members: readonly string[], edges: readonly WaitEdge[]): Deadlock['kind'] {
  if (members.length === 1) return 'self';
  if (members.some((owner) => table.needed(owner) < table.waitsOf(owner).length)) return 'knot';
  return edges.some(({ resource }) => table.capacity(resource) > 1) ? 'units' : 'cycle';
}

/** Breadth first from a member back to itself; empty when the member waits for nobody. */
function shortestCycle(from: string, edges: readonly WaitEdge[]): WaitEdge[] {
  const byWaiter = new Map<string, WaitEdge[]>();
  for (const edge of edges) byWaiter.set(edge.waiter, [...(byWaiter.get(edge.waiter) ?? []), edge]);
  const reachedBy = new Map<string, WaitEdge>();
  const queue = [from];
  for (let head = 0; head < queue.length && !reachedBy.has(from); head++) {
    for (const edge of byWaiter.get(queue[head]) ?? []) {
      if (reachedBy.has(edge.blocker)) continue;
      reachedBy.set(edge.blocker, edge);
      queue.push(edge.blocker);
    }
  }
  const cycle: WaitEdge[] = [];
  for (let edge = reachedBy.get(from); edge !== undefined; edge = reachedBy.get(edge.waiter)) {
    cycle.unshift(edge);
    if (edge.waiter === from) break;
  }
  return cycle;
}

function bystandersOf(
  deadlocks: readonly Deadlock[],
  blocked: ReadonlySet<string>,
  edges: readonly WaitEdge[],
): Map<string, readonly number[]> {
  const waiters = new Map<string, string[]>();
  for (const { waiter, blocker } of edges) waiters.set(blocker, [...(waiters.get(blocker) ?? []), waiter]);
  const members = new Set(deadlocks.flatMap((deadlock) => deadlock.members));
  const behind = new Map<string, number[]>();
  deadlocks.forEach((deadlock, index) => {
    const seen = new Set(deadlock.members);
    const queue = [...deadlock.members];
    for (let head = 0; head < queue.length; head++) {
      for (const waiter of waiters.get(queue[head]) ?? []) {
        if (seen.has(waiter)) continue;
        seen.add(waiter);
        queue.push(waiter);
        if (blocked.has(waiter) && !members.has(waiter)) behind.set(waiter, [...(behind.get(waiter) ?? []), index]);
      }
    }
  });
  return behind;
}
