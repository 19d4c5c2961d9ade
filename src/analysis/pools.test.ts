import { describe, expect, test } from 'vitest';
import { seededChance } from '../host/seeded-chance.ts';
import { type CallSpan, CallSpansBuilder, KIND } from './call-spans.ts';
import { type Drawn, spanOf } from './drawn-spans-world.ts';
import { type PoolRisk, poolRisks } from './pools.ts';

function risks(
  spans: readonly CallSpan[],
  capacities: Readonly<Record<string, number>> = {},
  named: readonly string[] = spans.map(() => ''),
): PoolRisk[] {
  const builder = new CallSpansBuilder(spans.length);
  for (const span of spans) builder.add(span);
  return poolRisks({ spans: builder.finish(), named, capacities: new Map(Object.entries(capacities)) });
}

/** A request that enters the services one below the other: a client and a server span for each, from `at` on. */
function request(traceId: string, services: string, at = 0, more: Partial<Drawn> = {}): CallSpan[] {
  return [...services].flatMap((service, i) => {
    const times = { traceId, startNs: at + i, durationNs: 100 - 2 * i };
    const server = spanOf({ id: 2 * i + 2, parent: 2 * i + 1, service, kind: KIND.server, ...times, ...more });
    if (i === 0) return [{ ...server, parentSpanId: '' }];
    return [spanOf({ id: 2 * i + 1, parent: 2 * i, service: services[i - 1], kind: KIND.client, ...times }), server];
  });
}

const said = ({ pools, requestsToDeadlock, peakRequests, verdict, chain }: PoolRisk): string =>
  `${pools.map(({ pool, capacity, depth }) => `${pool} ${depth} deep of ${capacity ?? '?'}`).join(' + ')}: ${chain.join('>')}, ` +
  `${requestsToDeadlock ?? '?'} needed, ${peakRequests} at once: ${verdict}`;

describe('pools that requests come back into', () => {
  test('a request that comes back needs two workers; as many such requests as there are workers are stuck', () => {
    const three = [...request('t1', 'aba'), ...request('t2', 'aba', 10), ...request('t3', 'aba', 20)];
    expect(risks(three, { a: 3 }).map(said)).toEqual(['a 2 deep of 3: a>b>a, 3 needed, 3 at once: possible']);
    expect(risks(three, { a: 4 }).map(said)).toEqual(['a 2 deep of 4: a>b>a, 4 needed, 3 at once: spare']);
    expect(risks(three, { a: 1 }).map(said)).toEqual(['a 2 deep of 1: a>b>a, 1 needed, 3 at once: certain']);
    const [unknown] = risks(three);
    expect(said(unknown)).toBe('a 2 deep of ?: a>b>a, ? needed, 3 at once: unknown');
    expect(unknown.safeCapacity).toBe(4);
    expect(unknown.pools[0].peakBusy).toBe(6);
    expect(unknown.traceIds).toEqual(['t1', 't2', 't3']);
    expect(risks([...request('t1', 'abc'), ...request('t2', 'cb')])).toEqual([]);
  });

  test('the deeper it comes back, the fewer suffice', () => {
    const deep = request('t1', 'aaaa');
    expect(risks(deep, { a: 10 })[0].requestsToDeadlock).toBe(4);
    expect(risks(deep, { a: 9 })[0].requestsToDeadlock).toBe(3);
    expect(risks(deep, { a: 3 })[0].verdict).toBe('certain');
    expect(risks(deep, { a: 4 })[0]).toMatchObject({ requestsToDeadlock: 2, safeCapacity: 4, verdict: 'spare' });
  });

  test('what is over, only queued, or a message holds nothing', () => {
    const [outer, client, inner, ...rest] = request('t1', 'aba');
    const over = [{ ...outer, durationNs: 1 }, client, inner, ...rest];
    expect(risks(over, { a: 1 })).toEqual([]);
    const message = [outer, { ...client, kind: KIND.producer }, { ...inner, kind: KIND.consumer }, ...rest];
    expect(risks(message, { a: 1 })).toEqual([]);
    expect(risks([outer, client, inner, ...rest], { a: 1 })).toHaveLength(1);
  });

  test('requests one after another are not at once', () => {
    const spans = [...request('t1', 'aa'), ...request('t2', 'aa', 100), ...request('t3', 'aa', 150)];
    expect(risks(spans)[0]).toMatchObject({ peakRequests: 2, requests: 3, safeCapacity: 3 });
  });

  test('a span takes of the pool that it names, as a second connection of one request', () => {
    const spans = [1, 2, 3].map((id) =>
      spanOf({ id, ...(id > 1 ? { parent: id - 1 } : {}), service: 's', startNs: id, durationNs: 50 - 2 * id }),
    );
    const named = ['connections', '', 'connections'];
    expect(risks(spans, { connections: 2 }, named).map(said)).toEqual([
      'connections 2 deep of 2: connections>connections, 2 needed, 1 at once: spare',
    ]);
    expect(risks(spans, { connections: 1 }, named)[0].verdict).toBe('certain');
  });

  test('two services that call each other deadlock though no request comes back', () => {
    const spans = [...request('t1', 'ab'), ...request('t2', 'ba', 10)];
    expect(risks(spans, { a: 2, b: 1 }).map(said)).toEqual([
      'a 1 deep of 2 + b 1 deep of 1: a>b, 3 needed, 2 at once: spare',
    ]);
    expect(risks(spans, { a: 1, b: 1 })[0].verdict).toBe('possible');
    // One of them is not bounded: it is never full.
    expect(risks(spans, { a: 1 })).toEqual([]);
  });

  test('requests that go no further help to fill the pool of one that comes back', () => {
    // Two workers of a, one of b: the one holds a and b and asks for a, the other holds a and asks for b.
    const spans = [...request('t1', 'aba'), ...request('t2', 'ab', 10)];
    expect(risks(spans, { a: 2, b: 1 })[0]).toMatchObject({ requestsToDeadlock: 2, verdict: 'possible' });
  });

  test('a pool in front that lets in few keeps the others safe', () => {
    const spans = [...request('t1', 'gaa'), ...request('t2', 'gaa', 1)];
    expect(risks(spans, { a: 2, g: 1 })[0]).toMatchObject({ requestsToDeadlock: null, verdict: 'never' });
    expect(risks(spans, { a: 2, g: 2 })[0]).toMatchObject({ requestsToDeadlock: 2, verdict: 'possible' });
  });
});

/** Runs so many requests through their pools in every order: can they get stuck? */
function canGetStuck(chains: readonly string[], capacities: Readonly<Record<string, number>>): boolean {
  const states = [chains.map(() => 0)];
  const seen = new Set(states.map(String));
  for (const at of states) {
    const free = { ...capacities };
    for (const [i, chain] of chains.entries())
      if (at[i] < chain.length) for (const pool of chain.slice(0, at[i])) free[pool]--;
    const movable = at.flatMap((place, i) => (place < chains[i].length && free[chains[i][place]] > 0 ? [i] : []));
    if (movable.length === 0 && at.some((place, i) => place < chains[i].length)) return true;
    for (const i of movable) {
      const next = at.map((place, j) => (j === i ? place + 1 : place));
      if (seen.has(String(next))) continue;
      seen.add(String(next));
      states.push(next);
    }
  }
  return false;
}

/** The fewest requests of these kinds that can get stuck, up to `most`. */
function fewestByTrying(
  kinds: readonly string[],
  capacities: Readonly<Record<string, number>>,
  most: number,
): number | null {
  let groups: string[][] = [[]];
  for (let count = 1; count <= most; count++) {
    groups = groups.flatMap((group) =>
      kinds.filter((kind) => kind >= (group.at(-1) ?? '')).map((kind) => [...group, kind]),
    );
    if (groups.some((group) => canGetStuck(group, capacities))) return count;
  }
  return null;
}

const CASES = Number(process.env['CLEW_HISTORIES'] ?? 2_000);
const REQUESTS_MAX = 5;

test('the fewest requests that deadlock are those that trying every order finds', () => {
  const random = seededChance(29);
  const below = (limit: number): number => Math.floor(random() * limit);
  const counts = new Map<number | null, number>();
  for (let round = 0; round < CASES; round++) {
    const capacities = { a: 1 + below(3), b: 1 + below(3), c: 1 + below(2) };
    const kinds = [
      ...new Set(
        Array.from({ length: 1 + below(3) }, () =>
          Array.from({ length: 1 + below(4) }, () => 'abc'[below(3)]).join(''),
        ),
      ),
    ].sort();
    const spans = kinds.flatMap((kind, i) => request(`t${i}`, kind, 1_000 * i));
    const found = risks(spans, capacities).flatMap(({ requestsToDeadlock }) => requestsToDeadlock ?? []);
    const fewest = found.length === 0 ? null : Math.min(...found);
    const tried = fewestByTrying(kinds, capacities, REQUESTS_MAX);
    const case_ = `${kinds} in ${JSON.stringify(capacities)}`;
    expect(fewest !== null && fewest > REQUESTS_MAX ? null : fewest, case_).toBe(tried);
    counts.set(tried, (counts.get(tried) ?? 0) + 1);
  }
  // Every answer is asked for often enough.
  for (const answer of [null, 1, 2, 3]) expect(counts.get(answer) ?? 0, String(answer)).toBeGreaterThan(CASES / 50);
});
