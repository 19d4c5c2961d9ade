/** Schemas of the answer about a fleet (api-fleet.ts has the same as types). */

const text = { type: 'string' } as const;
const integer = { type: 'integer' } as const;
const number = { type: 'number' } as const;
const list = (items: object): object => ({ type: 'array', items });
const record = (properties: Readonly<Record<string, object>>): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
});
const signals = (of: object): object => record({ traces: of, metrics: of, logs: of });
const reasons = { type: 'object', additionalProperties: integer } as const;
const role = { enum: ['all', 'edge', 'regional', 'central'] } as const;

const receiver = record({
  receiver: integer,
  up: { type: 'boolean' },
  accepted: signals(integer),
  perSecond: signals(number),
  repeated: integer,
  refused: reasons,
  ackP99Ms: number,
  memoryBytes: integer,
});
const account = record({
  signal: text,
  received: integer,
  forwarded: integer,
  queued: integer,
  dead: integer,
  dropped: integer,
  elsewhere: integer,
  lost: integer,
  refusedInPart: integer,
});
const target = record({
  url: text,
  instance: text,
  condition: { enum: ['up', 'down', 'ejected'] },
  share: number,
  responseMs: number,
  reason: text,
});
const lane = record({
  key: text,
  receiver: integer,
  signal: text,
  failures: integer,
  lastFailure: text,
  batches: integer,
  bytes: integer,
  receivedMs: integer,
  acknowledgedMs: integer,
  waitingSinceMs: integer,
  waitsFor: list(integer),
  protocol: text,
  connections: reasons,
  refusedEvents: reasons,
});
const destination = record({
  name: text,
  url: text,
  targets: list(target),
  accounts: list(account),
  lanes: list(lane),
  queuedSegments: integer,
  queuedBytes: integer,
});
const hop = record({
  name: text,
  url: text,
  targets: list(target),
  accounts: list(account),
  queuedBytes: integer,
  queuedSegments: integer,
  lagMs: number,
  failures: integer,
  lastFailure: text,
});
const node = record({
  instance: text,
  name: text,
  role,
  version: text,
  upMs: number,
  receivers: integer,
  receiversUp: integer,
  accepted: signals(integer),
  perSecond: signals(number),
  refused: reasons,
  journalBytes: integer,
  journalQuotaBytes: integer,
  diskFreeBytes: integer,
  diskTotalBytes: integer,
  memoryBytes: integer,
  hops: list(hop),
  silentMs: number,
});

export const FLEET_SCHEMAS: Readonly<Record<string, object>> = {
  FleetNode: record({
    role,
    instance: text,
    name: text,
    version: text,
    startedAt: text,
    receivers: list(receiver),
    journal: record({ bytes: integer, quotaBytes: integer }),
    sources: list(record({ instance: text, batches: integer, lastMs: integer })),
    rules: list(record({ rule: text, applied: integer })),
    destinations: list(destination),
    disk: record({ totalBytes: integer, freeBytes: integer }),
    nodes: list(node),
  }),
};
