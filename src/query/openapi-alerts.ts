/** Schemas of the answers about alerts (api-alerts.ts has the same as types). */

const text = { type: 'string' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const list = (items: object): object => ({ type: 'array', items });
const record = (properties: Readonly<Record<string, object>>): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
});

export const ALERT_SCHEMAS: Readonly<Record<string, object>> = {
  Alerts: record({
    alerts: list(record({ kind: text, time: { type: 'string', format: 'date-time' }, text, details: {} })),
    receivers: list(
      record({
        name: text,
        accepted: count,
        delivered: count,
        failed: count,
        dropped: count,
        waiting: count,
        tries: count,
        problem: { type: ['string', 'null'] },
      }),
    ),
  }),
};
