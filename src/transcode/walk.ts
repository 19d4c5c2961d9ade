import type { Signal } from '../base/signal.ts';
import type { Cursor } from '../wire/protobuf.ts';
import type { AttributeReaders } from './attributes.ts';
import { absent, type Range, takeRange } from './contexts.ts';
import type { Halves } from './logs.ts';
import type { Place } from './metric-columns.ts';
import type { Aggregation } from './points.ts';
import type { SegmentColumns } from './transcode.ts';

/** Everything the walk through one request needs. */
export interface Walk {
  readonly columns: SegmentColumns;
  readonly cursor: Cursor;
  readonly readers: AttributeReaders;
  readonly baggage: Uint8Array;
  readonly received: Halves;
}

export interface RequestResult {
  /** Why spans are invalid, by their number in the request. */
  readonly invalid: ReadonlyMap<number, string>;
}

type ReadItem = (end: number, place: Place) => void;

const METRIC_FIELDS = {
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

/**
 * Request → resources → scopes → items. The three signals share this shape and its field numbers: 1 for the envelopes of a request, 1 and 3
 * for the resource or scope and its schema URL, 2 for what is inside.
 * @param skip numbers of spans that are passed over
 */
export function walkRequest(walk: Walk, signal: Signal, skip: ReadonlyMap<number, string>): RequestResult {
  const { columns, cursor, readers } = walk;
  const invalid = new Map(skip);
  let spans = 0;
  const readItem: Readonly<Record<Signal, ReadItem>> = {
    traces: (end, place) => {
      const number = spans++;
      if (skip.has(number)) {
        cursor.at = end;
        return;
      }
      const reason = columns.traces.span(cursor, readers, end, place.resource, place.scope);
      if (reason !== undefined) invalid.set(number, reason);
      cursor.at = end;
    },
    logs: (end, place) => columns.logs.record(cursor, readers, end, place.resource, place.scope, walk.received),
    metrics: (end, place) => readMetric(walk, end, place),
  };
  cursor.at = 0;
  const end = cursor.bytes.length;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== 0x0a) cursor.unknown(tag, end, 'ExportRequest', { 1: 'resource envelopes' });
    else readResource(walk, cursor.lengthEnd(end), readItem[signal]);
  }
  return { invalid };
}

function readResource(walk: Walk, end: number, readItem: ReadItem): void {
  const { columns, cursor, readers } = walk;
  const place: Place = { resource: -1, scope: -1, metric: -1 };
  const { head, schemaUrl } = readEnvelopeHead(cursor, end);
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== 0x12) {
      cursor.skip(tag, end);
      continue;
    }
    const scopeEnd = cursor.lengthEnd(end);
    const start = cursor.at;
    if (place.resource < 0)
      place.resource = columns.resources.find(cursor, readers.item, head, schemaUrl, walk.baggage);
    cursor.at = start;
    readScope(walk, scopeEnd, place, readItem);
  }
}

function readScope(walk: Walk, end: number, place: Place, readItem: ReadItem): void {
  const { columns, cursor, readers } = walk;
  const { head, schemaUrl } = readEnvelopeHead(cursor, end);
  place.scope = -1;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== 0x12) {
      cursor.skip(tag, end);
      continue;
    }
    const itemEnd = cursor.lengthEnd(end);
    const start = cursor.at;
    if (place.scope < 0) place.scope = columns.scopes.find(cursor, readers.item, head, schemaUrl);
    cursor.at = start;
    readItem(itemEnd, place);
  }
}

/** Finds resource or scope (1) and schema URL (3), which may stand behind the items (2); the cursor is put back. */
function readEnvelopeHead(cursor: Cursor, end: number): { head: Range; schemaUrl: Range } {
  const start = cursor.at;
  const head = absent();
  const schemaUrl = absent();
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === 0x0a) takeRange(cursor, head, end);
    else if (tag === 0x1a) takeRange(cursor, schemaUrl, end);
    else if (tag === 0x12) cursor.at = cursor.lengthEnd(end);
    else cursor.unknown(tag, end, 'envelope', { 1: 'resource or scope', 2: 'items', 3: 'schema_url' });
  }
  cursor.at = start;
  return { head, schemaUrl };
}

function readMetric(walk: Walk, end: number, place: Place): void {
  const { columns, cursor, readers } = walk;
  const head = { name: absent(), description: absent(), unit: absent() };
  const metadata: Range[] = [];
  const data = absent();
  let kind = 0;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag === 0x0a) takeRange(cursor, head.name, end);
    else if (tag === 0x12) takeRange(cursor, head.description, end);
    else if (tag === 0x1a) takeRange(cursor, head.unit, end);
    else if (tag === 0x62) {
      const range = absent();
      takeRange(cursor, range, end);
      metadata.push(range);
    } else if ((tag & 7) === 2 && columns.points[tag >>> 3] !== undefined) {
      // A oneof: of several kinds the last counts.
      takeRange(cursor, data, end);
      kind = tag >>> 3;
    } else cursor.unknown(tag, end, 'Metric', METRIC_FIELDS);
  }
  if (kind !== 0) {
    place.metric = columns.metrics.add(cursor, readers.item, head, metadata);
    readPoints(walk, kind, data, place);
  }
  cursor.at = end;
}

/** Gauge, Sum, Histogram, …: data_points (1), aggregation_temporality (2), is_monotonic (3), in any order. */
function readPoints(walk: Walk, kind: number, data: Range, place: Place): void {
  const { cursor, readers } = walk;
  const batch = walk.columns.points[kind];
  const aggregation: Aggregation = { temporality: 0, monotonic: 0 };
  const points: Range[] = [];
  cursor.at = data.start;
  while (cursor.at < data.end) {
    const tag = cursor.tag(data.end);
    if (tag === 0x0a) {
      const range = absent();
      takeRange(cursor, range, data.end);
      points.push(range);
    } else if (tag === 0x10) aggregation.temporality = cursor.varint32(data.end) | 0;
    else if (tag === 0x18) aggregation.monotonic = cursor.varint32(data.end) === 0 ? 0 : 1;
    else
      cursor.unknown(tag, data.end, 'metric data', {
        1: 'data_points',
        2: 'aggregation_temporality',
        3: 'is_monotonic',
      });
  }
  for (const { start, end } of points) {
    cursor.at = start;
    batch.point(cursor, readers, end, place, aggregation);
  }
}
