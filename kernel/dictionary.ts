/*
 * Byte strings numbered in the order of their first appearance in the request. An entry is a place in the request, nothing is copied: the
 * segment's own dictionaries (src/columns/dictionary.ts) take the few entries over when the request is done.
 */
import {
  DICTIONARIES,
  DICTIONARY_BYTES,
  DICTIONARY_COUNT,
  DICTIONARY_ENTRIES_MAX,
  DICTIONARY_HEAD_BYTES,
  DICTIONARY_SLOTS_MAX,
} from '../src/transcode/kernel-layout.ts';
import { equal } from './bytes.ts';

const SLOTS = DICTIONARY_HEAD_BYTES + DICTIONARY_ENTRIES_MAX * 16;
const SLOTS_MIN = 64;
/** Bytes of a request for each slot: an entry that is new takes at least so many. */
const BYTES_A_SLOT = 8;

/** Slots of earlier requests are free: none has to be cleared. */
let request: u64 = 0; // wraps after 2^32 requests
let mask: u32 = 0;
/** True once an entry found no room. The request is then left to TypeScript. */
export let full: bool = false;

/** Empties all dictionaries, for a request of so many bytes. */
export function beginDictionaries(bytes: u32): void {
  request++;
  full = false;
  let slots = SLOTS_MIN;
  while (slots < DICTIONARY_SLOTS_MAX && slots * BYTES_A_SLOT < <i32>bytes) slots <<= 1;
  mask = slots - 1;
  for (let i = 0; i < DICTIONARY_COUNT; i++) store<u32>(DICTIONARIES + i * DICTIONARY_BYTES, 0);
}

/** The number of the bytes at `at`, which are added when they are new. */
export function add(dictionary: usize, at: usize, count: u32): u32 {
  const hash = hashOf(at, count);
  const slots = dictionary + SLOTS;
  let slot = hash & mask;
  while (true) {
    const found = load<u64>(slots + (slot << 3));
    if (found >>> 32 !== request) return insert(dictionary, slots + (slot << 3), hash, at, count);
    const entry = dictionary + ((<u32>found) << 4);
    const isSame = load<u32>(entry, DICTIONARY_HEAD_BYTES + 8) === hash && isEntry(dictionary, <u32>found, at, count);
    if (isSame) return <u32>found;
    slot = (slot + 1) & mask;
  }
}

/** True when entry `index` is the bytes at `at`. */
export function isEntry(dictionary: usize, index: u32, at: usize, count: u32): bool {
  const entry = dictionary + (index << 4);
  if (load<u32>(entry, DICTIONARY_HEAD_BYTES + 4) !== count) return false;
  return equal(load<u32>(entry, DICTIONARY_HEAD_BYTES), at, count);
}

export function sizeOf(dictionary: usize): u32 {
  return load<u32>(dictionary);
}

function insert(dictionary: usize, slot: usize, hash: u32, at: usize, count: u32): u32 {
  const index = load<u32>(dictionary);
  if (index * 2 > mask) {
    full = true;
    return 0;
  }
  const entry = dictionary + (index << 4);
  store<u32>(entry, <u32>at, DICTIONARY_HEAD_BYTES);
  store<u32>(entry, count, DICTIONARY_HEAD_BYTES + 4);
  store<u32>(entry, hash, DICTIONARY_HEAD_BYTES + 8);
  store<u32>(dictionary, index + 1);
  store<u64>(slot, (request << 32) | index);
  return index;
}

const FACTOR: u64 = 0x1b873593cc9e2d;

function hashOf(at: usize, count: u32): u32 {
  let hash: u64 = (<u64>count + 1) * FACTOR;
  let left = count;
  let place = at;
  while (left >= 8) {
    hash = (hash ^ load<u64>(place)) * FACTOR;
    hash ^= hash >>> 32;
    place += 8;
    left -= 8;
  }
  if (left > 0) hash = (hash ^ (load<u64>(place) << (64 - ((<u64>left) << 3)))) * FACTOR;
  hash ^= hash >>> 29;
  return <u32>(hash ^ (hash >>> 32));
}
