/**
 * Realistic OTLP trace requests, made without any library: the shape of an HTTP service's spans (10 attributes, 6 resource attributes,
 * an exception event on every tenth span), 422 bytes of protobuf a span in requests of 500. The seed is fixed, so every run sends the same bytes but for ids and times.
 */

/** A request and the places in it that `stamp` rewrites, so that every span that is sent is new. */
export interface Template {
  readonly body: Buffer;
  readonly spans: number;
  /** Offsets of the 16 bytes of each span's trace id. */
  readonly traceIds: readonly number[];
  /** Offsets of start and end (fixed64), in turn. */
  readonly times: readonly number[];
}

type Value = string | number;

/** mulberry32: a small seeded generator, good enough to choose values with. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function bytesField(field: number, content: Buffer | string): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

const varintField = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);

function fixed64Field(field: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return Buffer.concat([varint(field * 8 + 1), bytes]);
}

function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varint(field * 8 + 1), bytes]);
}

function attribute(field: number, key: string, value: Value): Buffer {
  let any: Buffer;
  if (typeof value === 'string') any = bytesField(1, value);
  else any = Number.isInteger(value) ? varintField(3, value) : doubleField(4, value);
  return bytesField(field, Buffer.concat([bytesField(1, key), bytesField(2, any)]));
}

const NAMES = [
  'GET /api/users/{id}',
  'POST /api/orders',
  'SELECT orders',
  'redis GET',
  'kafka publish',
  'GET /cart',
  'checkout',
  'auth.verify',
];

function spanBytes(random: () => number, traceId: Buffer, isRoot: boolean): Buffer {
  const below = (n: number): number => Math.floor(random() * n);
  const id = (): Buffer => Buffer.from(Array.from({ length: 8 }, () => below(256)));
  const parts = [
    bytesField(1, traceId),
    bytesField(2, id()),
    ...(isRoot ? [] : [bytesField(4, id())]),
    bytesField(5, NAMES[below(NAMES.length)]!),
    varintField(6, 1 + below(5)),
    fixed64Field(7, 0n),
    fixed64Field(8, 0n),
    attribute(9, 'http.request.method', 'GET'),
    attribute(9, 'http.response.status_code', 200 + below(5) * 100),
    attribute(9, 'url.path', `/api/v1/items/${below(100_000)}`),
    attribute(9, 'server.address', `10.0.${below(255)}.${below(255)}`),
    attribute(9, 'server.port', 8080),
    attribute(9, 'network.protocol.version', '1.1'),
    attribute(9, 'user_agent.original', `Mozilla/5.0 (X11; Linux x64) Chrome/12${below(9)}`),
    attribute(9, 'thread.id', below(64)),
    attribute(9, 'app.cart.total', random() * 100 + 0.001),
    attribute(9, 'enduser.id', `user-${below(50_000)}`),
  ];
  if (below(10) === 0) {
    const exception = [
      fixed64Field(1, BigInt(1_700_000_000) * 1_000_000_000n),
      bytesField(2, 'exception'),
      attribute(3, 'exception.type', 'java.lang.IllegalStateException'),
      attribute(3, 'exception.message', `boom ${below(100)}`),
    ];
    parts.push(bytesField(11, Buffer.concat(exception)));
  }
  if (below(20) === 0) parts.push(bytesField(15, varintField(3, 2)));
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(1);
  parts.push(varint(16 * 8 + 5), flags);
  return Buffer.concat(parts);
}

function requestBytes(random: () => number, spans: number, resources: number): Buffer {
  const below = (n: number): number => Math.floor(random() * n);
  const resourceSpans: Buffer[] = [];
  for (let r = 0; r < resources; r++) {
    const service = `service-${below(30)}`;
    const members: Buffer[] = [
      bytesField(1, Buffer.concat([bytesField(1, '@opentelemetry/instrumentation-http'), bytesField(2, '0.50.0')])),
    ];
    let traceId = Buffer.alloc(16);
    for (let i = 0; i < spans / resources; i++) {
      if (i % 8 === 0) traceId = Buffer.from(Array.from({ length: 16 }, () => below(256)));
      members.push(bytesField(2, spanBytes(random, traceId, i % 8 === 0)));
    }
    const resource = Buffer.concat([
      attribute(1, 'service.name', service),
      attribute(1, 'service.version', '1.2.3'),
      attribute(1, 'deployment.environment.name', 'prod'),
      attribute(1, 'k8s.pod.name', `${service}-${below(10)}`),
      attribute(1, 'host.name', `node-${below(20)}`),
      attribute(1, 'telemetry.sdk.language', 'nodejs'),
    ]);
    resourceSpans.push(bytesField(1, Buffer.concat([bytesField(1, resource), bytesField(2, Buffer.concat(members))])));
  }
  return Buffer.concat(resourceSpans);
}

function readVarint(body: Buffer, cursor: { at: number }): number {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = body[cursor.at++]!;
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) return value;
  }
}

/** The field number that leads from each level to the next: request → resource_spans → scope_spans → spans. */
const PATH = [1, 2, 2] as const;

function findPlaces(body: Buffer, from: number, to: number, depth: number, traceIds: number[], times: number[]): void {
  const cursor = { at: from };
  while (cursor.at < to) {
    const tag = readVarint(body, cursor);
    const field = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === 0) readVarint(body, cursor);
    else if (wireType === 5) cursor.at += 4;
    else if (wireType === 1) {
      if (depth === PATH.length && (field === 7 || field === 8)) times.push(cursor.at);
      cursor.at += 8;
    } else {
      const length = readVarint(body, cursor);
      if (depth < PATH.length && field === PATH[depth]) {
        findPlaces(body, cursor.at, cursor.at + length, depth + 1, traceIds, times);
      } else if (depth === PATH.length && field === 1) traceIds.push(cursor.at);
      cursor.at += length;
    }
  }
}

/**
 * `count` different requests of `spans` spans each, spread over `resources` resources.
 * @param seed the same seed gives the same bytes
 */
export function makeTemplates(count: number, spans = 500, resources = 5, seed = 42): Template[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => {
    const body = requestBytes(random, spans, Math.min(resources, spans));
    const traceIds: number[] = [];
    const times: number[] = [];
    findPlaces(body, 0, body.length, 0, traceIds, times);
    return { body, spans: traceIds.length, traceIds, times };
  });
}

/**
 * A copy of the template in which every trace id has the request's number in its bytes 4 to 7 and the run in 8 to 11, and every span lies
 * within the second before `nowMs`. The first bytes scatter the ids, as those of real traces are: in the order of time a trace would be found
 * by looking into one part of the store. The last four stay the template's, so traces within one request stay apart.
 */
export function stamp(template: Template, run: number, sequence: number, nowMs: number): Buffer {
  const body = Buffer.from(template.body);
  for (const at of template.traceIds) {
    const own = body.readUInt32BE(at + 12);
    body.writeUInt32BE((Math.imul(sequence + 1, 0x9e3779b1) ^ Math.imul(own, 0x85ebca6b)) >>> 0, at);
    body.writeUInt32BE(sequence >>> 0, at + 4);
    body.writeUInt32BE(run >>> 0, at + 8);
  }
  const now = BigInt(nowMs) * 1_000_000n;
  for (let i = 0; i < template.times.length; i += 2) {
    body.writeBigUInt64LE(now - 2_000_000n - BigInt((i * 104_729) % 900_000_000), template.times[i]!);
    body.writeBigUInt64LE(now - 1_000_000n + BigInt((i * 7919) % 900_000), template.times[i + 1]!);
  }
  return body;
}
