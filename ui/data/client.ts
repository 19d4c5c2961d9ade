import type { Problem } from '../../src/query/api.ts';

/** A request that did not succeed: what failed and why, as the API's problem says, or what the browser saw. */
export class RequestError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export type Query = Readonly<Record<string, string | number | readonly string[] | null | undefined>>;

const TOKEN_KEY = 'clew.token';

/** The bearer token that this browser tab sends, or null. */
function readToken(): string | null {
  return sessionStorage.getItem(TOKEN_KEY);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

/** Address of an API resource; parameters that are empty are left out, lists are repeated. */
function apiAddress(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(key, String(one));
  }
  const search = parameters.toString();
  return `/api/v1${path}${search === '' ? '' : `?${search}`}`;
}

/** Answer of a GET as JSON, with its headers. Throws RequestError. */
export async function getJson<T>(
  path: string,
  query: Query,
  signal: AbortSignal,
): Promise<{ body: T; headers: Headers }> {
  const response = await ask(path, query, signal);
  return { body: (await response.json()) as T, headers: response.headers };
}

/** Answer of a GET as text. Throws RequestError. */
export async function getText(path: string, query: Query): Promise<string> {
  return (await ask(path, query, new AbortController().signal)).text();
}

async function ask(path: string, query: Query, signal: AbortSignal): Promise<Response> {
  const token = readToken();
  const headers: HeadersInit = token === null ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(apiAddress(path, query), { signal, headers });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new RequestError({ type: 'about:blank', title: 'No answer', status: 0, detail: 'Clew did not answer.' });
  }
  if (!response.ok) throw new RequestError(await readProblem(response));
  return response;
}

async function readProblem(response: Response): Promise<Problem> {
  const fallback: Problem = {
    type: 'about:blank',
    title: response.statusText || `HTTP ${response.status}`,
    status: response.status,
    detail: `The server answered ${response.status}.`,
  };
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) };
  } catch {
    return fallback;
  }
}
