/**
 * Requests over keep-alive HTTP/1.1 connections without node:http, whose client costs more than ten spans do in the server that is to be
 * measured. It reads what Clew and its peers answer to an export: a status line and a Content-Length, or chunks that end with an empty one.
 */
import net from 'node:net';

export type Answer = { readonly code: string; readonly outcome: 'ok' | 'refused' | 'unanswered' };
export type Send = (body: Buffer) => Promise<Answer>;

export interface Sender {
  readonly send: Send;
  readonly close: () => void;
}

/** A sender that opens a connection whenever none is idle, and uses idle ones in turn. */
export function httpSender(port: number, encoding: 'none' | 'gzip'): Sender {
  const packed = encoding === 'none' ? '' : `content-encoding: ${encoding}\r\n`;
  const head = `POST /v1/traces HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/x-protobuf\r\n${packed}content-length: `;
  const idle: Connection[] = [];
  const open = new Set<Connection>();
  const send: Send = (body) => {
    let connection = idle.shift();
    while (connection?.isClosed === true) connection = idle.shift();
    if (connection === undefined) {
      connection = new Connection(port, (closed) => open.delete(closed));
      open.add(connection);
    }
    const used = connection;
    return used.exchange(head, body).then((answer) => {
      if (!used.isClosed) idle.push(used);
      return answer;
    });
  };
  const close = (): void => {
    for (const connection of open) connection.destroy();
  };
  return { send, close };
}

/** One connection, one request at a time. */
class Connection {
  isClosed = false;
  readonly #socket: net.Socket;
  #settle: ((answer: Answer) => void) | undefined;
  /** What has come of the answer, when it did not come in one piece. */
  #received: Buffer | undefined;
  #failure = 'CLOSED';

  constructor(port: number, onClose: (connection: Connection) => void) {
    this.#socket = net.connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure = error.code ?? 'ERROR';
    });
    this.#socket.on('close', () => {
      this.isClosed = true;
      onClose(this);
      this.#answer({ code: this.#failure, outcome: 'unanswered' });
    });
  }

  exchange(head: string, body: Buffer): Promise<Answer> {
    return new Promise((settle) => {
      this.#settle = settle;
      const socket = this.#socket;
      socket.cork();
      socket.write(`${head}${body.length}\r\n\r\n`, 'latin1');
      socket.write(body);
      socket.uncork();
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    const end = answerEnd(received);
    if (end === undefined) {
      this.#received = received;
      return;
    }
    this.#received = undefined;
    const code = received.toString('latin1', STATUS_AT, STATUS_AT + 3);
    if (end.closes) {
      this.isClosed = true;
      this.#socket.destroy();
    }
    this.#answer({ code, outcome: code === '200' ? 'ok' : 'refused' });
  }

  #answer(answer: Answer): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(answer);
  }
}

/** Where the status stands in `HTTP/1.1 200 OK`. */
const STATUS_AT = 9;
const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** Whether the answer is whole, and whether the server closes the connection after it; undefined while more has to come. */
function answerEnd(received: Buffer): { readonly closes: boolean } | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const head = received.toString('latin1', 0, headEnd).toLowerCase();
  const closes = head.includes('\r\nconnection: close');
  const bodyBegin = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
  const isWhole =
    length === undefined
      ? !head.includes('\r\ntransfer-encoding: chunked') || received.subarray(bodyBegin).includes(LAST_CHUNK)
      : received.length >= bodyBegin + Number(length);
  return isWhole ? { closes } : undefined;
}
