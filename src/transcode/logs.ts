import {
  ByteColumn,
  Fixed32Column,
  Fixed64Column,
  type GrowingColumn,
  LowColumn,
  MapColumn,
  type Part,
  StringColumn,
} from '../columns/builders.ts';
import { LOGS } from '../columns/tables.ts';
import type { Cursor } from '../wire/protobuf.ts';
import type { AttributeReaders } from './attributes.ts';
import { type Batch, partsOf, type RowBatch, RowContexts } from './batch.ts';
import { absent, pushRange, type ResourceContexts, type ScopeContexts, takeRange } from './contexts.ts';
import { pushHex } from './ids.ts';

const LOG_FIELDS = {
  1: 'time_unix_nano',
  2: 'severity_number',
  3: 'severity_text',
  5: 'body',
  6: 'attributes',
  7: 'dropped_attributes_count',
  8: 'flags',
  9: 'trace_id',
  10: 'span_id',
  11: 'observed_time_unix_nano',
  12: 'event_name',
};

/** A uint64 as two halves. */
export interface Halves {
  low: number;
  high: number;
}

const readHalves = (cursor: Cursor, end: number, to: Halves): void => {
  cursor.fixed64(end);
  to.low = cursor.low;
  to.high = cursor.high;
};

/** Growing rows of otel_logs. */
export class LogBatch implements RowBatch {
  readonly table = LOGS;
  readonly contexts = new RowContexts();
  readonly timestamp = new Fixed64Column();
  readonly observed = new Fixed64Column();
  readonly timeUnset = new ByteColumn();
  readonly traceId = new StringColumn();
  readonly spanId = new StringColumn();
  readonly traceFlags = new ByteColumn();
  readonly flags = new Fixed32Column();
  readonly severityText = new LowColumn();
  readonly severityNumber = new ByteColumn();
  readonly severityWide = new Fixed32Column();
  readonly body = new StringColumn();
  readonly bodyType = new LowColumn();
  readonly attributes = new MapColumn();
  readonly types = new LowColumn();
  readonly dropped = new Fixed32Column();
  readonly eventName = new StringColumn();
  readonly parts: readonly Part[];
  readonly maps = [this.attributes];
  readonly #resources: ResourceContexts;
  readonly #scopes: ScopeContexts;
  readonly #own: Readonly<Record<string, GrowingColumn>>;
  readonly #fields = {
    time: { low: 0, high: 0 },
    observed: { low: 0, high: 0 },
    severity: 0,
    flags: 0,
    dropped: 0,
    severityText: absent(),
    body: absent(),
    traceId: absent(),
    spanId: absent(),
    eventName: absent(),
  };

  constructor(resources: ResourceContexts, scopes: ScopeContexts) {
    this.#resources = resources;
    this.#scopes = scopes;
    this.#own = {
      Timestamp: this.timestamp,
      ObservedTimestamp: this.observed,
      TimeUnset: this.timeUnset,
      TraceId: this.traceId,
      SpanId: this.spanId,
      TraceFlags: this.traceFlags,
      Flags: this.flags,
      SeverityText: this.severityText,
      SeverityNumber: this.severityNumber,
      SeverityNumberWide: this.severityWide,
      Body: this.body,
      BodyType: this.bodyType,
      LogAttributes: this.attributes,
      LogAttributesTypes: this.types,
      DroppedAttributesCount: this.dropped,
      EventName: this.eventName,
    };
    this.parts = partsOf(Object.values(this.#own), ...this.contexts.parts);
  }

  get rows(): number {
    return this.timeUnset.list.length;
  }

  tables(): readonly Batch[] {
    return [this];
  }

  columns(): Readonly<Record<string, GrowingColumn>> {
    return {
      ...this.#own,
      ...this.#resources.columns(this.contexts.resource),
      ...this.#scopes.columns(this.contexts.scope),
    };
  }

  /** Reads the log record that ends at `end`. `received` stands in for a record without any time. */
  record(cursor: Cursor, readers: AttributeReaders, end: number, received: Halves): void {
    this.#clear();
    readers.item.begin();
    while (cursor.at < end) this.#field(cursor, readers, end);
    readers.item.finish(this.attributes, this.types);
    this.#endRow(cursor, readers, received);
    cursor.at = end;
  }

  #clear(): void {
    const fields = this.#fields;
    fields.severityText.start = -1;
    fields.body.start = -1;
    fields.traceId.start = -1;
    fields.spanId.start = -1;
    fields.eventName.start = -1;
    fields.time.low = 0;
    fields.time.high = 0;
    fields.observed.low = 0;
    fields.observed.high = 0;
    fields.severity = 0;
    fields.flags = 0;
    fields.dropped = 0;
  }

  #field(cursor: Cursor, readers: AttributeReaders, end: number): void {
    const fields = this.#fields;
    const tag = cursor.tag(end);
    switch (tag) {
      case 0x09:
        readHalves(cursor, end, fields.time);
        return;
      case 0x10:
        fields.severity = cursor.varint32(end) | 0;
        return;
      case 0x1a:
        takeRange(cursor, fields.severityText, end);
        return;
      case 0x2a:
        takeRange(cursor, fields.body, end);
        return;
      case 0x32:
        readers.item.keyValue(this.attributes, cursor.lengthEnd(end));
        return;
      case 0x38:
        fields.dropped = cursor.varint32(end);
        return;
      case 0x45:
        fields.flags = cursor.fixed32(end);
        return;
      case 0x4a:
        takeRange(cursor, fields.traceId, end);
        return;
      case 0x52:
        takeRange(cursor, fields.spanId, end);
        return;
      case 0x59:
        readHalves(cursor, end, fields.observed);
        return;
      case 0x62:
        takeRange(cursor, fields.eventName, end);
        return;
      default:
        cursor.unknown(tag, end, 'LogRecord', LOG_FIELDS);
    }
  }

  #endRow(cursor: Cursor, readers: AttributeReaders, received: Halves): void {
    const { time, observed, severity, flags, dropped, severityText, body, traceId, spanId, eventName } = this.#fields;
    const bytes = cursor.bytes;
    const unset = time.low === 0 && time.high === 0;
    const fallback = observed.low === 0 && observed.high === 0 ? received : observed;
    const shown = unset ? fallback : time;
    this.timestamp.push(shown.low, shown.high);
    this.observed.push(observed.low, observed.high);
    this.timeUnset.push(unset ? 1 : 0);
    pushHex(this.traceId, bytes, traceId);
    pushHex(this.spanId, bytes, spanId);
    this.traceFlags.push(flags & 255);
    this.flags.push(flags);
    pushRange(this.severityText, bytes, severityText);
    const fits = severity >= 0 && severity <= 255;
    this.severityNumber.push(fits ? severity : 0);
    this.severityWide.push(fits ? 0 : severity);
    this.dropped.push(dropped);
    pushRange(this.eventName, bytes, eventName);
    if (body.start < 0) {
      this.body.push(bytes, 0, 0);
      this.bodyType.push(bytes, 0, 0);
    } else {
      cursor.at = body.start;
      readers.nested.single(this.body, this.bodyType, body.end);
    }
  }
}
