/** Mixes 32 bits so that each bit of the argument moves half of the result's (the finalizer of MurmurHash3). */
export function mix32(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** 32 bits of a text: FNV-1a, mixed. For the names of targets. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mix32(hash);
}

/** 32 bits of the 16 bytes of a trace id at `offset`. Ids need not be random: all 128 bits count. */
export function traceHash(bytes: Uint8Array, offset = 0): number {
  let hash = 0;
  for (let at = offset; at < offset + 16; at += 4) {
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    hash = mix32(hash ^ word);
  }
  return hash;
}
