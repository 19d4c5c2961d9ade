import type tls from 'node:tls';
import type { Signal } from '../base/signal.ts';
import type { Packing } from '../wire/packing.ts';
import type { ConnectionPhase } from './machines/connection.ts';

/** One export request on its way out, or what a Clew tells of itself. */
export interface ExportCall {
  readonly signal: Signal | 'peer';
  /** Export…ServiceRequest in protobuf (of a peer: JSON), not packed, in pieces. */
  readonly body: readonly Uint8Array[];
  /** Further headers or metadata, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Called when the request has a connection: from here on nobody knows whether it was taken until an answer says so. */
  readonly onBegin?: () => void;
}

/** What came back, before anybody judges it (answer.ts does). */
export type Reply =
  | { readonly kind: 'http'; readonly status: number; readonly headers: ReplyHeaders; readonly body: Uint8Array }
  | {
      readonly kind: 'grpc';
      readonly code: number;
      readonly message: string;
      /** google.rpc.Status, when the server sent one. */
      readonly details: Uint8Array | undefined;
      readonly headers: ReplyHeaders;
      /** The response message; undefined when there was none. */
      readonly body: Uint8Array | undefined;
    }
  /** An answer came that is over LIMITS.responseBytesMax, or is none at all. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** No answer: refused, cut, or too late. Whether the request was taken is not known, unless it never left (`sent` false). */
  | { readonly kind: 'none'; readonly reason: string; readonly sent: boolean };

export type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** A way to one target: keeps its connections, carries calls. */
export interface Transport {
  /** Settles when the answer is there or will not come. Never rejects. */
  call(call: ExportCall): Promise<Reply>;
  /** Ends the connections; calls under way get `none`. */
  close(): void;
  /** The connections, and the events that each refused. */
  connections(): readonly { readonly phase: ConnectionPhase; readonly refused: number }[];
}

export interface TransportOptions {
  readonly packing: Packing;
  /** How OTLP/HTTP writes requests: protobuf where nothing is said. gRPC knows nothing else. */
  readonly encoding?: 'protobuf' | 'json';
  /** How long an answer may take, milliseconds. */
  readonly timeoutMs: number;
  /** Sent with every request, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsTrust;
  /** After this a connection is replaced by a new one, whose name is resolved again. */
  readonly connectionAgeMsMax: number;
}

/** Whom to trust and who we are; all PEM. */
export type TlsTrust = Pick<tls.ConnectionOptions, 'ca' | 'cert' | 'key' | 'minVersion' | 'servername'>;
