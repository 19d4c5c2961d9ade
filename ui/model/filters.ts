/**
 * What a person types into a filter box, and the URL parameters it stands for. The parameters are those of the API, so that the
 * address of a page and of its data say the same.
 */
export type FilterChange = { readonly parameter: string; readonly value: string };

const DURATION = /^\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h)$/;

/** Reads `service=cart`, `status!=error`, `duration>250ms`, `http.route=/cart`. Null when it is no trace filter. */
export function readTraceFilter(text: string): FilterChange | null {
  const trimmed = text.trim();
  const duration = /^duration\s*([<>])=?\s*(.+)$/i.exec(trimmed);
  if (duration !== null) {
    if (!DURATION.test(duration[2].trim())) return null;
    return { parameter: duration[1] === '>' ? 'minDuration' : 'maxDuration', value: tidyDuration(duration[2]) };
  }
  return readPair(trimmed, TRACE_FIELDS);
}

/** Reads `service=cart`, `severity=warn`, `trace=…`, `k=v`; anything else is text to be found in the body. */
export function readLogFilter(text: string): FilterChange | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (/^"(.+)"$/.test(trimmed)) return { parameter: 'text', value: trimmed.slice(1, -1) };
  return readPair(trimmed, LOG_FIELDS) ?? { parameter: 'text', value: trimmed };
}

/** Reads a `k=v` of a metric's points. */
export function readAttributeFilter(text: string): FilterChange | null {
  return readPair(text.trim(), {});
}

const TRACE_FIELDS: Readonly<Record<string, string>> = {
  service: 'service',
  operation: 'operation',
  name: 'operation',
  status: 'status',
  kind: 'kind',
};

const LOG_FIELDS: Readonly<Record<string, string>> = {
  service: 'service',
  severity: 'severity',
  level: 'severity',
  trace: 'traceId',
  traceid: 'traceId',
  span: 'spanId',
  spanid: 'spanId',
  text: 'text',
};

/** The filter that asks for spans with a value of a facet, or (out) for those without it. */
export function valueFilter(
  facet: { readonly field: string; readonly attribute: boolean },
  value: string,
  isOut: boolean,
): FilterChange {
  const { field } = facet;
  if (facet.attribute) return { parameter: 'attribute', value: `${field}${isOut ? '!' : ''}=${value}` };
  return isOut ? { parameter: 'exclude', value: `${field}=${value}` } : { parameter: field, value };
}

/** Name and value of an attribute filter, or of one that excludes, as a chip shows them. */
export function shownPair(parameter: 'attribute' | 'exclude', pair: string): { name: string; value: string } {
  const match = /^(.+?)(!?=)(.*)$/s.exec(pair);
  if (match === null) return { name: pair, value: 'is there' };
  const isOut = match[2] === '!=' || parameter === 'exclude';
  return { name: isOut ? `${match[1]} ≠` : match[1], value: match[3] };
}

function readPair(text: string, fields: Readonly<Record<string, string>>): FilterChange | null {
  const equals = text.indexOf('=');
  if (equals < 1 || equals === text.length - 1) return null;
  const isOut = text[equals - 1] === '!';
  const key = text.slice(0, isOut ? equals - 1 : equals).trim();
  const value = text.slice(equals + 1).trim();
  if (/\s/.test(key) || key === '') return null;
  const parameter = fields[key.toLowerCase()];
  if (isOut) return readExcluding(key, value, fields);
  return parameter === undefined ? { parameter: 'attribute', value: `${key}=${value}` } : { parameter, value };
}

/** `key!=value`: of a span's own field `exclude`, of an attribute the same text. Other fields than a span's cannot be excluded. */
function readExcluding(key: string, value: string, fields: Readonly<Record<string, string>>): FilterChange | null {
  const field = fields[key.toLowerCase()];
  if (field === undefined) return { parameter: 'attribute', value: `${key}!=${value}` };
  return fields === TRACE_FIELDS ? { parameter: 'exclude', value: `${field}=${value}` } : null;
}

function tidyDuration(text: string): string {
  return text.replace(/\s/g, '').replace('µ', 'u');
}

/** A duration for a URL: `250ms`, `1.24s`, three digits. */
export function durationParameter(ns: number): string {
  if (ns >= 1e9) return `${Number((ns / 1e9).toPrecision(3))}s`;
  if (ns >= 1e6) return `${Number((ns / 1e6).toPrecision(3))}ms`;
  if (ns >= 1e3) return `${Number((ns / 1e3).toPrecision(3))}us`;
  return `${Math.round(ns)}ns`;
}

/** The 32 hexadecimal digits of a trace id, also out of a traceparent or with dashes; null when the text is none. */
export function readTraceId(text: string): string | null {
  const trimmed = text.trim().toLowerCase();
  const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(trimmed);
  if (parent !== null) return parent[1];
  const digits = trimmed.replaceAll('-', '');
  return /^[0-9a-f]{32}$/.test(digits) && !/^0+$/.test(digits) ? digits : null;
}
