/* Repeated KeyValue fields → entries of a map column and a type signature, as src/transcode/attributes.ts reads them. */
import {
  BASES,
  DICTIONARIES,
  DICTIONARY_BYTES,
  ENTRIES_MAX,
  EVENT_KEY_IDS,
  EVENT_VALUE_ENDS,
  EVENT_VALUES,
  KEY_IDS,
  LETTERS,
  LETTERS_BEFORE,
  LETTERS_MAX,
  LETTERS_REGION_BYTES,
  LINK_KEY_IDS,
  LINK_VALUE_ENDS,
  LINK_VALUES,
  MAP_BYTES,
  MAPS,
  NESTED_ENTRIES_MAX,
  SIGNATURES,
  SIGNATURES_BYTES_MAX,
  TEXT_BYTES_MAX,
  VALUE_BYTES_MAX,
  VALUE_ENDS,
  VALUES,
} from '../src/transcode/kernel-layout.ts';
import { copy, equal, writeVarint } from './bytes.ts';
import { add, full, isEntry, sizeOf } from './dictionary.ts';
import { writeDouble } from './double.ts';
import { begin, lengthEnd, read, skip, tag, unknown, varint } from './scan.ts';
import { writeBase64, writeBool, writeInt64, writeJsonString, writeNull } from './text.ts';

const S = 0x73;
const B = 0x62;
const I = 0x69;
const D = 0x64;
const Y = 0x79;
const N = 0x6e;
const Z = 0x7a;
const A = 0x61;
const K = 0x6b;
const OPEN = 0x28;
const CLOSE = 0x29;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
/** All ones in a double that is no number, or infinite. */
const EXPONENT_BITS: u64 = 0x7ff;
const NESTING_DEPTH_MAX: u32 = 64;
/** Bytes that one byte of a request may become in JSON text, and what any value may need beside. */
const GROWTH_MAX = 6;
const VALUE_ROOM = 64;

/** The entries that a request adds to one map column. It lies in the kernel's memory: nothing is allocated. */
@unmanaged
class MapState {
  /** Lists of the entries, and how many there may be. */
  keyIds: usize;
  valueEnds: usize;
  entriesMax: u32;
  entries: u32;
  /** Entries of the growing column before this request. */
  entryBase: u32;
  /** Where the previous row's entries begin, and this row's: its key at slot i is a good guess for this row's. */
  previous: u32;
  current: u32;
  /** Where the next value is written; a value's end counts from `valueOrigin`. */
  valueAt: usize;
  values: usize;
  valueLimit: usize;
  valueOrigin: usize;
  keys: usize;
  types: usize;
  /** The letters of this row's signature, from `letters` to `letterAt`; and those of the row before, whose signature is `signature`. */
  letters: usize;
  letterAt: usize;
  lettersBefore: usize;
  lettersBeforeCount: u32;
  signature: u32;
}

/** Order of the maps, and of what belongs to them in the tables of kernel-layout.ts. */
export const ATTRIBUTES = 0;
export const EVENT_ATTRIBUTES = 1;
export const LINK_ATTRIBUTES = 2;

export function mapState(number: u32): MapState {
  return changetype<MapState>(MAPS + number * MAP_BYTES);
}

/** Where the next shortened signature is written. */
let signatureAt: usize = SIGNATURES;

function beginMap(number: u32, keyIds: usize, valueEnds: usize, entriesMax: u32, values: usize, bytesMax: usize): void {
  const map = mapState(number);
  map.keyIds = keyIds;
  map.valueEnds = valueEnds;
  map.entriesMax = entriesMax;
  map.entries = 0;
  map.entryBase = load<u32>(BASES + number * 8);
  map.previous = 0;
  map.current = 0;
  map.valueAt = values;
  map.values = values;
  map.valueLimit = values + bytesMax;
  map.valueOrigin = values - load<u32>(BASES + number * 8 + 4);
  map.keys = DICTIONARIES + number * 2 * DICTIONARY_BYTES;
  map.types = DICTIONARIES + (number * 2 + 1) * DICTIONARY_BYTES;
  map.letters = LETTERS + (number === ATTRIBUTES ? 0 : LETTERS_REGION_BYTES);
  map.letterAt = map.letters;
  map.lettersBefore = LETTERS_BEFORE + number * LETTERS_REGION_BYTES;
  map.lettersBeforeCount = u32.MAX_VALUE;
}

export function beginMaps(): void {
  signatureAt = SIGNATURES;
  beginMap(ATTRIBUTES, KEY_IDS, VALUE_ENDS, ENTRIES_MAX, VALUES, VALUE_BYTES_MAX);
  beginMap(EVENT_ATTRIBUTES, EVENT_KEY_IDS, EVENT_VALUE_ENDS, NESTED_ENTRIES_MAX, EVENT_VALUES, TEXT_BYTES_MAX * 2);
  beginMap(LINK_ATTRIBUTES, LINK_KEY_IDS, LINK_VALUE_ENDS, NESTED_ENTRIES_MAX, LINK_VALUES, TEXT_BYTES_MAX * 2);
}

/** Reads the KeyValue in `[start, end)`. The usual form first: a key of less than 128 bytes, then a value that is text or a number. */
export function keyValue(map: MapState, start: usize, end: usize): bool {
  if (map.entries >= map.entriesMax || map.letterAt - map.letters >= <usize>LETTERS_MAX) return false;
  const keySize: usize = load<u8>(start + 1);
  const keyEnd = start + 2 + keySize;
  if (load<u8>(start) !== 0x0a || keySize > 127 || keyEnd + 4 > end || load<u8>(keyEnd) !== 0x12) {
    return unusualKeyValue(map, start, end);
  }
  let value = keyEnd + 2;
  let size: usize = load<u8>(keyEnd + 1);
  if (size > 127 && load<u8>(value) < 128) size = (size & 127) | ((<usize>load<u8>(value++)) << 7);
  if (value + size !== end) return unusualKeyValue(map, start, end);
  const kind = load<u8>(value);
  if (kind === 0x0a) {
    let text = value + 2;
    let length: usize = load<u8>(value + 1);
    // A length with a needless second byte would be stored as it came.
    if (length > 127 && load<u8>(text) !== 0 && load<u8>(text) < 128)
      length = (length & 127) | ((<usize>load<u8>(text++)) << 7);
    const to = map.valueAt;
    if (text + length !== end || to + (end - value) > map.valueLimit) return unusualKeyValue(map, start, end);
    // Native writes text as protobuf does, behind its length.
    copy(to, value + 1, end - value - 1);
    return endEntry(map, start + 2, <u32>keySize, S, to + (end - value - 1));
  }
  const to = map.valueAt + 1;
  if (to + VALUE_ROOM > map.valueLimit) return false;
  let textEnd: usize = 0;
  let letter: u32 = 0;
  if (kind === 0x18) {
    if (varint(value + 1, end) !== end) return unusualKeyValue(map, start, end);
    letter = I;
    textEnd = writeInt64(to, <i64>read);
  } else if (kind === 0x21 && value + 9 === end) {
    letter = D;
    textEnd = writeDouble(to, load<f64>(value + 1));
  } else return unusualKeyValue(map, start, end);
  store<u8>(to - 1, <u32>(textEnd - to));
  return endEntry(map, start + 2, <u32>keySize, letter, textEnd);
}

/** Adds an entry whose value's text has been written up to `valueEnd`. */
function endEntry(map: MapState, key: usize, keySize: u32, letter: u32, valueEnd: usize): bool {
  pushKey(map, key, keySize);
  store<u8>(map.letterAt, letter);
  map.letterAt++;
  return endValue(map, valueEnd);
}

function endValue(map: MapState, valueEnd: usize): bool {
  map.valueAt = valueEnd;
  store<u32>(map.valueEnds + (map.entries << 2), <u32>(valueEnd - map.valueOrigin));
  map.entries++;
  return true;
}

function pushKey(map: MapState, key: usize, count: u32): void {
  const guess = map.previous + (map.entries - map.current);
  const to = map.keyIds + (map.entries << 2);
  if (guess < map.current) {
    const id = load<u32>(map.keyIds + (guess << 2));
    if (isEntry(map.keys, id, key, count)) {
      store<u32>(to, id);
      return;
    }
  }
  store<u32>(to, add(map.keys, key, count));
}

/** Ends the map's row; answers the number of its signature. */
export function endMapRow(map: MapState): u32 {
  map.previous = map.current;
  map.current = map.entries;
  const count = <u32>(map.letterAt - map.letters);
  map.letterAt = map.letters;
  if (count === map.lettersBeforeCount && equal(map.letters, map.lettersBefore, count)) return map.signature;
  if (signaturesAreFull()) return 0;
  memory.copy(map.lettersBefore, map.letters, count);
  map.lettersBeforeCount = count;
  const end = shorten(map.letters, map.letters + count, signatureAt);
  const before = sizeOf(map.types);
  map.signature = add(map.types, signatureAt, <u32>(end - signatureAt));
  if (sizeOf(map.types) > before) signatureAt = end;
  return map.signature;
}

/** True when the request has more different signatures or keys than there is room for. */
export function mapsAreFull(): bool {
  return full || signaturesAreFull();
}

function signaturesAreFull(): bool {
  return signatureAt > <usize>(SIGNATURES + SIGNATURES_BYTES_MAX);
}

/** Writes letters with their runs shortened, nothing when all are strings. */
function shorten(letters: usize, end: usize, to: usize): usize {
  let out = to;
  for (let at = letters; at < end; ) {
    const letter = load<u8>(at);
    let run: usize = 1;
    while (at + run < end && load<u8>(at + run) === letter && letter !== CLOSE) run++;
    if (at === letters && at + run === end && letter === S) return to;
    store<u8>(out++, letter);
    if (run > 1) out = writeInt64(out, <i64>run);
    at += run;
  }
  return out;
}

/** What an AnyValue holds: its letter, its place, and its number. */
let letter: u32 = N;
let contentStart: usize = 0;
let contentEnd: usize = 0;
let number: u64 = 0;

/** Key and value of a KeyValue: the last of each counts. `valueStart` is 0 when there is none. */
let keyStart: usize = 0;
let keyEnd: usize = 0;
let valueStart: usize = 0;
let valueEnd: usize = 0;

function keyAndValue(start: usize, end: usize): bool {
  keyStart = start;
  keyEnd = start;
  valueStart = 0;
  for (let at = start; at < end; ) {
    at = tag(at, end);
    if (at === 0) return false;
    const field = <u32>read;
    if (field === 0x0a || field === 0x12) {
      at = lengthEnd(at, end);
      if (field === 0x0a) {
        keyStart = begin;
        keyEnd = at;
      } else {
        valueStart = begin;
        valueEnd = at;
      }
    } else at = unknown(field, at, end, 2);
    if (at === 0) return false;
  }
  return true;
}

/** Finds what the AnyValue in `[start, end)` holds; of several the last counts, as protobuf's oneof has it. */
function findValue(start: usize, end: usize): bool {
  letter = N;
  for (let at = start; at < end; ) {
    at = tag(at, end);
    if (at === 0) return false;
    const field = <u32>read;
    const found = letterOf(field);
    if (found === 0) at = unknown(field, at, end, 7);
    else {
      contentStart = at;
      letter = found;
      at = skip(field, at, end);
      if ((field & 7) === 2) contentStart = begin;
      else if (field === 0x21 && at !== 0) number = load<u64>(contentStart);
      else number = read;
      contentEnd = at;
    }
    if (at === 0) return false;
  }
  return true;
}

/** The letter of an AnyValue's field, 0 when the tag is none of them. */
function letterOf(field: u32): u32 {
  switch (field) {
    case 0x0a:
      return S;
    case 0x10:
      return B;
    case 0x18:
      return I;
    case 0x21:
      return D;
    case 0x2a:
      return A;
    case 0x32:
      return K;
    case 0x3a:
      return Y;
    default:
      return 0;
  }
}

function unusualKeyValue(map: MapState, start: usize, end: usize): bool {
  // The text is written behind room for the longest length, and moved when its length is known.
  const text = map.valueAt + 8;
  if ((end - start) * GROWTH_MAX + VALUE_ROOM > map.valueLimit - map.valueAt) return false;
  if ((end - start) * 2 > <usize>LETTERS_MAX - (map.letterAt - map.letters)) return false;
  if (!keyAndValue(start, end)) return false;
  pushKey(map, keyStart, <u32>(keyEnd - keyStart));
  let textEnd = text;
  if (valueStart === 0) put(map, Z);
  else {
    if (!findValue(valueStart, valueEnd)) return false;
    textEnd = writeValue(map, text);
    if (textEnd === 0) return false;
  }
  const to = writeVarint(map.valueAt, <u32>(textEnd - text));
  memory.copy(to, text, textEnd - text);
  return endValue(map, to + (textEnd - text));
}

function put(map: MapState, letter: u32): void {
  store<u8>(map.letterAt, letter);
  map.letterAt++;
}

/** The text of what `findValue` found; 0 when it cannot be read. */
function writeValue(map: MapState, to: usize): usize {
  if (letter === A || letter === K) return writeJson(map, to, letter, contentStart, contentEnd, 1);
  put(map, letter);
  if (letter === S) {
    memory.copy(to, contentStart, contentEnd - contentStart);
    return to + (contentEnd - contentStart);
  }
  if (letter === I) return writeInt64(to, <i64>number);
  if (letter === D) return writeDouble(to, reinterpret<f64>(number));
  if (letter === B) return writeBool(to, number !== 0);
  return letter === Y ? writeBase64(to, contentStart, contentEnd) : to;
}

/** An ArrayValue or KeyValueList as JSON text; 0 when it cannot be read. */
function writeJson(map: MapState, to: usize, kind: u32, start: usize, end: usize, depth: u32): usize {
  if (depth > NESTING_DEPTH_MAX) return 0;
  put(map, kind);
  put(map, OPEN);
  let out = to;
  store<u8>(out++, kind === A ? 0x5b : 0x7b);
  let first = true;
  for (let at = start; at < end; ) {
    at = tag(at, end);
    if (at === 0) return 0;
    const field = <u32>read;
    if (field !== 0x0a) {
      at = unknown(field, at, end, 1);
      if (at === 0) return 0;
      continue;
    }
    const itemEnd = lengthEnd(at, end);
    if (itemEnd === 0) return 0;
    const item = begin;
    if (!first) store<u8>(out++, COMMA);
    first = false;
    out = kind === A ? writeJsonValue(map, out, item, itemEnd, depth) : writeJsonMember(map, out, item, itemEnd, depth);
    if (out === 0) return 0;
    at = itemEnd;
  }
  store<u8>(out++, kind === A ? 0x5d : 0x7d);
  put(map, CLOSE);
  return out;
}

function writeJsonMember(map: MapState, to: usize, start: usize, end: usize, depth: u32): usize {
  if (!keyAndValue(start, end)) return 0;
  const out = writeJsonString(to, keyStart, keyEnd);
  store<u8>(out, COLON);
  if (valueStart !== 0) return writeJsonValue(map, out + 1, valueStart, valueEnd, depth);
  put(map, Z);
  return writeNull(out + 1);
}

function writeJsonValue(map: MapState, to: usize, start: usize, end: usize, depth: u32): usize {
  if (!findValue(start, end)) return 0;
  if (letter === A || letter === K) return writeJson(map, to, letter, contentStart, contentEnd, depth + 1);
  put(map, letter);
  if (letter === S) return writeJsonString(to, contentStart, contentEnd);
  if (letter === I) return writeInt64(to, <i64>number);
  if (letter === B) return writeBool(to, number !== 0);
  if (letter === N) return writeNull(to);
  const isBare = letter === D && ((number >>> 52) & EXPONENT_BITS) !== EXPONENT_BITS;
  if (isBare) return writeDouble(to, reinterpret<f64>(number));
  // JSON has no numbers for NaN and the infinities.
  store<u8>(to, QUOTE);
  const out =
    letter === D ? writeDouble(to + 1, reinterpret<f64>(number)) : writeBase64(to + 1, contentStart, contentEnd);
  store<u8>(out, QUOTE);
  return out + 1;
}
