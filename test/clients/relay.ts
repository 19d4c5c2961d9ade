/** Stands before one of Clew's doors, passes every byte on, and tells how a client really spoke, whatever it was told to do. */
import net from 'node:net';

/** The first byte of a TLS handshake record, and of the HTTP/2 preface. RFC 8446 5.1, RFC 9113 3.4 */
const TLS_HANDSHAKE = 0x16;
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0');

/** What came from clients. `http2` is null under TLS, where the relay cannot see it. */
export interface Heard {
  readonly bytes: number;
  readonly tls: boolean;
  readonly http2: boolean | null;
}

export interface Relay {
  readonly port: number;
  heard(): Heard;
  close(): Promise<void>;
}

export async function startRelay(doorPort: number): Promise<Relay> {
  let bytes = 0;
  const openings: Buffer[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const door = net.connect(doorPort, '127.0.0.1');
    client.once('data', (chunk: Buffer) => openings.push(chunk));
    client.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    for (const [from, to] of [[client, door] as const, [door, client] as const]) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    heard() {
      const tls = openings.length > 0 && openings.every((opening) => opening[0] === TLS_HANDSHAKE);
      const http2 = openings.every((opening) => opening.subarray(0, HTTP2_PREFACE.length).equals(HTTP2_PREFACE));
      return { bytes, tls, http2: tls ? null : http2 };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
