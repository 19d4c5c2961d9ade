import { type CallSpans, KIND } from './call-spans.ts';
import { graphOf } from './graph.ts';
import { findCalls } from './pairing.ts';
import { fewestToDeadlock } from './pool-states.ts';
import { stronglyConnected } from './scc.ts';
import { isCalleeKind, type SpanTree, spanTree } from './span-tree.ts';

/** What spans take from pools: each at most one unit, from its start to its end. */
export interface PoolSpans {
  /** On one clock. */
  readonly spans: CallSpans;
  /** The pool that each span names; '' where it names none. */
  readonly named: readonly string[];
  /** Units of pools by name; a pool that is not here may have any number. */
  readonly capacities: ReadonlyMap<string, number>;
}

/** Pools in which requests hold a unit while they ask for another: with enough requests at once, all wait for one another. */
export interface PoolRisk {
  /** In name order. */
  readonly pools: readonly PoolUse[];
  /** Of the request that held the most: what it held, outermost first, and what it asked for. */
  readonly chain: readonly string[];
  /** Requests that held a unit of these pools when they asked for another. */
  readonly requests: number;
  /** The most of them at once. */
  readonly peakRequests: number;
  /** The fewest such requests that can wait for one another for ever; null where the verdict is unknown or never. */
  readonly requestsToDeadlock: number | null;
  /** With so many units as many requests as there were at once cannot deadlock; null for several pools. */
  readonly safeCapacity: number | null;
  /**
   * certain: one request suffices; possible: not more are needed than there were at once; spare: more are needed; never: pools that were
   * entered before let in too few; unknown: the capacity is not told, or it takes too long to say.
   */
  readonly verdict: 'certain' | 'possible' | 'spare' | 'never' | 'unknown';
  /** The least few trace ids. */
  readonly traceIds: readonly string[];
}

export interface PoolUse {
  readonly pool: string;
  readonly capacity: number | null;
  /** The most units that one request held at once. */
  readonly depth: number;
  /** The most units that were taken at once. */
  readonly peakBusy: number;
}

const EXAMPLES_MAX = 3;

/**
 * Where requests come back into a pool that they occupy, or take pools in a circle. A span takes a unit of the pool that it names, or, when
 * its service is entered by it, one of the workers of the service. What it holds while it waits are the units of the spans above it that are
 * open when it starts, up to the first that is not, or a message.
 */
export function poolRisks({ spans, named, capacities }: PoolSpans): PoolRisk[] {
  const tree = spanTree(spans);
  const taken = takenPools(spans, tree, named);
  const asks = findAsks(spans, tree, taken);
  const risks = groupsOf(asks, taken, capacities).map((group) => riskOf(spans, taken, asks, capacities, group));
  const rank = { certain: 0, possible: 1, unknown: 2, spare: 3, never: 4 } as const;
  return risks.sort((a, b) => rank[a.verdict] - rank[b.verdict] || (a.pools[0].pool < b.pools[0].pool ? -1 : 1));
}

/** The pool that each span takes a unit of; '' for none. */
function takenPools(spans: CallSpans, tree: SpanTree, named: readonly string[]): string[] {
  const { isCall } = findCalls(spans, tree);
  return Array.from({ length: spans.count }, (_, i) => {
    if (tree.isDuplicate[i] === 1) return '';
    if (named[i] !== '') return named[i];
    const isEntry = isCall[i] === 1 || (tree.parent[i] < 0 && isCalleeKind(spans.kind[i]));
    return isEntry ? spans.names[spans.nodeService[spans.node[i]]] : '';
  });
}

/** A span that asked for a unit, and the spans above it whose units its request held, the nearest first. */
interface Ask {
  readonly span: number;
  readonly holders: readonly number[];
}

/** Spans above one that are looked at. */
const ABOVE_MAX = 1_000;

function findAsks(spans: CallSpans, { parent }: SpanTree, taken: readonly string[]): Ask[] {
  const { kind, startNs, durationNs } = spans;
  const asks: Ask[] = [];
  for (let i = 0; i < spans.count; i++) {
    if (taken[i] === '') continue;
    const holders: number[] = [];
    let at = i;
    for (let hop = 0; hop < ABOVE_MAX; hop++) {
      const above = parent[at];
      // Parents that go round in a circle end where they meet the span again.
      if (above < 0 || above === i) break;
      if (kind[above] === KIND.producer || kind[at] === KIND.consumer) break;
      if (startNs[above] > startNs[i] || startNs[above] + durationNs[above] <= startNs[i]) break;
      if (taken[above] !== '') holders.push(above);
      at = above;
    }
    if (holders.length > 0) asks.push({ span: i, holders });
  }
  return asks;
}

/**
 * Groups of pools that can all be full of requests that wait for one another: components of "holds the one while it asks for the other".
 * Only what is bounded can be full; a pool whose capacity is not told stands for itself, as if it were the only bounded one.
 */
function groupsOf(
  asks: readonly Ask[],
  taken: readonly string[],
  capacities: ReadonlyMap<string, number>,
): ReadonlySet<string>[] {
  const names = [...new Set(asks.flatMap(({ span, holders }) => [span, ...holders].map((one) => taken[one])))].sort();
  const numbers = new Map(names.map((name, i) => [name, i]));
  const [from, to]: [number[], number[]] = [[], []];
  const loops = new Set<string>();
  for (const { span, holders } of asks) {
    const asked = taken[span];
    for (const held of new Set(holders.map((holder) => taken[holder]))) {
      if (held === asked) loops.add(held);
      else if (!capacities.has(held) || !capacities.has(asked)) continue;
      from.push(numbers.get(held) ?? 0);
      to.push(numbers.get(asked) ?? 0);
    }
  }
  const { count, of } = stronglyConnected(graphOf(names.length, from, to));
  const groups = Array.from({ length: count }, () => new Set<string>());
  names.forEach((name, i) => {
    groups[of[i]].add(name);
  });
  return groups.filter((group) => group.size > 1 || loops.has([...group][0]));
}

function riskOf(
  spans: CallSpans,
  taken: readonly string[],
  asks: readonly Ask[],
  capacities: ReadonlyMap<string, number>,
  group: ReadonlySet<string>,
): PoolRisk {
  const within = (span: number): boolean => group.has(taken[span]);
  const inside = asks.filter(({ span, holders }) => within(span) && holders.some(within));
  const chains = inside.map(({ span, holders }) => [...[...holders].reverse(), span].map((one) => taken[one]));
  const heldOf = (chain: readonly string[]): number => chain.slice(0, -1).filter((pool) => group.has(pool)).length;
  const chain = chains.reduce((most, other) => (heldOf(other) > heldOf(most) ? other : most));
  // A request is the outermost span of it that holds a unit of these pools.
  const requests = new Set(inside.map(({ holders }) => holders.findLast(within) ?? 0));
  const peakRequests = mostAtOnce(spans, [...requests]);
  const pools = [...group].sort().map((pool): PoolUse => {
    const depths = chains.map((one) => one.filter((other) => other === pool).length);
    const users = taken.flatMap((other, span) => (other === pool ? [span] : []));
    const peakBusy = mostAtOnce(spans, users);
    return { pool, capacity: capacities.get(pool) ?? null, depth: Math.max(1, ...depths), peakBusy };
  });
  const isBounded = pools.every(({ capacity }) => capacity !== null);
  const fewest = isBounded ? fewestToDeadlock(capacities, group, chains) : 'unknown';
  const traces = new Set(inside.map(({ span }) => spans.traceIds[spans.trace[span]]));
  return {
    pools,
    chain,
    requests: requests.size,
    peakRequests,
    requestsToDeadlock: typeof fewest === 'number' ? fewest : null,
    safeCapacity: pools.length === 1 ? peakRequests * (pools[0].depth - 1) + 1 : null,
    verdict: typeof fewest === 'number' ? verdictOf(fewest, peakRequests) : fewest,
    traceIds: [...traces].sort().slice(0, EXAMPLES_MAX),
  };
}

function verdictOf(requestsToDeadlock: number, peakRequests: number): PoolRisk['verdict'] {
  if (requestsToDeadlock === 1) return 'certain';
  return requestsToDeadlock <= peakRequests ? 'possible' : 'spare';
}

/** The most of these spans that were open at one moment; one that ends when another starts makes room for it. */
function mostAtOnce({ startNs, durationNs }: CallSpans, list: readonly number[]): number {
  const starts = Float64Array.from(list, (span) => startNs[span]).sort();
  const ends = Float64Array.from(list, (span) => startNs[span] + durationNs[span]).sort();
  let most = 0;
  let ended = 0;
  for (let started = 0; started < starts.length; started++) {
    while (ends[ended] <= starts[started]) ended++;
    most = Math.max(most, started + 1 - ended);
  }
  return most;
}
