import { HOP_HEADERS } from '../base/names.ts';
import { Cursor } from '../wire/protobuf.ts';
import { WireError } from '../wire/wire-error.ts';
import type { Reply, ReplyHeaders } from './transport.ts';

/** What an answer means for the batch it is about (OTLP specification; numbers in the tests are those of its client rules). */
export type Verdict =
  /** Taken; `rejected` items were not, and are never sent again (partial success). */
  | { readonly kind: 'acknowledged'; readonly rejected: number; readonly message: string }
  /** May be sent again, after `afterMs` when the receiver said so. `answered` false: whether it was taken is not known. */
  | {
      readonly kind: 'retry';
      readonly reason: string;
      readonly afterMs: number | undefined;
      readonly answered: boolean;
    }
  /** Never to be sent again. `divisible`: its content or size was refused, so a part of it may still be taken. */
  | { readonly kind: 'refused'; readonly reason: string; readonly divisible: boolean }
  /** A Clew has taken the first part of the batch before; it holds everything up to `mark`. */
  | { readonly kind: 'overlap'; readonly mark: string };

/** gRPC codes that may be retried (OTLP specification, "Failures"; checklist 21). RESOURCE_EXHAUSTED only with RetryInfo. */
const RETRYABLE_CODES: ReadonlySet<number> = new Set([1, 4, 10, 11, 14, 15]);
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
/** INVALID_ARGUMENT, RESOURCE_EXHAUSTED (too large), INTERNAL: how grpc-go refuses a message that it cannot decode. */
const DIVISIBLE_CODES: ReadonlySet<number> = new Set([3, 8, 13]);
/** Bad request, too large. */
const DIVISIBLE_STATUSES: ReadonlySet<number> = new Set([400, 413]);
/** HTTP statuses that may be retried; no other (checklist 38). */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** A mere gateway in between cannot say whether the request was taken. */
const UNKNOWN_STATUSES: ReadonlySet<number> = new Set([502, 504]);
const UNKNOWN_CODES: ReadonlySet<number> = new Set([1, 4]);

/** Judges an answer. `nowMs`: Unix milliseconds, for Retry-After as a date. Pure. */
export function judge(reply: Reply, nowMs: number): Verdict {
  switch (reply.kind) {
    case 'none':
      return { kind: 'retry', reason: reply.reason, afterMs: undefined, answered: false };
    case 'unreadable':
      return { kind: 'refused', reason: reply.reason, divisible: false };
    case 'http':
      return judgeHttp(reply, nowMs);
    case 'grpc':
      return judgeGrpc(reply);
  }
}

function judgeHttp(reply: Extract<Reply, { kind: 'http' }>, nowMs: number): Verdict {
  const { status, headers, body } = reply;
  if (status >= 200 && status < 300) return acknowledged(body, String(headers['content-type'] ?? ''));
  if (status === 409) {
    const mark = markOf(headers);
    if (mark !== undefined) return { kind: 'overlap', mark };
  }
  const reason = `HTTP ${status}${statusText(body, headers)}`;
  if (!RETRYABLE_STATUSES.has(status)) return { kind: 'refused', reason, divisible: DIVISIBLE_STATUSES.has(status) };
  const afterMs = retryAfterMs(headers['retry-after'], nowMs);
  return { kind: 'retry', reason, afterMs, answered: !UNKNOWN_STATUSES.has(status) };
}

function judgeGrpc(reply: Extract<Reply, { kind: 'grpc' }>): Verdict {
  const { code, details, headers } = reply;
  if (code === 0) return acknowledged(reply.body ?? new Uint8Array(0), '');
  if (code === FAILED_PRECONDITION) {
    const mark = markOf(headers);
    if (mark !== undefined) return { kind: 'overlap', mark };
  }
  const reason = `gRPC ${code}${reply.message === '' ? '' : `: ${reply.message}`}`;
  const info = details === undefined ? undefined : retryInfoOf(details);
  const retryable = RETRYABLE_CODES.has(code) || (code === RESOURCE_EXHAUSTED && info !== undefined);
  if (!retryable) return { kind: 'refused', reason, divisible: DIVISIBLE_CODES.has(code) };
  // A delay of zero says nothing (checklist 23).
  const afterMs = info !== undefined && info > 0 ? info : undefined;
  return { kind: 'retry', reason, afterMs, answered: !UNKNOWN_CODES.has(code) };
}

const markOf = (headers: ReplyHeaders): string | undefined => {
  const mark = headers[HOP_HEADERS.mark];
  return typeof mark === 'string' ? mark : undefined;
};

/** Seconds or an HTTP date (RFC 9110 section 10.2.3). Zero, the past, and what is neither say nothing. */
function retryAfterMs(header: string | string[] | undefined, nowMs: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  const delayMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(delayMs) && delayMs > 0 ? delayMs : undefined;
}

/** An Export…ServiceResponse: the first field of all three is partial_success, with rejected count and message. */
function acknowledged(body: Uint8Array, type: string): Verdict {
  if (type.startsWith('application/json')) return acknowledgedJson(body);
  let rejected = 0;
  let message = '';
  forEachField(body, (field, value) => {
    if (field !== 1 || typeof value === 'number') return;
    forEachField(value, (inner, partial) => {
      if (inner === 1 && typeof partial === 'number') rejected = partial;
      if (inner === 2 && typeof partial !== 'number') message = Buffer.from(partial).toString();
    });
  });
  return { kind: 'acknowledged', rejected, message };
}

function acknowledgedJson(body: Uint8Array): Verdict {
  let partial: Readonly<Record<string, unknown>> = {};
  try {
    const answer = JSON.parse(Buffer.from(body).toString()) as { partialSuccess?: Readonly<Record<string, unknown>> };
    partial = answer.partialSuccess ?? {};
  } catch {
    // Taken is taken, whatever else the answer says.
  }
  const count = partial['rejectedSpans'] ?? partial['rejectedDataPoints'] ?? partial['rejectedLogRecords'] ?? 0;
  const rejected = Number(count);
  const { errorMessage } = partial;
  return {
    kind: 'acknowledged',
    rejected: Number.isFinite(rejected) ? rejected : 0,
    message: typeof errorMessage === 'string' ? errorMessage : '',
  };
}

/** The message of a google.rpc.Status in the body of an HTTP refusal, for people. */
function statusText(body: Uint8Array, headers: ReplyHeaders): string {
  const type = String(headers['content-type'] ?? '');
  let text = '';
  if (type.startsWith('application/x-protobuf')) {
    forEachField(body, (field, value) => {
      if (field === 2 && typeof value !== 'number') text = Buffer.from(value).toString();
    });
  } else {
    text = Buffer.from(body.subarray(0, REASON_BYTES_MAX)).toString();
  }
  return text === '' ? '' : `: ${text.slice(0, REASON_BYTES_MAX)}`;
}

const REASON_BYTES_MAX = 500;

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

/** The delay of the RetryInfo in a google.rpc.Status, milliseconds; undefined when there is none. */
function retryInfoOf(status: Uint8Array): number | undefined {
  let delayMs: number | undefined;
  forEachField(status, (field, any) => {
    if (field !== 3 || typeof any === 'number') return;
    let type = '';
    let value: Uint8Array = new Uint8Array(0);
    forEachField(any, (inner, part) => {
      if (typeof part === 'number') return;
      if (inner === 1) type = Buffer.from(part).toString();
      if (inner === 2) value = part;
    });
    if (type !== RETRY_INFO) return;
    delayMs = 0;
    forEachField(value, (inner, duration) => {
      if (inner === 1 && typeof duration !== 'number') delayMs = durationMs(duration);
    });
  });
  return delayMs;
}

/** google.protobuf.Duration; a negative one counts as none. */
function durationMs(bytes: Uint8Array): number {
  let ms = 0;
  forEachField(bytes, (field, value) => {
    if (typeof value !== 'number') return;
    if (field === 1) ms += value * 1000;
    if (field === 2) ms += value / 1e6;
  });
  return ms > 0 && ms < 2 ** 40 ? ms : 0;
}

/** Calls `take` for each field with a varint or bytes. Bytes that are no protobuf end the reading: an answer is not worth a failure. */
function forEachField(bytes: Uint8Array, take: (field: number, value: number | Uint8Array) => void): void {
  const cursor = new Cursor(bytes);
  try {
    while (cursor.at < bytes.length) {
      const tag = cursor.tag(bytes.length);
      if ((tag & 7) === 0) {
        cursor.varint64(bytes.length);
        take(tag >>> 3, cursor.high * 2 ** 32 + (cursor.low >>> 0));
      } else if ((tag & 7) === 2) {
        const end = cursor.lengthEnd(bytes.length);
        take(tag >>> 3, bytes.subarray(cursor.at, end));
        cursor.at = end;
      } else cursor.skip(tag, bytes.length);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}
