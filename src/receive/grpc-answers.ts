import http2 from 'node:http2';
import { HOP_HEADERS } from '../base/names.ts';
import { exportResponse, GRPC, grpcStatusOf, shorten, statusMessage } from '../wire/answers.ts';
import { GRPC_ENCODINGS } from '../wire/compression.ts';
import { encodeGrpcMessage, writeFrame } from '../wire/grpc.ts';
import type { Refused } from '../wire/outcome.ts';
import type { DoorContext } from './door.ts';

/** What the gRPC door writes: messages with trailers, or trailers only. */
type Stream = http2.ServerHttp2Stream;

export const ACCEPT_ENCODING = ['identity', ...Object.keys(GRPC_ENCODINGS)].join(',');
const HEADERS: http2.OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': ACCEPT_ENCODING,
};

/** Answers success or partial success. */
export function answerExport(stream: Stream, rejected: number, message: string): void {
  answerMessage(stream, exportResponse(rejected, message));
}

/** One message and the status OK. */
export function answerMessage(stream: Stream, message: Uint8Array): void {
  if (!isOpen(stream)) return;
  stream.respond(HEADERS, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(GRPC.ok) }));
  stream.end(writeFrame(message));
}

/** The first of several messages; `endMessages` ends them. */
export function beginMessages(stream: Stream, message: Uint8Array): void {
  if (!isOpen(stream)) return;
  stream.respond(HEADERS, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(GRPC.unavailable) }));
  stream.write(writeFrame(message));
}

export function endMessages(stream: Stream): void {
  if (!stream.destroyed && !stream.writableEnded) stream.end();
}

/** Counts and answers a refusal. */
export function refuse(context: DoorContext, stream: Stream, outcome: Refused, bytes: number): void {
  context.counters.answered(outcome, bytes);
  answerStatus(stream, {
    'grpc-status': String(grpcStatusOf(outcome)),
    'grpc-message': encodeGrpcMessage(shorten(outcome.message)),
    'grpc-status-details-bin': statusMessage(outcome).toString('base64'),
    ...(outcome.kind === 'overlap' ? { [HOP_HEADERS.mark]: outcome.mark } : {}),
  });
}

/** Trailers only. A client that still sends is told that nobody reads it (RFC 9113 section 8.1: RST_STREAM with NO_ERROR). */
export function answerStatus(stream: Stream, status: http2.OutgoingHttpHeaders): void {
  if (!isOpen(stream)) return;
  stream.respond({ ...HEADERS, ...status }, { endStream: true });
  stream.resume();
  // Not at once: Node 22 lets the reset overtake the answer.
  if (!stream.readableEnded) setImmediate(() => stream.close(http2.constants.NGHTTP2_NO_ERROR));
}

const isOpen = (stream: Stream): boolean => !stream.destroyed && !stream.closed && !stream.headersSent;
