import { WireError } from './wire-error.ts';

/** Length-prefixed messages of gRPC over HTTP/2 (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md). */
export const FRAME_HEADER_BYTES = 5;

/** Flag and length of the frame that begins at `at`. */
export function readFrameHeader(bytes: Uint8Array, at: number): { compressed: boolean; length: number } {
  const flag = bytes[at];
  if (flag > 1) throw new WireError(`gRPC frame has compression flag ${flag}, not 0 or 1`);
  const length = bytes[at + 1] * 0x1000000 + ((bytes[at + 2] << 16) | (bytes[at + 3] << 8) | bytes[at + 4]);
  return { compressed: flag === 1, length };
}

/** One uncompressed message. */
export function writeFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_HEADER_BYTES);
  return frame;
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** `grpc-timeout` in milliseconds: at most eight digits and a unit. Undefined when it is not written so. */
export function parseGrpcTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match ? Number(match[1]) * (UNIT_MS[match[2]] ?? 0) : undefined;
}

/** `grpc-message` is percent-encoded: everything but printable ASCII, and the percent sign itself. */
export function encodeGrpcMessage(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
