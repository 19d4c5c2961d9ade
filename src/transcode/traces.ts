import { U32List } from '../base/lists.ts';
import type { RowOrder } from '../base/radix.ts';
import {
  ArrayColumn,
  EnumColumn,
  Fixed32Column,
  Fixed64Column,
  type GrowingColumn,
  LowColumn,
  MapColumn,
  type Part,
  StringColumn,
} from '../columns/builders.ts';
import { Dictionary } from '../columns/dictionary.ts';
import { permuted, permutedList, RowPermutation } from '../columns/permuted.ts';
import { TRACES } from '../columns/tables.ts';
import type { Cursor } from '../wire/protobuf.ts';
import type { AttributeReader, AttributeReaders } from './attributes.ts';
import { type Batch, endNestedRow, partsOf, type RowBatch, RowContexts } from './batch.ts';
import { absent, pushRange, type Range, type ResourceContexts, type ScopeContexts, takeRange } from './contexts.ts';
import { isValidId, isZero, pushHex, SPAN_ID_BYTES, TRACE_ID_BYTES, traceIdColumn } from './ids.ts';
import { orderOfIds, orderOfSpans } from './span-order.ts';
import { traceIdsBatch } from './trace-ids.ts';

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const STATUS_CODES = ['Unset', 'Ok', 'Error'];

const SPAN_FIELDS = {
  1: 'trace_id',
  2: 'span_id',
  3: 'trace_state',
  4: 'parent_span_id',
  5: 'name',
  6: 'kind',
  7: 'start_time_unix_nano',
  8: 'end_time_unix_nano',
  9: 'attributes',
  10: 'dropped_attributes_count',
  11: 'events',
  12: 'dropped_events_count',
  13: 'links',
  14: 'dropped_links_count',
  15: 'status',
  16: 'flags',
};
const EVENT_FIELDS = { 1: 'time_unix_nano', 2: 'name', 3: 'attributes', 4: 'dropped_attributes_count' };
const LINK_FIELDS = {
  1: 'trace_id',
  2: 'span_id',
  3: 'trace_state',
  4: 'attributes',
  5: 'dropped_attributes_count',
  6: 'flags',
};
const STATUS_FIELDS = { 2: 'message', 3: 'code' };

/** The scalar fields of the span that is being read. One object for all spans: nothing is allocated for a span. */
interface SpanFields {
  readonly traceId: Range;
  readonly spanId: Range;
  readonly traceState: Range;
  readonly parentId: Range;
  readonly name: Range;
  readonly message: Range;
  kind: number;
  code: number;
  startLow: number;
  startHigh: number;
  endLow: number;
  endHigh: number;
  flags: number;
  droppedAttributes: number;
  droppedEvents: number;
  droppedLinks: number;
  events: number;
  links: number;
}

const emptyFields = (): SpanFields => ({
  traceId: absent(),
  spanId: absent(),
  traceState: absent(),
  parentId: absent(),
  name: absent(),
  message: absent(),
  kind: 0,
  code: 0,
  startLow: 0,
  startHigh: 0,
  endLow: 0,
  endHigh: 0,
  flags: 0,
  droppedAttributes: 0,
  droppedEvents: 0,
  droppedLinks: 0,
  events: 0,
  links: 0,
});

function clear(span: SpanFields): void {
  span.traceId.start = -1;
  span.spanId.start = -1;
  span.traceState.start = -1;
  span.parentId.start = -1;
  span.name.start = -1;
  span.message.start = -1;
  span.kind = 0;
  span.code = 0;
  span.startLow = 0;
  span.startHigh = 0;
  span.endLow = 0;
  span.endHigh = 0;
  span.flags = 0;
  span.droppedAttributes = 0;
  span.droppedEvents = 0;
  span.droppedLinks = 0;
  span.events = 0;
  span.links = 0;
}

/** Growing rows of otel_traces. */
export class TraceBatch implements RowBatch {
  readonly table = TRACES;
  readonly contexts = new RowContexts();
  readonly traceIds = new Dictionary();
  readonly traceOf = new U32List();
  readonly timestamp = new Fixed64Column();
  readonly duration = new Fixed64Column();
  readonly negativeDuration = new Fixed64Column();
  readonly spanId = new StringColumn();
  readonly parentSpanId = new StringColumn();
  readonly traceState = new StringColumn();
  readonly spanName = new LowColumn();
  readonly spanKind = new EnumColumn(KINDS);
  readonly attributes = new MapColumn();
  readonly types = new LowColumn();
  readonly statusCode = new EnumColumn(STATUS_CODES);
  readonly statusMessage = new StringColumn();
  readonly flags = new Fixed32Column();
  readonly droppedAttributes = new Fixed32Column();
  readonly droppedEvents = new Fixed32Column();
  readonly droppedLinks = new Fixed32Column();
  readonly eventEnds = new U32List();
  readonly eventTime = new Fixed64Column();
  readonly eventName = new LowColumn();
  readonly eventAttributes = new MapColumn();
  readonly eventTypes = new LowColumn();
  readonly eventDropped = new Fixed32Column();
  readonly linkEnds = new U32List();
  readonly linkTraceId = new StringColumn();
  readonly linkSpanId = new StringColumn();
  readonly linkTraceState = new StringColumn();
  readonly linkAttributes = new MapColumn();
  readonly linkTypes = new LowColumn();
  readonly linkDropped = new Fixed32Column();
  readonly linkFlags = new Fixed32Column();
  readonly parts: readonly Part[];
  readonly maps = [this.attributes, this.eventAttributes, this.linkAttributes];
  readonly #resources: ResourceContexts;
  readonly #scopes: ScopeContexts;
  readonly #own: Readonly<Record<string, GrowingColumn>>;
  readonly #span = emptyFields();

  constructor(resources: ResourceContexts, scopes: ScopeContexts) {
    this.#resources = resources;
    this.#scopes = scopes;
    const event = <C extends GrowingColumn>(inner: C, fillable = true) =>
      new ArrayColumn(inner, this.eventEnds, fillable);
    const link = <C extends GrowingColumn>(inner: C, fillable = true) =>
      new ArrayColumn(inner, this.linkEnds, fillable);
    this.#own = {
      Timestamp: this.timestamp,
      SpanId: this.spanId,
      ParentSpanId: this.parentSpanId,
      TraceState: this.traceState,
      SpanName: this.spanName,
      SpanKind: this.spanKind,
      SpanAttributes: this.attributes,
      SpanAttributesTypes: this.types,
      Duration: this.duration,
      NegativeDuration: this.negativeDuration,
      StatusCode: this.statusCode,
      StatusMessage: this.statusMessage,
      Flags: this.flags,
      DroppedAttributesCount: this.droppedAttributes,
      DroppedEventsCount: this.droppedEvents,
      DroppedLinksCount: this.droppedLinks,
      'Events.Timestamp': event(this.eventTime, false),
      'Events.Name': event(this.eventName),
      'Events.Attributes': event(this.eventAttributes),
      'Events.AttributesTypes': event(this.eventTypes),
      'Events.DroppedAttributesCount': event(this.eventDropped),
      'Links.TraceId': link(this.linkTraceId, false),
      'Links.SpanId': link(this.linkSpanId),
      'Links.TraceState': link(this.linkTraceState),
      'Links.Attributes': link(this.linkAttributes),
      'Links.AttributesTypes': link(this.linkTypes),
      'Links.DroppedAttributesCount': link(this.linkDropped),
      'Links.Flags': link(this.linkFlags),
    };
    this.parts = partsOf(Object.values(this.#own), this.traceIds, this.traceOf, ...this.contexts.parts);
  }

  get rows(): number {
    return this.traceOf.length;
  }

  /** In the order of the table (src/columns/tables.ts): what arrives sorted, ClickHouse need not sort. */
  #columnsIn(rows: Uint32Array): Readonly<Record<string, GrowingColumn>> {
    const order = new RowPermutation(rows);
    const own = Object.entries(this.#own).map(([name, column]) => [name, permuted(column, order)] as const);
    return {
      ...Object.fromEntries(own),
      TraceId: traceIdColumn(this.traceIds, permutedList(this.traceOf, order)),
      ...this.#resources.columns(permutedList(this.contexts.resource, order)),
      ...this.#scopes.columns(permutedList(this.contexts.scope, order)),
    };
  }

  /** The look-up table that goes with these rows, and the rows: both need the order of the trace ids, which is found once. */
  tables(): readonly Batch[] {
    let ids: RowOrder | undefined;
    const idsOnce = (): RowOrder => {
      ids ??= orderOfIds(this.traceIds);
      return ids;
    };
    let rows: Uint32Array = new Uint32Array(0);
    const resources = this.#resources;
    const orderRows = (): Generator<undefined, Uint32Array> => orderOfSpans(this, resources, idsOnce());
    return [
      traceIdsBatch(this, resources, idsOnce),
      {
        table: this.table,
        rows: this.rows,
        *prepare() {
          rows = yield* orderRows();
        },
        columns: () => this.#columnsIn(rows),
      },
    ];
  }

  /**
   * Reads the span that ends at `end`. Answers why it is invalid, or undefined. The columns of an invalid span are in disorder: the
   * caller cuts back to its mark and reads the request again without it.
   */
  span(cursor: Cursor, readers: AttributeReaders, end: number): string | undefined {
    const span = this.#span;
    clear(span);
    readers.item.begin();
    while (cursor.at < end) this.#field(cursor, readers, end);
    const reason = invalidReason(cursor.bytes, span);
    if (reason !== undefined) return reason;
    readers.item.finish(this.attributes, this.types);
    this.#endRow(cursor.bytes);
    return undefined;
  }

  /** Looks at the ids of the span that ends at `end` alone; the cursor stays where it is when the span is valid. */
  whyInvalid(cursor: Cursor, end: number): string | undefined {
    const start = cursor.at;
    const span = this.#span;
    clear(span);
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      if (tag === 0x0a) takeRange(cursor, span.traceId, end);
      else if (tag === 0x12) takeRange(cursor, span.spanId, end);
      else if (tag === 0x22) takeRange(cursor, span.parentId, end);
      else cursor.skip(tag, end);
    }
    cursor.at = start;
    return invalidReason(cursor.bytes, span);
  }

  #field(cursor: Cursor, readers: AttributeReaders, end: number): void {
    const span = this.#span;
    const tag = cursor.tag(end);
    switch (tag) {
      case 0x4a: // attributes
        readers.item.keyValue(this.attributes, cursor.lengthEnd(end));
        return;
      case 0x0a:
        takeRange(cursor, span.traceId, end);
        return;
      case 0x12:
        takeRange(cursor, span.spanId, end);
        return;
      case 0x22:
        takeRange(cursor, span.parentId, end);
        return;
      case 0x2a:
        takeRange(cursor, span.name, end);
        return;
      case 0x30:
        span.kind = cursor.varint32(end) | 0;
        return;
      case 0x39: // start_time_unix_nano
        cursor.fixed64(end);
        span.startLow = cursor.low;
        span.startHigh = cursor.high;
        return;
      case 0x41: // end_time_unix_nano
        cursor.fixed64(end);
        span.endLow = cursor.low;
        span.endHigh = cursor.high;
        return;
      case 0x85: // flags, whose tag has a second byte
        span.flags = cursor.fixed32(end);
        return;
      default:
        this.#rareField(cursor, readers.nested, tag, end);
    }
  }

  #rareField(cursor: Cursor, reader: AttributeReader, tag: number, end: number): void {
    const span = this.#span;
    switch (tag) {
      case 0x1a:
        takeRange(cursor, span.traceState, end);
        return;
      case 0x50:
        span.droppedAttributes = cursor.varint32(end);
        return;
      case 0x5a:
        this.#event(cursor, reader, cursor.lengthEnd(end));
        span.events++;
        return;
      case 0x60:
        span.droppedEvents = cursor.varint32(end);
        return;
      case 0x6a:
        this.#link(cursor, reader, cursor.lengthEnd(end));
        span.links++;
        return;
      case 0x70:
        span.droppedLinks = cursor.varint32(end);
        return;
      case 0x7a:
        this.#status(cursor, cursor.lengthEnd(end));
        return;
      default:
        cursor.unknown(tag, end, 'Span', SPAN_FIELDS);
    }
  }

  #status(cursor: Cursor, end: number): void {
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      if (tag === 0x12) takeRange(cursor, this.#span.message, end);
      else if (tag === 0x18) this.#span.code = cursor.varint32(end) | 0;
      else cursor.unknown(tag, end, 'Status', STATUS_FIELDS);
    }
  }

  #event(cursor: Cursor, reader: AttributeReader, end: number): void {
    const name = absent();
    let low = 0;
    let high = 0;
    let dropped = 0;
    reader.begin();
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      if (tag === 0x09) {
        cursor.fixed64(end);
        low = cursor.low;
        high = cursor.high;
      } else if (tag === 0x12) takeRange(cursor, name, end);
      else if (tag === 0x1a) reader.keyValue(this.eventAttributes, cursor.lengthEnd(end));
      else if (tag === 0x20) dropped = cursor.varint32(end);
      else cursor.unknown(tag, end, 'Span.Event', EVENT_FIELDS);
    }
    reader.finish(this.eventAttributes, this.eventTypes);
    this.eventTime.push(low, high);
    pushRange(this.eventName, cursor.bytes, name);
    this.eventDropped.push(dropped);
  }

  #link(cursor: Cursor, reader: AttributeReader, end: number): void {
    const traceId = absent();
    const spanId = absent();
    const traceState = absent();
    let dropped = 0;
    let flags = 0;
    reader.begin();
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      if (tag === 0x0a) takeRange(cursor, traceId, end);
      else if (tag === 0x12) takeRange(cursor, spanId, end);
      else if (tag === 0x1a) takeRange(cursor, traceState, end);
      else if (tag === 0x22) reader.keyValue(this.linkAttributes, cursor.lengthEnd(end));
      else if (tag === 0x28) dropped = cursor.varint32(end);
      else if (tag === 0x35) flags = cursor.fixed32(end);
      else cursor.unknown(tag, end, 'Span.Link', LINK_FIELDS);
    }
    reader.finish(this.linkAttributes, this.linkTypes);
    pushHex(this.linkTraceId, cursor.bytes, traceId);
    pushHex(this.linkSpanId, cursor.bytes, spanId);
    pushRange(this.linkTraceState, cursor.bytes, traceState);
    this.linkDropped.push(dropped);
    this.linkFlags.push(flags);
  }

  #endRow(bytes: Uint8Array): void {
    const span = this.#span;
    this.#pushTrace(bytes, span.traceId);
    pushHex(this.spanId, bytes, span.spanId);
    // A root may say its missing parent as zeros; it is stored as absent (docs/guarantees.md).
    if (span.parentId.start >= 0 && isZero(bytes, span.parentId)) span.parentId.start = -1;
    pushHex(this.parentSpanId, bytes, span.parentId);
    pushRange(this.traceState, bytes, span.traceState);
    pushRange(this.spanName, bytes, span.name);
    this.spanKind.push(span.kind);
    this.statusCode.push(span.code);
    pushRange(this.statusMessage, bytes, span.message);
    this.timestamp.push(span.startLow, span.startHigh);
    this.#pushDuration();
    this.flags.push(span.flags);
    this.droppedAttributes.push(span.droppedAttributes);
    this.droppedEvents.push(span.droppedEvents);
    this.droppedLinks.push(span.droppedLinks);
    endNestedRow(this.eventEnds, span.events);
    endNestedRow(this.linkEnds, span.links);
  }

  /** Spans of one trace tend to stand together: one comparison instead of a hash. */
  #pushTrace(bytes: Uint8Array, { start, end }: Range): void {
    const { traceIds, traceOf } = this;
    const last = traceOf.length === 0 ? -1 : traceOf.values[traceOf.length - 1];
    traceOf.push(last >= 0 && traceIds.equals(last, bytes, start, end) ? last : traceIds.add(bytes, start, end));
  }

  /** end − start, or start − end in the column beside it when the span ends before it starts. */
  #pushDuration(): void {
    const span = this.#span;
    const [startLow, startHigh] = [span.startLow >>> 0, span.startHigh >>> 0];
    const [endLow, endHigh] = [span.endLow >>> 0, span.endHigh >>> 0];
    const backwards = endHigh < startHigh || (endHigh === startHigh && endLow < startLow);
    const low = backwards ? startLow - endLow : endLow - startLow;
    const high = (backwards ? startHigh - endHigh : endHigh - startHigh) - (low < 0 ? 1 : 0);
    this.duration.push(backwards ? 0 : low, backwards ? 0 : high);
    this.negativeDuration.push(backwards ? low : 0, backwards ? high : 0);
  }
}

function invalidReason(bytes: Uint8Array, span: SpanFields): string | undefined {
  if (!isValidId(bytes, span.traceId, TRACE_ID_BYTES)) return `trace_id must be ${TRACE_ID_BYTES} bytes, not all zero`;
  if (!isValidId(bytes, span.spanId, SPAN_ID_BYTES)) return `span_id must be ${SPAN_ID_BYTES} bytes, not all zero`;
  const parentBytes = span.parentId.start < 0 ? 0 : span.parentId.end - span.parentId.start;
  if (parentBytes !== 0 && parentBytes !== SPAN_ID_BYTES) {
    return `parent_span_id must be empty or ${SPAN_ID_BYTES} bytes, not ${parentBytes}`;
  }
  return undefined;
}
