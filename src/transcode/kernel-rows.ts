import type { ByteBuffer } from '../base/bytes.ts';
import type { U32List } from '../base/lists.ts';
import type { MapColumn, StringColumn } from '../columns/builders.ts';
import type { Dictionary } from '../columns/dictionary.ts';
import type { SpanKernel } from './kernel.ts';
import * as layout from './kernel-layout.ts';
import type { TraceBatch } from './traces.ts';

/** Of each dictionary of a request, so many entries are guessed. */
const GUESSED_ENTRIES = 32;

/** Reads a request with the kernel and appends its rows; false, and nothing appended, when TypeScript has to read it. */
export function appendRows(kernel: SpanKernel, traces: TraceBatch, body: Uint8Array): boolean {
  if (!kernel.decode(body, basesOf(traces))) return false;
  appendSpans(kernel, traces);
  if (kernel.count(layout.BASE_EVENTS) > 0) appendEvents(kernel, traces);
  if (kernel.count(layout.BASE_LINKS) > 0) appendLinks(kernel, traces);
  // TypeScript may read the next request: what it guesses keys from is not the last row any more.
  for (const map of traces.maps) map.forgetGuess();
  return true;
}

/** Lengths of the growing columns, in the order of kernel-layout.ts. */
function basesOf(traces: TraceBatch): readonly number[] {
  const { attributes, eventAttributes, linkAttributes } = traces;
  return [
    attributes.keyIds.length,
    attributes.values.data.length,
    eventAttributes.keyIds.length,
    eventAttributes.values.data.length,
    linkAttributes.keyIds.length,
    linkAttributes.values.data.length,
    traces.spanId.data.length,
    traces.parentSpanId.data.length,
    traces.traceState.data.length,
    traces.statusMessage.data.length,
    traces.linkTraceId.data.length,
    traces.linkSpanId.data.length,
    traces.linkTraceState.data.length,
    traces.eventDropped.list.length,
    traces.linkDropped.list.length,
  ];
}

function appendSpans(kernel: SpanKernel, traces: TraceBatch): void {
  const rows = kernel.count(layout.COUNT_ROWS);
  ids(kernel, traces.traceIds, layout.DICTIONARY_TRACE_IDS, traces.traceOf, layout.TRACE_OF, rows);
  words(kernel, traces.timestamp.list, layout.TIMESTAMP, rows * 2);
  words(kernel, traces.duration.list, layout.DURATION, rows * 2);
  words(kernel, traces.negativeDuration.list, layout.NEGATIVE_DURATION, rows * 2);
  texts(kernel, traces.spanId, layout.SPAN_IDS, layout.BASE_SPAN_IDS, layout.SPAN_ID_ENDS, rows);
  texts(kernel, traces.parentSpanId, layout.PARENT_IDS, layout.BASE_PARENT_IDS, layout.PARENT_ID_ENDS, rows);
  texts(kernel, traces.traceState, layout.TRACE_STATES, layout.BASE_TRACE_STATES, layout.TRACE_STATE_ENDS, rows);
  texts(kernel, traces.statusMessage, layout.MESSAGES, layout.BASE_MESSAGES, layout.MESSAGE_ENDS, rows);
  const { spanName, types } = traces;
  ids(kernel, spanName.dictionary, layout.DICTIONARY_NAMES, spanName.ids, layout.NAME, rows);
  ids(kernel, types.dictionary, layout.DICTIONARY_TYPES, types.ids, layout.TYPES, rows);
  words(kernel, traces.spanKind.list, layout.KIND, rows);
  words(kernel, traces.statusCode.list, layout.STATUS_CODE, rows);
  words(kernel, traces.flags.list, layout.FLAGS, rows);
  words(kernel, traces.droppedAttributes.list, layout.DROPPED_ATTRIBUTES, rows);
  words(kernel, traces.droppedEvents.list, layout.DROPPED_EVENTS, rows);
  words(kernel, traces.droppedLinks.list, layout.DROPPED_LINKS, rows);
  words(kernel, traces.eventEnds, layout.EVENT_ENDS, rows);
  words(kernel, traces.linkEnds, layout.LINK_ENDS, rows);
  words(kernel, traces.attributes.ends, layout.ATTRIBUTE_ENDS, rows);
  entries(kernel, traces.attributes, layout.BASE_ENTRIES, layout.DICTIONARY_KEYS, {
    keyIds: layout.KEY_IDS,
    ends: layout.VALUE_ENDS,
    values: layout.VALUES,
  });
}

function appendEvents(kernel: SpanKernel, traces: TraceBatch): void {
  const count = kernel.count(layout.BASE_EVENTS);
  const { eventName, eventTypes, eventAttributes } = traces;
  words(kernel, traces.eventTime.list, layout.EVENT_TIME, count * 2);
  ids(kernel, eventName.dictionary, layout.DICTIONARY_EVENT_NAMES, eventName.ids, layout.EVENT_NAME, count);
  ids(kernel, eventTypes.dictionary, layout.DICTIONARY_EVENT_TYPES, eventTypes.ids, layout.EVENT_TYPES, count);
  words(kernel, traces.eventDropped.list, layout.EVENT_DROPPED, count);
  words(kernel, eventAttributes.ends, layout.EVENT_ATTRIBUTE_ENDS, count);
  entries(kernel, eventAttributes, layout.BASE_EVENT_ENTRIES, layout.DICTIONARY_EVENT_KEYS, {
    keyIds: layout.EVENT_KEY_IDS,
    ends: layout.EVENT_VALUE_ENDS,
    values: layout.EVENT_VALUES,
  });
}

function appendLinks(kernel: SpanKernel, traces: TraceBatch): void {
  const count = kernel.count(layout.BASE_LINKS);
  const { linkTraceId, linkSpanId, linkTraceState, linkTypes, linkAttributes } = traces;
  texts(kernel, linkTraceId, layout.LINK_TRACE_IDS, layout.BASE_LINK_TRACE_IDS, layout.LINK_TRACE_ID_ENDS, count);
  texts(kernel, linkSpanId, layout.LINK_SPAN_IDS, layout.BASE_LINK_SPAN_IDS, layout.LINK_SPAN_ID_ENDS, count);
  const states = layout.LINK_TRACE_STATES;
  texts(kernel, linkTraceState, states, layout.BASE_LINK_TRACE_STATES, layout.LINK_TRACE_STATE_ENDS, count);
  ids(kernel, linkTypes.dictionary, layout.DICTIONARY_LINK_TYPES, linkTypes.ids, layout.LINK_TYPES, count);
  words(kernel, traces.linkDropped.list, layout.LINK_DROPPED, count);
  words(kernel, traces.linkFlags.list, layout.LINK_FLAGS, count);
  words(kernel, linkAttributes.ends, layout.LINK_ATTRIBUTE_ENDS, count);
  entries(kernel, linkAttributes, layout.BASE_LINK_ENTRIES, layout.DICTIONARY_LINK_KEYS, {
    keyIds: layout.LINK_KEY_IDS,
    ends: layout.LINK_VALUE_ENDS,
    values: layout.LINK_VALUES,
  });
}

function words(kernel: SpanKernel, list: U32List, region: number, count: number): void {
  list.append(kernel.words, region >> 2, count);
}

function bytes(kernel: SpanKernel, data: ByteBuffer, region: number, count: number): void {
  data.append(kernel.memory, region, region + count);
}

/** Texts and their ends. `counted` is the number of their bytes in the kernel's counts. */
function texts(
  kernel: SpanKernel,
  column: StringColumn,
  region: number,
  counted: number,
  ends: number,
  count: number,
): void {
  bytes(kernel, column.data, region, kernel.count(counted));
  words(kernel, column.ends, ends, count);
}

/** Where the entries of a map lie. */
interface EntryRegions {
  readonly keyIds: number;
  readonly ends: number;
  readonly values: number;
}

/** `counted` is the number of entries in the kernel's counts; that of the bytes of their values stands behind it. */
function entries(kernel: SpanKernel, map: MapColumn, counted: number, dictionary: number, regions: EntryRegions): void {
  const count = kernel.count(counted);
  ids(kernel, map.keys, dictionary, map.keyIds, regions.keyIds, count);
  words(kernel, map.values.ends, regions.ends, count);
  bytes(kernel, map.values.data, regions.values, kernel.count(counted + 1));
}

/** The segment's number of each entry of a dictionary of the request. */
const numbers = new Uint32Array(layout.DICTIONARY_ENTRIES_MAX);

/**
 * What the first entries of each dictionary of the last request were. Clients send the same keys in the same order again and again: to compare
 * with a guess takes less than half of a search. A wrong guess, or one of another segment, costs a comparison.
 */
const guesses = new Uint32Array(layout.DICTIONARY_COUNT * GUESSED_ENTRIES);

/**
 * Takes the entries of a dictionary of the request over into the segment's, in the order of their first appearance, and appends the ids that
 * point at them.
 */
function ids(
  kernel: SpanKernel,
  dictionary: Dictionary,
  number: number,
  list: U32List,
  region: number,
  count: number,
): void {
  const head = (layout.DICTIONARIES + number * layout.DICTIONARY_BYTES) >> 2;
  const size = kernel.words[head];
  let entry = head + (layout.DICTIONARY_HEAD_BYTES >> 2);
  for (let i = 0; i < size; i++) {
    const start = kernel.words[entry];
    const end = start + kernel.words[entry + 1];
    if (i < GUESSED_ENTRIES) {
      const place = number * GUESSED_ENTRIES + i;
      guesses[place] = dictionary.addGuessed(guesses[place], kernel.memory, start, end);
      numbers[i] = guesses[place];
    } else numbers[i] = dictionary.add(kernel.memory, start, end);
    entry += layout.ENTRY_WORDS;
  }
  list.appendMapped(kernel.words, region >> 2, count, numbers);
}
