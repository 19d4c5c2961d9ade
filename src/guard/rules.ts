import { type Rate, rateOf } from './rate.ts';

/** Which calls a rule is about; `*` stands for any service. */
export interface EdgeRule {
  readonly client: string;
  readonly server: string;
}

export interface GuardRules {
  /** report (default): every call is allowed, and the decision says what enforce would have done. */
  readonly mode?: 'report' | 'enforce';
  /** Calls that are allowed; when given, no others. */
  readonly allow?: readonly EdgeRule[];
  /** Calls that are never allowed, whatever `allow` says. */
  readonly deny?: readonly EdgeRule[];
  /** Services from the outermost layer inwards: a layer may call itself and those after it. Services in no layer are free. */
  readonly layers?: readonly (readonly string[])[];
  /** May a service call itself? Default true: it is a cycle of one, and its own business. */
  readonly selfCalls?: boolean;
  /** Calls a minute on one edge, and how many of them at once (default: all). Default 100; null for any number. */
  readonly callsPerMinute?: number | null;
  readonly burst?: number;
  /** Other rates for some edges; the first that fits counts. */
  readonly rates?: readonly (EdgeRule & { readonly callsPerMinute: number | null; readonly burst?: number })[];
}

const CALLS_PER_MINUTE = 100;

/** Rules in a form that is quick to ask. */
export interface CompiledRules {
  readonly mode: 'report' | 'enforce';
  readonly selfCalls: boolean;
  isAllowed(client: string, server: string): boolean;
  isDenied(client: string, server: string): boolean;
  /** The layers of both when the client's lies behind the server's, else null. */
  layersBroken(client: string, server: string): readonly [number, number] | null;
  rate(client: string, server: string): Rate | null;
}

export function compileRules(rules: GuardRules): CompiledRules {
  const allow = rules.allow === undefined ? null : pairs(rules.allow);
  const deny = pairs(rules.deny ?? []);
  const layerOf = new Map((rules.layers ?? []).flatMap((names, layer) => names.map((name) => [name, layer] as const)));
  const standard = rateFrom(rules.callsPerMinute === undefined ? CALLS_PER_MINUTE : rules.callsPerMinute, rules.burst);
  const special = (rules.rates ?? []).map((rule) => ({ rule, rate: rateFrom(rule.callsPerMinute, rule.burst) }));
  return {
    mode: rules.mode ?? 'report',
    selfCalls: rules.selfCalls ?? true,
    isAllowed: (client, server) => allow === null || allow(client, server),
    isDenied: deny,
    layersBroken(client, server) {
      const [from, to] = [layerOf.get(client), layerOf.get(server)];
      return from === undefined || to === undefined || from <= to ? null : [from, to];
    },
    rate(client, server) {
      const found = special.find(({ rule }) => fits(rule.client, client) && fits(rule.server, server));
      return found === undefined ? standard : found.rate;
    },
  };
}

const fits = (pattern: string, name: string): boolean => pattern === '*' || pattern === name;

function rateFrom(callsPerMinute: number | null, burst: number | undefined): Rate | null {
  return callsPerMinute === null ? null : rateOf(callsPerMinute, burst ?? Math.max(1, callsPerMinute));
}

/** Whether any rule fits: at most four look-ups, however many rules there are. */
function pairs(rules: readonly EdgeRule[]): (client: string, server: string) => boolean {
  const known = new Map<string, Set<string>>();
  for (const { client, server } of rules) known.set(client, (known.get(client) ?? new Set()).add(server));
  const has = (client: string, server: string): boolean => {
    const servers = known.get(client);
    return servers !== undefined && (servers.has(server) || servers.has('*'));
  };
  return (client, server) => has(client, server) || has('*', server);
}
