import { PORTS } from '../base/names.ts';
import type { Problem } from '../query/api.ts';

/** Asks a running Clew for `path` below /api/v1. Rejects, saying what to do, when none answers or it refuses. */
export async function askRunning(
  url: string | undefined,
  token: string | undefined,
  path: string,
  query: URLSearchParams,
): Promise<unknown> {
  const base = (url ?? `http://127.0.0.1:${PORTS.api}`).replace(/\/$/, '');
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(`${base}/api/v1/${path}?${query}`, { headers });
  } catch {
    throw new Error(`no Clew answers at ${base}; name one with --url, or name files`);
  }
  const body = (await response.json()) as unknown;
  if (!response.ok) throw new Error(`${base} answered ${response.status}: ${(body as Problem).detail}`);
  return body;
}
