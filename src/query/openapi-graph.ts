/** Schemas of the answers about the call graph (api.ts has the same as types). */

const text = { type: 'string' } as const;
const nanos = { type: 'string', pattern: '^\\d+$', description: 'Nanoseconds as decimal text' } as const;
const nanosOrNull = { type: ['string', 'null'], pattern: '^\\d+$' } as const;
const integer = { type: 'integer' } as const;
const number = { type: 'number' } as const;
const bool = { type: 'boolean' } as const;
const list = (items: object): object => ({ type: 'array', items });
const record = (properties: Readonly<Record<string, object>>): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
});

const level = { enum: ['service', 'operation'] } as const;
const range = {
  startTimeUnixNano: nanos,
  endTimeUnixNano: nanos,
  pendingMinutes: number,
  completeUntilUnixNano: nanosOrNull,
};
const vertex = { service: text, operation: text };
const ends = { client: text, clientOperation: text, server: text, serverOperation: text };
const vertices = list(record(vertex));

const node = record({
  ...vertex,
  kind: { enum: ['service', 'database', 'queue', 'user', 'external'] },
  level: integer,
  component: { type: ['integer', 'null'] },
  calls: integer,
  failed: integer,
});
const edge = record({
  ...ends,
  connection: { enum: ['', 'messaging_system', 'database', 'virtual_node'] },
  calls: integer,
  failed: integer,
  meanNano: nanos,
  p50Nano: nanos,
  p95Nano: nanos,
  p99Nano: nanos,
  serverMeanNano: nanos,
  slowestTraceId: text,
  inCycle: bool,
  isCut: bool,
});
const cycle = record({
  kind: { enum: ['service', 'operation', 're-entrant'] },
  severity: { enum: ['high', 'medium', 'low'] },
  vertices,
  calls: integer,
  firstSeenUnixNano: nanosOrNull,
  noticedUnixNano: nanosOrNull,
  traceIds: list(text),
  cutAt: { type: ['integer', 'null'] },
});

const numberOrNull = { type: ['number', 'null'] } as const;
const callRule = record({ client: text, server: text });

export const GRAPH_SCHEMAS: Readonly<Record<string, object>> = {
  CallGraph: record({
    ...range,
    level,
    nodes: list(node),
    edges: list(edge),
    unpairedClients: integer,
    unpairedServers: integer,
  }),
  CallCycles: record({
    ...range,
    level,
    truncated: bool,
    summary: record({ count: integer, longest: integer, meanLength: number, services: integer }),
    components: list(record({ vertices, edges: integer, calls: integer })),
    cycles: list(cycle),
    cut: record({ calls: integer, edges: list(record({ ...ends, calls: integer })) }),
  }),
  GuardQuestion: record({ client: text, server: text }),
  GuardDecision: record({
    allowed: bool,
    reason: { enum: ['known', 'new', 'self', 'denied', 'not-allowed', 'layer', 'cycle', 'rate', 'full'] },
    flagged: bool,
    path: { type: ['array', 'null'], items: text },
    cut: { anyOf: [record({ client: text, server: text, callsPerMinute: number }), { type: 'null' }] },
    retryAfterMs: number,
  }),
  GuardRuleSet: {
    type: 'object',
    properties: {
      mode: { enum: ['report', 'enforce'] },
      allow: list(callRule),
      deny: list(callRule),
      layers: list(list(text)),
      selfCalls: bool,
      callsPerMinute: numberOrNull,
      burst: number,
      rates: list({
        type: 'object',
        properties: { client: text, server: text, callsPerMinute: numberOrNull, burst: number },
      }),
    },
  },
  GuardRules: record({ rules: { $ref: '#/components/schemas/GuardRuleSet' }, edges: integer }),
  CallOrder: record({
    ...range,
    level,
    method: { enum: ['kahn', 'dfs'] },
    isCyclic: bool,
    order: list(record({ ...vertex, level: integer, component: { type: ['integer', 'null'] } })),
    stages: list(vertices),
    components: list(vertices),
  }),
};
