/** Schemas of the answers about critical paths (api.ts has the same as types). */

const text = { type: 'string' } as const;
const nanos = { type: 'string', pattern: '^\\d+$', description: 'Nanoseconds as decimal text' } as const;
const integer = { type: 'integer' } as const;
const number = { type: 'number' } as const;
const bool = { type: 'boolean' } as const;
const list = (items: object): object => ({ type: 'array', items });
const record = (properties: Readonly<Record<string, object>>): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
});

const mode = { enum: ['strict', 'crisp'] } as const;
const sectionKind = { enum: ['self', 'gap', 'unobserved'] } as const;
const target = {
  kind: { enum: ['operation', 'service', 'edge', 'unobserved'] },
  service: text,
  operation: text,
  toService: text,
  toOperation: text,
};
const window = record({ startTimeUnixNano: nanos, endTimeUnixNano: nanos, traces: integer, meanNano: number });

export const CRITICAL_SCHEMAS: Readonly<Record<string, object>> = {
  TracePath: record({
    traceId: text,
    mode,
    rootSpanId: text,
    startTimeUnixNano: nanos,
    durationNano: nanos,
    notes: list(text),
    sections: list(
      record({
        kind: sectionKind,
        spanId: text,
        serverSpanId: { type: ['string', 'null'] },
        service: text,
        operation: text,
        startTimeUnixNano: nanos,
        durationNano: nanos,
        dragNano: nanos,
      }),
    ),
    slack: list(record({ spanId: text, slackNano: nanos })),
  }),
  PathSums: record({
    mode,
    traces: integer,
    truncated: bool,
    totalNano: number,
    shares: list(
      record({
        ...target,
        share: number,
        totalNano: number,
        traces: integer,
        p50Nano: number,
        p95Nano: number,
        savableNano: number,
        slowestTraceId: text,
      }),
    ),
    flame: list(
      record({
        parent: integer,
        kind: sectionKind,
        service: text,
        operation: text,
        totalNano: number,
        selfNano: number,
      }),
    ),
    flameTruncated: bool,
  }),
  PathComparison: record({
    mode,
    before: window,
    after: window,
    truncated: bool,
    changes: list(
      record({ ...target, beforeNano: number, afterNano: number, changeNano: number, slowestTraceId: text }),
    ),
  }),
};
