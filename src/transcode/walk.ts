import { LIMITS } from '../base/limits.ts';
import { U32List } from '../base/lists.ts';
import type { Signal } from '../base/signal.ts';
import type { Cursor } from '../wire/protobuf.ts';
import { WireError } from '../wire/wire-error.ts';
import type { AttributeReaders } from './attributes.ts';
import type { RowBatch } from './batch.ts';
import { absent, type Range, takeRange } from './contexts.ts';
import type { SpanKernel } from './kernel.ts';
import { COUNT_ENVELOPES, ENVELOPE_SCOPE } from './kernel-layout.ts';
import { appendRows } from './kernel-rows.ts';
import type { Halves } from './logs.ts';
import type { Aggregation } from './points.ts';
import type { SegmentColumns } from './transcode.ts';

/** Everything the walk through one request needs. */
export interface Walk {
  readonly columns: SegmentColumns;
  readonly cursor: Cursor;
  readonly readers: AttributeReaders;
  readonly baggage: Uint8Array;
  readonly received: Halves;
  /** What `columns.repeatedBytes` may become by this request. */
  readonly repeatedBytesMax: number;
}

export interface RequestResult {
  /** Spans that are invalid. */
  readonly rejected: number;
  /** The first of them, and why; '' when all are valid. */
  readonly message: string;
}

type ReadItem = (end: number) => void;

const METRIC_FIELDS: Readonly<Record<number, string>> = {
  1: 'name',
  2: 'description',
  3: 'unit',
  5: 'gauge',
  7: 'sum',
  9: 'histogram',
  10: 'exponential_histogram',
  11: 'summary',
  12: 'metadata',
};

/** Field numbers of `Metric.data`. */
const GAUGE = 5;
const SUM = 7;
const SUMMARY = 11;

const POINTS = { 1: 'data_points' };
const POINTS_AND_TEMPORALITY = { ...POINTS, 2: 'aggregation_temporality' };
const DATA_FIELDS: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  5: POINTS,
  7: { ...POINTS_AND_TEMPORALITY, 3: 'is_monotonic' },
  9: POINTS_AND_TEMPORALITY,
  10: POINTS_AND_TEMPORALITY,
  11: POINTS,
};

/** What the envelopes and their fields are called, for error messages. */
interface EnvelopeNames {
  readonly request: string;
  readonly resource: string;
  readonly scope: string;
  readonly requestFields: Readonly<Record<number, string>>;
  readonly resourceFields: Readonly<Record<number, string>>;
  readonly scopeFields: Readonly<Record<number, string>>;
}

const envelopes = (signal: string, items: string): EnvelopeNames => ({
  request: `Export${signal === 'Spans' ? 'Trace' : signal}ServiceRequest`,
  resource: `Resource${signal}`,
  scope: `Scope${signal}`,
  requestFields: { 1: `resource_${signal.toLowerCase()}` },
  resourceFields: { 1: 'resource', 2: `scope_${signal.toLowerCase()}`, 3: 'schema_url' },
  scopeFields: { 1: 'scope', 2: items, 3: 'schema_url' },
});

const ENVELOPES: Readonly<Record<Signal, EnvelopeNames>> = {
  traces: envelopes('Spans', 'spans'),
  metrics: envelopes('Metrics', 'metrics'),
  logs: envelopes('Logs', 'log_records'),
};

/**
 * Request → resources → scopes → items. The three signals share this shape and its field numbers: 1 for the envelopes of a request, 1 and 3
 * for the resource or scope and its schema URL, 2 for what is inside. Those of an envelope may stand behind its items, so rows learn their
 * scope and resource when the envelope ends.
 * @param skipInvalid invalid spans are found before they are read, and passed over; otherwise they leave the columns in disorder
 */
export function walkRequest(walk: Walk, signal: Signal, skipInvalid: boolean): RequestResult {
  const { columns, cursor, readers } = walk;
  let spans = 0;
  let rejected = 0;
  let message = '';
  const readItem: Readonly<Record<Signal, ReadItem>> = {
    traces: (end) => {
      const invalid = skipInvalid ? columns.traces.whyInvalid(cursor, end) : undefined;
      const reason = invalid ?? columns.traces.span(cursor, readers, end);
      if (reason !== undefined && rejected++ === 0) message = `span ${spans}: ${reason}`;
      if (rejected > LIMITS.rejectedItemsMax)
        throw new WireError(`more than ${LIMITS.rejectedItemsMax} invalid spans; ${message}`);
      spans++;
      cursor.at = end;
    },
    logs: (end) => columns.logs.record(cursor, readers, end, walk.received),
    metrics: (end) => readMetric(walk, end),
  };
  const level: Level = { names: ENVELOPES[signal], readItem: readItem[signal], batches: columns.batchesOf(signal) };
  cursor.at = 0;
  const end = cursor.bytes.length;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== 0x0a) cursor.unknown(tag, end, level.names.request, level.names.requestFields);
    else readResource(walk, cursor.lengthEnd(end), level);
  }
  return { rejected, message: rejected > 1 ? `${message}; and ${rejected - 1} more invalid spans` : message };
}

/**
 * The same for spans, by the kernel. It takes requests whose spans are all valid, and most of those; undefined, and nothing changed, when it has
 * not taken this one.
 */
export function walkWithKernel(walk: Walk, kernel: SpanKernel): RequestResult | undefined {
  const { columns, cursor, readers } = walk;
  const { resources, scopes } = columns;
  const { contexts, rows: rowsBefore } = columns.traces;
  if (!appendRows(kernel, columns.traces, cursor.bytes)) return undefined;
  const [owner, schemaUrl] = [absent(), absent()];
  for (let i = 0; i < kernel.count(COUNT_ENVELOPES); i++) {
    const envelope = kernel.envelope(i, owner, schemaUrl);
    const isScope = envelope.kind === ENVELOPE_SCOPE;
    const list = isScope ? contexts.scope : contexts.resource;
    const rows = rowsBefore + envelope.rows;
    const added = rows - list.length;
    const number = isScope
      ? scopes.find(cursor, readers.item, owner, schemaUrl)
      : resources.find(cursor, readers.item, owner, schemaUrl, walk.baggage);
    list.fillTo(rows, number);
    countRepeated(walk, added, (isScope ? scopes : resources).rowBytes.values[number]);
  }
  return { rejected: 0, message: '' };
}

/** What the envelopes of one signal need to be read. */
interface Level {
  readonly names: EnvelopeNames;
  readonly readItem: ReadItem;
  readonly batches: readonly RowBatch[];
}

/** Rows of all batches together. */
export function rowsOf(batches: readonly RowBatch[]): number {
  let rows = 0;
  for (const batch of batches) rows += batch.rows;
  return rows;
}

function readResource(walk: Walk, end: number, level: Level): void {
  const { columns, cursor } = walk;
  if (cursor.at === end) return;
  const resource = absent();
  const schemaUrl = absent();
  const rowsBefore = rowsOf(level.batches);
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === 0x12) readScope(walk, cursor.lengthEnd(end), level);
    else if (tag === 0x0a) takeRange(cursor, resource, end);
    else if (tag === 0x1a) takeRange(cursor, schemaUrl, end);
    else cursor.unknown(tag, end, level.names.resource, level.names.resourceFields);
  }
  const added = rowsOf(level.batches) - rowsBefore;
  if (added === 0) return;
  const number = columns.resources.find(cursor, walk.readers.item, resource, schemaUrl, walk.baggage);
  cursor.at = end;
  for (const { contexts, rows } of level.batches) contexts.resource.fillTo(rows, number);
  countRepeated(walk, added, columns.resources.rowBytes.values[number]);
}

function readScope(walk: Walk, end: number, level: Level): void {
  const { columns, cursor } = walk;
  if (cursor.at === end) return;
  const scope = absent();
  const schemaUrl = absent();
  const rowsBefore = rowsOf(level.batches);
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === 0x12) level.readItem(cursor.lengthEnd(end));
    else if (tag === 0x0a) takeRange(cursor, scope, end);
    else if (tag === 0x1a) takeRange(cursor, schemaUrl, end);
    else cursor.unknown(tag, end, level.names.scope, level.names.scopeFields);
  }
  const added = rowsOf(level.batches) - rowsBefore;
  if (added === 0) return;
  const number = columns.scopes.find(cursor, walk.readers.item, scope, schemaUrl);
  cursor.at = end;
  for (const { contexts, rows } of level.batches) contexts.scope.fillTo(rows, number);
  countRepeated(walk, added, columns.scopes.rowBytes.values[number]);
}

/** Rows point at their resource, scope and metric until they are frozen; what that will unpack to is bounded here. */
function countRepeated(walk: Walk, rows: number, rowBytes: number): void {
  walk.columns.repeatedBytes += rows * rowBytes;
  if (walk.columns.repeatedBytes <= walk.repeatedBytesMax) return;
  throw new WireError(
    `with resource, scope and metadata repeated for each item it has more than ${walk.columns.requestBytesMax} bytes: send fewer items at a time`,
  );
}

function readMetric(walk: Walk, end: number): void {
  const { columns, cursor, readers } = walk;
  const head = { name: absent(), description: absent(), unit: absent() };
  const metadata = new U32List();
  const data = absent();
  let kind = 0;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === 0x0a) takeRange(cursor, head.name, end);
    else if (tag === 0x12) takeRange(cursor, head.description, end);
    else if (tag === 0x1a) takeRange(cursor, head.unit, end);
    else if (tag === 0x62) {
      const metadataEnd = cursor.lengthEnd(end);
      metadata.push64(cursor.at, metadataEnd);
      cursor.at = metadataEnd;
    } else if ((tag & 7) === 2 && columns.points[tag >>> 3] !== undefined) {
      // A oneof: of several kinds the last counts.
      takeRange(cursor, data, end);
      kind = tag >>> 3;
    } else cursor.unknown(tag, end, 'Metric', METRIC_FIELDS);
  }
  if (kind !== 0) {
    const metric = columns.metrics.add(cursor, readers.item, head, metadata);
    readPoints(walk, kind, data, metric);
  }
  cursor.at = end;
}

/** Gauge, Sum, Histogram, …: data_points (1), aggregation_temporality (2), is_monotonic (3), in any order. */
function readPoints(walk: Walk, kind: number, data: Range, metric: number): void {
  const { cursor, readers } = walk;
  const batch = walk.columns.points[kind];
  const aggregation: Aggregation = { temporality: 0, monotonic: 0 };
  const points = new U32List();
  cursor.at = data.start;
  while (cursor.at < data.end) {
    const tag = cursor.tag(data.end);
    if (tag === 0x0a) {
      const pointEnd = cursor.lengthEnd(data.end);
      points.push64(cursor.at, pointEnd);
      cursor.at = pointEnd;
    } else if (tag === 0x10 && kind !== GAUGE && kind !== SUMMARY)
      aggregation.temporality = cursor.varint32(data.end) | 0;
    else if (tag === 0x18 && kind === SUM) {
      cursor.varint64(data.end);
      aggregation.monotonic = (cursor.low | cursor.high) === 0 ? 0 : 1;
    } else cursor.unknown(tag, data.end, METRIC_FIELDS[kind], DATA_FIELDS[kind]);
  }
  for (let i = 0; i < points.length; i += 2) {
    cursor.at = points.values[i];
    batch.point(cursor, readers, points.values[i + 1], metric, aggregation);
  }
  countRepeated(walk, points.length / 2, walk.columns.metrics.rowBytes.values[metric]);
}
