import { TABLES } from '../base/names.ts';
import type { Engine } from '../store/engine.ts';
import { type AttributeFilter, attributeFilters, type Nanos, type Parameters, type TimeRange } from './parameters.ts';
import { placesOf } from './places.ts';
import { badParameter } from './problem.ts';
import { Conditions, type KeyPlace } from './sql-text.ts';

const STATUS = ['Unset', 'Ok', 'Error'] as const;
const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'] as const;

/** Names of the parameters that filter spans. */
export const SPAN_FILTERS: readonly string[] = [
  'service',
  'operation',
  'attribute',
  'status',
  'kind',
  'minDuration',
  'maxDuration',
  'exclude',
  'start',
  'end',
];

/** What a search asks of a span. A trace is found when one of its spans has it all. */
export interface SpanFilter {
  readonly range: TimeRange;
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly minDuration?: Nanos | undefined;
  readonly maxDuration?: Nanos | undefined;
  readonly attributes: readonly PlacedFilter[];
  /** Values that the span must not have. */
  readonly excluded: readonly Excluded[];
}

/** A filter on attributes, and where its key may be. */
interface PlacedFilter extends AttributeFilter {
  readonly places: readonly KeyPlace[];
}

interface Excluded {
  readonly column: string;
  readonly value: string;
}

export function readSpanFilter(engine: Engine, parameters: Parameters): SpanFilter {
  return {
    range: parameters.range(),
    service: parameters.text('service'),
    operation: parameters.text('operation'),
    status: parameters.oneOf('status', STATUS),
    kind: parameters.oneOf('kind', KINDS),
    minDuration: parameters.duration('minDuration'),
    maxDuration: parameters.duration('maxDuration'),
    attributes: attributeFilters(parameters).map((filter) => ({
      ...filter,
      places: placesOf(engine, TABLES.traces, ATTRIBUTE_PLACES, filter.key),
    })),
    excluded: parameters.all('exclude').map(readExcluded),
  };
}

const EXCLUDABLE: Readonly<Record<string, { readonly column: string; readonly values?: readonly string[] }>> = {
  service: { column: 'ServiceName' },
  operation: { column: 'SpanName' },
  status: { column: 'StatusCode', values: STATUS },
  kind: { column: 'SpanKind', values: KINDS },
};

/** `service=cart`; of attributes `attribute=key!=value` says the same. */
function readExcluded(text: string): Excluded {
  const at = text.indexOf('=');
  const field = EXCLUDABLE[text.slice(0, at)];
  if (at < 1 || field === undefined) {
    throw badParameter('exclude', text, `must be FIELD=VALUE with one of ${Object.keys(EXCLUDABLE).join(', ')}`);
  }
  const given = text.slice(at + 1);
  const value = field.values === undefined ? given : field.values.find((one) => one.toLowerCase() === given.toLowerCase()); // biome-ignore format: one thought
  if (value === undefined) throw badParameter('exclude', text, `must name one of ${field.values?.join(', ')}`);
  return { column: field.column, value };
}

const ATTRIBUTE_PLACES = [
  { map: 'SpanAttributes', hashes: 'SpanAttributeHashes' },
  { map: 'ResourceAttributes', hashes: 'ResourceAttributeHashes' },
];

/** The filter as conditions on otel_traces, over `range` instead of its own where that is given. */
export function spanConditions(filter: SpanFilter, range: TimeRange = filter.range): Conditions {
  const conditions = new Conditions();
  conditions.within('Timestamp', range);
  conditions.equals('ServiceName', filter.service);
  conditions.equals('SpanName', filter.operation);
  conditions.equals('StatusCode', filter.status);
  conditions.equals('SpanKind', filter.kind);
  if (filter.minDuration !== undefined)
    conditions.add(`Duration >= ${conditions.value(filter.minDuration.toString(), 'UInt64')}`);
  if (filter.maxDuration !== undefined)
    conditions.add(`Duration <= ${conditions.value(filter.maxDuration.toString(), 'UInt64')}`);
  for (const { column, value } of filter.excluded) conditions.add(`${column} != ${conditions.value(value, 'String')}`);
  for (const attribute of filter.attributes) conditions.attribute(attribute, attribute.places);
  return conditions;
}
