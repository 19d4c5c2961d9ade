/* Comparing and copying short runs of bytes. Regions have room behind their end: both may touch what lies there. */

/** Copies `count` bytes, and up to 15 more. */
export function copy(to: usize, from: usize, count: usize): void {
  v128.store(to, v128.load(from));
  for (let done: usize = 16; done < count; done += 16) v128.store(to + done, v128.load(from + done));
}

export function equal(a: usize, b: usize, count: usize): bool {
  let left = count;
  while (left >= 8) {
    if (load<u64>(a) !== load<u64>(b)) return false;
    a += 8;
    b += 8;
    left -= 8;
  }
  return left === 0 || (load<u64>(a) ^ load<u64>(b)) << (64 - ((<u64>left) << 3)) === 0;
}

/** Lower-case hexadecimal digits of eight bytes, which become sixteen. */
export function hex8(to: usize, from: usize): void {
  const bytes = v128.load64_zero(from);
  const low = v128.and(bytes, i8x16.splat(15));
  const high = v128.and(i16x8.shr_u(bytes, 4), i8x16.splat(15));
  const nibbles = i8x16.shuffle(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const digits = i8x16(48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102);
  v128.store(to, i8x16.swizzle(digits, nibbles));
}

/** The same for any number of bytes. */
export function hex(to: usize, from: usize, count: usize): void {
  for (let i: usize = 0; i < count; i++) {
    const byte: u32 = load<u8>(from + i);
    store<u8>(to + i * 2, digit(byte >> 4));
    store<u8>(to + i * 2 + 1, digit(byte & 15));
  }
}

function digit(value: u32): u32 {
  return value < 10 ? 48 + value : 87 + value;
}

/** LEB128; answers the place behind it. */
export function writeVarint(to: usize, value: u32): usize {
  let rest = value;
  while (rest > 127) {
    store<u8>(to++, (rest & 127) | 128);
    rest >>= 7;
  }
  store<u8>(to++, rest);
  return to;
}
