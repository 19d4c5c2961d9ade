import { U32List } from '../base/lists.ts';
import {
  ArrayColumn,
  ByteColumn,
  Fixed32Column,
  Fixed64Column,
  type GrowingColumn,
  type MapColumn,
  type Part,
} from '../columns/builders.ts';
import { EXPONENTIAL_HISTOGRAM, GAUGE, HISTOGRAM, SUM, SUMMARY, type Table } from '../columns/tables.ts';
import type { Cursor } from '../wire/protobuf.ts';
import type { AttributeReaders } from './attributes.ts';
import { type Batch, endNestedRow, partsOf, type RowBatch, type RowContexts } from './batch.ts';
import type { ResourceContexts, ScopeContexts } from './contexts.ts';
import { ExemplarColumns, type MetricContexts, NO_VALUE, NumberColumns, PointHead } from './metric-columns.ts';
import { EXPONENTIAL_SHAPE, HISTOGRAM_SHAPE, NUMBER_SHAPE, type PointShape, SUMMARY_SHAPE } from './point-shapes.ts';

export interface SharedContexts {
  readonly resources: ResourceContexts;
  readonly scopes: ScopeContexts;
  readonly metrics: MetricContexts;
}

/** What the metric around a point says: aggregation_temporality and is_monotonic. */
export interface Aggregation {
  temporality: number;
  monotonic: number;
}

/** 64-bit scalars of the point that is being read, by the column that they belong to. */
export type Scalar = 'Count' | 'Sum' | 'Min' | 'Max' | 'ZeroCount' | 'ZeroThreshold';
export type Word = 'Flags' | 'Scale' | 'PositiveOffset' | 'NegativeOffset';
export type Values = 'BucketCounts' | 'ExplicitBounds' | 'PositiveBucketCounts' | 'NegativeBucketCounts';

const SCALARS: readonly Scalar[] = ['Count', 'Sum', 'Min', 'Max', 'ZeroCount', 'ZeroThreshold'];
const WORDS: readonly Word[] = ['Flags', 'Scale', 'PositiveOffset', 'NegativeOffset'];
const VALUES: readonly Values[] = ['BucketCounts', 'ExplicitBounds', 'PositiveBucketCounts', 'NegativeBucketCounts'];

/** An Array(UInt64) or Array(Float64) column. */
class ValuesColumn {
  readonly ends = new U32List();
  readonly inner = new Fixed64Column();
  readonly column = new ArrayColumn(this.inner, this.ends, false);

  endRow(): void {
    this.ends.push(this.inner.list.length / 2);
  }
}

/**
 * Growing rows of one of the five metric tables. The tables differ in which columns they have and in the field numbers of their point
 * message; both are data (the table, the shape), so one reader serves all five.
 */
export class PointBatch implements RowBatch {
  readonly table: Table;
  readonly parts: readonly Part[];
  readonly maps: readonly MapColumn[];
  readonly head: PointHead;
  readonly exemplars = new ExemplarColumns();
  readonly numbers = new NumberColumns();
  readonly optional = new ByteColumn();
  readonly monotonic = new ByteColumn();
  readonly temporality = new Fixed32Column();
  readonly scalars = new Map<Scalar, Fixed64Column>(SCALARS.map((name) => [name, new Fixed64Column()]));
  readonly words = new Map<Word, Fixed32Column>(WORDS.map((name) => [name, new Fixed32Column()]));
  readonly values = new Map<Values, ValuesColumn>(VALUES.map((name) => [name, new ValuesColumn()]));
  readonly quantileEnds = new U32List();
  readonly quantile = new Fixed64Column();
  readonly quantileValue = new Fixed64Column();
  /** Which of the columns above the table has; the others stay empty. */
  readonly #has: ReadonlySet<string>;
  readonly #scalars: readonly (readonly [Scalar, Fixed64Column])[];
  readonly #words: readonly (readonly [Word, Fixed32Column])[];
  readonly #values: readonly ValuesColumn[];
  readonly #shape: PointShape;
  readonly #own: Readonly<Record<string, GrowingColumn>>;
  /** Of the point being read: time and scalars as halves, in the order of SCALARS behind start, time and value. */
  readonly row = new PointRow();

  constructor(table: Table, shape: PointShape, shared: SharedContexts) {
    this.table = table;
    this.#shape = shape;
    this.head = new PointHead(shared);
    this.#own = {
      ...this.exemplars.columns(),
      Value: this.numbers.value,
      ValueKind: this.numbers.kind,
      IntValue: this.numbers.integer,
      OptionalFields: this.optional,
      IsMonotonic: this.monotonic,
      AggregationTemporality: this.temporality,
      ...Object.fromEntries(this.scalars),
      ...Object.fromEntries(this.words),
      ...Object.fromEntries([...this.values].map(([name, values]) => [name, values.column])),
      'ValueAtQuantiles.Quantile': new ArrayColumn(this.quantile, this.quantileEnds, false),
      'ValueAtQuantiles.Value': new ArrayColumn(this.quantileValue, this.quantileEnds, true),
    };
    const has = new Set(table.columns.map(({ name }) => name));
    this.#has = has;
    this.#scalars = [...this.scalars].filter(([name]) => has.has(name));
    this.#words = [...this.words].filter(([name]) => has.has(name));
    this.#values = [...this.values].filter(([name]) => has.has(name)).map(([, column]) => column);
    const mine = Object.entries(this.#own).filter(([name]) => has.has(name));
    this.parts = partsOf(
      mine.map(([, column]) => column),
      ...this.head.parts,
    );
    this.maps = [this.head.attributes, this.exemplars.attributes];
  }

  get contexts(): RowContexts {
    return this.head.contexts;
  }

  get rows(): number {
    return this.head.rows;
  }

  tables(): readonly Batch[] {
    return [this];
  }

  columns(): Readonly<Record<string, GrowingColumn>> {
    return { ...this.#own, ...this.head.columns() };
  }

  /** Reads the data point that ends at `end`. */
  point(cursor: Cursor, readers: AttributeReaders, end: number, metric: number, aggregation: Aggregation): void {
    const row = this.row;
    row.clear();
    readers.item.begin();
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      const read = this.#shape.fields[tag];
      if (read === undefined) cursor.unknown(tag, end, this.#shape.message, this.#shape.names);
      else read(this, cursor, readers, end);
    }
    readers.item.finish(this.head.attributes, this.head.types);
    this.#endRow(metric, aggregation);
  }

  #endRow(metric: number, aggregation: Aggregation): void {
    const row = this.row;
    this.head.start.push(row.start.low, row.start.high);
    this.head.time.push(row.time.low, row.time.high);
    const has = this.#has;
    if (has.has('ValueKind')) this.numbers.push(row.kind, row.value.low, row.value.high);
    if (has.has('OptionalFields')) this.optional.push(row.optional);
    if (has.has('IsMonotonic')) this.monotonic.push(aggregation.monotonic);
    if (has.has('AggregationTemporality')) this.temporality.push(aggregation.temporality);
    for (const [name, column] of this.#scalars) column.push(row[name].low, row[name].high);
    for (const [name, column] of this.#words) column.push(row[name]);
    for (const values of this.#values) values.endRow();
    if (has.has('Exemplars.TimeUnix')) endNestedRow(this.exemplars.ends, row.exemplars);
    if (has.has('ValueAtQuantiles.Value')) endNestedRow(this.quantileEnds, row.quantiles);
    this.head.metricOf.push(metric);
  }
}

/** The fields of the data point that is being read. One object for all points. */
class PointRow {
  readonly start = { low: 0, high: 0 };
  readonly time = { low: 0, high: 0 };
  readonly value = { low: 0, high: 0 };
  readonly Count = { low: 0, high: 0 };
  readonly Sum = { low: 0, high: 0 };
  readonly Min = { low: 0, high: 0 };
  readonly Max = { low: 0, high: 0 };
  readonly ZeroCount = { low: 0, high: 0 };
  readonly ZeroThreshold = { low: 0, high: 0 };
  Flags = 0;
  Scale = 0;
  PositiveOffset = 0;
  NegativeOffset = 0;
  kind = NO_VALUE;
  optional = 0;
  exemplars = 0;
  quantiles = 0;

  clear(): void {
    for (const halves of [this.start, this.time, this.value, ...SCALARS.map((name) => this[name])]) {
      halves.low = 0;
      halves.high = 0;
    }
    for (const name of WORDS) this[name] = 0;
    this.kind = NO_VALUE;
    this.optional = 0;
    this.exemplars = 0;
    this.quantiles = 0;
  }
}

/** The five kinds, by the field number of `Metric.data`. */
export function pointBatches(shared: SharedContexts): Readonly<Record<number, PointBatch>> {
  return {
    5: new PointBatch(GAUGE, NUMBER_SHAPE, shared),
    7: new PointBatch(SUM, NUMBER_SHAPE, shared),
    9: new PointBatch(HISTOGRAM, HISTOGRAM_SHAPE, shared),
    10: new PointBatch(EXPONENTIAL_HISTOGRAM, EXPONENTIAL_SHAPE, shared),
    11: new PointBatch(SUMMARY, SUMMARY_SHAPE, shared),
  };
}
