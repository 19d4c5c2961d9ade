import type { Packing } from '../wire/packing.ts';

export const bytesOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

/** A body in pieces as it goes over the wire: packed it is one piece, and as it is nothing is copied. */
export async function packParts(
  parts: readonly Uint8Array[],
  pack: (body: Uint8Array) => Promise<Uint8Array>,
  packing: Packing,
): Promise<readonly Uint8Array[]> {
  if (packing === 'none') return parts;
  const [first] = parts;
  return [await pack(parts.length === 1 && first !== undefined ? first : Buffer.concat(parts))];
}
