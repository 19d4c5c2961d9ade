import { ByteBuffer, equalBytes } from '../base/bytes.ts';
import { U32List } from '../base/lists.ts';
import {
  Fixed32Column,
  type GrowingColumn,
  LowColumn,
  MapColumn,
  type Part,
  type StringColumn,
} from '../columns/builders.ts';
import { Dictionary } from '../columns/dictionary.ts';
import { gather } from '../columns/gather.ts';
import type { Cursor } from '../wire/protobuf.ts';
import type { AttributeReader } from './attributes.ts';
import { readBaggage } from './baggage.ts';
import { writeBase64 } from './text.ts';

const SERVICE_NAME = new TextEncoder().encode('service.name');
const RESOURCE_FIELDS = { 1: 'attributes', 2: 'dropped_attributes_count', 3: 'entity_refs' };
const SCOPE_FIELDS = { 1: 'name', 2: 'version', 3: 'attributes', 4: 'dropped_attributes_count' };

/** A place in the request: `bytes[start, end)`; start < 0 means that the field is absent. */
export interface Range {
  start: number;
  end: number;
}

export const absent = (): Range => ({ start: -1, end: -1 });

/** Resources that a segment has seen, each once; rows of every table point at them. Two are the same when their bytes are. */
export class ResourceContexts {
  readonly known = new Dictionary();
  readonly serviceName = new LowColumn();
  readonly attributes = new MapColumn();
  readonly types = new LowColumn();
  readonly dropped = new Fixed32Column();
  readonly entityRefs = new LowColumn();
  readonly schemaUrl = new LowColumn();
  readonly baggage = new MapColumn();
  /** What a row of this resource adds to the files, in bytes. */
  readonly rowBytes = new U32List();
  readonly #key = new ByteBuffer();
  readonly #refs = new ByteBuffer();

  get maps(): readonly MapColumn[] {
    return [this.attributes, this.baggage];
  }

  get parts(): readonly Part[] {
    const { serviceName, attributes, types, dropped, entityRefs, schemaUrl, baggage } = this;
    const columns = [serviceName, attributes, types, dropped, entityRefs, schemaUrl, baggage];
    return [this.known, this.rowBytes, ...columns.flatMap((column) => column.parts)];
  }

  /** The number of the resource with these bytes, read when it is new. */
  find(cursor: Cursor, reader: AttributeReader, resource: Range, schemaUrl: Range, baggage: Uint8Array): number {
    const key = this.#key;
    key.length = 0;
    appendRange(key, cursor.bytes, resource);
    appendRange(key, cursor.bytes, schemaUrl);
    key.append(baggage, 0, baggage.length);
    const before = this.known.size;
    const number = this.known.add(key.bytes, 0, key.length);
    if (number === before) this.#read(cursor, reader, resource, schemaUrl, baggage);
    return number;
  }

  /** The table columns that come from the resource, for rows that point at `index`. */
  columns(index: U32List): Record<string, GrowingColumn> {
    return {
      ServiceName: gather(this.serviceName, index),
      ResourceAttributes: gather(this.attributes, index),
      ResourceAttributesTypes: gather(this.types, index),
      ResourceDroppedAttributesCount: gather(this.dropped, index),
      ResourceEntityRefs: gather(this.entityRefs, index),
      ResourceSchemaUrl: gather(this.schemaUrl, index),
      Baggage: gather(this.baggage, index),
    };
  }

  #read(cursor: Cursor, reader: AttributeReader, resource: Range, schemaUrl: Range, baggage: Uint8Array): void {
    const bytes = cursor.bytes;
    const refs = this.#refs;
    refs.length = 0;
    const before = this.attributes.values.data.length + this.baggage.values.data.length;
    let droppedCount = 0;
    let named = false;
    reader.begin();
    cursor.at = Math.max(resource.start, 0);
    while (resource.start >= 0 && cursor.at < resource.end) {
      const tag = cursor.tag(resource.end);
      if (tag === 0x0a) {
        reader.keyValue(this.attributes, cursor.lengthEnd(resource.end));
        if (!named && isServiceName(bytes, reader)) {
          named = true;
          const { data, ends } = this.attributes.values;
          const start = ends.length > 1 ? ends.values[ends.length - 2] : 0;
          pushNativeString(this.serviceName, data.bytes, start);
        }
      } else if (tag === 0x10) droppedCount = cursor.varint32(resource.end);
      else if (tag === 0x1a) {
        const end = cursor.lengthEnd(resource.end);
        refs.varint(end - cursor.at);
        refs.append(bytes, cursor.at, end);
        cursor.at = end;
      } else cursor.unknown(tag, resource.end, 'Resource', RESOURCE_FIELDS);
    }
    reader.finish(this.attributes, this.types);
    if (!named) this.serviceName.push(bytes, 0, 0);
    this.dropped.push(droppedCount);
    const text = this.#key;
    text.length = 0;
    writeBase64(text, refs.bytes, 0, refs.length);
    this.entityRefs.push(text.bytes, 0, text.length);
    pushRange(this.schemaUrl, bytes, schemaUrl);
    readBaggage(baggage, this.baggage);
    this.rowBytes.push(this.attributes.values.data.length + this.baggage.values.data.length - before);
  }
}

/** Instrumentation scopes that a segment has seen, each once. */
export class ScopeContexts {
  readonly known = new Dictionary();
  readonly name = new LowColumn();
  readonly version = new LowColumn();
  readonly attributes = new MapColumn();
  readonly types = new LowColumn();
  readonly dropped = new Fixed32Column();
  readonly schemaUrl = new LowColumn();
  /** What a row of this scope adds to the files, in bytes. */
  readonly rowBytes = new U32List();
  readonly #key = new ByteBuffer();

  get maps(): readonly MapColumn[] {
    return [this.attributes];
  }

  get parts(): readonly Part[] {
    const columns = [this.name, this.version, this.attributes, this.types, this.dropped, this.schemaUrl];
    return [this.known, this.rowBytes, ...columns.flatMap((column) => column.parts)];
  }

  find(cursor: Cursor, reader: AttributeReader, scope: Range, schemaUrl: Range): number {
    const key = this.#key;
    key.length = 0;
    appendRange(key, cursor.bytes, scope);
    appendRange(key, cursor.bytes, schemaUrl);
    const before = this.known.size;
    const number = this.known.add(key.bytes, 0, key.length);
    if (number === before) this.#read(cursor, reader, scope, schemaUrl);
    return number;
  }

  /** The table columns that come from the scope. */
  columns(index: U32List): Record<string, GrowingColumn> {
    return {
      ScopeName: gather(this.name, index),
      ScopeVersion: gather(this.version, index),
      ScopeAttributes: gather(this.attributes, index),
      ScopeAttributesTypes: gather(this.types, index),
      ScopeDroppedAttrCount: gather(this.dropped, index),
      ScopeSchemaUrl: gather(this.schemaUrl, index),
    };
  }

  #read(cursor: Cursor, reader: AttributeReader, scope: Range, schemaUrl: Range): void {
    const name = absent();
    const version = absent();
    const before = this.attributes.values.data.length;
    let droppedCount = 0;
    reader.begin();
    cursor.at = Math.max(scope.start, 0);
    while (scope.start >= 0 && cursor.at < scope.end) {
      const tag = cursor.tag(scope.end);
      if (tag === 0x0a) takeRange(cursor, name, scope.end);
      else if (tag === 0x12) takeRange(cursor, version, scope.end);
      else if (tag === 0x1a) reader.keyValue(this.attributes, cursor.lengthEnd(scope.end));
      else if (tag === 0x20) droppedCount = cursor.varint32(scope.end);
      else cursor.unknown(tag, scope.end, 'InstrumentationScope', SCOPE_FIELDS);
    }
    reader.finish(this.attributes, this.types);
    pushRange(this.name, cursor.bytes, name);
    pushRange(this.version, cursor.bytes, version);
    this.dropped.push(droppedCount);
    pushRange(this.schemaUrl, cursor.bytes, schemaUrl);
    const attributeBytes = this.attributes.values.data.length - before;
    this.rowBytes.push(attributeBytes + rangeBytes(name) + rangeBytes(version));
  }
}

const rangeBytes = (range: Range): number => (range.start < 0 ? 0 : range.end - range.start);

/** Notes where a length-delimited field lies and passes over it. */
export function takeRange(cursor: Cursor, range: Range, end: number): void {
  range.end = cursor.lengthEnd(end);
  range.start = cursor.at;
  cursor.at = range.end;
}

export function pushRange(column: LowColumn | StringColumn, bytes: Uint8Array, range: Range): void {
  if (range.start < 0) column.push(bytes, 0, 0);
  else column.push(bytes, range.start, range.end);
}

function appendRange(key: ByteBuffer, bytes: Uint8Array, range: Range): void {
  // Absent and empty are one; the length keeps two ranges apart.
  const count = rangeBytes(range);
  key.varint(count);
  key.append(bytes, range.start, range.start + count);
}

function isServiceName(bytes: Uint8Array, reader: AttributeReader): boolean {
  if (reader.keyEnd - reader.keyStart !== SERVICE_NAME.length) return false;
  return equalBytes(SERVICE_NAME, 0, bytes, reader.keyStart, SERVICE_NAME.length);
}

/** Pushes a string that stands in Native form (length first) at `start`. */
function pushNativeString(column: LowColumn, bytes: Uint8Array, start: number): void {
  let at = start;
  let length = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++];
    length += (byte & 127) * scale;
    if (byte < 128) break;
  }
  column.push(bytes, at, at + length);
}
