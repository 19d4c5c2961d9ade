/** What must be the same before the door and in the answer of the API, whatever grouped or ordered it differently on the way. */
import { expect } from 'vitest';
import type { Signal } from '../../src/base/signal.ts';
import { jsonToProtobuf } from '../../src/wire/json.ts';
import { decodeProto, type Message } from './otlp-proto.ts';

/** Everything that there is, as far as one answer goes. */
const EVER = `start=0&end=${2n ** 64n}&limit=10000`;

/** Asks the API for a path and answers the JSON body. */
export type Get = (path: string) => Promise<object>;

/**
 * The items of requests that must come back, one text each. Not there are the spans that a door rejects, and the points of metrics without
 * a name, for which the API has no path.
 */
export function sentItems(signal: Signal, bodies: readonly Uint8Array[]): string[] {
  const requests = bodies.map((body) => decodeProto(signal, body));
  if (signal === 'traces') return requests.flatMap((each) => itemsOf(signal, each, isTaken)).map(withoutZeroParent);
  const items = requests.flatMap((each) => itemsOf(signal, each, () => true));
  return signal === 'logs' ? items : items.filter((item) => metricNameOf(item) !== '');
}

/** Spans that a door must reject. */
export function rejectedSpans(body: Uint8Array): number {
  return itemsOf('traces', decodeProto('traces', body), (span) => !isTaken(span)).length;
}

/** The same items from the API: by the trace ids and metric names that were sent. */
export async function readBack(signal: Signal, sent: readonly string[], get: Get): Promise<string[]> {
  const received: string[] = [];
  for (const path of pathsOf(signal, sent)) {
    received.push(...itemsOf(signal, answered(signal, await get(path)), () => true));
  }
  return received;
}

function pathsOf(signal: Signal, sent: readonly string[]): string[] {
  if (signal === 'logs') return [`/api/v1/logs/otlp?${EVER}`];
  if (signal === 'metrics')
    return [...new Set(sent.map(metricNameOf))].map(
      (name) => `/api/v1/metrics/${encodeURIComponent(name)}/points?${EVER}`,
    );
  const traceIdOf = (item: string): string => (JSON.parse(item) as { item: { traceId: string } }).item.traceId;
  return [...new Set(sent.map(traceIdOf))].map((id) => `/api/v1/traces/${id}`);
}

const metricNameOf = (item: string): string =>
  (JSON.parse(item) as { metric: { head: { name?: string } } }).metric.head.name ?? '';

const messages = (value: unknown): readonly Message[] => (value as readonly Message[] | undefined) ?? [];

/** Members whose presence says something even when they hold a default. */
const PRESENCE = new Set(
  'stringValue boolValue intValue doubleValue bytesValue arrayValue kvlistValue asDouble asInt min max positive negative'.split(
    ' ',
  ),
);

/** A message as comparable data: defaults left out, bytes as hexadecimal, doubles told apart to the sign of zero. */
function plain(value: unknown, optionalSum = false): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return value.map((item) => plain(item, optionalSum));
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).map(([name, member]) => [name, plain(member, optionalSum), member] as const);
  const kept = members.filter(([name, shown, member]) => {
    const isValue = name === 'value' && typeof member === 'object';
    return PRESENCE.has(name) || isValue || (name === 'sum' && optionalSum) || !isDefault(shown);
  });
  return Object.fromEntries(
    kept.map(([name, shown]) => [name, shown]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
}

const isDefault = (shown: unknown): boolean =>
  shown === '' ||
  shown === '0' ||
  shown === false ||
  (Array.isArray(shown) && shown.length === 0) ||
  (shown !== null && typeof shown === 'object' && Object.keys(shown).length === 0);

/** Each item of a request with everything around it, one text each. */
function itemsOf(signal: Signal, request: Message, keep: (item: Message) => boolean): string[] {
  return messages(request['resources']).flatMap((envelope) =>
    messages(envelope['scopes']).flatMap((scoped) => {
      const around = {
        resource: plain(envelope['resource'] ?? {}),
        resourceSchemaUrl: envelope['schemaUrl'] ?? '',
        scope: plain(scoped['scope'] ?? {}),
        scopeSchemaUrl: scoped['schemaUrl'] ?? '',
      };
      const items = messages(scoped['items']);
      const parts = signal === 'metrics' ? items.flatMap(pointsOf) : items.map((item) => ({ item }));
      return parts
        .filter(({ item }) => keep(item))
        .map((part) => JSON.stringify({ ...around, ...part, item: plain(part.item, !('summary' in part)) }));
    }),
  );
}

const KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];

/** Each point with its metric. A metric without points holds nothing. */
function pointsOf(metric: Message): { item: Message; metric: unknown; summary?: true }[] {
  const kind = KINDS.find((name) => name in metric);
  if (kind === undefined) return [];
  const { [kind]: data, ...head } = metric as Record<string, Message>;
  const { dataPoints, ...shared } = data as Record<string, unknown>;
  const around = { kind, head: plain(head), shared: plain(shared) };
  return messages(dataPoints).map((item) => ({
    item,
    metric: around,
    ...(kind === 'summary' ? { summary: true as const } : {}),
  }));
}

const idOf = (value: unknown): string => Buffer.from((value as Uint8Array | undefined) ?? []).toString('hex');

/** Spans with wrong ids are rejected at the door; a parent of zeros is none. */
function isTaken(span: Message): boolean {
  const isId = (value: unknown, digits: number): boolean => idOf(value).length === digits && !/^0*$/.test(idOf(value));
  const parent = idOf(span['parentSpanId']);
  return isId(span['traceId'], 32) && isId(span['spanId'], 16) && (parent === '' || parent.length === 16);
}

function withoutZeroParent(item: string): string {
  return item.replace('"parentSpanId":"0000000000000000",', '');
}

/** Equal, whatever the order; shows the first items that are only on one side. */
export function expectSame(received: readonly string[], sent: readonly string[]): void {
  const onlyIn = (items: readonly string[], others: readonly string[]): string[] => {
    const counts = new Map<string, number>();
    for (const item of others) counts.set(item, (counts.get(item) ?? 0) + 1);
    return items.filter((item) => {
      const left = counts.get(item) ?? 0;
      counts.set(item, left - 1);
      return left <= 0;
    });
  };
  const [lost, invented] = [onlyIn(sent, received), onlyIn(received, sent)];
  expect({ lost: lost.length, invented: invented.length, first: [lost.sort()[0], invented.sort()[0]] }).toEqual({
    lost: 0,
    invented: 0,
    first: [undefined, undefined],
  });
}

/** The answer of the API through our own OTLP/JSON reader, which the doors' tests hold to the specification. */
const answered = (signal: Signal, answer: object): Message =>
  decodeProto(signal, jsonToProtobuf(signal, Buffer.from(JSON.stringify(answer))));
