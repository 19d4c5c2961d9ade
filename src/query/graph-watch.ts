import { canonicalCycle, elementaryCycles, shortestPath } from '../analysis/cycles.ts';
import { findEdge, type Graph, graphOf } from '../analysis/graph.ts';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import type { Engine } from '../store/engine.ts';
import type { CycleAlert } from './api-alerts.ts';
import { type SeenEdge, WINDOW_SECONDS } from './graph-spans.ts';
import { type EdgeLife, edgeLives } from './graph-windows.ts';

/** A cycle of services that is watched. */
export interface WatchedCycle {
  /** In the order of the calls, least name first. */
  readonly services: readonly string[];
  /** Unix milliseconds when it was noticed; null for one that was there at the start. */
  readonly noticedMs: number | null;
}

export interface CycleSummary {
  readonly count: number;
  readonly longest: number;
  readonly meanLength: number;
  readonly services: number;
  readonly truncated: boolean;
}

/** Looks at the edges between services as windows are written, and says when a cycle appears that was not there. */
export interface CycleWatch {
  load(engine: Engine, version: number): Promise<void>;
  /** `isPart`: the edges have some of the window's calls, so that they do not tell how often they are used. */
  take(window: number, edges: readonly SeenEdge[], isPart?: boolean): void;
  cycles(): readonly WatchedCycle[];
  /** All edges between services that were ever seen. */
  edges(): Iterable<EdgeLife>;
  /** Grows with each change of the edges. */
  changes(): number;
  summary(): CycleSummary;
  /** First second of the first window in which the edge was seen. */
  firstSeen(client: string, server: string): number | undefined;
}

const edgeName = (client: string, server: string): string => `${client}\0${server}`;

/** `onCycle` is told of each call that closes a cycle: of the shortest one that it closes. */
export function watchCycles(clock: Clock, onCycle: (cycle: CycleAlert) => void): CycleWatch {
  const lives = new Map<string, { -readonly [K in keyof EdgeLife]: EdgeLife[K] }>();
  let known = new Map<string, WatchedCycle>();
  let truncated = false;
  let isLoaded = false;
  let changes = 0;

  const look = (fresh: readonly EdgeLife[] = []): void => {
    const nowMs = Number(clock.unixNano() / 1_000_000n);
    const used = usedGraph([...lives.values()], nowMs);
    const found = cyclesOf(used);
    truncated = found.truncated;
    const before = known;
    known = new Map();
    const keep = (services: readonly string[]): void => {
      const name = cycleName(services);
      known.set(name, before.get(name) ?? { services, noticedMs: isLoaded ? nowMs : null });
    };
    for (const services of found.cycles) keep(services);
    for (const { services } of before.values()) {
      // Longer than those that are listed, or one of too many.
      if (known.size < LIMITS.cyclesDefault && isUsed(used, services)) keep(services);
    }
    const told = new Set<string>();
    for (const { client, server, traceId } of fresh) {
      const services = shortestThrough(used, client, server);
      if (services === null) continue;
      keep(services);
      if (isLoaded && !told.has(cycleName(services))) onCycle({ services, client, server, traceId });
      told.add(cycleName(services));
    }
  };

  return {
    async load(engine, version) {
      for (const life of await edgeLives(engine, version)) lives.set(edgeName(life.client, life.server), { ...life });
      changes++;
      look();
      isLoaded = true;
    },
    take(window, edges, isPart = false) {
      const fresh: EdgeLife[] = [];
      for (const { client, server, calls, slowestTraceId } of edges) {
        const name = edgeName(client, server);
        const life = lives.get(name);
        if (life === undefined) {
          const first = { client, server, first: window, last: window, callsPerMinute: calls, traceId: slowestTraceId };
          lives.set(name, first);
          fresh.push(first);
          continue;
        }
        if (window - life.last > LIMITS.graphWatchMs / 1000) {
          life.traceId = slowestTraceId;
          fresh.push(life);
        }
        if (window >= life.last && !isPart) life.callsPerMinute = calls;
        life.first = Math.min(life.first, window);
        life.last = Math.max(life.last, window);
      }
      changes += fresh.length;
      if (fresh.length > 0) look(fresh);
    },
    cycles: () => [...known.values()],
    edges: () => lives.values(),
    changes: () => changes,
    summary: () => summaryOf([...known.values()], truncated),
    firstSeen: (client, server) => lives.get(edgeName(client, server))?.first,
  };
}

/** The calls that were used lately, as a graph. */
interface UsedGraph {
  readonly names: readonly string[];
  readonly numbers: ReadonlyMap<string, number>;
  readonly graph: Graph;
}

function usedGraph(lives: readonly EdgeLife[], nowMs: number): UsedGraph {
  const since = (nowMs - LIMITS.graphWatchMs) / 1000 - WINDOW_SECONDS;
  const edges = lives.filter(({ last }) => last >= since);
  const names = [...new Set(edges.flatMap(({ client, server }) => [client, server]))].sort();
  const numbers = new Map(names.map((name, i) => [name, i]));
  const numberOf = (name: string): number => numbers.get(name) ?? 0;
  const graph = graphOf(
    names.length,
    edges.map(({ client }) => numberOf(client)),
    edges.map(({ server }) => numberOf(server)),
  );
  return { names, numbers, graph };
}

/** Cycles of at most cycleLengthDefault services. */
function cyclesOf({ names, graph }: UsedGraph): { cycles: string[][]; truncated: boolean } {
  const limits = {
    countMax: LIMITS.cyclesDefault,
    lengthMax: LIMITS.cycleLengthDefault,
    stepsMax: LIMITS.cycleStepsMax,
  };
  const { cycles, truncated } = elementaryCycles(graph, limits);
  return { cycles: cycles.map((cycle) => [...cycle].map((v) => names[v])), truncated };
}

/** A shortest cycle through a call, least name first; null when it closes none or was not used lately. */
function shortestThrough({ names, numbers, graph }: UsedGraph, client: string, server: string): string[] | null {
  const [from, to] = [numbers.get(client), numbers.get(server)];
  if (from === undefined || to === undefined || findEdge(graph, from, to) < 0) return null;
  const back = shortestPath(graph, to, from);
  return back === null ? null : [...canonicalCycle(back)].map((v) => names[v]);
}

function isUsed({ numbers, graph }: UsedGraph, services: readonly string[]): boolean {
  const found = services.map((service) => numbers.get(service) ?? -1);
  return found.every((v, i) => {
    const next = found[(i + 1) % found.length];
    return v >= 0 && next >= 0 && findEdge(graph, v, next) >= 0;
  });
}

const cycleName = (services: readonly string[]): string => services.join(' → ');

function summaryOf(cycles: readonly WatchedCycle[], truncated: boolean): CycleSummary {
  const lengths = cycles.map(({ services }) => services.length);
  return {
    count: cycles.length,
    longest: Math.max(0, ...lengths),
    meanLength: lengths.length === 0 ? 0 : lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
    services: new Set(cycles.flatMap(({ services }) => services)).size,
    truncated,
  };
}
