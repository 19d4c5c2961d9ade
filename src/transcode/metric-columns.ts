import { U32List } from '../base/lists.ts';
import {
  ArrayColumn,
  ByteColumn,
  Fixed64Column,
  type GrowingColumn,
  LowColumn,
  MapColumn,
  type Part,
  StringColumn,
} from '../columns/builders.ts';
import { gather } from '../columns/gather.ts';
import type { Cursor } from '../wire/protobuf.ts';
import type { AttributeReader } from './attributes.ts';
import { partsOf, RowContexts } from './batch.ts';
import { absent, pushRange, type Range, type ResourceContexts, type ScopeContexts, takeRange } from './contexts.ts';
import { pushHex } from './ids.ts';
import { int64AsDouble } from './text.ts';

/** ValueKind: what a number data point or exemplar holds. */
export const NO_VALUE = 0;
export const DOUBLE_VALUE = 1;
export const INT_VALUE = 2;

const EXEMPLAR_FIELDS = {
  2: 'time_unix_nano',
  3: 'as_double',
  4: 'span_id',
  5: 'trace_id',
  6: 'as_int',
  7: 'filtered_attributes',
};

/** Name, description, unit and metadata of metrics; the points of one metric in one request point at one entry. */
export class MetricContexts {
  readonly name = new LowColumn();
  readonly description = new LowColumn();
  readonly unit = new LowColumn();
  readonly metadata = new MapColumn();
  readonly metadataTypes = new LowColumn();
  /** What a row of this metric adds to the files, in bytes. */
  readonly rowBytes = new U32List();
  readonly maps = [this.metadata];

  get parts(): readonly Part[] {
    return partsOf([this.name, this.description, this.unit, this.metadata, this.metadataTypes], this.rowBytes);
  }

  /** Adds a metric and answers its number. `metadata` are start and end of each of its KeyValue messages. */
  add(
    cursor: Cursor,
    reader: AttributeReader,
    head: Readonly<Record<'name' | 'description' | 'unit', Range>>,
    metadata: U32List,
  ): number {
    const number = this.name.ids.length;
    pushRange(this.name, cursor.bytes, head.name);
    pushRange(this.description, cursor.bytes, head.description);
    pushRange(this.unit, cursor.bytes, head.unit);
    const before = this.metadata.values.data.length;
    reader.begin();
    for (let i = 0; i < metadata.length; i += 2) {
      cursor.at = metadata.values[i];
      reader.keyValue(this.metadata, metadata.values[i + 1]);
    }
    reader.finish(this.metadata, this.metadataTypes);
    this.rowBytes.push(this.metadata.values.data.length - before);
    return number;
  }

  columns(index: U32List): Record<string, GrowingColumn> {
    return {
      MetricName: gather(this.name, index),
      MetricDescription: gather(this.description, index),
      MetricUnit: gather(this.unit, index),
      MetricMetadata: gather(this.metadata, index),
      MetricMetadataTypes: gather(this.metadataTypes, index),
    };
  }
}

/** The columns that all five metric tables begin with. */
export class PointHead {
  readonly contexts = new RowContexts();
  readonly metricOf = new U32List();
  readonly attributes = new MapColumn();
  readonly types = new LowColumn();
  readonly start = new Fixed64Column();
  readonly time = new Fixed64Column();
  readonly parts: readonly Part[];
  readonly #shared: { resources: ResourceContexts; scopes: ScopeContexts; metrics: MetricContexts };

  constructor(shared: { resources: ResourceContexts; scopes: ScopeContexts; metrics: MetricContexts }) {
    this.#shared = shared;
    this.parts = partsOf([this.attributes, this.types, this.start, this.time], this.metricOf, ...this.contexts.parts);
  }

  get rows(): number {
    return this.metricOf.length;
  }

  columns(): Record<string, GrowingColumn> {
    const { resources, scopes, metrics } = this.#shared;
    return {
      Attributes: this.attributes,
      AttributesTypes: this.types,
      StartTimeUnix: this.start,
      TimeUnix: this.time,
      ...resources.columns(this.contexts.resource),
      ...scopes.columns(this.contexts.scope),
      ...metrics.columns(this.metricOf),
    };
  }
}

/** Value, ValueKind and IntValue of number data points and exemplars. */
export class NumberColumns {
  readonly value = new Fixed64Column();
  readonly kind = new ByteColumn();
  readonly integer = new Fixed64Column();
  readonly #rounded = { low: 0, high: 0 };

  push(kind: number, low: number, high: number): void {
    this.kind.push(kind);
    if (kind === INT_VALUE) {
      int64AsDouble(low, high, this.#rounded);
      this.value.push(this.#rounded.low, this.#rounded.high);
      this.integer.push(low, high);
    } else {
      this.value.push(low, high);
      this.integer.push(0, 0);
    }
  }
}

/** The Nested column Exemplars. */
export class ExemplarColumns {
  readonly ends = new U32List();
  readonly time = new Fixed64Column();
  readonly numbers = new NumberColumns();
  readonly spanId = new StringColumn();
  readonly traceId = new StringColumn();
  readonly attributes = new MapColumn();
  readonly types = new LowColumn();

  columns(): Record<string, GrowingColumn> {
    const member = <C extends GrowingColumn>(inner: C, fillable = true) => new ArrayColumn(inner, this.ends, fillable);
    return {
      'Exemplars.FilteredAttributes': member(this.attributes),
      'Exemplars.TimeUnix': member(this.time, false),
      'Exemplars.Value': member(this.numbers.value),
      'Exemplars.SpanId': member(this.spanId),
      'Exemplars.TraceId': member(this.traceId),
      'Exemplars.FilteredAttributesTypes': member(this.types),
      'Exemplars.ValueKind': member(this.numbers.kind),
      'Exemplars.IntValue': member(this.numbers.integer),
    };
  }

  read(cursor: Cursor, reader: AttributeReader, end: number): void {
    const traceId = absent();
    const spanId = absent();
    let timeLow = 0;
    let timeHigh = 0;
    let kind = NO_VALUE;
    let low = 0;
    let high = 0;
    reader.begin();
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      if (tag === 0x11) {
        cursor.fixed64(end);
        timeLow = cursor.low;
        timeHigh = cursor.high;
      } else if (tag === 0x19 || tag === 0x31) {
        cursor.fixed64(end);
        kind = tag === 0x19 ? DOUBLE_VALUE : INT_VALUE;
        low = cursor.low;
        high = cursor.high;
      } else if (tag === 0x22) takeRange(cursor, spanId, end);
      else if (tag === 0x2a) takeRange(cursor, traceId, end);
      else if (tag === 0x3a) reader.keyValue(this.attributes, cursor.lengthEnd(end));
      else cursor.unknown(tag, end, 'Exemplar', EXEMPLAR_FIELDS);
    }
    reader.finish(this.attributes, this.types);
    this.time.push(timeLow, timeHigh);
    this.numbers.push(kind, low, high);
    pushHex(this.spanId, cursor.bytes, spanId);
    pushHex(this.traceId, cursor.bytes, traceId);
  }
}
