import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * A check of `authorization: Bearer …` against the configured tokens; without tokens everybody may send. Hashes of equal length are
 * compared in constant time, so an answer's time tells nothing about a token.
 */
export function bearerCheck(tokens: readonly string[]): (header: string | undefined) => boolean {
  if (tokens.length === 0) return () => true;
  const allowed = tokens.map(digest);
  return (header) => {
    const match = /^Bearer +(.+)$/i.exec(header ?? '');
    if (match === null) return false;
    const given = digest(match[1].trim());
    let found = false;
    for (const hash of allowed) found = timingSafeEqual(hash, given) || found;
    return found;
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
