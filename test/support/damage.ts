import type { Random } from './otlp-random.ts';

/** A copy with one to four changes: bytes set, flipped, cut out, doubled or moved, lengths made huge. */
export function mutated(random: Random, body: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(body);
  for (let change = random.below(4); change >= 0; change--) {
    const at = random.below(bytes.length);
    const to = Math.min(bytes.length, at + 1 + random.below(20));
    switch (random.below(6)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at] ^= 1 << random.below(8);
        break;
      case 2:
        bytes[at] = 255;
        break;
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(to)]);
        break;
      case 4:
        bytes = Uint8Array.from([...bytes.subarray(0, to), ...bytes.subarray(at)]);
        break;
      default:
        bytes = bytes.slice(0, Math.max(at, 1));
    }
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}
