import { type CallGraph, serviceEdges } from '../analysis/call-graph.ts';
import { elementaryCycles } from '../analysis/cycles.ts';
import { graphOf } from '../analysis/graph.ts';
import { LIMITS } from '../base/limits.ts';
import type { Clock } from '../host/clock.ts';
import type { Engine } from '../store/engine.ts';
import { WINDOW_SECONDS } from './graph-spans.ts';
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
  take(window: number, graph: CallGraph): void;
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

export function watchCycles(clock: Clock, report: (text: string) => void): CycleWatch {
  const lives = new Map<string, { -readonly [K in keyof EdgeLife]: EdgeLife[K] }>();
  let known = new Map<string, WatchedCycle>();
  let truncated = false;
  let isLoaded = false;
  let changes = 0;

  const look = (fresh: ReadonlySet<string> = new Set()): void => {
    const nowMs = Number(clock.unixNano() / 1_000_000n);
    const found = cyclesOf([...lives.values()], nowMs);
    truncated = found.truncated;
    const before = known;
    known = new Map();
    for (const services of found.cycles) {
      const name = services.join(' → ');
      const cycle = before.get(name) ?? { services, noticedMs: isLoaded ? nowMs : null };
      known.set(name, cycle);
      if (isLoaded && !before.has(name) && before.size < LIMITS.cyclesDefault) {
        report(
          `a new cycle of calls: ${name} → ${services[0]} (for example trace ${exampleOf(lives, fresh, services)})`,
        );
      }
    }
  };

  return {
    async load(engine, version) {
      for (const life of await edgeLives(engine, version)) lives.set(edgeName(life.client, life.server), { ...life });
      changes++;
      look();
      isLoaded = true;
    },
    take(window, graph) {
      const fresh = new Set<string>();
      for (const { client, server, calls, slowestTraceId } of serviceEdges(graph.edges)) {
        const name = edgeName(client, server);
        const life = lives.get(name);
        if (life === undefined) {
          lives.set(name, {
            client,
            server,
            first: window,
            last: window,
            callsPerMinute: calls,
            traceId: slowestTraceId,
          });
          fresh.add(name);
          continue;
        }
        if (window - life.last > LIMITS.graphWatchMs / 1000) fresh.add(name);
        if (window >= life.last) life.callsPerMinute = calls;
        life.first = Math.min(life.first, window);
        life.last = Math.max(life.last, window);
      }
      changes += fresh.size;
      if (fresh.size > 0) look(fresh);
    },
    cycles: () => [...known.values()],
    edges: () => lives.values(),
    changes: () => changes,
    summary: () => summaryOf([...known.values()], truncated),
    firstSeen: (client, server) => lives.get(edgeName(client, server))?.first,
  };
}

/** A trace of the edge that closed the cycle. */
function exampleOf(
  lives: ReadonlyMap<string, EdgeLife>,
  fresh: ReadonlySet<string>,
  services: readonly string[],
): string {
  const names = services.map((service, i) => edgeName(service, services[(i + 1) % services.length]));
  return lives.get(names.find((name) => fresh.has(name)) ?? names[0])?.traceId ?? 'unknown';
}

/** Cycles of at most cycleLengthDefault services over the edges that were used lately. */
function cyclesOf(lives: readonly EdgeLife[], nowMs: number): { cycles: string[][]; truncated: boolean } {
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
  const limits = {
    countMax: LIMITS.cyclesDefault,
    lengthMax: LIMITS.cycleLengthDefault,
    stepsMax: LIMITS.cycleStepsMax,
  };
  const { cycles, truncated } = elementaryCycles(graph, limits);
  return { cycles: cycles.map((cycle) => [...cycle].map((v) => names[v])), truncated };
}

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
