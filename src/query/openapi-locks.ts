/** Schemas of the requests and answers about locks (api-locks.ts has the same as types). */

const text = { type: 'string' } as const;
const nanos = { type: 'string', pattern: '^\\d+$', description: 'Nanoseconds as decimal text' } as const;
const nanosOrNull = { type: ['string', 'null'], pattern: '^\\d+$' } as const;
const integer = { type: 'integer' } as const;
const integerOrNull = { type: ['integer', 'null'] } as const;
const list = (items: object): object => ({ type: 'array', items });
const some = (properties: Readonly<Record<string, object>>, required: readonly string[]): object => ({
  type: 'object',
  properties,
  required,
});
const record = (properties: Readonly<Record<string, object>>): object => some(properties, Object.keys(properties));

const claims = list(record({ resource: text, mode: text, amount: integer, sinceUnixNano: nanos }));
const owner = record({ owner: text, service: text, traceId: text, doing: text, holds: claims, waits: claims });
const edge = record({ waiter: text, blocker: text, resource: text, isSoft: { type: 'boolean' } });
const toldClaims = list(some({ owner: text, mode: text, amount: integer, sinceUnixNano: nanos }, ['owner']));

export const LOCK_SCHEMAS: Readonly<Record<string, object>> = {
  Locks: record({
    timeUnixNano: nanos,
    deadlocks: list(
      record({
        id: text,
        kind: { enum: ['cycle', 'knot', 'units', 'self', 'queue'] },
        state: { enum: ['suspected', 'confirmed', 'over'] },
        members: list(owner),
        cycle: list(edge),
        bystanders: list(text),
        sinceUnixNano: nanos,
        noticedUnixNano: nanos,
        confirmedUnixNano: nanosOrNull,
        overUnixNano: nanosOrNull,
        victims: list(text),
        frees: list(text),
        order: list(text),
        resolvedBy: text,
      }),
    ),
    owners: list(owner),
    edges: list(edge),
  }),
  LockSnapshot: some(
    {
      source: text,
      resources: list(
        some({ resource: text, capacity: integer, holders: toldClaims, waiters: toldClaims }, ['resource']),
      ),
      owners: list(
        some(
          {
            owner: text,
            service: text,
            traceId: text,
            doing: text,
            priority: { type: 'number' },
            startUnixNano: nanos,
            restarts: integer,
            needs: integer,
          },
          ['owner'],
        ),
      ),
    },
    ['source', 'resources'],
  ),
  Pools: record({
    traces: integer,
    spans: integer,
    truncated: { type: 'boolean' },
    risks: list(
      record({
        pools: list(record({ pool: text, capacity: integerOrNull, depth: integer, peakBusy: integer })),
        chain: list(text),
        requests: integer,
        peakRequests: integer,
        requestsToDeadlock: integerOrNull,
        safeCapacity: integerOrNull,
        verdict: { enum: ['certain', 'possible', 'spare', 'never', 'unknown'] },
        traceIds: list(text),
      }),
    ),
  }),
  LockSnapshotTaken: record({ holds: integer, waits: integer }),
};
