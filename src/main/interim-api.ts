import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Status } from '../query/api.ts';
import type { Engine } from '../store/engine.ts';

export interface ApiOptions {
  readonly engine: Engine;
  readonly host: string;
  readonly port: number;
  readonly status: () => Promise<Status>;
  readonly metricsText: () => Promise<string>;
  readonly ready: () => boolean;
}

/** The least API: readiness, status, metrics and SQL. */
export async function startApi(options: ApiOptions): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = http.createServer((request, response) => {
    void answer(options, request).then(
      ([status, body]) => response.writeHead(status).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function answer(options: ApiOptions, request: http.IncomingMessage): Promise<[number, string]> {
  switch (request.url) {
    case '/healthz':
      return [200, 'ok'];
    case '/readyz':
      return options.ready() ? [200, 'ready'] : [503, 'starting'];
    case '/metrics':
      return [200, await options.metricsText()];
    case '/api/v1/status':
      return [200, JSON.stringify(await options.status())];
    case '/api/v1/sql': {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { query } = JSON.parse(Buffer.concat(chunks).toString()) as { query: string };
      return [200, JSON.stringify(await options.engine.query(query, { settings: { readonly: 1 } }))];
    }
    default:
      return [404, 'not found'];
  }
}
