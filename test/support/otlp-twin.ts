import { decodeProto, encodeProto, type Message } from './otlp-proto.ts';

/**
 * The dumb twin of the transcoder: generic decoder, plain objects, no thought of speed. A cell is JSON that `cellSql` of native-cells.ts
 * makes from the column: text and ids as hexadecimal of their bytes, numbers as decimal text, doubles as their 64 bits, a map as a pair of lists.
 */
export type Row = Readonly<Record<string, unknown>>;

const messages = (value: unknown): readonly Message[] => (value as readonly Message[] | undefined) ?? [];
const message = (value: unknown): Message => (value as Message | undefined) ?? {};
const hexOf = (value: unknown): string =>
  (typeof value === 'string' ? Buffer.from(value) : Buffer.from((value as Uint8Array | undefined) ?? [])).toString(
    'hex',
  );
/** Ids are stored as text, which `cellSql` shows as hexadecimal once more. */
const idOf = (value: unknown): string => hexOf(hexOf(value));
const num = (value: unknown): string => String(value ?? 0);
const signed = (value: unknown): string => String(BigInt.asIntN(64, BigInt((value as string | undefined) ?? 0)));

function bitsOf(value: unknown): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, (value as number | undefined) ?? 0);
  return String(view.getBigUint64(0));
}

function jsonString(text: string): string {
  const escaped = [...text].map((c) => {
    if (c === '"' || c === '\\') return `\\${c}`;
    return c < ' ' ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c;
  });
  return `"${escaped.join('')}"`;
}

const doubleText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** The text of a value, inside JSON (`nested`) or alone. */
function textOf(any: Message, nested: boolean): string {
  const [[name, value] = ['', undefined]] = Object.entries(any);
  const quote = (text: string): string => (nested ? jsonString(text) : text);
  switch (name) {
    case 'stringValue':
      return quote(value as string);
    case 'bytesValue':
      return quote(Buffer.from(value as Uint8Array).toString('base64'));
    case 'doubleValue':
      return Number.isFinite(value) ? doubleText(value as number) : quote(String(value));
    case 'arrayValue':
      return `[${messages(message(value)['values'])
        .map((item) => textOf(item, true))
        .join(',')}]`;
    case 'kvlistValue':
      return `{${messages(message(value)['values'])
        .map(
          (item) =>
            `${jsonString((item['key'] as string | undefined) ?? '')}:${item['value'] ? textOf(message(item['value']), true) : 'null'}`,
        )
        .join(',')}}`;
    case '':
      return nested ? 'null' : '';
    default:
      return String(value);
  }
}

const LETTERS: Readonly<Record<string, string>> = {
  stringValue: 's',
  boolValue: 'b',
  intValue: 'i',
  doubleValue: 'd',
  bytesValue: 'y',
};

function itemOf(any: Message | undefined): string {
  if (any === undefined) return 'z';
  const [[name, value] = ['', undefined]] = Object.entries(any);
  const values = messages(message(value)['values']);
  if (name === 'arrayValue') return `a(${signatureOf(values)})`;
  if (name === 'kvlistValue') return `k(${signatureOf(values.map((item) => item['value'] as Message | undefined))})`;
  return LETTERS[name] ?? 'n';
}

const signatureOf = (values: readonly (Message | undefined)[]): string =>
  values
    .map(itemOf)
    .join('\n')
    .replace(/^([sbidynz])(\n\1)+$/gm, (run, letter: string) => `${letter}${(run.length + 1) / 2}`)
    .replaceAll('\n', '');

/** A map cell, and the cell of the types beside it. */
function attributes(value: unknown): { map: unknown; types: string } {
  const list = messages(value);
  const values = list.map((item) => item['value'] as Message | undefined);
  const texts = values.map((any) => hexOf(any === undefined ? '' : textOf(any, false)));
  const signature = signatureOf(values);
  return {
    map: [list.map((item) => hexOf(item['key'])), texts],
    types: hexOf(/^s?\d*$/.test(signature) ? '' : signature),
  };
}

function resourceRow(envelope: Message, baggage: unknown): Row {
  const resource = message(envelope['resource']);
  const { map, types } = attributes(resource['attributes']);
  const service = messages(resource['attributes']).find((item) => item['key'] === 'service.name');
  const refs = messages(resource['entityRefs']).map((ref) => {
    const bytes = encodeProto('EntityRef', ref);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  return {
    ServiceName: hexOf(service?.['value'] === undefined ? '' : textOf(message(service['value']), false)),
    ResourceAttributes: map,
    ResourceAttributesTypes: types,
    ResourceDroppedAttributesCount: num(resource['droppedAttributesCount']),
    ResourceEntityRefs: hexOf(Buffer.concat(refs).toString('base64')),
    ResourceSchemaUrl: hexOf(envelope['schemaUrl']),
    Baggage: baggage,
  };
}

function scopeRow(envelope: Message): Row {
  const scope = message(envelope['scope']);
  const { map, types } = attributes(scope['attributes']);
  return {
    ScopeName: hexOf(scope['name']),
    ScopeVersion: hexOf(scope['version']),
    ScopeAttributes: map,
    ScopeAttributesTypes: types,
    ScopeDroppedAttrCount: num(scope['droppedAttributesCount']),
    ScopeSchemaUrl: hexOf(envelope['schemaUrl']),
  };
}

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const STATUS_CODES = ['Unset', 'Ok', 'Error'];
const named = (names: readonly string[], value: unknown): string =>
  hexOf(names[(value as number | undefined) ?? 0] ?? String(value));

function spanRow(span: Message): Row | undefined {
  const ids = ['traceId', 'spanId', 'parentSpanId'].map((name) => hexOf(span[name]));
  if (ids.some((id, i) => id.length !== [32, 16, 16][i] && !(i === 2 && id === ''))) return undefined;
  if (/^0+$/.test(ids[0]!) || /^0+$/.test(ids[1]!)) return undefined;
  const { map, types } = attributes(span['attributes']);
  const events = messages(span['events']);
  const links = messages(span['links']);
  const status = message(span['status']);
  const start = BigInt(num(span['startTimeUnixNano']));
  const end = BigInt(num(span['endTimeUnixNano']));
  const eventAttributes = events.map((event) => attributes(event['attributes']));
  const linkAttributes = links.map((link) => attributes(link['attributes']));
  return {
    Timestamp: signed(span['startTimeUnixNano']),
    TraceId: hexOf(ids[0]),
    SpanId: hexOf(ids[1]),
    ParentSpanId: hexOf(ids[2]!.replace(/^0+$/, '')),
    TraceState: hexOf(span['traceState']),
    SpanName: hexOf(span['name']),
    SpanKind: named(KINDS, span['kind']),
    SpanAttributes: map,
    SpanAttributesTypes: types,
    Duration: String(end < start ? 0n : end - start),
    NegativeDuration: String(end < start ? start - end : 0n),
    StatusCode: named(STATUS_CODES, status['code']),
    StatusMessage: hexOf(status['message']),
    Flags: num(span['flags']),
    DroppedAttributesCount: num(span['droppedAttributesCount']),
    DroppedEventsCount: num(span['droppedEventsCount']),
    DroppedLinksCount: num(span['droppedLinksCount']),
    'Events.Timestamp': events.map((event) => signed(event['timeUnixNano'])),
    'Events.Name': events.map((event) => hexOf(event['name'])),
    'Events.Attributes': eventAttributes.map((each) => each.map),
    'Events.AttributesTypes': eventAttributes.map((each) => each.types),
    'Events.DroppedAttributesCount': events.map((event) => num(event['droppedAttributesCount'])),
    'Links.TraceId': links.map((link) => idOf(link['traceId'])),
    'Links.SpanId': links.map((link) => idOf(link['spanId'])),
    'Links.TraceState': links.map((link) => hexOf(link['traceState'])),
    'Links.Attributes': linkAttributes.map((each) => each.map),
    'Links.AttributesTypes': linkAttributes.map((each) => each.types),
    'Links.DroppedAttributesCount': links.map((link) => num(link['droppedAttributesCount'])),
    'Links.Flags': links.map((link) => num(link['flags'])),
  };
}

function logRow(record: Message, received: bigint): Row {
  const { map, types } = attributes(record['attributes']);
  const time = BigInt(num(record['timeUnixNano']));
  const observed = BigInt(num(record['observedTimeUnixNano']));
  const flags = Number(record['flags'] ?? 0);
  const severity = Number(record['severityNumber'] ?? 0);
  const wide = severity < 0 || severity > 255;
  const body = record['body'] as Message | undefined;
  return {
    Timestamp: String(BigInt.asIntN(64, time !== 0n ? time : observed !== 0n ? observed : received)),
    ObservedTimestamp: String(BigInt.asIntN(64, observed)),
    TimeUnset: time === 0n ? '1' : '0',
    TraceId: idOf(record['traceId']),
    SpanId: idOf(record['spanId']),
    TraceFlags: String(flags % 256),
    Flags: String(flags),
    SeverityText: hexOf(record['severityText']),
    SeverityNumber: wide ? '0' : String(severity),
    SeverityNumberWide: wide ? String(severity) : '0',
    Body: hexOf(body === undefined ? '' : textOf(body, false)),
    BodyType: hexOf(body === undefined ? '' : itemOf(body)),
    LogAttributes: map,
    LogAttributesTypes: types,
    DroppedAttributesCount: num(record['droppedAttributesCount']),
    EventName: hexOf(record['eventName']),
  };
}

function numberCells(point: Message): { Value: string; ValueKind: string; IntValue: string } {
  if (point['asInt'] !== undefined) {
    const text = point['asInt'] as string;
    return { Value: bitsOf(Number(BigInt(text))), ValueKind: '2', IntValue: text };
  }
  return { Value: bitsOf(point['asDouble']), ValueKind: point['asDouble'] === undefined ? '0' : '1', IntValue: '0' };
}

function exemplarRow(point: Message): Row {
  const exemplars = messages(point['exemplars']);
  const filtered = exemplars.map((exemplar) => attributes(exemplar['filteredAttributes']));
  const numbers = exemplars.map(numberCells);
  return {
    'Exemplars.FilteredAttributes': filtered.map((each) => each.map),
    'Exemplars.FilteredAttributesTypes': filtered.map((each) => each.types),
    'Exemplars.TimeUnix': exemplars.map((exemplar) => signed(exemplar['timeUnixNano'])),
    'Exemplars.SpanId': exemplars.map((exemplar) => idOf(exemplar['spanId'])),
    'Exemplars.TraceId': exemplars.map((exemplar) => idOf(exemplar['traceId'])),
    'Exemplars.Value': numbers.map((each) => each.Value),
    'Exemplars.ValueKind': numbers.map((each) => each.ValueKind),
    'Exemplars.IntValue': numbers.map((each) => each.IntValue),
  };
}

const TABLE_OF: Readonly<Record<string, string>> = {
  gauge: 'otel_metrics_gauge',
  sum: 'otel_metrics_sum',
  histogram: 'otel_metrics_histogram',
  exponentialHistogram: 'otel_metrics_exponential_histogram',
  summary: 'otel_metrics_summary',
};

function pointRow(metric: Message, data: Message, point: Message): Row {
  const own = attributes(point['attributes']);
  const metadata = attributes(metric['metadata']);
  const quantiles = messages(point['quantileValues']);
  const [positive, negative] = [message(point['positive']), message(point['negative'])];
  const counts = (value: unknown): string[] => ((value as unknown[] | undefined) ?? []).map(num);
  const bits = ['sum', 'min', 'max', 'positive', 'negative'].map((name, i) => (point[name] === undefined ? 0 : 1 << i));
  return {
    MetricName: hexOf(metric['name']),
    MetricDescription: hexOf(metric['description']),
    MetricUnit: hexOf(metric['unit']),
    MetricMetadata: metadata.map,
    MetricMetadataTypes: metadata.types,
    Attributes: own.map,
    AttributesTypes: own.types,
    StartTimeUnix: signed(point['startTimeUnixNano']),
    TimeUnix: signed(point['timeUnixNano']),
    Flags: num(point['flags']),
    AggregationTemporality: num(data['aggregationTemporality']),
    IsMonotonic: data['isMonotonic'] === true ? '1' : '0',
    ...numberCells(point),
    ...exemplarRow(point),
    Count: num(point['count']),
    Sum: bitsOf(point['sum']),
    Min: bitsOf(point['min']),
    Max: bitsOf(point['max']),
    OptionalFields: String(bits.reduce((all, bit) => all + bit, 0)),
    BucketCounts: counts(point['bucketCounts']),
    ExplicitBounds: ((point['explicitBounds'] as unknown[] | undefined) ?? []).map(bitsOf),
    Scale: num(point['scale']),
    ZeroCount: num(point['zeroCount']),
    ZeroThreshold: bitsOf(point['zeroThreshold']),
    PositiveOffset: num(positive['offset']),
    PositiveBucketCounts: counts(positive['bucketCounts']),
    NegativeOffset: num(negative['offset']),
    NegativeBucketCounts: counts(negative['bucketCounts']),
    'ValueAtQuantiles.Quantile': quantiles.map((each) => bitsOf(each['quantile'])),
    'ValueAtQuantiles.Value': quantiles.map((each) => bitsOf(each['value'])),
  };
}

/** The rows of one item, each with the table it belongs to; undefined for an item that is rejected. */
function itemRows(signal: string, item: Message, received: bigint): (readonly [string, Row])[] | undefined {
  if (signal === 'logs') return [['otel_logs', logRow(item, received)]];
  if (signal === 'traces') {
    const row = spanRow(item);
    return row && [['otel_traces', row]];
  }
  const kind = Object.keys(TABLE_OF).find((name) => item[name] !== undefined);
  if (kind === undefined) return [];
  const data = message(item[kind]);
  return messages(data['dataPoints']).map((point) => [TABLE_OF[kind]!, pointRow(item, data, point)] as const);
}

export interface TwinResult {
  /** Rows of each table, in order. A metric row has the cells of all five tables; a table's columns pick theirs. */
  readonly rows: ReadonlyMap<string, Row[]>;
  readonly rejected: number;
}

/** What a request should become. `baggage` is the expected cell. */
export function twinOf(signal: string, body: Uint8Array, baggage: unknown, received: bigint): TwinResult {
  const rows = new Map<string, Row[]>();
  let rejected = 0;
  for (const envelope of messages(decodeProto(signal, body)['resources'])) {
    for (const scope of messages(envelope['scopes'])) {
      for (const item of messages(scope['items'])) {
        const found = itemRows(signal, item, received);
        if (found === undefined) rejected++;
        for (const [table, row] of found ?? []) {
          if (!rows.has(table)) rows.set(table, []);
          rows.get(table)!.push({ ...resourceRow(envelope, baggage), ...scopeRow(scope), ...row });
        }
      }
    }
  }
  return { rows, rejected };
}
