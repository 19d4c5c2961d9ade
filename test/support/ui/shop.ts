import type { OtlpKeyValue, OtlpSpan, OtlpTrace } from '../../../src/query/api.ts';

/** A made-up shop whose traces are the same for the same seed and time: what the UI is tested and drawn with. */

/** Pseudo-random numbers in [0, 1) from a 32-bit seed (mulberry32). */
export function seededChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What one operation does: its own time, then what it calls, one after the other or (parallel) at once. */
interface Operation {
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly ms: number;
  readonly calls?: readonly Operation[];
  readonly parallel?: boolean;
  readonly times?: readonly [number, number];
  readonly fails?: number;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;
const PRODUCER = 4;
const CONSUMER = 5;

function query(service: string, statement: string, ms: number, times?: readonly [number, number]): Operation {
  const attributes = { 'db.system.name': 'postgresql', 'db.query.text': statement, 'server.address': 'db-1.internal' };
  return {
    service,
    name: statement.split(' WHERE')[0],
    kind: CLIENT,
    ms,
    attributes,
    ...(times === undefined ? {} : { times }),
  };
}

function call(from: string, to: Operation): Operation {
  const attributes = {
    'http.request.method': to.name.split(' ')[0],
    'server.address': to.service,
    'network.protocol.version': '1.1',
  };
  return { service: from, name: to.name.split(' ')[0], kind: CLIENT, ms: 0.8, calls: [to], attributes };
}

function route(service: string, name: string, ms: number, more: Partial<Operation> = {}): Operation {
  const [method = '', path = ''] = name.split(' ');
  const attributes = {
    'http.request.method': method,
    'http.route': path,
    'http.response.status_code': 200,
    ...more.attributes,
  };
  return { service, name, kind: SERVER, ms, ...more, attributes };
}

const CATALOG = route('catalog', 'GET /products/:id', 1.4, {
  calls: [
    {
      service: 'catalog',
      name: 'cache get',
      kind: CLIENT,
      ms: 0.3,
      attributes: { 'db.system.name': 'redis', 'cache.hit': false },
    },
    query('catalog', 'SELECT products WHERE id = $1', 3.2),
  ],
});
const PRICING = route('pricing', 'POST /quote', 2.1, {
  calls: [query('pricing', 'SELECT prices WHERE product_id = $1', 1.1, [2, 30])],
});
const PAYMENT = route('payment', 'POST /charge', 9, {
  fails: 0.12,
  calls: [
    {
      service: 'payment',
      name: 'fraud check',
      kind: INTERNAL,
      ms: 22,
      attributes: { 'fraud.score': 0.13, 'fraud.model': 'v7' },
    },
    {
      service: 'payment',
      name: 'POST',
      kind: CLIENT,
      ms: 140,
      attributes: { 'server.address': 'bank.example', 'http.request.method': 'POST' },
    },
  ],
});

const ROOTS: readonly { readonly weight: number; readonly operation: Operation }[] = [
  {
    weight: 50,
    operation: route('storefront', 'GET /', 4, {
      parallel: true,
      calls: [call('storefront', CATALOG), call('storefront', route('recommend', 'GET /similar', 12))],
    }),
  },
  {
    weight: 30,
    operation: route('storefront', 'GET /cart', 2.4, {
      calls: [
        call(
          'storefront',
          route('cart', 'GET /cart/:user', 1.6, { calls: [query('cart', 'SELECT items WHERE cart_id = $1', 2)] }),
        ),
        call('storefront', PRICING),
      ],
    }),
  },
  {
    weight: 12,
    operation: route('storefront', 'POST /checkout', 6, {
      attributes: { 'http.response.status_code': 200, 'baggage.tenant': 'nordic' },
      calls: [
        call(
          'storefront',
          route('cart', 'POST /cart/:user/lock', 1.2, { calls: [query('cart', 'UPDATE carts WHERE id = $1', 4)] }),
        ),
        call('storefront', PRICING),
        call('storefront', PAYMENT),
        {
          service: 'storefront',
          name: 'orders publish',
          kind: PRODUCER,
          ms: 1.3,
          attributes: { 'messaging.system': 'nats', 'messaging.destination.name': 'orders' },
        },
      ],
    }),
  },
  {
    weight: 8,
    operation: {
      service: 'shipping',
      name: 'orders process',
      kind: CONSUMER,
      ms: 11,
      fails: 0.04,
      attributes: { 'messaging.system': 'nats' },
      calls: [query('shipping', 'INSERT INTO parcels WHERE order_id = $1', 3)],
    },
  },
];

/** A span while it is made: times in nanoseconds since the trace's beginning. */
interface Made {
  readonly operation: Operation;
  readonly id: string;
  readonly parent: string | undefined;
  readonly startNs: number;
  endNs: number;
  failed: boolean;
}

export interface MadeTrace {
  readonly traceId: string;
  readonly startMs: number;
  readonly otlp: OtlpTrace;
}

/** The trace with this number, beginning at `startMs`. */
export function makeShopTrace(number: number, startMs: number): MadeTrace {
  const chance = seededChance(number * 7919 + 11);
  const traceId = hex(chance, 32);
  const made: Made[] = [];
  perform(chooseRoot(chance), undefined, 0, chance, made, chance() < 0.03 ? 9 : 1);
  return { traceId, startMs, otlp: toOtlp(traceId, startMs, made, chance) };
}

function chooseRoot(chance: () => number): Operation {
  let at = chance() * ROOTS.reduce((sum, { weight }) => sum + weight, 0);
  for (const { weight, operation } of ROOTS) {
    at -= weight;
    if (at < 0) return operation;
  }
  return ROOTS[0].operation;
}

/** Makes the span of an operation and those of its calls; answers when it ended. Depth is that of the shop, so recursion is short. */
function perform(
  operation: Operation,
  parent: string | undefined,
  startNs: number,
  chance: () => number,
  made: Made[],
  slow: number,
): Made {
  const span: Made = { operation, id: hex(chance, 16), parent, startNs, endNs: startNs, failed: false };
  made.push(span);
  const ownNs = operation.ms * 1e6 * slow * Math.exp((chance() + chance() + chance() - 1.5) * 1.1);
  let at = startNs + ownNs * 0.3;
  let last = at;
  for (const called of operation.calls ?? []) {
    const [least, most] = called.times ?? [1, 1];
    const times = Math.floor(least + chance() * (most - least + 1));
    for (let i = 0; i < times; i++) {
      const child = perform(called, span.id, at, chance, made, slow);
      last = Math.max(last, child.endNs);
      if (child.failed && chance() < 0.9) span.failed = true;
      if (operation.parallel !== true) at = child.endNs + ownNs * 0.02;
    }
  }
  span.endNs = last + ownNs * 0.7;
  if (chance() < (operation.fails ?? 0)) span.failed = true;
  return span;
}

function toOtlp(traceId: string, startMs: number, made: readonly Made[], chance: () => number): OtlpTrace {
  const services = [...new Set(made.map(({ operation }) => operation.service))];
  return {
    resourceSpans: services.map((service) => ({
      resource: { attributes: resourceOf(service) },
      scopeSpans: [
        {
          scope: { name: '@opentelemetry/instrumentation-http', version: '0.203.0' },
          spans: made
            .filter(({ operation }) => operation.service === service)
            .map((span) => toSpan(traceId, startMs, span, chance)),
        },
      ],
    })),
  };
}

function resourceOf(service: string): OtlpKeyValue[] {
  return attributes({
    'service.name': service,
    'service.version': '2.14.0',
    'service.instance.id': `${service}-7d9f`,
    'deployment.environment.name': 'production',
    'host.name': 'node-3',
    'telemetry.sdk.language': 'nodejs',
  });
}

function toSpan(traceId: string, startMs: number, span: Made, chance: () => number): OtlpSpan {
  const { operation } = span;
  const values: Record<string, string | number | boolean> = {
    ...operation.attributes,
    'thread.id': Math.floor(chance() * 40),
    'baggage.user.tier': chance() < 0.3 ? 'gold' : 'basic',
  };
  if (span.failed && values['http.response.status_code'] !== undefined) values['http.response.status_code'] = 502;
  return {
    traceId,
    spanId: span.id,
    ...(span.parent === undefined ? {} : { parentSpanId: span.parent }),
    flags: 257,
    name: operation.name,
    kind: operation.kind,
    startTimeUnixNano: nanosAt(startMs, span.startNs),
    endTimeUnixNano: nanosAt(startMs, span.endNs),
    attributes: attributes(values),
    ...(span.failed
      ? {
          events: [exceptionOf(startMs, span)],
          status: { code: 2, message: 'upstream answered 502: card issuer did not answer' },
        }
      : {}),
  };
}

function exceptionOf(startMs: number, span: Made) {
  return {
    timeUnixNano: nanosAt(startMs, span.endNs - (span.endNs - span.startNs) * 0.1),
    name: 'exception',
    attributes: attributes({
      'exception.type': 'UpstreamError',
      'exception.message': 'card issuer did not answer within 3000 ms',
      'exception.stacktrace':
        'UpstreamError: card issuer did not answer\n    at charge (/app/src/charge.js:88:11)\n    at async handler (/app/src/routes.js:41:5)',
    }),
  };
}

export function attributes(values: Readonly<Record<string, string | number | boolean>>): OtlpKeyValue[] {
  return Object.entries(values).map(([key, value]) => {
    if (typeof value === 'string') return { key, value: { stringValue: value } };
    if (typeof value === 'boolean') return { key, value: { boolValue: value } };
    return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } };
  });
}

/** Decimal Unix nanoseconds of a time and nanoseconds after it. */
export function nanosAt(ms: number, ns: number): string {
  return String(BigInt(Math.round(ms)) * 1_000_000n + BigInt(Math.round(ns)));
}

function hex(chance: () => number, digits: number): string {
  let text = '';
  while (text.length < digits) text += Math.floor(chance() * 16).toString(16);
  return text;
}
