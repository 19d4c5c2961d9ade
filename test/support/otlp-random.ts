import type { Signal } from '../../src/base/signal.ts';
import { encodeProto, type Message } from './otlp-proto.ts';

/** Random numbers from a seed (mulberry32). */
export interface Random {
  /** An integer from 0 to `bound` − 1. */
  below(bound: number): number;
  /** True in one of `n` cases. */
  oneIn(n: number): boolean;
  pick<T>(values: readonly T[]): T;
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return { below, oneIn: (n) => below(n) === 0, pick: (values) => values[below(values.length)]! };
}

const KEYS = [
  'http.request.method',
  'url.path',
  'k',
  '',
  'schlüssel',
  'server.port',
  'service.name',
  'a"b\\c',
  'x'.repeat(140),
];
const STRINGS = [
  '',
  'GET',
  'true',
  '17',
  'null',
  'grün 🌳',
  'a"b\\c\n\t\u0000',
  '[1,2]',
  'x'.repeat(33),
  'y'.repeat(300),
  '\u2028',
];
const INTS = [
  '0',
  '1',
  '-1',
  '200',
  '4294967295',
  '4294967296',
  '-2147483648',
  '-4294967296',
  '9007199254740993',
  '9223372036854775807',
];
const DOUBLES = [
  0,
  -0,
  1,
  0.1,
  -1.5e-300,
  1e21,
  1.7976931348623157e308,
  5e-324,
  Number.NaN,
  Infinity,
  -Infinity,
  123456789,
];
const UINT64 = [
  '0',
  '1',
  '1764000000123456789',
  '18446744073709551615',
  '9223372036854775808',
  '1764000000000000000',
  '999',
];
const NAMES = ['GET /cart', 'checkout', '', 'redis GET', 'http.server.duration'];
const URLS = ['', 'https://opentelemetry.io/schemas/1.37.0'];
const UINT32 = [0, 0, 0, 1, 7, 4294967295];
const INT32 = [0, 1, 2, 3, 4, 5, 17, -1, 300, 2147483647];

const list = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: random.below(most + 1) }, make);
const bytes = (random: Random, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => random.below(256));

/** Keeps most fields, drops some: absent is a value too. */
function some(random: Random, fields: Record<string, unknown>): Message {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && !random.oneIn(6)));
}

function randomAnyValue(random: Random, depth = 0): Message {
  switch (random.below(depth < 4 ? 12 : 8)) {
    case 0:
      return { boolValue: random.oneIn(2) };
    case 1:
      return { intValue: random.oneIn(9) ? '-9223372036854775808' : random.pick(INTS) };
    case 2:
      return { doubleValue: random.pick(DOUBLES) };
    case 3:
      return { bytesValue: bytes(random, random.below(9)) };
    case 4:
      return {};
    case 8:
    case 9:
      return { arrayValue: { values: list(random, 4, () => randomAnyValue(random, depth + 1)) } };
    case 10:
      return { kvlistValue: { values: list(random, 4, () => randomKeyValue(random, depth + 1)) } };
    default:
      return { stringValue: random.pick(STRINGS) };
  }
}

function randomKeyValue(random: Random, depth = 0): Message {
  const key = random.pick(KEYS);
  return random.oneIn(15) ? { key } : { key, value: randomAnyValue(random, depth) };
}

export function randomAttributes(random: Random): Message[] {
  if (random.oneIn(3))
    return list(random, 5, () => ({ key: random.pick(KEYS), value: { stringValue: random.pick(STRINGS) } }));
  return list(random, 6, () => randomKeyValue(random));
}

const optionalId = (random: Random, count: number): Uint8Array =>
  random.oneIn(4) ? new Uint8Array(random.oneIn(2) ? 0 : count) : bytes(random, random.oneIn(6) ? 3 : count);

/** Ids of which some are wrong: too short, or all zero. */
function spanIds(random: Random, traceIds: readonly Uint8Array[]): Message {
  const wrong = random.oneIn(40);
  const parent = random.pick([undefined, new Uint8Array(0), new Uint8Array(8), bytes(random, 8), bytes(random, 8)]);
  return {
    traceId: wrong && random.oneIn(2) ? new Uint8Array(random.pick([0, 15, 16])) : random.pick(traceIds),
    ...(wrong && random.oneIn(4) ? {} : { spanId: wrong && random.oneIn(2) ? new Uint8Array(8) : bytes(random, 8) }),
    ...(parent === undefined ? {} : { parentSpanId: wrong && random.oneIn(3) ? bytes(random, 5) : parent }),
  };
}

function span(random: Random, traceIds: readonly Uint8Array[]): Message {
  const event = (): Message =>
    some(random, {
      timeUnixNano: random.pick(UINT64),
      name: random.pick(NAMES),
      attributes: randomAttributes(random),
      droppedAttributesCount: random.pick(UINT32),
    });
  const link = (): Message =>
    some(random, {
      traceId: optionalId(random, 16),
      spanId: optionalId(random, 8),
      traceState: random.pick(STRINGS),
      attributes: randomAttributes(random),
      droppedAttributesCount: random.pick(UINT32),
      flags: random.pick(UINT32),
    });
  const status = (): Message => some(random, { message: random.pick(STRINGS), code: random.pick(INT32) });
  return {
    ...spanIds(random, traceIds),
    ...some(random, {
      traceState: random.pick(STRINGS),
      name: random.pick(NAMES),
      kind: random.pick(INT32),
      startTimeUnixNano: random.pick(UINT64),
      endTimeUnixNano: random.pick(UINT64),
      attributes: randomAttributes(random),
      droppedAttributesCount: random.pick(UINT32),
      events: list(random, 3, event),
      droppedEventsCount: random.pick(UINT32),
      links: list(random, 2, link),
      droppedLinksCount: random.pick(UINT32),
      status: status(),
      flags: random.pick(UINT32),
    }),
  };
}

const logRecord = (random: Random): Message =>
  some(random, {
    timeUnixNano: random.pick(UINT64),
    observedTimeUnixNano: random.pick(UINT64),
    severityNumber: random.pick(INT32),
    severityText: random.pick(STRINGS),
    body: random.oneIn(4) ? undefined : randomAnyValue(random),
    attributes: randomAttributes(random),
    droppedAttributesCount: random.pick(UINT32),
    flags: random.pick(UINT32),
    traceId: optionalId(random, 16),
    spanId: optionalId(random, 8),
    eventName: random.pick(NAMES),
  });

const number = (random: Random): Message =>
  random.pick([{}, { asDouble: random.pick(DOUBLES) }, { asInt: random.pick(INTS) }]);

const exemplar = (random: Random): Message => ({
  ...number(random),
  ...some(random, {
    filteredAttributes: randomAttributes(random),
    timeUnixNano: random.pick(UINT64),
    spanId: optionalId(random, 8),
    traceId: optionalId(random, 16),
  }),
});

const pointHead = (random: Random): Message => ({
  attributes: randomAttributes(random),
  startTimeUnixNano: random.pick(UINT64),
  timeUnixNano: random.pick(UINT64),
  flags: random.pick(UINT32),
});

const pointBody = (random: Random): Message => ({
  count: random.pick(UINT64),
  sum: random.pick(DOUBLES),
  min: random.pick(DOUBLES),
  max: random.pick(DOUBLES),
  exemplars: list(random, 2, () => exemplar(random)),
});

const numberPoint = (random: Random): Message => ({
  ...number(random),
  ...some(random, { ...pointHead(random), exemplars: list(random, 2, () => exemplar(random)) }),
});

const histogramPoint = (random: Random): Message =>
  some(random, {
    ...pointHead(random),
    ...pointBody(random),
    bucketCounts: list(random, 4, () => random.pick(UINT64)),
    explicitBounds: list(random, 3, () => random.pick(DOUBLES)),
  });

const buckets = (random: Random): Message =>
  some(random, { offset: random.pick(INT32), bucketCounts: list(random, 4, () => random.pick(UINT64)) });

const exponentialPoint = (random: Random): Message =>
  some(random, {
    ...pointHead(random),
    ...pointBody(random),
    scale: random.pick(INT32),
    zeroCount: random.pick(UINT64),
    positive: random.oneIn(3) ? undefined : buckets(random),
    negative: random.oneIn(3) ? undefined : buckets(random),
    zeroThreshold: random.pick(DOUBLES),
  });

const summaryPoint = (random: Random): Message =>
  some(random, {
    ...pointHead(random),
    count: random.pick(UINT64),
    sum: random.pick(DOUBLES),
    quantileValues: list(random, 3, () =>
      some(random, { quantile: random.pick(DOUBLES), value: random.pick(DOUBLES) }),
    ),
  });

function metric(random: Random): Message {
  const points = (make: (random: Random) => Message): Message =>
    some(random, {
      dataPoints: list(random, 3, () => make(random)),
      aggregationTemporality: random.pick(INT32),
      isMonotonic: random.oneIn(2),
    });
  const data: Message = random.pick([
    {},
    { gauge: points(numberPoint) },
    { sum: points(numberPoint) },
    { histogram: points(histogramPoint) },
    { exponentialHistogram: points(exponentialPoint) },
    { summary: points(summaryPoint) },
  ]);
  const head = { name: random.pick(NAMES), description: random.pick(STRINGS), unit: random.pick(['', 'ms', 'By']) };
  return { ...some(random, { ...head, metadata: randomAttributes(random) }), ...data };
}

/** A request of the signal, as `encodeProto` takes it. */
export function randomRequest(random: Random, signal: 'traces' | 'metrics' | 'logs'): Message {
  const traceIds = list(random, 3, () => bytes(random, 16)).concat(bytes(random, 16));
  const item = { traces: () => span(random, traceIds), metrics: () => metric(random), logs: () => logRecord(random) }[
    signal
  ];
  const dropped = random.pick(UINT32);
  const entity = (): Message =>
    some(random, { schemaUrl: random.pick(URLS), type: 'host', idKeys: ['host.id'], descriptionKeys: ['a', 'b'] });
  const scope = (): Message =>
    some(random, {
      name: random.pick(NAMES),
      version: '1.2',
      attributes: randomAttributes(random),
      droppedAttributesCount: dropped,
    });
  const scopes = (): Message =>
    some(random, { scope: scope(), items: list(random, 5, item), schemaUrl: random.pick(URLS) });
  const resource = (): Message =>
    some(random, {
      attributes: randomAttributes(random),
      droppedAttributesCount: dropped,
      entityRefs: list(random, 2, entity),
    });
  const envelope = (): Message =>
    some(random, { resource: resource(), scopes: list(random, 3, scopes), schemaUrl: random.pick(URLS) });
  return { resources: list(random, 4, envelope) };
}

/** The same in protobuf, always the same for a seed. */
export function randomBody(signal: Signal, seed: number): Uint8Array {
  return encodeProto(signal, randomRequest(randomFrom(seed), signal));
}
