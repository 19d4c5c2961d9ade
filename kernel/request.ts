/*
 * One export request of traces → what it adds to the columns of its segment. Nothing is kept from one request to the next, so the kernel may be
 * asked or not asked at any time, and the answer is the same (kernel/README.md).
 */
import {
  COUNT_ENVELOPES,
  COUNTS,
  ENVELOPE_RESOURCE,
  ENVELOPE_SCOPE,
  ENVELOPE_WORDS,
  ENVELOPES,
  ENVELOPES_MAX,
  INPUT,
  INPUT_BYTES_MAX,
} from '../src/transcode/kernel-layout.ts';
import { beginMaps } from './attributes.ts';
import { beginDictionaries } from './dictionary.ts';
import { begin, lengthEnd, read, tag, unknown } from './scan.ts';
import { beginSpans, endSpans, rows, span } from './spans.ts';

let envelopes: u32 = 0;

/** Reads the request of `bytes` bytes that stands in INPUT. False: not the kernel's, TypeScript has to read it. */
export function decode(bytes: u32): bool {
  if (bytes > <u32>INPUT_BYTES_MAX) return false;
  envelopes = 0;
  beginDictionaries(bytes);
  beginMaps();
  beginSpans();
  const end: usize = INPUT + bytes;
  for (let at: usize = INPUT; at < end; ) {
    at = tag(at, end);
    if (at === 0) return false;
    const field = <u32>read;
    if (field === 0x0a) {
      at = lengthEnd(at, end);
      if (at === 0 || !envelope(ENVELOPE_RESOURCE, begin, at)) return false;
    } else {
      at = unknown(field, at, end, 1);
      if (at === 0) return false;
    }
  }
  endSpans();
  store<u32>(COUNTS + COUNT_ENVELOPES * 4, envelopes);
  return true;
}

/** A ResourceSpans or ScopeSpans: 1 is the resource or scope, 2 what is inside, 3 the schema URL. */
function envelope(kind: u32, from: usize, to: usize): bool {
  const rowsBefore = rows;
  let owner: usize = 0;
  let ownerEnd: usize = 0;
  let url: usize = 0;
  let urlEnd: usize = 0;
  for (let at = from; at < to; ) {
    at = tag(at, to);
    if (at === 0) return false;
    const field = <u32>read;
    if (field === 0x12) {
      at = lengthEnd(at, to);
      if (at === 0) return false;
      if (!(kind === ENVELOPE_RESOURCE ? envelope(ENVELOPE_SCOPE, begin, at) : span(begin, at))) return false;
    } else if (field === 0x0a) {
      at = lengthEnd(at, to);
      owner = begin;
      ownerEnd = at;
    } else if (field === 0x1a) {
      at = lengthEnd(at, to);
      url = begin;
      urlEnd = at;
    } else at = unknown(field, at, to, 3);
    if (at === 0) return false;
  }
  if (rows === rowsBefore) return true;
  return noteEnvelope(kind, owner, ownerEnd, url, urlEnd);
}

/** Places are told as offsets in the request, an absent one as −1. */
function noteEnvelope(kind: u32, owner: usize, ownerEnd: usize, url: usize, urlEnd: usize): bool {
  if (envelopes >= <u32>ENVELOPES_MAX) return false;
  const to = ENVELOPES + envelopes * ENVELOPE_WORDS * 4;
  store<u32>(to, kind);
  store<i32>(to + 4, owner === 0 ? -1 : <i32>(owner - INPUT));
  store<i32>(to + 8, owner === 0 ? -1 : <i32>(ownerEnd - INPUT));
  store<i32>(to + 12, url === 0 ? -1 : <i32>(url - INPUT));
  store<i32>(to + 16, url === 0 ? -1 : <i32>(urlEnd - INPUT));
  store<u32>(to + 20, rows);
  envelopes++;
  return true;
}
