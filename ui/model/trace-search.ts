import { typedText } from './attributes.ts';
import type { SpanTable } from './span-table.ts';

/** Which spans of a trace are looked for: by text, by service, or only those that failed. Empty text and null ask for nothing. */
export interface SpanQuery {
  readonly text: string;
  readonly service: string | null;
}

/** The spans that match, in order of the table; null when nothing is asked for. Text is found in names, ids, services, attributes and events, whatever the case. */
export function searchSpans(table: SpanTable, query: SpanQuery): Int32Array | null {
  const text = query.text.trim().toLowerCase();
  if (text === '' && query.service === null) return null;
  const service = query.service === null ? -1 : table.services.indexOf(query.service);
  const found: number[] = [];
  for (let i = 0; i < table.count; i++) {
    if (query.service !== null && table.serviceOf[i] !== service) continue;
    if (text === '' || spanContains(table, i, text)) found.push(i);
  }
  return Int32Array.from(found);
}

function spanContains(table: SpanTable, i: number, text: string): boolean {
  const span = table.spans[i];
  if (span.name?.toLowerCase().includes(text) || span.spanId === text) return true;
  if (table.services[table.serviceOf[i]].toLowerCase().includes(text)) return true;
  if (span.status?.message?.toLowerCase().includes(text)) return true;
  for (const { key, value } of span.attributes ?? []) {
    if (key.toLowerCase().includes(text) || typedText(value).text.toLowerCase().includes(text)) return true;
    if (`${key}=${typedText(value).text}`.toLowerCase().includes(text)) return true;
  }
  return span.events?.some((event) => event.name?.toLowerCase().includes(text)) ?? false;
}

/** The first of `found` after `from` (or before, with direction -1), going round at the end; -1 when there is none. */
export function nextFound(found: Int32Array, from: number, direction: 1 | -1): number {
  if (found.length === 0) return -1;
  if (direction === 1) return found.find((i) => i > from) ?? found[0];
  return found.findLast((i) => i < from) ?? found[found.length - 1];
}

/** Where the time went: self time and spans of each service, most time first. */
export function timeByService(table: SpanTable): readonly { service: string; selfNs: number; spans: number }[] {
  const selfNs = new Float64Array(table.services.length);
  const spans = new Int32Array(table.services.length);
  for (let i = 0; i < table.count; i++) {
    selfNs[table.serviceOf[i]] += table.selfNs[i];
    spans[table.serviceOf[i]]++;
  }
  return table.services
    .map((service, s) => ({ service, selfNs: selfNs[s], spans: spans[s] }))
    .sort((a, b) => b.selfNs - a.selfNs);
}
