import { type KeyValue, readAttributes } from '../columns/signature.ts';
import { tableNamed } from '../columns/tables.ts';
import { columnsOf } from '../store/columns-on-demand.ts';
import type { Engine } from '../store/engine.ts';
import type { OtlpResource, OtlpScope } from './api.ts';

/** Rows of the store as OTLP/JSON: what all three signals share. Fields that hold their default are left out, as proto3 JSON has it. */

/** Select expressions, in order, of what `Row` reads by name. */
export const RESOURCE_COLUMNS: readonly string[] = [
  'ResourceAttributes',
  'ResourceAttributesTypes',
  'ResourceDroppedAttributesCount',
  'ResourceEntityRefs',
  'ResourceSchemaUrl',
  'ScopeName',
  'ScopeVersion',
  'ScopeAttributes',
  'ScopeAttributesTypes',
  'ScopeDroppedAttrCount',
  'ScopeSchemaUrl',
  'Baggage',
];

/**
 * Settings of statements that ask for whole maps: answered as pairs, because an object would lose the order of keys and those that are repeated. To ask for
 * keys and values apart would cost ClickHouse two columns and two functions to plan.
 */
export const MAPS_AS_PAIRS = {
  output_format_json_map_as_array_of_tuples: 1,
  output_format_json_named_tuples_as_objects: 0,
} as const;

/** A map as MAPS_AS_PAIRS has it. */
export type Pairs = readonly (readonly [key: string, value: string])[];

/** One row, read by column name. A column that was left out of the question because it is not stored reads as its default. */
export class Row {
  readonly #values: readonly unknown[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #left: ReadonlySet<string>;

  constructor(values: readonly unknown[], index: ReadonlyMap<string, number>, left: ReadonlySet<string>) {
    this.#values = values;
    this.#index = index;
    this.#left = left;
  }
  get(name: string): unknown {
    const index = this.#index.get(name);
    if (index !== undefined) return this.#values[index];
    if (!this.#left.has(name)) throw new Error(`broken invariant: no column ${name} in the answer`);
    return undefined;
  }
  text(name: string): string {
    return String(this.get(name) ?? '');
  }
  number(name: string): number {
    return Number(this.get(name) ?? 0);
  }
  texts(name: string): readonly string[] {
    return (this.get(name) ?? []) as readonly string[];
  }
  list(name: string): readonly unknown[] {
    return (this.get(name) ?? []) as readonly unknown[];
  }
  pairs(name: string): Pairs {
    return (this.get(name) ?? []) as Pairs;
  }
}

const NOTHING: ReadonlySet<string> = new Set();

export function rowsOf(
  result: {
    readonly columns: readonly { readonly name: string }[];
    readonly rows: readonly (readonly unknown[])[];
  },
  left: ReadonlySet<string> = NOTHING,
): Row[] {
  const index = new Map(result.columns.map((column, i) => [column.name, i]));
  return result.rows.map((values) => new Row(values, index, left));
}

/** Which expressions to ask for, and the names of those that need not be asked. */
export interface Chosen {
  readonly list: string;
  readonly left: ReadonlySet<string>;
}

/**
 * Leaves out expressions over columns that no segment has brought yet: their answer is known, and each costs ClickHouse a fifth of a
 * millisecond to plan. An expression is `Column`, or `function(Column) AS Name`.
 */
export async function chooseColumns(engine: Engine, table: string, expressions: readonly string[]): Promise<Chosen> {
  const stored = await columnsOf(engine).stored(table);
  const absent = (tableNamed(table)?.columns ?? []).filter(
    ({ name, onDemand }) => onDemand === true && !stored.has(name),
  );
  const left = new Map<string, string>();
  for (const expression of expressions) {
    const words = expression.split(/[^\w.]+/);
    if (absent.some(({ name }) => words.includes(name))) left.set(expression, words[words.length - 1]);
  }
  return { list: expressions.filter((expression) => !left.has(expression)).join(', '), left: new Set(left.values()) };
}

/** An object without the members that hold a default: undefined, '', 0, '0', false, empty lists. */
export function omitDefaults<T extends object>(value: T): Partial<T> {
  const kept = Object.entries(value).filter(([, member]) => !isDefault(member));
  return Object.fromEntries(kept) as Partial<T>;
}

const isDefault = (member: unknown): boolean =>
  member === undefined ||
  member === '' ||
  member === 0 ||
  member === '0' ||
  member === false ||
  (Array.isArray(member) && member.length === 0);

export function attributesOf(row: Row, map: string, types: string): KeyValue[] {
  return attributesOfPairs(row.pairs(map), row.text(types));
}

/** The attributes that a map holds, with the type signature beside it. */
export function attributesOfPairs(pairs: Pairs, signature: string): KeyValue[] {
  return readAttributes(
    pairs.map(([key]) => key),
    pairs.map(([, value]) => value),
    signature,
  );
}

function resourceOf(row: Row): OtlpResource {
  return omitDefaults({
    attributes: attributesOf(row, 'ResourceAttributes', 'ResourceAttributesTypes'),
    droppedAttributesCount: row.number('ResourceDroppedAttributesCount'),
    entityRefs: readEntityRefs(row.text('ResourceEntityRefs')),
  }) as OtlpResource;
}

function scopeOf(row: Row): OtlpScope {
  return omitDefaults({
    name: row.text('ScopeName'),
    version: row.text('ScopeVersion'),
    attributes: attributesOf(row, 'ScopeAttributes', 'ScopeAttributesTypes'),
    droppedAttributesCount: row.number('ScopeDroppedAttrCount'),
  }) as OtlpScope;
}

export interface Envelope<Item> {
  readonly row: Row;
  readonly scopes: Map<string, { readonly row: Row; readonly items: Item[] }>;
}

const RESOURCE_KEY = [
  'ResourceAttributes',
  'ResourceAttributesTypes',
  'ResourceDroppedAttributesCount',
  'ResourceEntityRefs',
  'ResourceSchemaUrl',
  'Baggage',
];
const SCOPE_KEY = [
  'ScopeName',
  'ScopeVersion',
  'ScopeAttributes',
  'ScopeAttributesTypes',
  'ScopeDroppedAttrCount',
  'ScopeSchemaUrl',
];

const keyOf = (row: Row, names: readonly string[]): string => JSON.stringify(names.map((name) => row.get(name)));

/** Rows grouped under equal resources and, within them, equal scopes; both in order of first appearance. */
function groupRows<Item>(rows: readonly Row[], item: (row: Row) => Item): Envelope<Item>[] {
  const resources = new Map<string, Envelope<Item>>();
  for (const row of rows) {
    const resourceKey = keyOf(row, RESOURCE_KEY);
    const resource = resources.get(resourceKey) ?? { row, scopes: new Map() };
    resources.set(resourceKey, resource);
    const scopeKey = keyOf(row, SCOPE_KEY);
    const scope = resource.scopes.get(scopeKey) ?? { row, items: [] };
    resource.scopes.set(scopeKey, scope);
    scope.items.push(item(row));
  }
  return [...resources.values()];
}

/** The envelopes of one signal: `resourceSpans`/`scopeSpans`/`spans` and their like. */
export function envelopesOf<Item>(
  rows: readonly Row[],
  names: { readonly scopes: string; readonly items: string },
  item: (row: Row) => Item,
  finish: (items: readonly Item[]) => readonly unknown[] = (items) => items,
): unknown[] {
  return groupRows(rows, item).map(({ row, scopes }) => {
    const baggage = row.pairs('Baggage').map(([key, value]) => ({ key, value }));
    return {
      ...omitDefaults({ schemaUrl: row.text('ResourceSchemaUrl'), clewBaggage: baggage }),
      resource: resourceOf(row),
      [names.scopes]: [...scopes.values()].map((scope) => ({
        ...omitDefaults({ schemaUrl: scope.row.text('ScopeSchemaUrl') }),
        scope: scopeOf(scope.row),
        [names.items]: finish(scope.items),
      })),
    };
  });
}

const ENTITY_FIELDS: Readonly<Record<number, 'schemaUrl' | 'type' | 'idKeys' | 'descriptionKeys'>> = {
  1: 'schemaUrl',
  2: 'type',
  3: 'idKeys',
  4: 'descriptionKeys',
};

/** EntityRef messages, each behind its length, in base64: four kinds of strings (opentelemetry-proto, common.proto). */
function readEntityRefs(base64: string): unknown[] {
  const bytes = Buffer.from(base64, 'base64');
  const refs: unknown[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const length = varint();
    const end = at + length;
    const ref: { schemaUrl?: string; type?: string; idKeys?: string[]; descriptionKeys?: string[] } = {};
    while (at < end) {
      const name = ENTITY_FIELDS[varint() >>> 3];
      const size = varint();
      const text = bytes.toString('utf8', at, at + size);
      at += size;
      if (name === 'schemaUrl' || name === 'type') ref[name] = text;
      else if (name !== undefined) ref[name] = [...(ref[name] ?? []), text];
    }
    refs.push(ref);
  }
  return refs;
}
