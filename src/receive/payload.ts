import { encodeRecord } from '../journal/record.ts';
import type { ExportRequest } from './sink.ts';

/** The payload of a request's record; items are counted where the segment is forwarded. */
export function payloadOf(request: ExportRequest, receivedUnixNano: bigint, counted: boolean): [Buffer, Uint8Array] {
  const { signal, body, baggage, batch } = request;
  if (batch === undefined && !counted) return encodeRecord({ signal, body, baggage, receivedUnixNano });
  const token = batch === undefined ? {} : { token: batch };
  return encodeRecord({ signal, body, baggage, receivedUnixNano, ...token, ...(counted ? { items: 0 } : {}) });
}
