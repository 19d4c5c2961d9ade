import type { Signal } from '../../src/base/signal.ts';
import type { Message } from './otlp-proto.ts';

const HEX = new Set(['traceId', 'spanId', 'parentSpanId']);
const ENVELOPE: Readonly<Record<Signal, readonly [string, string, string]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
};

/** OTLP/JSON of a request as `randomRequest` and `decodeProto` give it; 64-bit integers stay decimal text. */
export function jsonOf(signal: Signal, request: Message): string {
  const [resources, scopes, items] = ENVELOPE[signal];
  const names: Readonly<Record<string, string>> = { resources, scopes, items };
  const plain = (value: unknown, name: string): unknown => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString(HEX.has(name) ? 'hex' : 'base64');
    if (Array.isArray(value)) return value.map((item) => plain(item, name));
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
      return Object.is(value, -0) ? '-0' : String(value);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [names[key] ?? key, plain(member, key)]));
  };
  return JSON.stringify(plain(request, ''));
}
