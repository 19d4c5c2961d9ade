import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { testLink } from '../../test/support/link.ts';
import { HttpTransport } from './http-transport.ts';

const servers: net.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that does with each connection what it is told; resolves with its port. */
function listen(accept: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer(accept);
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });
}

function transportTo(port: number, timeoutMs: number): HttpTransport {
  const target = { transport: 'http', secure: false, host: '127.0.0.1', port, address: '', path: '' } as const;
  const options = { packing: 'gzip', timeoutMs, headers: {}, tls: {}, connectionAgeMsMax: 60_000 } as const;
  return new HttpTransport(target, options, testLink());
}

test('a connection that is closed while its request is being packed fails it, and a new one is opened', async () => {
  let connections = 0;
  const port = await listen((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.end();
  });
  const transport = transportTo(port, 5_000);
  const call = { signal: 'logs', body: [randomBytes(4_000_000)], headers: {} } as const;
  for (let nth = 1; nth <= 3; nth++) {
    expect(await transport.call(call)).toMatchObject({ kind: 'none', reason: 'the connection was closed' });
    expect(connections).toBe(nth);
  }
  transport.close();
});

test('a request without an answer ends with its time', async () => {
  const port = await listen((socket) => socket.resume().on('error', () => {}));
  const transport = transportTo(port, 50);
  const reply = await transport.call({ signal: 'logs', body: [Buffer.from('x')], headers: {} });
  expect(reply).toMatchObject({ kind: 'none', reason: 'no answer within 50 ms', sent: true });
  transport.close();
});
