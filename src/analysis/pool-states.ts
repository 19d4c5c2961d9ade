import { LIMITS } from '../base/limits.ts';

/**
 * The fewest requests that can wait for one another for ever in the pools of `group`. Each chain is a place where a request can be: it holds a
 * unit of each pool but the last, and asks for one of the last. They are stuck when every pool that one of them asks for is full. Pools
 * without a capacity never are. `never`: there is no such state; `unknown`: more than poolStatesMax would have to be looked at.
 */
export function fewestToDeadlock(
  capacities: ReadonlyMap<string, number>,
  group: ReadonlySet<string>,
  chains: readonly (readonly string[])[],
): number | 'never' | 'unknown' {
  const pools = [...new Set(chains.flat())].filter((pool) => capacities.has(pool));
  const capacity = pools.map((pool) => capacities.get(pool) ?? 0);
  const asked = [...group];
  if (asked.length > ASKED_MAX) return 'unknown';
  const places = placesOf(pools, asked, chains);
  const bits = asked.map((pool) => pools.indexOf(pool));
  const isStuck = (held: readonly number[], mask: number): boolean =>
    bits.every((pool, bit) => (mask & (1 << bit)) === 0 || held[pool] === capacity[pool]);

  // Breadth first, one request more in each round: the first state in which all are stuck has the fewest.
  let states = new Map<string, { held: readonly number[]; mask: number }>();
  states.set('', { held: pools.map(() => 0), mask: 0 });
  const seen = new Set<string>();
  for (let requests = 1; states.size > 0; requests++) {
    const next: typeof states = new Map();
    for (const { held, mask } of states.values()) {
      for (const place of places) {
        const more = held.map((count, pool) => count + place.held[pool]);
        if (more.some((count, pool) => count > capacity[pool])) continue;
        const wanted = mask | place.mask;
        if (isStuck(more, wanted)) return requests;
        const key = `${wanted} ${more}`;
        if (seen.has(key)) continue;
        if (seen.size >= LIMITS.poolStatesMax) return 'unknown';
        seen.add(key);
        next.set(key, { held: more, mask: wanted });
      }
    }
    states = next;
  }
  return 'never';
}

/** Pools are the bits of a 32-bit number. */
const ASKED_MAX = 30;

interface Place {
  /** Units of each pool that are held. */
  readonly held: readonly number[];
  /** The bit of the pool that is asked for. */
  readonly mask: number;
}

function placesOf(pools: readonly string[], asked: readonly string[], chains: readonly (readonly string[])[]): Place[] {
  const places = new Map<string, Place>();
  for (const chain of chains) {
    const wanted = chain[chain.length - 1];
    const holding = chain.slice(0, -1);
    const held = pools.map((pool) => holding.filter((other) => other === pool).length);
    const mask = 1 << asked.indexOf(wanted);
    places.set(`${mask} ${held}`, { held, mask });
  }
  return [...places.values()];
}
