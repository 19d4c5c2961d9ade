/** The programs of the OpenTelemetry Collector, built on request. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ALL_CLIENTS, CLIENTS_DIRECTORY, run } from '../client-run.ts';

/** CLEW_PEERS_BIN: a folder that has them already. */
const DIRECTORY = process.env['CLEW_PEERS_BIN'] ?? path.join(CLIENTS_DIRECTORY, 'collector');
export const COLLECTOR = path.join(DIRECTORY, 'otelcol');
export const TELEMETRYGEN = path.join(DIRECTORY, 'telemetrygen');
export const BUILD_MS_MAX = 900_000;

/** Why the tools cannot be used here, or undefined when they can. */
export function whyNot(): string | undefined {
  if (!ALL_CLIENTS) return 'only with CLEW_TEST_CLIENTS=all, because building takes minutes';
  if (fs.existsSync(COLLECTOR) && fs.existsSync(TELEMETRYGEN)) return undefined;
  if (spawnSync('go', ['version']).status !== 0) return 'Go is not on this machine';
  if (spawnSync('go', ['list', '-m', 'go.opentelemetry.io/collector@v0.155.0']).status !== 0)
    return 'the Go modules cannot be fetched from here';
  return undefined;
}

export async function build(): Promise<void> {
  await run(
    { command: ['bash', path.join(process.cwd(), 'test/clients/collector/build.sh'), DIRECTORY] },
    BUILD_MS_MAX,
  );
}
