import { PORTS } from '../base/names.ts';
import type { Problem } from '../query/api.ts';

/** Asks a running Clew for `path` below /api/v1. Rejects, saying what to do, when none answers or it refuses. */
export function askRunning(
  url: string | undefined,
  token: string | undefined,
  path: string,
  query: URLSearchParams,
): Promise<unknown> {
  return reach(url, token, `${path}?${query}`, {});
}

/** Posts `body` to `path` below /api/v1 of a running Clew. Rejects as askRunning does. */
export function tellRunning(
  url: string | undefined,
  token: string | undefined,
  path: string,
  body: object,
): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  return reach(url, token, path, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function reach(
  url: string | undefined,
  token: string | undefined,
  path: string,
  { headers, ...request }: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<unknown> {
  const base = (url ?? `http://127.0.0.1:${PORTS.api}`).replace(/\/$/, '');
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(`${base}/api/v1/${path}`, { ...request, headers: { ...headers, ...authorization } });
  } catch {
    throw new Error(`no Clew answers at ${base}; name one with --url, or name files`);
  }
  const body = (await response.json()) as unknown;
  if (!response.ok) throw new Error(`${base} answered ${response.status}: ${(body as Problem).detail}`);
  return body;
}
