import { LIMITS } from '../base/limits.ts';
import type { NamedTarget } from './target.ts';

/*
 * Which addresses a name leads to: pure, what was found comes in. A name with several addresses is several targets; one with a single
 * address is one, connected to by its name, so that it may move at any time.
 *
 * Invariants, and who enforces each:
 *   N1  An address is known from the first look that finds it until `addressMissesMax` looks in a row do not.   `stepAddresses`
 *   N2  A look that fails changes nothing.                                                                      its caller
 *   N3  At most `addressesMax` addresses of a name are known.                                                   `stepAddresses`
 *   N4  The targets of one name are of one family: a machine with an address of each is one target, not two.    `targetAddresses`
 */

export interface FoundAddress {
  readonly address: string;
  readonly family: number;
}

/** The addresses of a name, each with its family and how many looks in a row have not found it. */
export type KnownAddresses = ReadonlyMap<string, { readonly family: number; readonly misses: number }>;

export const NO_ADDRESSES: KnownAddresses = new Map();

/** A look has found these. Some name servers give a part of the addresses at a time: one that is missing once has not gone. */
export function stepAddresses(known: KnownAddresses, found: readonly FoundAddress[]): KnownAddresses {
  const next = new Map<string, { readonly family: number; readonly misses: number }>();
  for (const { address, family } of found) next.set(address, { family, misses: 0 });
  for (const [address, { family, misses }] of known) {
    if (!next.has(address) && misses + 1 < LIMITS.addressMissesMax) next.set(address, { family, misses: misses + 1 });
  }
  return new Map([...next].slice(0, LIMITS.addressesMax));
}

/** The addresses that are targets of their own, sorted; none where the name itself is the target. */
export function targetAddresses(known: KnownAddresses): readonly string[] {
  for (const wanted of [4, 6]) {
    const addresses = [...known].flatMap(([address, { family }]) => (family === wanted ? [address] : []));
    if (addresses.length > 1) return addresses.sort();
  }
  return [];
}

/** The targets with each one whose name has several addresses replaced by as many, with its priority and weight each. */
export function spread(
  targets: readonly NamedTarget[],
  addressesOf: (url: string) => readonly string[],
): readonly NamedTarget[] {
  return targets.flatMap((target) => {
    const addresses = addressesOf(target.url);
    if (addresses.length === 0) return [target];
    return addresses.map((address) => ({ ...target, url: atAddress(target.url, address) }));
  });
}

const MARK = '#';

/** How a target at one address of its name is written: a URL that is configured has no such part. */
const atAddress = (url: string, address: string): string => `${url}${MARK}${address}`;

/** The URL of a target as it was configured, and its address; '' where it is connected to by its name. */
export function withoutAddress(url: string): { readonly url: string; readonly address: string } {
  const at = url.indexOf(MARK);
  return at < 0 ? { url, address: '' } : { url: url.slice(0, at), address: url.slice(at + 1) };
}
