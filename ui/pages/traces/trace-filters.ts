import { placeAddress, type Url } from '../../frame/url.ts';
import { type FilterChange, readTraceFilter, readTraceId } from '../../model/filters.ts';

/** The filters of trace search: the same names in the URL of the page and of the API. */
export const TRACE_PARAMETERS = ['service', 'operation', 'status', 'kind', 'minDuration', 'maxDuration'] as const;

/** Those that may be there more than once. */
export const LIST_PARAMETERS = ['attribute', 'exclude'] as const;

const isList = (parameter: string): boolean => (LIST_PARAMETERS as readonly string[]).includes(parameter);

export function traceQuery(params: URLSearchParams): Readonly<Record<string, string | readonly string[] | null>> {
  const query: Record<string, string | readonly string[] | null> = {};
  for (const name of LIST_PARAMETERS) query[name] = params.getAll(name);
  for (const name of TRACE_PARAMETERS) query[name] = params.get(name);
  return query;
}

export function hasTraceFilter(params: URLSearchParams): boolean {
  return [...LIST_PARAMETERS, ...TRACE_PARAMETERS].some((name) => params.has(name));
}

export const NO_TRACE_FILTER = Object.fromEntries(
  [...TRACE_PARAMETERS, ...LIST_PARAMETERS].map((name) => [name, null]),
);

/** Adds a filter, or takes it away when it is there. */
export function toggleFilter(url: Url, { parameter, value }: FilterChange): void {
  if (isList(parameter)) {
    const kept = url.params.getAll(parameter);
    url.set({ [parameter]: kept.includes(value) ? kept.filter((one) => one !== value) : [...kept, value] });
  } else {
    url.set({ [parameter]: url.params.get(parameter) === value ? null : value });
  }
}

/** Takes what a person typed: a trace id is opened, a filter is added. Answers what is wrong, or null. */
export function addTyped(url: Url, text: string): string | null {
  const traceId = readTraceId(text);
  if (traceId !== null) {
    url.go(placeAddress(`/traces/${traceId}`, url.params));
    return null;
  }
  const change = readTraceFilter(text);
  if (change === null) return 'Write key=value, key!=value, duration>250ms, or paste a trace id';
  if (!isList(change.parameter)) url.set({ [change.parameter]: change.value });
  else if (!url.params.getAll(change.parameter).includes(change.value)) toggleFilter(url, change);
  return null;
}
