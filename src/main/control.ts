import { createHash } from 'node:crypto';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CONTROL_SOCKET } from '../base/names.ts';

/** The running supervisor takes commands of this machine's user on a Unix socket: one JSON line in, one JSON line out. */
export interface ControlRequest {
  readonly command: 'backup';
  readonly directory: string;
}

export interface ControlAnswer {
  readonly ok: boolean;
  readonly report: string;
}

/** The address of a Unix socket has room for 108 bytes on Linux, 104 elsewhere. */
const SOCKET_PATH_BYTES_MAX = 100;
const REQUEST_CHARS_MAX = 64 * 1024;

/** Where the supervisor of a data directory listens. A path that is too long for a socket is replaced by one below the temporary directory. */
export function controlPath(data: string): string {
  const inside = path.resolve(data, CONTROL_SOCKET);
  if (Buffer.byteLength(inside) <= SOCKET_PATH_BYTES_MAX) return inside;
  const digest = createHash('sha256').update(inside).digest('hex').slice(0, 16);
  return path.join(os.tmpdir(), `clew-${digest}.sock`);
}

/** Opens the socket; `removeFile` clears what a dead supervisor left there. Returns what closes it. */
export async function listenForControl(
  socketPath: string,
  removeFile: (path: string) => Promise<void>,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<() => Promise<void>> {
  await removeFile(socketPath);
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    onLine(socket, (line) => {
      void respond(line, answer).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  return async () => {
    for (const socket of open) socket.destroy();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
}

/** Asks the supervisor that listens at `socketPath`. Rejects when nobody does. */
export function askControl(socketPath: string, request: ControlRequest): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath, () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('Clew ended before it answered')));
    onLine(socket, (line) => {
      resolve(JSON.parse(line) as ControlAnswer);
      socket.end();
    });
  });
}

function onLine(socket: net.Socket, take: (line: string) => void): void {
  let text = '';
  let isDone = false;
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    if (isDone) return;
    text += chunk;
    const end = text.indexOf('\n');
    if (end >= 0) {
      isDone = true;
      take(text.slice(0, end));
    } else if (text.length > REQUEST_CHARS_MAX) {
      socket.destroy();
    }
  });
}

async function respond(
  line: string,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<ControlAnswer> {
  try {
    const request = JSON.parse(line) as Partial<ControlRequest>;
    if (request.command !== 'backup' || typeof request.directory !== 'string') {
      return { ok: false, report: 'not a command of this version' };
    }
    return await answer({ command: 'backup', directory: request.directory });
  } catch (error) {
    return { ok: false, report: error instanceof Error ? error.message : String(error) };
  }
}
