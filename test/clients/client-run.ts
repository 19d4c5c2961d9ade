/** Runs a client program (README.md) against a real Clew and compares what it sent with what the store holds. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { writeCertificates } from '../support/certificates.ts';
import { type RunningClew, startClew, waitUntil } from '../support/clew.ts';
import { startRelay } from './relay.ts';

/** Every language only on request, because fetching and building their SDKs takes minutes. */
export const ALL_CLIENTS = process.env['CLEW_TEST_CLIENTS'] === 'all';
/** What is fetched and built stays here for the next run. */
export const CLIENTS_DIRECTORY = process.env['CLEW_TEST_CLIENTS_DIR'] ?? path.join(os.tmpdir(), 'clew-clients');

export type Protocol = 'grpc' | 'http/protobuf' | 'http/json';

export interface Transport {
  readonly protocol: Protocol;
  readonly compression: 'none' | 'gzip';
  readonly tls: boolean;
}

export interface Counts {
  readonly spans: number;
  readonly logs: number;
  readonly points: number;
}

/** A command and its environment. */
export interface Program {
  readonly command: readonly string[];
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The SDK for JavaScript, which is always there. */
export const JAVASCRIPT: Program = {
  command: [process.execPath, path.join(process.cwd(), 'test/clients/javascript/send.mjs')],
};

const ITEMS = 250;
const CLIENT_MS_MAX = 60_000;
/** A trace is visible at most two seconds after its acknowledgement; a busy machine gets more. */
const VISIBLE_MS_MAX = 20_000;

/** A test that is not run here, and says why: in the report and on the screen. */
export function skipTest(title: string, reason: string): void {
  test(title, (context) => {
    console.info(`skipped: ${title}: ${reason}`);
    context.skip(reason);
  });
}

/** Every way that the protocols can be sent. */
export function transports(protocols: readonly Protocol[]): Transport[] {
  return protocols.flatMap((protocol) =>
    (['none', 'gzip'] as const).flatMap((compression) => [false, true].map((tls) => ({ protocol, compression, tls }))),
  );
}

/** `grpc, gzip, TLS` for a test's title. */
export function titleOf({ protocol, compression, tls }: Transport): string {
  return [protocol, compression === 'gzip' ? 'gzip' : 'uncompressed', tls ? 'TLS' : 'plain text'].join(', ');
}

/** One Clew that speaks TLS and one that does not. */
export interface Pair {
  readonly plain: RunningClew;
  readonly tls: RunningClew;
  /** PEM file of the authority that clients of the second must trust. */
  readonly authority: string;
  close(): Promise<void>;
}

export async function startPair(): Promise<Pair> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-clients-'));
  const files = await writeCertificates(directory);
  const plain = await startClew();
  const tls = await startClew({ tls: files }).catch(async (error: Error) => {
    await plain.stop();
    throw error;
  });
  return {
    plain,
    tls,
    authority: files.ca,
    async close() {
      await Promise.all([plain.stop(), tls.stop()]);
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Runs a program to its end and answers what it printed; throws with that when it fails or takes too long. */
export function run({ command, directory, environment }: Program, timeoutMs = CLIENT_MS_MAX): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: directory,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    const keep = (chunk: Buffer): void => {
      printed += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(printed);
      else reject(new Error(`${command.join(' ')} ended with ${code}:\n${printed}`));
    });
  });
}

/** What the standard variables of an OpenTelemetry SDK say to send this way to this address. */
export function sdkEnvironment(
  transport: Transport,
  endpoint: string,
  service: string,
  authority: string,
): Record<string, string> {
  return {
    CLIENT_ITEMS: String(ITEMS),
    OTEL_SERVICE_NAME: service,
    OTEL_EXPORTER_OTLP_PROTOCOL: transport.protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    ...(transport.compression === 'gzip' ? { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' } : {}),
    ...(transport.tls ? { OTEL_EXPORTER_OTLP_CERTIFICATE: authority } : {}),
  };
}

/**
 * Sends with the program over the transport, and expects to find in the store what it says it sent, no more and no less.
 * Answers how many bytes it took on the wire.
 */
export async function expectAllStored(
  pair: Pair,
  program: Program,
  language: string,
  transport: Transport,
): Promise<number> {
  const clew = transport.tls ? pair.tls : pair.plain;
  const service = `${language} ${titleOf(transport)}`.replaceAll(/[ ,/]+/g, '-');
  const sent: Counts = { spans: ITEMS, logs: ITEMS, points: 5 * ITEMS };
  const bytes = await bytesOnTheWire(clew, transport, async (address) => {
    const endpoint = `${transport.tls ? 'https' : 'http'}://${address}`;
    const environment = { ...program.environment, ...sdkEnvironment(transport, endpoint, service, pair.authority) };
    expect(sentCounts(await run({ ...program, environment }))).toEqual(sent);
  });
  await expectCounts(clew, service, sent);
  return bytes;
}

/** How many bytes `send` sends to the address that it is given, a relay to Clew's door; expects TLS and HTTP/2 as the transport says. */
export async function bytesOnTheWire(
  clew: RunningClew,
  transport: Transport,
  send: (address: string) => Promise<void>,
): Promise<number> {
  const grpc = transport.protocol === 'grpc';
  const relay = await startRelay(grpc ? clew.ports.grpc : clew.ports.http);
  try {
    await send(`127.0.0.1:${relay.port}`);
    const { bytes, tls, http2 } = relay.heard();
    expect({ tls, http2 }).toEqual({ tls: transport.tls, http2: transport.tls ? null : grpc });
    return bytes;
  } finally {
    await relay.close();
  }
}

/** The last line that a client printed. */
export function sentCounts(printed: string): Counts {
  const line = printed.trim().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line) as Counts;
  } catch {
    throw new Error(`the client did not end with its counts:\n${printed}`);
  }
}

/** Waits until the store holds as many items of the service as were sent; different items, and not one more. */
export async function expectCounts(clew: RunningClew, service: string, sent: Counts): Promise<void> {
  const reached = async (): Promise<true | null> => {
    const now = await countsOf(clew, service);
    return now.spans >= sent.spans && now.logs >= sent.logs && now.points >= sent.points ? true : null;
  };
  // What is missing shows in the comparison below.
  await waitUntil(`items of ${service}`, VISIBLE_MS_MAX, reached).catch(() => undefined);
  expect(await countsOf(clew, service)).toEqual(sent);
}

const POINT_TABLES = ['gauge', 'sum', 'histogram', 'exponential_histogram', 'summary'];
/** The SDK for Java adds metrics about itself, as many as it had time for. */
const ABOUT_THE_SDK = `ScopeName LIKE 'io.opentelemetry.%'`;

async function countsOf(clew: RunningClew, service: string): Promise<Counts> {
  const where = `WHERE ServiceName = '${service}'`;
  const points = POINT_TABLES.map(
    (table) => `(SELECT count() FROM otel_metrics_${table} ${where} AND NOT ${ABOUT_THE_SDK})`,
  ).join(' + ');
  const [row] = await clew.sql(
    `SELECT (SELECT uniqExact(SpanId) FROM otel_traces ${where}), (SELECT count() FROM otel_traces ${where}),
      (SELECT count() FROM otel_logs ${where}), ${points}`,
  );
  const [spanIds, spans, logs, pointCount] = (row ?? []).map(Number);
  expect(spans, 'spans of the same id').toBe(spanIds);
  return { spans: spans!, logs: logs!, points: pointCount! };
}
