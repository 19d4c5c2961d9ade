import { OnlineOrder } from '../analysis/online-order.ts';
import { afterCall, type Rate, waitOf } from './rate.ts';
import { type CompiledRules, compileRules, type GuardRules } from './rules.ts';

export interface GuardOptions extends GuardRules {
  /** An edge that no call used for this long is forgotten. Default an hour. */
  readonly historyMs?: number;
  /** Edges that are remembered at most; calls on others are then answered as `full`. Default 100,000. */
  readonly edgesMax?: number;
  /** Unix milliseconds. Default Date.now. */
  readonly now?: () => number;
}

/** Why a call is allowed (known, new) or is not. */
export type Reason = 'known' | 'new' | 'self' | 'denied' | 'not-allowed' | 'layer' | 'cycle' | 'rate' | 'full';

export interface Decision {
  readonly allowed: boolean;
  readonly reason: Reason;
  /** In report mode: enforce would have denied the call. */
  readonly flagged: boolean;
  /** With reason `cycle`: the calls that lead from the server back to the client already, both included. */
  readonly path: readonly string[] | null;
  /** The least used call on that path: where the cycle is cut most cheaply, if this call is to be allowed. */
  readonly cut: { readonly client: string; readonly server: string; readonly callsPerMinute: number } | null;
  /** With reason `rate`: when to try again. */
  readonly retryAfterMs: number;
}

/** What is kept of a guard: JSON. */
export interface GuardState {
  readonly version: 1;
  /** Client, server, last call (Unix ms), calls a minute, arrival of the rate limit (Unix ms). */
  readonly edges: readonly (readonly [string, string, number, number, number])[];
}

interface Edge {
  readonly from: number;
  readonly to: number;
  lastMs: number;
  /** Calls a minute up to `weighedMs`, a mean that forgets half in ten minutes, and the calls since. */
  weight: number;
  weighedMs: number;
  calls: number;
  arrivalMs: number;
  readonly rate: Rate | null;
}

const HISTORY_MS = 3_600_000;
const EDGES_MAX = 100_000;
const HALF_LIFE_MS = 600_000;
const KNOWN: Decision = { allowed: true, reason: 'known', flagged: false, path: null, cut: null, retryAfterMs: 0 };
const NEW: Decision = { ...KNOWN, reason: 'new' };

/**
 * Decides whether a service may call another now. A call on an edge that is known costs two look-ups; a new edge costs a search between its
 * two ends (Pearce and Kelly), and is refused when it would close a cycle. Memory is bounded by the edges, not by the calls.
 */
export class Guard {
  readonly #historyMs: number;
  readonly #edgesMax: number;
  readonly #now: () => number;
  #rules: CompiledRules;
  readonly #edges = new Map<string, Map<string, Edge>>();
  #edgeCount = 0;
  readonly #order = new OnlineOrder();
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #degree: number[] = [];
  readonly #free: number[] = [];
  #nextSweepMs = 0;

  constructor(options: GuardOptions = {}) {
    this.#historyMs = options.historyMs ?? HISTORY_MS;
    this.#edgesMax = options.edgesMax ?? EDGES_MAX;
    this.#now = options.now ?? wallClock;
    this.#rules = compileRules(options);
  }

  /** Edges that are remembered. */
  get edgeCount(): number {
    return this.#edgeCount;
  }

  /** Vertices that searches for cycles have looked at so far. */
  get visited(): number {
    return this.#order.visited;
  }

  /** Other rules from now on. Edges that they forbid are forgotten. */
  setRules(rules: GuardRules): void {
    this.#rules = compileRules(rules);
    const kept = this.toJSON();
    for (const [client, server] of kept.edges) this.#forget(client, server);
    for (const edge of kept.edges) this.#restore(edge);
  }

  /** Decides, and counts the call when it is allowed. */
  check(client: string, server: string): Decision {
    const nowMs = this.#now();
    const edge = this.#edges.get(client)?.get(server);
    if (edge !== undefined && nowMs - edge.lastMs <= this.#historyMs) return this.#use(edge, nowMs, KNOWN);
    return this.#checkNew(client, server, nowMs);
  }

  /** A call that was seen to happen, whatever the rules: remembered unless it closes a cycle. */
  observe(client: string, server: string, atMs: number, callsPerMinute = 0): void {
    if (client === server || this.#edges.get(client)?.has(server) || this.#edgeCount >= this.#edgesMax) return;
    const edge = this.#insert(client, server, atMs);
    if (!Array.isArray(edge)) edge.weight = callsPerMinute;
  }

  toJSON(): GuardState {
    const edges: [string, string, number, number, number][] = [];
    for (const [client, servers] of this.#edges) {
      for (const [server, edge] of servers) {
        weigh(edge, edge.lastMs);
        edges.push([client, server, edge.lastMs, edge.weight, edge.arrivalMs]);
      }
    }
    return { version: 1, edges };
  }

  /** A guard with the edges of an earlier one. */
  static fromJSON(state: GuardState, options: GuardOptions = {}): Guard {
    if (state.version !== 1 || !Array.isArray(state.edges)) throw new Error('this is not the state of a guard');
    const guard = new Guard(options);
    for (const edge of state.edges) guard.#restore(edge);
    return guard;
  }

  #restore([client, server, lastMs, weight, arrivalMs]: GuardState['edges'][number]): void {
    if (this.#broken(client, server) !== null) return;
    const edge = client === server ? this.#remember(client, server, lastMs) : this.#insert(client, server, lastMs);
    if (edge === null || Array.isArray(edge)) return;
    edge.weight = weight;
    edge.arrivalMs = arrivalMs;
  }

  #checkNew(client: string, server: string, nowMs: number): Decision {
    const broken = this.#broken(client, server);
    if (broken !== null) return this.#refuse(broken);
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    this.#forget(client, server);
    if (this.#edgeCount >= this.#edgesMax) return this.#refuse('full');
    if (client === server) return this.#use(this.#remember(client, server, nowMs), nowMs, NEW);
    for (;;) {
      const inserted = this.#insert(client, server, nowMs);
      if (!Array.isArray(inserted)) return this.#use(inserted, nowMs, NEW);
      if (!this.#forgetOldOn(inserted, nowMs)) return this.#refuse('cycle', inserted, nowMs);
    }
  }

  /** What the rules have against a call, null when nothing. */
  #broken(client: string, server: string): Reason | null {
    const rules = this.#rules;
    if (client === server && !rules.selfCalls) return 'self';
    if (rules.isDenied(client, server)) return 'denied';
    if (!rules.isAllowed(client, server)) return 'not-allowed';
    return rules.layersBroken(client, server) === null ? null : 'layer';
  }

  /** Counts a call on an edge, or says how long to wait. A call that must wait uses nothing up. */
  #use(edge: Edge, nowMs: number, decision: Decision): Decision {
    if (edge.rate !== null) {
      const waitMs = waitOf(edge.rate, edge.arrivalMs, nowMs);
      if (waitMs > 0) return { ...this.#refuse('rate'), retryAfterMs: waitMs };
      edge.arrivalMs = afterCall(edge.rate, edge.arrivalMs, nowMs);
    }
    edge.calls++;
    if (nowMs - edge.weighedMs >= WEIGH_MS) weigh(edge, nowMs);
    if (nowMs > edge.lastMs) edge.lastMs = nowMs;
    return decision;
  }

  #refuse(reason: Reason, path: readonly number[] | null = null, nowMs = 0): Decision {
    const isEnforced = this.#rules.mode === 'enforce';
    const names = path?.map((vertex) => this.#names[vertex]) ?? null;
    const cut = names === null ? null : this.#lightest(names, nowMs);
    return { allowed: !isEnforced, reason, flagged: !isEnforced, path: names, cut, retryAfterMs: 0 };
  }

  #lightest(names: readonly string[], nowMs: number): Decision['cut'] {
    let best: Decision['cut'] = null;
    for (let i = 1; i < names.length; i++) {
      const edge = this.#edges.get(names[i - 1])?.get(names[i]);
      if (edge === undefined) continue;
      weigh(edge, nowMs);
      const callsPerMinute = edge.weight;
      if (best === null || callsPerMinute < best.callsPerMinute)
        best = { client: names[i - 1], server: names[i], callsPerMinute };
    }
    return best;
  }

  /** The new edge, or the path that it would close to a cycle. */
  #insert(client: string, server: string, atMs: number): Edge | number[] {
    const from = this.#vertex(client);
    const to = this.#vertex(server);
    const path = this.#order.insert(from, to);
    if (path === null) return this.#remember(client, server, atMs);
    this.#release(from);
    this.#release(to);
    return path;
  }

  #remember(client: string, server: string, atMs: number): Edge {
    const from = this.#vertex(client);
    const to = this.#vertex(server);
    const rate = this.#rules.rate(client, server);
    const edge = { from, to, lastMs: atMs, weight: 0, weighedMs: atMs, calls: 0, arrivalMs: 0, rate };
    const servers = this.#edges.get(client) ?? new Map<string, Edge>();
    servers.set(server, edge);
    this.#edges.set(client, servers);
    this.#edgeCount++;
    this.#degree[from]++;
    this.#degree[to]++;
    return edge;
  }

  #forget(client: string, server: string): void {
    const servers = this.#edges.get(client);
    const edge = servers?.get(server);
    if (servers === undefined || edge === undefined) return;
    servers.delete(server);
    if (servers.size === 0) this.#edges.delete(client);
    this.#edgeCount--;
    this.#order.remove(edge.from, edge.to);
    this.#degree[edge.from]--;
    this.#degree[edge.to]--;
    this.#release(edge.from);
    this.#release(edge.to);
  }

  /** Forgets the edges of a path that are too old. True when there was one. */
  #forgetOldOn(path: readonly number[], nowMs: number): boolean {
    const names = path.map((vertex) => this.#names[vertex]);
    let isAny = false;
    for (let i = 1; i < names.length; i++) {
      const edge = this.#edges.get(names[i - 1])?.get(names[i]);
      if (edge === undefined || nowMs - edge.lastMs <= this.#historyMs) continue;
      this.#forget(names[i - 1], names[i]);
      isAny = true;
    }
    return isAny;
  }

  /** Forgets every edge that is too old, now and then. */
  #sweep(nowMs: number): void {
    this.#nextSweepMs = nowMs + this.#historyMs / SWEEPS;
    for (const [client, server, lastMs] of this.toJSON().edges) {
      if (nowMs - lastMs > this.#historyMs) this.#forget(client, server);
    }
  }

  #vertex(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const vertex = this.#free.pop() ?? this.#order.addVertex();
    this.#numbers.set(name, vertex);
    this.#names[vertex] = name;
    this.#degree[vertex] = 0;
    return vertex;
  }

  /** A service without edges gives its number back. */
  #release(vertex: number): void {
    const name = this.#names[vertex];
    if (this.#degree[vertex] > 0 || this.#numbers.get(name) !== vertex) return;
    this.#numbers.delete(name);
    this.#free.push(vertex);
  }
}

/** Calls of so long are weighed together: the power is what a decision on a known edge would cost most. */
const WEIGH_MS = 1_000;

function weigh(edge: Edge, nowMs: number): void {
  const elapsed = Math.max(0, nowMs - edge.weighedMs);
  edge.weight = edge.weight * 2 ** (-elapsed / HALF_LIFE_MS) + edge.calls * WEIGHT_OF_CALL;
  edge.weighedMs += elapsed;
  edge.calls = 0;
}

/** With so much a call, an even stream of n calls a minute weighs n: the sum of a geometric series with the half-life. */
const WEIGHT_OF_CALL = 1 - 2 ** (-60_000 / HALF_LIFE_MS);

/** Sweeps in one length of the history. */
const SWEEPS = 60;

/** The guard runs inside other programs too, which have no Clock to hand. */
const wallClock = (): number => performance.timeOrigin + performance.now();
