import type http2 from 'node:http2';
import type { PeerAnswer, PeerReport } from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import { GRPC_ENCODINGS } from '../wire/compression.ts';
import { FRAME_HEADER_BYTES, readFrameHeader } from '../wire/grpc.ts';
import type { Refused } from '../wire/outcome.ts';
import { readPeerReport } from '../wire/peer.ts';
import { WireError } from '../wire/wire-error.ts';
import type { DoorContext } from './door.ts';
import { answerMessage, refuse } from './grpc-answers.ts';

/** Takes what a forwarding Clew tells of itself, and says who answers. */
export type TakePeer = (report: PeerReport) => Promise<Omit<PeerAnswer, 'encodings'>>;

/** The answer to a report, or why there is none. Never rejects. */
export async function answerPeer(
  take: TakePeer,
  body: Uint8Array,
  encodings: readonly string[],
): Promise<Buffer | Refused> {
  try {
    const answer: PeerAnswer = { ...(await take(readPeerReport(body))), encodings };
    return Buffer.from(JSON.stringify(answer));
  } catch (error) {
    if (error instanceof WireError) return { kind: 'invalid', message: error.message };
    return { kind: 'internal', message: error instanceof Error ? error.message : String(error) };
  }
}

/** One report over gRPC: a unary call whose messages are JSON. */
export function servePeer(context: DoorContext, take: TakePeer, stream: http2.ServerHttp2Stream): void {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const bytesMax = LIMITS.peerBytesMax + FRAME_HEADER_BYTES;
  stream.setTimeout(context.limits.requestTimeoutMs, () => stream.close());
  stream.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= bytesMax) chunks.push(chunk);
    else chunks.length = 0;
  });
  stream.on('end', () => {
    if (sizeBytes > bytesMax) {
      const message = `the report has ${sizeBytes} bytes, the limit is ${LIMITS.peerBytesMax} (limits.peerBytesMax)`;
      refuse(context, stream, { kind: 'tooLarge', message }, sizeBytes);
      return;
    }
    const message = messageOf(Buffer.concat(chunks));
    if (message === undefined) {
      refuse(context, stream, { kind: 'invalid', message: 'the call is not one message without packing' }, sizeBytes);
      return;
    }
    void answerPeer(take, message, Object.keys(GRPC_ENCODINGS)).then((answer) => {
      if (Buffer.isBuffer(answer)) answerMessage(stream, answer);
      else refuse(context, stream, answer, sizeBytes);
    });
  });
}

function messageOf(framed: Buffer): Buffer | undefined {
  if (framed.length < FRAME_HEADER_BYTES || framed[0] !== 0) return undefined;
  const { length } = readFrameHeader(framed, 0);
  const message = framed.subarray(FRAME_HEADER_BYTES);
  return message.length === length ? message : undefined;
}
