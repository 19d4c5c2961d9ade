import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type net from 'node:net';
import type tls from 'node:tls';
import { LIMITS } from '../base/limits.ts';
import { Arrivals } from './arrivals.ts';
import { bearerCheck } from './auth.ts';
import { type ConfiguredLimits, type DoorContext, DoorCounters } from './door.ts';
import { grpcListener } from './grpc-door.ts';
import { HealthService } from './grpc-health.ts';
import { answerClientError } from './http-answers.ts';
import { httpListener } from './http-door.ts';
import type { TakePeer } from './peer-door.ts';
import type { ExportSink } from './sink.ts';
import { readTls, type ServerTls, type TlsOptions, watchTls } from './tls.ts';
import { LoopTurns } from './turns.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface DoorOptions {
  readonly sink: ExportSink;
  /** Null leaves the door shut; port 0 lets the operating system choose. */
  readonly grpc: Address | null;
  readonly http: Address | null;
  readonly tls?: TlsOptions;
  /** Bearer tokens, any of which may send; none means everybody may. */
  readonly tokens?: readonly string[];
  readonly corsOrigins?: readonly string[];
  /** Takes what Clews that forward to this one tell of themselves. */
  readonly takePeer?: TakePeer;
  readonly limits?: Partial<ConfiguredLimits>;
  /** Told of each piece of a body that was read, by its size: its memory can soon be used again. */
  readonly letGo?: (bytes: number) => void;
  onReport(text: string): void;
}

export interface Doors {
  readonly grpcAddress: Address | null;
  readonly httpAddress: Address | null;
  counters(): {
    connections: number;
    requests: number;
    requestBytes: number;
    refused: Readonly<Record<string, number>>;
  };
  /** Accepts no further connection, tells clients to go, resolves when every open request is answered. */
  drain(): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/** Opens the OTLP doors. Rejects when an address cannot be listened on or a TLS file not be read. */
export async function openDoors(options: DoorOptions): Promise<Doors> {
  const limits: ConfiguredLimits = { ...LIMITS, ...options.limits };
  const counters = new DoorCounters();
  const context: DoorContext = {
    sink: options.sink,
    limits,
    counters,
    arrivals: new Arrivals(limits.slowRequestMs),
    turns: new LoopTurns((bytes) => options.sink.isHeldUp(bytes)),
    letGo: options.letGo ?? (() => undefined),
    authorize: bearerCheck(options.tokens ?? []),
    takePeer: options.takePeer,
    corsOrigins: options.corsOrigins ?? [],
    onReport: options.onReport,
    draining: false,
  };
  const health = new HealthService(limits.requestTimeoutMs);
  const secure = options.tls === undefined ? undefined : await readTls(options.tls);
  const open: OpenDoor[] = [];
  const add = async (address: Address | null, make: () => DoorServer): Promise<Address | null> => {
    if (address === null) return null;
    const door = new OpenDoor(make(), counters, limits);
    open.push(door);
    return door.listen(address);
  };
  try {
    const grpcAddress = await add(options.grpc, () => grpcServer(context, health, secure));
    const httpAddress = await add(options.http, () => httpServer(context, secure));
    const reload = (tlsNow: ServerTls): void => {
      for (const door of open) door.renewTls(tlsNow);
    };
    const stopWatching =
      options.tls === undefined || secure === undefined
        ? () => undefined
        : watchTls(options.tls, secure, reload, options.onReport);
    return {
      grpcAddress,
      httpAddress,
      counters: () => ({
        connections: counters.connections,
        requests: counters.requests,
        requestBytes: counters.requestBytes,
        refused: counters.refused,
      }),
      drain: async () => {
        stopWatching();
        context.draining = true;
        health.endWatches();
        await Promise.all(open.map((door) => door.drain()));
      },
      close: async () => {
        stopWatching();
        await Promise.all(open.map((door) => door.close()));
      },
    };
  } catch (error) {
    await Promise.all(open.map((door) => door.close()));
    throw error;
  }
}

type DoorServer = http.Server | https.Server | http2.Http2Server | http2.Http2SecureServer;

/** Flow-control window of a connection: room for several large requests in flight. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
const STREAM_WINDOW_BYTES = 1024 * 1024;
/** Memory that one HTTP/2 session may hold, in MiB as node:http2 counts it. */
const SESSION_MEMORY_MIB = 128;

function grpcServer(context: DoorContext, health: HealthService, secure: ServerTls | undefined): DoorServer {
  const { limits } = context;
  const shared = {
    settings: {
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: limits.headerBytesMax,
    },
    maxSessionMemory: SESSION_MEMORY_MIB,
  };
  const server =
    secure === undefined
      ? http2.createServer(shared)
      : http2.createSecureServer({ ...shared, ...secure, handshakeTimeout: limits.requestTimeoutMs });
  server.on('session', (session) => {
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.setTimeout(limits.idleTimeoutMs, () => session.close());
    session.on('error', () => session.destroy());
  });
  server.on('sessionError', () => undefined);
  // A failed handshake, or one that took too long.
  server.on('tlsClientError', (_error, socket: tls.TLSSocket) => socket.destroy());
  server.on('stream', grpcListener(context, health));
  return server;
}

function httpServer(context: DoorContext, secure: ServerTls | undefined): DoorServer {
  const { limits } = context;
  const options = {
    maxHeaderSize: limits.headerBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(limits.requestTimeoutMs, 5_000),
  };
  const server =
    secure === undefined
      ? http.createServer(options)
      : https.createServer({ ...options, ...secure, handshakeTimeout: limits.requestTimeoutMs });
  const listener = httpListener(context);
  server.on('request', listener);
  // Without a listener node answers by itself; ours may refuse before the body is sent.
  server.on('checkContinue', listener);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerClientError(context, error, socket));
  return server;
}

const CLOSE_IDLE_MS = 20;

/** A listening server with its connections. */
class OpenDoor {
  readonly #server: DoorServer;
  readonly #sockets = new Set<net.Socket>();
  readonly #sessions = new Set<http2.ServerHttp2Session>();

  constructor(server: DoorServer, counters: DoorCounters, limits: ConfiguredLimits) {
    this.#server = server;
    (server as net.Server).on('connection', (socket: net.Socket) => {
      if (counters.connections >= limits.connectionsMax) {
        counters.connectionsRefused++;
        socket.destroy();
        return;
      }
      counters.connections++;
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => {
        counters.connections--;
        this.#sockets.delete(socket);
      });
    });
    server.on('session', (session: http2.ServerHttp2Session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
    });
  }

  listen(address: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(address.port, address.host, () => {
        this.#server.removeListener('error', reject);
        this.#server.on('error', () => undefined);
        const bound = this.#server.address() as net.AddressInfo;
        resolve({ host: address.host, port: bound.port });
      });
    });
  }

  renewTls(secure: ServerTls): void {
    (this.#server as tls.Server).setSecureContext(secure);
  }

  async drain(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    // A connection on which nothing was ever said counts as busy with its first request.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    // A kept-alive connection becomes idle when its answer is written: look again until none is left.
    const closeIdle = (): void => {
      if ('closeIdleConnections' in this.#server) this.#server.closeIdleConnections();
    };
    closeIdle();
    const again = setInterval(closeIdle, CLOSE_IDLE_MS);
    await closed;
    clearInterval(again);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
