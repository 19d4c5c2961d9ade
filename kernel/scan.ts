/*
 * Protobuf from bytes that nobody has checked. Places are addresses; a reader answers the place behind what it read, or 0 when the bytes are
 * not as they should be. The kernel then answers "not mine", and TypeScript says what is wrong (src/wire/protobuf.ts).
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const VARINT_BYTES_MAX: usize = 10;

/** What `varint` and `tag` read last. */
export let read: u64 = 0;
/** Where the content of the field begins whose end `lengthEnd` answered last. */
export let begin: usize = 0;

export function varint(start: usize, end: usize): usize {
  let at = start;
  let result: u64 = 0;
  for (let shift: u64 = 0; at < end; shift += 7) {
    const byte: u64 = load<u8>(at++);
    result |= (byte & 127) << shift;
    if (byte < 128) {
      read = result;
      return at;
    }
    if (at - start >= VARINT_BYTES_MAX) return 0;
  }
  return 0;
}

/** Field number × 8 + wire type, into `read`. */
export function tag(start: usize, end: usize): usize {
  const at = varint(start, end);
  return read < 8 || read > u32.MAX_VALUE ? 0 : at;
}

/** The end of a length-delimited field whose length stands at `start`; 0 when it exceeds its message. */
export function lengthEnd(start: usize, end: usize): usize {
  const at = varint(start, end);
  if (at === 0 || read > <u64>(end - at)) return 0;
  begin = at;
  return at + <usize>read;
}

/** Passes over the content of a field. */
export function skip(tag: u32, at: usize, end: usize): usize {
  const wireType = tag & 7;
  if (wireType === VARINT) return varint(at, end);
  if (wireType === BYTES) return lengthEnd(at, end);
  const size: usize = wireType === FIXED64 ? 8 : wireType === FIXED32 ? 4 : 0;
  return size === 0 || size > end - at ? 0 : at + size;
}

/** Passes over a field that is not known; one that is (1 … `last`) has the wrong wire type. */
export function unknown(tag: u32, at: usize, end: usize, last: u32): usize {
  return tag >>> 3 <= last ? 0 : skip(tag, at, end);
}
