import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation, useSearch } from 'wouter';

/** The URL is the whole state of a page: filters, range, selection, open panels. */

export type Changes = Readonly<Record<string, string | readonly string[] | null>>;

export interface Url {
  readonly path: string;
  readonly params: URLSearchParams;
  /** Changes parameters of this page: a new step of the history, or (replace) the same one. */
  readonly set: (changes: Changes, options?: { readonly replace?: boolean }) => void;
  readonly go: (address: string) => void;
}

export function useUrl(): Url {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const set = useCallback<Url['set']>(
    (changes, options) => {
      // Read anew: another change may have been made since this render.
      const next = changed(new URLSearchParams(window.location.search), changes);
      navigate(withSearch(window.location.pathname, next), options);
    },
    [navigate],
  );
  return { path, params, set, go: navigate };
}

function changed(params: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [key, value] of Object.entries(changes)) {
    next.delete(key);
    if (value === null || value === '') continue;
    for (const one of typeof value === 'string' ? [value] : value) next.append(key, one);
  }
  return next;
}

function withSearch(path: string, params: URLSearchParams): string {
  const search = params.toString();
  return search === '' ? path : `${path}?${search}`;
}

const RANGE_PARAMETERS = ['start', 'end', 'live'] as const;

/** Address of another place with the same time range. */
export function placeAddress(path: string, params: URLSearchParams, changes: Changes = {}): string {
  const kept = new URLSearchParams();
  for (const key of RANGE_PARAMETERS) {
    const value = params.get(key);
    if (value !== null) kept.set(key, value);
  }
  return withSearch(path, changed(kept, changes));
}

/** Browsers refuse hundreds of history entries a few seconds, so a moving cursor is written when it rests. */
const CURSOR_REST_MS = 150;

/** A parameter that follows a moving cursor (selected row): at once in the page, soon in the URL, without new history entries. */
export function useCursorParam(name: string): readonly [string | null, (value: string | null) => void] {
  const { params, set } = useUrl();
  const inUrl = params.get(name);
  const [value, setValue] = useState(inUrl);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setValue(inUrl), [inUrl]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = useCallback(
    (next: string | null) => {
      setValue(next);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => set({ [name]: next }, { replace: true }), CURSOR_REST_MS);
    },
    [name, set],
  );
  return [value, change];
}
