/** A real Clew for tests and benches: its own processes, its own data directory, ports chosen by the operating system. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { SqlResult } from '../../src/query/api.ts';

/** `npm test` and every bench run from the repository's root. */
const ROOT = process.cwd();
export const CLI = path.join(ROOT, 'dist/main/cli.js');
const OUTPUT_CHARS_KEPT = 64 * 1024;

export interface Ports {
  readonly grpc: number;
  readonly http: number;
  readonly api: number;
}

export interface ClewOptions {
  /** Kept after `stop` when given; else a temporary directory that `stop` removes. */
  readonly dataDirectory?: string;
  readonly ports?: Ports;
  /** Further flags, for example `['--receivers', '2']`. */
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that goes before node, for example `['taskset', '-c', '1']`. */
  readonly prefix?: readonly string[];
  /** How long it may take to be ready. */
  readonly readyMs?: number;
  /** PEM files: all three ports speak TLS. */
  readonly tls?: TlsFiles;
}

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** The authority that signed `cert`, which clients must trust. */
  readonly ca: string;
}

export interface RunningClew {
  readonly pid: number;
  readonly ports: Ports;
  readonly url: { readonly grpc: string; readonly http: string; readonly api: string };
  readonly dataDirectory: string;
  /** The end of what it printed on both streams. */
  output(): string;
  /** Rows of a read-only query through POST /api/v1/sql. */
  sql(query: string): Promise<SqlResult['rows']>;
  /** SIGTERM, and the exit code (null when a signal ended it). */
  stop(): Promise<number | null>;
  /** SIGKILL to the supervisor alone; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Ports that are free now, held open together until all are known so that they differ. */
export async function freePortList(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<net.Server>((resolve, reject) => {
          const server = net.createServer();
          server.on('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** One for each door of a Clew. */
export async function freePorts(): Promise<Ports> {
  const [grpc, http, api] = await freePortList(3);
  return { grpc: grpc as number, http: http as number, api: api as number };
}

/** A probe for `waitUntil`: true when something listens on the port. */
export function listens(port: number): Promise<true | null> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const answer = (value: true | null) => (): void => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', answer(true)).once('error', answer(null));
  });
}

/** Asks again every 20 ms until `probe` answers something other than null; its last failure is the error when time runs out. */
export async function waitUntil<T>(what: string, timeoutMs: number, probe: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown = 'no answer yet';
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== null) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms (${String(last)})`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One request to the API. `fetch` cannot be told which authority to trust. */
function ask(url: string, ca: Buffer | undefined, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      ...(ca === undefined ? {} : { ca }),
    };
    const request = (ca === undefined ? http : https).request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function runSql(api: string, ca: Buffer | undefined, query: string): Promise<SqlResult['rows']> {
  const { status, text } = await ask(`${api}/api/v1/sql`, ca, JSON.stringify({ query }));
  if (status !== 200) throw new Error(`${status} from ${query}: ${text}`);
  return (JSON.parse(text) as SqlResult).rows;
}

/** Starts `clew` from dist/ and resolves when /readyz says so. What it printed is in the error when it does not get there. */
export async function startClew(options: ClewOptions = {}): Promise<RunningClew> {
  const own = options.dataDirectory === undefined;
  const dataDirectory = options.dataDirectory ?? fs.mkdtempSync(path.join(os.tmpdir(), 'clew-test-'));
  const ports = options.ports ?? (await freePorts());
  const portFlags = ['--grpc-port', `${ports.grpc}`, '--http-port', `${ports.http}`, '--api-port', `${ports.api}`];
  const command = [
    ...(options.prefix ?? []),
    process.execPath,
    CLI,
    '--data',
    dataDirectory,
    ...portFlags,
    ...(options.tls === undefined ? [] : ['--tls-cert', options.tls.cert, '--tls-key', options.tls.key]),
    ...(options.flags ?? []),
  ];
  const child = spawn(command[0] as string, command.slice(1), {
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const keep = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-OUTPUT_CHARS_KEPT);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const scheme = options.tls === undefined ? 'http' : 'https';
  const ca = options.tls === undefined ? undefined : fs.readFileSync(options.tls.ca);
  const api = `${scheme}://127.0.0.1:${ports.api}`;
  const ready = waitUntil('clew is ready', options.readyMs ?? 20_000, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return 'exited';
    return (await ask(`${api}/readyz`, ca)).status === 200 ? 'ready' : null;
  });
  const state = await ready.catch((error: Error) => {
    child.kill('SIGKILL');
    throw new Error(`${error.message}\n${printed}`);
  });
  if (state === 'exited') throw new Error(`clew ended with ${child.exitCode ?? child.signalCode}\n${printed}`);
  return {
    pid: child.pid as number,
    ports,
    url: { grpc: `${scheme}://127.0.0.1:${ports.grpc}`, http: `${scheme}://127.0.0.1:${ports.http}`, api },
    dataDirectory,
    output: () => printed,
    sql: (query) => runSql(api, ca, query),
    stop: async () => {
      child.kill('SIGTERM');
      const code = await exitOf(child);
      if (own) fs.rmSync(dataDirectory, { recursive: true, force: true });
      return code;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exitOf(child);
    },
  };
}
