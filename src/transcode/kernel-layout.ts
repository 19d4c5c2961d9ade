/*
 * Where everything lies in the memory of the span kernel (kernel/README.md), in bytes. Both sides read this file: TypeScript here, and
 * AssemblyScript there, so that neither can drift from the other.
 *
 * The memory never grows, and only what a request touches becomes resident: of the 33 MiB a request of 500 spans uses about one.
 */

/** A larger request, or one that fills any of the lists below, is left to the TypeScript of traces.ts. */
export const INPUT_BYTES_MAX = 4194304;
export const ROWS_MAX = 16384;
export const ENTRIES_MAX = 262144;
export const NESTED_ROWS_MAX = 16384;
export const NESTED_ENTRIES_MAX = 65536;
export const ENVELOPES_MAX = 4096;

/** Room behind a region, so that copies by 16 bytes may write and read beyond its end, and lists do not meet in one cache set. */
const GAP = 320;
const WORD = 4;
const ROW_WORDS = ROWS_MAX * WORD + GAP;
const ROW_LONGS = ROWS_MAX * WORD * 2 + GAP;
const NESTED_WORDS = NESTED_ROWS_MAX * WORD + GAP;

/** Lengths of the growing columns before the request, from which their lists of ends go on: one word for each. */
export const BASES = 65536;
export const BASE_ENTRIES = 0;
export const BASE_VALUES = 1;
export const BASE_EVENT_ENTRIES = 2;
export const BASE_EVENT_VALUES = 3;
export const BASE_LINK_ENTRIES = 4;
export const BASE_LINK_VALUES = 5;
export const BASE_SPAN_IDS = 6;
export const BASE_PARENT_IDS = 7;
export const BASE_TRACE_STATES = 8;
export const BASE_MESSAGES = 9;
export const BASE_LINK_TRACE_IDS = 10;
export const BASE_LINK_SPAN_IDS = 11;
export const BASE_LINK_TRACE_STATES = 12;
export const BASE_EVENTS = 13;
export const BASE_LINKS = 14;
export const BASE_COUNT = 15;
/** How much was read: of each of the above what the request adds, in the same order, then rows and envelopes. */
export const COUNTS = BASES + 128;
export const COUNT_ROWS = 15;
export const COUNT_ENVELOPES = 16;
/** The state of three maps. */
export const MAPS = COUNTS + 128;
export const MAP_BYTES = 128;

/** Scopes and resources that hold rows, in the order in which they end: what it is, its place, its schema URL's place, rows so far. */
export const ENVELOPES = MAPS + 3 * MAP_BYTES + GAP;
export const ENVELOPE_WORDS = 6;
export const ENVELOPE_SCOPE = 0;
export const ENVELOPE_RESOURCE = 1;

export const TRACE_OF = ENVELOPES + ENVELOPES_MAX * ENVELOPE_WORDS * WORD + GAP;
export const NAME = TRACE_OF + ROW_WORDS;
export const KIND = NAME + ROW_WORDS;
export const TYPES = KIND + ROW_WORDS;
export const STATUS_CODE = TYPES + ROW_WORDS;
export const FLAGS = STATUS_CODE + ROW_WORDS;
export const DROPPED_ATTRIBUTES = FLAGS + ROW_WORDS;
export const DROPPED_EVENTS = DROPPED_ATTRIBUTES + ROW_WORDS;
export const DROPPED_LINKS = DROPPED_EVENTS + ROW_WORDS;
export const ATTRIBUTE_ENDS = DROPPED_LINKS + ROW_WORDS;
export const EVENT_ENDS = ATTRIBUTE_ENDS + ROW_WORDS;
export const LINK_ENDS = EVENT_ENDS + ROW_WORDS;
export const SPAN_ID_ENDS = LINK_ENDS + ROW_WORDS;
export const PARENT_ID_ENDS = SPAN_ID_ENDS + ROW_WORDS;
export const TRACE_STATE_ENDS = PARENT_ID_ENDS + ROW_WORDS;
export const MESSAGE_ENDS = TRACE_STATE_ENDS + ROW_WORDS;
export const TIMESTAMP = MESSAGE_ENDS + ROW_WORDS;
export const DURATION = TIMESTAMP + ROW_LONGS;
export const NEGATIVE_DURATION = DURATION + ROW_LONGS;

export const EVENT_TIME = NEGATIVE_DURATION + ROW_LONGS;
export const EVENT_NAME = EVENT_TIME + NESTED_WORDS * 2;
export const EVENT_TYPES = EVENT_NAME + NESTED_WORDS;
export const EVENT_DROPPED = EVENT_TYPES + NESTED_WORDS;
export const EVENT_ATTRIBUTE_ENDS = EVENT_DROPPED + NESTED_WORDS;

export const LINK_TYPES = EVENT_ATTRIBUTE_ENDS + NESTED_WORDS;
export const LINK_DROPPED = LINK_TYPES + NESTED_WORDS;
export const LINK_FLAGS = LINK_DROPPED + NESTED_WORDS;
export const LINK_ATTRIBUTE_ENDS = LINK_FLAGS + NESTED_WORDS;
export const LINK_TRACE_ID_ENDS = LINK_ATTRIBUTE_ENDS + NESTED_WORDS;
export const LINK_SPAN_ID_ENDS = LINK_TRACE_ID_ENDS + NESTED_WORDS;
export const LINK_TRACE_STATE_ENDS = LINK_SPAN_ID_ENDS + NESTED_WORDS;

export const KEY_IDS = LINK_TRACE_STATE_ENDS + NESTED_WORDS;
export const VALUE_ENDS = KEY_IDS + ENTRIES_MAX * WORD + GAP;
export const EVENT_KEY_IDS = VALUE_ENDS + ENTRIES_MAX * WORD + GAP;
export const EVENT_VALUE_ENDS = EVENT_KEY_IDS + NESTED_ENTRIES_MAX * WORD + GAP;
export const LINK_KEY_IDS = EVENT_VALUE_ENDS + NESTED_ENTRIES_MAX * WORD + GAP;
export const LINK_VALUE_ENDS = LINK_KEY_IDS + NESTED_ENTRIES_MAX * WORD + GAP;

/** Texts, each value behind its length. */
export const TEXT_BYTES_MAX = 1048576;
export const VALUE_BYTES_MAX = 8388608;
export const SPAN_IDS = LINK_VALUE_ENDS + NESTED_ENTRIES_MAX * WORD + GAP;
export const PARENT_IDS = SPAN_IDS + TEXT_BYTES_MAX + GAP;
export const TRACE_STATES = PARENT_IDS + TEXT_BYTES_MAX + GAP;
export const MESSAGES = TRACE_STATES + TEXT_BYTES_MAX + GAP;
export const LINK_TRACE_IDS = MESSAGES + TEXT_BYTES_MAX + GAP;
export const LINK_SPAN_IDS = LINK_TRACE_IDS + TEXT_BYTES_MAX + GAP;
export const LINK_TRACE_STATES = LINK_SPAN_IDS + TEXT_BYTES_MAX + GAP;
export const VALUES = LINK_TRACE_STATES + TEXT_BYTES_MAX + GAP;
export const EVENT_VALUES = VALUES + VALUE_BYTES_MAX + GAP;
export const LINK_VALUES = EVENT_VALUES + TEXT_BYTES_MAX * 2 + GAP;

/** Signatures: the letters of the row that is read, those of the last row of each map, and the texts they were shortened to. */
export const LETTERS_MAX = 65536;
export const LETTERS_REGION_BYTES = LETTERS_MAX + GAP;
export const LETTERS = LINK_VALUES + TEXT_BYTES_MAX * 2 + GAP;
export const LETTERS_BEFORE = LETTERS + 2 * LETTERS_REGION_BYTES;
export const SIGNATURES = LETTERS_BEFORE + 3 * LETTERS_REGION_BYTES;
export const SIGNATURES_BYTES_MAX = 262144;

/** The order of the dictionaries: a map's keys and signatures stand side by side. */
export const DICTIONARY_KEYS = 0;
export const DICTIONARY_TYPES = 1;
export const DICTIONARY_EVENT_KEYS = 2;
export const DICTIONARY_EVENT_TYPES = 3;
export const DICTIONARY_LINK_KEYS = 4;
export const DICTIONARY_LINK_TYPES = 5;
export const DICTIONARY_TRACE_IDS = 6;
export const DICTIONARY_NAMES = 7;
export const DICTIONARY_EVENT_NAMES = 8;
export const DICTIONARY_COUNT = 9;
/** Dictionaries: entries of four words (place, length, hash, none), and slots of two (request, entry). */
export const DICTIONARIES = SIGNATURES + SIGNATURES_BYTES_MAX + LETTERS_MAX + GAP;
export const DICTIONARY_ENTRIES_MAX = 16384;
export const DICTIONARY_SLOTS_MAX = 32768;
export const DICTIONARY_HEAD_BYTES = 64;
export const ENTRY_WORDS = 4;
export const DICTIONARY_BYTES =
  DICTIONARY_HEAD_BYTES + DICTIONARY_ENTRIES_MAX * ENTRY_WORDS * WORD + DICTIONARY_SLOTS_MAX * WORD * 2 + GAP;

export const INPUT = DICTIONARIES + DICTIONARY_COUNT * DICTIONARY_BYTES + GAP;
export const MEMORY_BYTES = INPUT + INPUT_BYTES_MAX + GAP;
