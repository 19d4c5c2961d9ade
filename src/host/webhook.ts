import { errorText } from './disk.ts';

/** What became of one HTTP POST. */
export type PostOutcome =
  | { readonly ok: true }
  /** `again`: another try may succeed; `afterMs`: what the server asked to wait at least. */
  | { readonly ok: false; readonly again: boolean; readonly reason: string; readonly afterMs?: number };

export interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole of it: connection, request, answer. */
  readonly timeoutMs: number;
}

/** Posts JSON. Never rejects. A redirection counts as refused: the address is configured, and its headers may hold a secret. */
export async function postJson(url: string, body: unknown, options: PostOptions): Promise<PostOutcome> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...options.headers },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    await response.body?.cancel();
    if (response.ok) return { ok: true };
    const reason = `answered ${response.status}`;
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    const again = response.status >= 500 || response.status === 429 || response.status === 408;
    return { ok: false, again, reason, ...(seconds > 0 ? { afterMs: seconds * 1000 } : {}) };
  } catch (error) {
    return { ok: false, again: true, reason: reasonOf(error, options.timeoutMs) };
  }
}

/** Of a failed connection, fetch tells the reason one level down. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const cause = error instanceof Error ? error.cause : undefined;
  return errorText(cause ?? error);
}
