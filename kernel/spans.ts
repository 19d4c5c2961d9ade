/* Spans → rows of otel_traces, as src/transcode/traces.ts reads them. A span that it would reject is not the kernel's: TypeScript says why. */
import {
  ATTRIBUTE_ENDS,
  BASE_EVENTS,
  BASE_LINK_SPAN_IDS,
  BASE_LINK_TRACE_IDS,
  BASE_LINK_TRACE_STATES,
  BASE_LINKS,
  BASE_MESSAGES,
  BASE_PARENT_IDS,
  BASE_SPAN_IDS,
  BASE_TRACE_STATES,
  BASES,
  COUNT_ROWS,
  COUNTS,
  DICTIONARIES,
  DICTIONARY_BYTES,
  DICTIONARY_EVENT_NAMES,
  DICTIONARY_NAMES,
  DICTIONARY_TRACE_IDS,
  DROPPED_ATTRIBUTES,
  DROPPED_EVENTS,
  DROPPED_LINKS,
  DURATION,
  EVENT_ATTRIBUTE_ENDS,
  EVENT_DROPPED,
  EVENT_ENDS,
  EVENT_NAME,
  EVENT_TIME,
  EVENT_TYPES,
  FLAGS,
  KIND,
  LINK_ATTRIBUTE_ENDS,
  LINK_DROPPED,
  LINK_ENDS,
  LINK_FLAGS,
  LINK_SPAN_ID_ENDS,
  LINK_SPAN_IDS,
  LINK_TRACE_ID_ENDS,
  LINK_TRACE_IDS,
  LINK_TRACE_STATE_ENDS,
  LINK_TRACE_STATES,
  LINK_TYPES,
  MESSAGE_ENDS,
  MESSAGES,
  NAME,
  NEGATIVE_DURATION,
  NESTED_ROWS_MAX,
  PARENT_ID_ENDS,
  PARENT_IDS,
  ROWS_MAX,
  SPAN_ID_ENDS,
  SPAN_IDS,
  STATUS_CODE,
  TEXT_BYTES_MAX,
  TIMESTAMP,
  TRACE_OF,
  TRACE_STATE_ENDS,
  TRACE_STATES,
  TYPES,
} from '../src/transcode/kernel-layout.ts';
import {
  ATTRIBUTES,
  EVENT_ATTRIBUTES,
  endMapRow,
  keyValue,
  LINK_ATTRIBUTES,
  mapState,
  mapsAreFull,
} from './attributes.ts';
import { copy, equal, hex, hex8, writeVarint } from './bytes.ts';
import { add } from './dictionary.ts';
import { begin, lengthEnd, read, skip, tag, unknown, varint } from './scan.ts';

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

const TRACE_DICTIONARY = DICTIONARIES + DICTIONARY_TRACE_IDS * DICTIONARY_BYTES;
const NAME_DICTIONARY = DICTIONARIES + DICTIONARY_NAMES * DICTIONARY_BYTES;
const EVENT_NAME_DICTIONARY = DICTIONARIES + DICTIONARY_EVENT_NAMES * DICTIONARY_BYTES;

export let rows: u32 = 0;
let events: u32 = 0;
let links: u32 = 0;

/** Where the next text of each kind is written. Its end counts from the column's length before the request (`…Origin`). */
let spanIdAt: usize = 0;
let parentIdAt: usize = 0;
let traceStateAt: usize = 0;
let messageAt: usize = 0;
let linkTraceIdAt: usize = 0;
let linkSpanIdAt: usize = 0;
let linkTraceStateAt: usize = 0;

/** The fields of the span that is being read: places (0: absent), sizes and numbers. */
let traceId: usize = 0;
let traceIdSize: u32 = 0;
let spanId: usize = 0;
let spanIdSize: u32 = 0;
let parentId: usize = 0;
let parentIdSize: u32 = 0;
let traceState: usize = 0;
let traceStateSize: u32 = 0;
let name: usize = 0;
let nameSize: u32 = 0;
let message: usize = 0;
let messageSize: u32 = 0;
let kind: u32 = 0;
let code: u32 = 0;
let flags: u32 = 0;
let start: u64 = 0;
let end: u64 = 0;
let droppedAttributes: u32 = 0;
let droppedEvents: u32 = 0;
let droppedLinks: u32 = 0;

/** The length of a column before this request. */
function base(number: u32): u32 {
  return load<u32>(BASES + number * 4);
}

export function beginSpans(): void {
  rows = 0;
  events = 0;
  links = 0;
  spanIdAt = SPAN_IDS;
  parentIdAt = PARENT_IDS;
  traceStateAt = TRACE_STATES;
  messageAt = MESSAGES;
  linkTraceIdAt = LINK_TRACE_IDS;
  linkSpanIdAt = LINK_SPAN_IDS;
  linkTraceStateAt = LINK_TRACE_STATES;
}

/** Tells how much was read. */
export function endSpans(): void {
  for (let i = 0; i < 3; i++) {
    count(i * 2, mapState(i).entries);
    count(i * 2 + 1, <u32>(mapState(i).valueAt - mapState(i).values));
  }
  count(BASE_SPAN_IDS, <u32>(spanIdAt - SPAN_IDS));
  count(BASE_PARENT_IDS, <u32>(parentIdAt - PARENT_IDS));
  count(BASE_TRACE_STATES, <u32>(traceStateAt - TRACE_STATES));
  count(BASE_MESSAGES, <u32>(messageAt - MESSAGES));
  count(BASE_LINK_TRACE_IDS, <u32>(linkTraceIdAt - LINK_TRACE_IDS));
  count(BASE_LINK_SPAN_IDS, <u32>(linkSpanIdAt - LINK_SPAN_IDS));
  count(BASE_LINK_TRACE_STATES, <u32>(linkTraceStateAt - LINK_TRACE_STATES));
  count(BASE_EVENTS, events);
  count(BASE_LINKS, links);
  count(COUNT_ROWS, rows);
}

function count(number: u32, value: u32): void {
  store<u32>(COUNTS + number * 4, value);
}

function clear(): void {
  traceId = 0;
  spanId = 0;
  parentId = 0;
  traceIdSize = 0;
  spanIdSize = 0;
  parentIdSize = 0;
  traceStateSize = 0;
  nameSize = 0;
  messageSize = 0;
  kind = 0;
  code = 0;
  flags = 0;
  start = 0;
  end = 0;
  droppedAttributes = 0;
  droppedEvents = 0;
  droppedLinks = 0;
}

/** Reads the span in `[from, to)` into the next row; false when it is not the kernel's. */
export function span(from: usize, to: usize): bool {
  if (rows >= <u32>ROWS_MAX) return false;
  clear();
  const map = mapState(ATTRIBUTES);
  for (let at = from; at < to; ) {
    const field: u32 = load<u8>(at);
    if (field === 0x4a) {
      let content = at + 2;
      let size: usize = load<u8>(at + 1);
      if (size > 127) {
        at = lengthEnd(at + 1, to);
        if (at === 0) return false;
        content = begin;
        size = at - begin;
      }
      at = content + size;
      if (at > to || !keyValue(map, content, at)) return false;
    } else {
      at = scalar(field, at, to);
      if (at === 0) return false;
    }
  }
  return isValid() && endRow();
}

/** A field that is a place, a time, or a number; answers the place behind it. */
function scalar(field: u32, at: usize, to: usize): usize {
  if (field === 0x39 || field === 0x41) {
    if (at + 9 > to) return 0;
    if (field === 0x39) start = load<u64>(at + 1);
    else end = load<u64>(at + 1);
    return at + 9;
  }
  if (field === 0x85 && at + 6 <= to && load<u8>(at + 1) === 1) {
    flags = load<u32>(at + 2);
    return at + 6;
  }
  if (field === 0x30) {
    const next = varint(at + 1, to);
    kind = <u32>read;
    return next;
  }
  if (field !== 0x0a && field !== 0x12 && field !== 0x22 && field !== 0x2a) return rareField(at, to);
  const next = lengthEnd(at + 1, to);
  const size = <u32>(next - begin);
  if (field === 0x0a) {
    traceId = begin;
    traceIdSize = size;
  } else if (field === 0x12) {
    spanId = begin;
    spanIdSize = size;
  } else if (field === 0x22) {
    parentId = begin;
    parentIdSize = size;
  } else {
    name = begin;
    nameSize = size;
  }
  return next;
}

function rareField(from: usize, to: usize): usize {
  const at = tag(from, to);
  if (at === 0) return 0;
  const field = <u32>read;
  if (field === 0x7a || field === 0x5a || field === 0x6a || field === 0x1a) {
    const next = lengthEnd(at, to);
    if (next === 0) return 0;
    const content = begin;
    if (field === 0x7a) return status(content, next) ? next : 0;
    if (field === 0x5a) return event(content, next) ? next : 0;
    if (field === 0x6a) return link(content, next) ? next : 0;
    traceState = content;
    traceStateSize = <u32>(next - content);
    return next;
  }
  if (field === 0x50 || field === 0x60 || field === 0x70) {
    const next = varint(at, to);
    if (field === 0x50) droppedAttributes = <u32>read;
    else if (field === 0x60) droppedEvents = <u32>read;
    else droppedLinks = <u32>read;
    return next;
  }
  // A tag that is written in more bytes than it needs is one of `scalar`'s all the same: not the kernel's.
  return unknown(field, at, to, 16);
}

function status(from: usize, to: usize): bool {
  for (let at = from; at < to; ) {
    at = tag(at, to);
    if (at === 0) return false;
    const field = <u32>read;
    if (field === 0x12) {
      at = lengthEnd(at, to);
      message = begin;
      messageSize = <u32>(at - begin);
    } else if (field === 0x18) {
      at = varint(at, to);
      code = <u32>read;
    } else at = field >>> 3 === 1 ? skip(field, at, to) : unknown(field, at, to, 3);
    if (at === 0) return false;
  }
  return true;
}

function event(from: usize, to: usize): bool {
  if (events >= <u32>NESTED_ROWS_MAX) return false;
  const map = mapState(EVENT_ATTRIBUTES);
  let time: u64 = 0;
  let eventName: usize = 0;
  let eventNameSize: u32 = 0;
  let dropped: u32 = 0;
  for (let at = from; at < to; ) {
    at = tag(at, to);
    if (at === 0) return false;
    const field = <u32>read;
    if (field === 0x1a) {
      at = lengthEnd(at, to);
      if (at === 0 || !keyValue(map, begin, at)) return false;
    } else if (field === 0x12) {
      at = lengthEnd(at, to);
      eventName = begin;
      eventNameSize = <u32>(at - begin);
    } else if (field === 0x09) {
      if (at + 8 > to) return false;
      time = load<u64>(at);
      at += 8;
    } else if (field === 0x20) {
      at = varint(at, to);
      dropped = <u32>read;
    } else at = unknown(field, at, to, 4);
    if (at === 0) return false;
  }
  const types = endMapRow(map);
  const place = events << 2;
  store<u32>(EVENT_TYPES + place, types);
  store<u32>(EVENT_ATTRIBUTE_ENDS + place, map.entryBase + map.entries);
  store<u64>(EVENT_TIME + (events << 3), time);
  store<u32>(EVENT_NAME + place, add(EVENT_NAME_DICTIONARY, eventName, eventNameSize));
  store<u32>(EVENT_DROPPED + place, dropped);
  events++;
  return true;
}

function link(from: usize, to: usize): bool {
  if (links >= <u32>NESTED_ROWS_MAX) return false;
  const map = mapState(LINK_ATTRIBUTES);
  let trace: usize = 0;
  let traceEnd: usize = 0;
  let target: usize = 0;
  let targetEnd: usize = 0;
  let state: usize = 0;
  let stateEnd: usize = 0;
  let dropped: u32 = 0;
  let linkFlags: u32 = 0;
  for (let at = from; at < to; ) {
    at = tag(at, to);
    if (at === 0) return false;
    const field = <u32>read;
    if (field === 0x0a || field === 0x12 || field === 0x1a || field === 0x22) {
      at = lengthEnd(at, to);
      if (at === 0 || (field === 0x22 && !keyValue(map, begin, at))) return false;
      if (field === 0x0a) {
        trace = begin;
        traceEnd = at;
      } else if (field === 0x12) {
        target = begin;
        targetEnd = at;
      } else if (field === 0x1a) {
        state = begin;
        stateEnd = at;
      }
    } else if (field === 0x28) {
      at = varint(at, to);
      dropped = <u32>read;
    } else if (field === 0x35) {
      if (at + 4 > to) return false;
      linkFlags = load<u32>(at);
      at += 4;
    } else at = unknown(field, at, to, 6);
    if (at === 0) return false;
  }
  if (!linkTexts(trace, traceEnd, target, targetEnd, state, stateEnd)) return false;
  const place = links << 2;
  store<u32>(LINK_TYPES + place, endMapRow(map));
  store<u32>(LINK_ATTRIBUTE_ENDS + place, map.entryBase + map.entries);
  store<u32>(LINK_DROPPED + place, dropped);
  store<u32>(LINK_FLAGS + place, linkFlags);
  links++;
  return true;
}

function linkTexts(
  trace: usize,
  traceEnd: usize,
  target: usize,
  targetEnd: usize,
  state: usize,
  stateEnd: usize,
): bool {
  const place = links << 2;
  linkTraceIdAt = putHex(linkTraceIdAt, LINK_TRACE_IDS, trace, traceEnd - trace);
  linkSpanIdAt = putHex(linkSpanIdAt, LINK_SPAN_IDS, target, targetEnd - target);
  linkTraceStateAt = putText(linkTraceStateAt, LINK_TRACE_STATES, state, stateEnd - state);
  if (linkTraceIdAt === 0 || linkSpanIdAt === 0 || linkTraceStateAt === 0) return false;
  store<u32>(LINK_TRACE_ID_ENDS + place, base(BASE_LINK_TRACE_IDS) + <u32>(linkTraceIdAt - LINK_TRACE_IDS));
  store<u32>(LINK_SPAN_ID_ENDS + place, base(BASE_LINK_SPAN_IDS) + <u32>(linkSpanIdAt - LINK_SPAN_IDS));
  store<u32>(LINK_TRACE_STATE_ENDS + place, base(BASE_LINK_TRACE_STATES) + <u32>(linkTraceStateAt - LINK_TRACE_STATES));
  return true;
}

/** Appends a text behind its length to a region; answers the place behind it, 0 when there is no room. */
function putText(to: usize, region: usize, from: usize, count: usize): usize {
  if (count === 0) {
    store<u8>(to, 0);
    return to + 1 > region + TEXT_BYTES_MAX ? 0 : to + 1;
  }
  if (to + count + 8 > region + TEXT_BYTES_MAX) return 0;
  const text = writeVarint(to, <u32>count);
  copy(text, from, count);
  return text + count;
}

function putHex(to: usize, region: usize, from: usize, count: usize): usize {
  if (to + count * 2 + 8 > region + TEXT_BYTES_MAX) return 0;
  const text = writeVarint(to, <u32>count * 2);
  hex(text, from, count);
  return text + count * 2;
}

function isValid(): bool {
  if (traceIdSize !== TRACE_ID_BYTES || spanIdSize !== SPAN_ID_BYTES) return false;
  if ((load<u64>(traceId) | load<u64>(traceId + 8)) === 0 || load<u64>(spanId) === 0) return false;
  return parentIdSize === 0 || parentIdSize === SPAN_ID_BYTES;
}

function endRow(): bool {
  const place = rows << 2;
  const map = mapState(ATTRIBUTES);
  store<u32>(TYPES + place, endMapRow(map));
  store<u32>(ATTRIBUTE_ENDS + place, map.entryBase + map.entries);
  store<u32>(TRACE_OF + place, traceNumber());
  store<u32>(NAME + place, nameNumber());
  store<u32>(KIND + place, kind);
  store<u32>(STATUS_CODE + place, code);
  store<u32>(FLAGS + place, flags);
  store<u32>(DROPPED_ATTRIBUTES + place, droppedAttributes);
  store<u32>(DROPPED_EVENTS + place, droppedEvents);
  store<u32>(DROPPED_LINKS + place, droppedLinks);
  store<u32>(EVENT_ENDS + place, base(BASE_EVENTS) + events);
  store<u32>(LINK_ENDS + place, base(BASE_LINKS) + links);
  const times = rows << 3;
  store<u64>(TIMESTAMP + times, start);
  store<u64>(DURATION + times, end >= start ? end - start : 0);
  store<u64>(NEGATIVE_DURATION + times, end >= start ? 0 : start - end);
  return endTexts(place) && !mapsAreFull();
}

function endTexts(place: u32): bool {
  store<u8>(spanIdAt, SPAN_ID_BYTES * 2);
  hex8(spanIdAt + 1, spanId);
  spanIdAt += 1 + SPAN_ID_BYTES * 2;
  // A root may say its missing parent as zeros; it is stored as absent (docs/guarantees.md).
  if (parentIdSize === 0 || load<u64>(parentId) === 0) store<u8>(parentIdAt++, 0);
  else {
    store<u8>(parentIdAt, SPAN_ID_BYTES * 2);
    hex8(parentIdAt + 1, parentId);
    parentIdAt += 1 + SPAN_ID_BYTES * 2;
  }
  traceStateAt = putText(traceStateAt, TRACE_STATES, traceState, traceStateSize);
  messageAt = putText(messageAt, MESSAGES, message, messageSize);
  if (traceStateAt === 0 || messageAt === 0) return false;
  store<u32>(SPAN_ID_ENDS + place, base(BASE_SPAN_IDS) + <u32>(spanIdAt - SPAN_IDS));
  store<u32>(PARENT_ID_ENDS + place, base(BASE_PARENT_IDS) + <u32>(parentIdAt - PARENT_IDS));
  store<u32>(TRACE_STATE_ENDS + place, base(BASE_TRACE_STATES) + <u32>(traceStateAt - TRACE_STATES));
  store<u32>(MESSAGE_ENDS + place, base(BASE_MESSAGES) + <u32>(messageAt - MESSAGES));
  rows++;
  return true;
}

let traceBefore: usize = 0;
let traceNumberBefore: u32 = 0;

/** Spans of one trace tend to stand together: one comparison instead of a hash. */
function traceNumber(): u32 {
  const isSame = rows > 0 && equal(traceBefore, traceId, TRACE_ID_BYTES);
  if (!isSame) traceNumberBefore = add(TRACE_DICTIONARY, traceId, TRACE_ID_BYTES);
  traceBefore = traceId;
  return traceNumberBefore;
}

function nameNumber(): u32 {
  return add(NAME_DICTIONARY, name, nameSize);
}
