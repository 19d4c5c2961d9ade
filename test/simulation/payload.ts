import { HOP_HEADERS } from '../../src/base/names.ts';
import type { Signal } from '../../src/base/signal.ts';
import { Cursor } from '../../src/wire/protobuf.ts';

/** One span or log record of a simulated client. Its id says which; what it says beside that must arrive unchanged. */
export interface Item {
  readonly id: number;
  readonly trace: number;
  readonly text: string;
}

/** Both signals are nested alike (resource, scope, item: fields 1, 2, 2); an item's ids and text stand in these fields. */
const FIELDS = {
  traces: { trace: 1, id: 2, text: 5 },
  logs: { trace: 9, id: 10, text: 3 },
} as const;

export type SimulatedSignal = keyof typeof FIELDS;

/** The text that goes with an id: of many lengths, so that records and batches have many sizes. */
export const textOf = (id: number): string => `n${id}${'.'.repeat((id * 7) % 23)}`;

/** An export request of one resource and scope. */
export function requestOf(signal: SimulatedSignal, items: readonly Item[]): Buffer {
  const fields = FIELDS[signal];
  const encoded = items.map(({ id, trace, text }) => {
    const traceId = Buffer.alloc(16, 0xa5);
    traceId.writeUInt32BE(trace, 0);
    const spanId = Buffer.alloc(8, 0x5a);
    spanId.writeUInt32BE(id, 4);
    const parts: [number, Buffer][] = [
      [fields.trace, traceId],
      [fields.id, spanId],
      [fields.text, Buffer.from(text)],
    ];
    const body = parts.sort(([a], [b]) => a - b).map(([field, bytes]) => framed(field, bytes));
    return framed(2, Buffer.concat(body));
  });
  return framed(1, framed(2, Buffer.concat(encoded)));
}

function framed(field: number, bytes: Buffer): Buffer {
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([field * 8 + 2, ...length]), bytes]);
}

/** The items of a request, or of several that were joined; in order. Throws on bytes that are none. */
export function itemsIn(signal: Signal, body: Uint8Array): Item[] {
  const items: Item[] = [];
  if (signal === 'metrics') return items;
  const cursor = new Cursor(new Uint8Array(body.buffer, body.byteOffset, body.length));
  eachIn(cursor, body.length, (_resource, resourceEnd) =>
    eachIn(cursor, resourceEnd, (_scope, scopeEnd) =>
      eachIn(cursor, scopeEnd, (_item, itemEnd) => {
        items.push(itemAt(cursor, FIELDS[signal], itemEnd));
      }),
    ),
  );
  return items;
}

/** Calls `take` for each field of bytes, with its number and end. */
function eachIn(cursor: Cursor, end: number, take: (field: number, end: number) => void): void {
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if ((tag & 7) !== 2) {
      cursor.skip(tag, end);
      continue;
    }
    const fieldEnd = cursor.lengthEnd(end);
    take(tag >>> 3, fieldEnd);
    cursor.at = fieldEnd;
  }
}

function itemAt(cursor: Cursor, fields: (typeof FIELDS)[SimulatedSignal], end: number): Item {
  let [id, trace, text] = [0, 0, ''];
  eachIn(cursor, end, (field, fieldEnd) => {
    const bytes = Buffer.from(cursor.bytes.buffer, cursor.bytes.byteOffset + cursor.at, fieldEnd - cursor.at);
    if (field === fields.id && bytes.length === 8) id = bytes.readUInt32BE(4);
    else if (field === fields.trace && bytes.length === 16) trace = bytes.readUInt32BE(0);
    else if (field === fields.text) text = bytes.toString();
  });
  return { id, trace, text };
}

/** What a request says of itself on its way between two Clews, for people. */
export function describe(headers: Readonly<Record<string, string>>, ids: readonly number[]): string {
  const stream = headers[HOP_HEADERS.stream];
  const items = ids.length === 0 ? 'nothing' : `items ${ids.join(' ')}`;
  return stream === undefined ? items : `${items} of stream ${stream.slice(17)}`;
}
