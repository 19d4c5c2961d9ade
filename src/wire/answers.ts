import { LIMITS } from '../base/limits.ts';
import type { Signal } from '../base/signal.ts';
import type { Outcome, Refused } from './outcome.ts';

/**
 * The answers of both doors, in protobuf and JSON: Export…ServiceResponse and google.rpc.Status (OTLP specification; google/rpc/status.proto,
 * error_details.proto). A few fields each, so they are written by hand.
 */

/** gRPC status codes that the doors use (grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const GRPC = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const HTTP_STATUS: Readonly<Record<Outcome['kind'], number>> = {
  success: 200,
  invalid: 400,
  tooLarge: 413,
  overloaded: 503,
  unsupported: 415,
  unauthenticated: 401,
  deadline: 408,
  overlap: 409,
  internal: 500,
};

const GRPC_STATUS: Readonly<Record<Outcome['kind'], number>> = {
  success: GRPC.ok,
  invalid: GRPC.invalidArgument,
  tooLarge: GRPC.resourceExhausted,
  overloaded: GRPC.unavailable,
  unsupported: GRPC.unimplemented,
  unauthenticated: GRPC.unauthenticated,
  deadline: GRPC.deadlineExceeded,
  overlap: GRPC.failedPrecondition,
  internal: GRPC.internal,
};

export const httpStatusOf = (outcome: Outcome): number => HTTP_STATUS[outcome.kind];
export const grpcStatusOf = (outcome: Outcome): number => GRPC_STATUS[outcome.kind];

/** The name of the rejected count in the JSON form of each signal's partial_success. */
const REJECTED_JSON: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
};

/** Cuts a message to `limits.errorMessageCharsMax`, so that every answer stays far below `limits.responseBytesMax` (checklist 12, 32). */
export function shorten(message: string): string {
  const most = LIMITS.errorMessageCharsMax;
  return message.length <= most ? message : `${message.slice(0, most - 1)}…`;
}

/** Export…ServiceResponse; `partial_success` is left unset when nothing was rejected and nothing is to be said (checklist 15–17). */
/** The answer to a success of which there is nothing to say. */
const NOTHING = Buffer.alloc(0);

export function exportResponse(rejected: number, message: string): Buffer {
  if (rejected === 0 && message === '') return NOTHING;
  const partial = Buffer.concat([
    rejected === 0 ? Buffer.alloc(0) : varintField(1, rejected),
    textField(2, shorten(message)),
  ]);
  return bytesField(1, partial);
}

export function exportResponseJson(signal: Signal, rejected: number, message: string): string {
  if (rejected === 0 && message === '') return '{}';
  const count = rejected === 0 ? {} : { [REJECTED_JSON[signal]]: String(rejected) };
  return JSON.stringify({ partialSuccess: { ...count, errorMessage: shorten(message) } });
}

/** google.rpc.Status of a refusal, with RetryInfo where a client may come again and BadRequest where it must not send this again. */
export function statusMessage(outcome: Refused): Buffer {
  const parts = [varintField(1, grpcStatusOf(outcome)), textField(2, shorten(outcome.message))];
  if (outcome.kind === 'overloaded') parts.push(bytesField(3, retryInfo(outcome.retryAfterMs)));
  if (outcome.kind === 'invalid') parts.push(bytesField(3, badRequest(outcome.message)));
  return Buffer.concat(parts);
}

export function statusJson(outcome: Refused): string {
  const details: unknown[] = [];
  if (outcome.kind === 'overloaded') {
    details.push({ '@type': RETRY_INFO, retryDelay: `${outcome.retryAfterMs / 1000}s` });
  }
  if (outcome.kind === 'invalid') {
    details.push({ '@type': BAD_REQUEST, fieldViolations: [{ description: shorten(outcome.message) }] });
  }
  const status = { code: grpcStatusOf(outcome), message: shorten(outcome.message) };
  return JSON.stringify(details.length === 0 ? status : { ...status, details });
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';

const any = (type: string, value: Buffer): Buffer => Buffer.concat([textField(1, type), bytesField(2, value)]);

function retryInfo(delayMs: number): Buffer {
  const seconds = Math.floor(delayMs / 1000);
  const nanos = (delayMs - seconds * 1000) * 1e6;
  const duration = Buffer.concat([
    seconds === 0 ? Buffer.alloc(0) : varintField(1, seconds),
    nanos === 0 ? Buffer.alloc(0) : varintField(2, nanos),
  ]);
  return any(RETRY_INFO, bytesField(1, duration));
}

const badRequest = (description: string): Buffer => any(BAD_REQUEST, bytesField(1, textField(2, shorten(description))));

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

const varintField = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);

const bytesField = (field: number, value: Buffer): Buffer =>
  Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);

const textField = (field: number, text: string): Buffer =>
  text === '' ? Buffer.alloc(0) : bytesField(field, Buffer.from(text));
