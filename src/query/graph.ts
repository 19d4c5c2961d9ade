import type { CallGraph } from '../analysis/call-graph.ts';
import { LIMITS } from '../base/limits.ts';
import type { Engine } from '../store/engine.ts';
import type { CallCycle, CyclesAnswer, GraphAnswer, GraphRange, OrderAnswer } from './api.ts';
import { cyclesAnswer, graphAnswer, type Level, numberGraph, orderAnswer } from './graph-answers.ts';
import { graphDot } from './graph-dot.ts';
import type { GraphKeeper, GraphState } from './graph-keeper.ts';
import { WINDOW_SECONDS, windowOf } from './graph-spans.ts';
import { readGraph } from './graph-windows.ts';
import type { Parameters } from './parameters.ts';
import { badParameter } from './problem.ts';

/** What the answers are made from: the store, and what is kept of the graph. */
export interface GraphWorld {
  readonly engine: Engine;
  readonly graph: GraphKeeper;
}

const RANGE = ['start', 'end', 'level'];
export const GRAPH_PARAMETERS = [...RANGE, 'service', 'hops', 'format'];
export const CYCLES_PARAMETERS = [...RANGE, 'maxLength', 'limit'];
export const ORDER_PARAMETERS = [...RANGE, 'method'];

const HOPS_MAX = 20;

/** The graph as JSON, or as Graphviz text. */
export async function callGraph(
  world: GraphWorld,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<GraphAnswer | string> {
  const { calls, level, range } = await readCalls(world, parameters, signal);
  const service = parameters.text('service');
  const hops = parameters.integer('hops', 1, 1, HOPS_MAX);
  const format = parameters.oneOf('format', ['json', 'dot']) ?? 'json';
  const whole = graphAnswer(calls, level);
  const answer = service === undefined ? whole : neighbourhood(whole, service, hops);
  return format === 'dot' ? graphDot(answer) : { ...range, ...answer };
}

export async function callCycles(
  world: GraphWorld,
  parameters: Parameters,
  signal?: AbortSignal,
): Promise<CyclesAnswer> {
  const { calls, level, range, state } = await readCalls(world, parameters, signal);
  const lengthMax = parameters.integer('maxLength', LIMITS.cycleLengthDefault, 1, LIMITS.cyclesMax);
  const limit = parameters.integer('limit', LIMITS.cyclesDefault, 1, LIMITS.cyclesMax);
  const firstSeen = (services: readonly string[]) => lifeOf(state, services);
  return { ...range, ...cyclesAnswer(calls, { level, lengthMax, limit, firstSeen }) };
}

export async function callOrder(world: GraphWorld, parameters: Parameters, signal?: AbortSignal): Promise<OrderAnswer> {
  const { calls, level, range } = await readCalls(world, parameters, signal);
  const method = parameters.oneOf('method', ['kahn', 'dfs']) ?? 'kahn';
  return { ...range, ...orderAnswer(level, method, numberGraph(calls.edges)) };
}

interface Asked {
  readonly calls: CallGraph;
  readonly level: Level;
  readonly range: GraphRange;
  readonly state: GraphState;
}

async function readCalls({ engine, graph }: GraphWorld, parameters: Parameters, signal?: AbortSignal): Promise<Asked> {
  const { start, end } = parameters.range();
  const level = parameters.oneOf('level', ['service', 'operation']) ?? 'service';
  const first = windowOf(secondOf('start', start));
  // The window that holds the last nanosecond before `end`.
  const last = windowOf(secondOf('end', end - 1n));
  const state = graph.state();
  const pending = state.pending.filter((window) => window >= first && window <= last);
  const calls = await readGraph(engine, { first, last, version: state.version }, level, signal);
  const range = {
    startTimeUnixNano: nanosOf(first),
    endTimeUnixNano: nanosOf(last + WINDOW_SECONDS),
    pendingMinutes: (pending.length * WINDOW_SECONDS) / 60,
    completeUntilUnixNano: pending.length === 0 ? null : nanosOf(pending[0]),
  };
  return { calls, level, range, state };
}

const nanosOf = (second: number): string => (BigInt(second) * 1_000_000_000n).toString();

function secondOf(name: string, nanos: bigint): number {
  const second = Number(nanos / 1_000_000_000n);
  if (second >= 2 ** 32) throw badParameter(name, nanos.toString(), 'must lie before the year 2106');
  return second;
}

function lifeOf(
  { watch }: GraphState,
  services: readonly string[],
): Pick<CallCycle, 'firstSeenUnixNano' | 'noticedUnixNano'> {
  const seconds = services.map((service, i) => watch.firstSeen(service, services[(i + 1) % services.length]));
  const isKnown = seconds.every((second) => second !== undefined);
  const name = services.join('\0');
  const noticedMs = watch.cycles().find((cycle) => cycle.services.join('\0') === name)?.noticedMs ?? null;
  return {
    firstSeenUnixNano: isKnown ? nanosOf(Math.max(...seconds.map((second) => second ?? 0))) : null,
    noticedUnixNano: noticedMs === null ? null : (BigInt(Math.round(noticedMs)) * 1_000_000n).toString(),
  };
}

/** What is at most `hops` calls away from a service, in both directions. */
function neighbourhood<T extends Pick<GraphAnswer, 'nodes' | 'edges'>>(graph: T, service: string, hops: number): T {
  const near = new Set([service]);
  for (let hop = 0; hop < hops; hop++) {
    const reached = graph.edges.filter(({ client, server }) => near.has(client) || near.has(server));
    for (const { client, server } of reached) near.add(client).add(server);
  }
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => near.has(node.service)),
    edges: graph.edges.filter(({ client, server }) => near.has(client) && near.has(server)),
  };
}
