/** The SDKs that are fetched and built on request, each with the tools of its language. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ALL_CLIENTS, CLIENTS_DIRECTORY, run } from './client-run.ts';
import type { Sdk } from './sdk-suite.ts';

const SOURCES = path.join(process.cwd(), 'test/clients');
const STEP_MS_MAX = 5 * 60_000;

interface BuiltSdk extends Sdk {
  /** Commands that must be on this machine. */
  readonly needs: readonly string[];
}

export const SDKS: readonly BuiltSdk[] = [
  { language: 'Python', protocols: ['grpc', 'http/protobuf'], needs: ['python3'], prepare: preparePython },
  { language: 'Go', protocols: ['grpc', 'http/protobuf'], needs: ['go'], prepare: prepareGo },
  { language: 'Java', protocols: ['grpc', 'http/protobuf'], needs: ['java', 'mvn'], prepare: prepareJava },
];

/** Why the SDK cannot be used here; undefined when it can. */
export function whyNot({ needs }: BuiltSdk): string | undefined {
  if (!ALL_CLIENTS) return 'only with CLEW_TEST_CLIENTS=all, because fetching the SDKs takes minutes';
  const missing = needs.find((command) => spawnSync(command, ['--version']).error !== undefined);
  return missing === undefined ? undefined : `${missing} is not on this machine`;
}

async function preparePython() {
  const environment = path.join(CLIENTS_DIRECTORY, 'python');
  const python = path.join(environment, 'bin/python');
  const requirements = path.join(SOURCES, 'python/requirements.txt');
  await run({ command: ['python3', '-m', 'venv', environment] }, STEP_MS_MAX);
  await run({ command: [python, '-m', 'pip', 'install', '--quiet', '-r', requirements] }, STEP_MS_MAX);
  // Python's HTTP client prefers these variables, where they are set, to the authority that the exporter is given.
  const noOtherAuthority = { REQUESTS_CA_BUNDLE: '', CURL_CA_BUNDLE: '' };
  return { command: [python, path.join(SOURCES, 'python/send.py')], environment: noOtherAuthority };
}

async function prepareGo() {
  const program = path.join(CLIENTS_DIRECTORY, 'go/client');
  await run({ command: ['go', 'build', '-o', program, '.'], directory: path.join(SOURCES, 'go') }, STEP_MS_MAX);
  return { command: [program] };
}

async function prepareJava() {
  const built = path.join(CLIENTS_DIRECTORY, 'java');
  const command = ['mvn', '--quiet', '--batch-mode', `-Dclient.directory=${built}`, 'package'];
  await run({ command, directory: path.join(SOURCES, 'java') }, STEP_MS_MAX);
  const classPath = [path.join(built, 'classes'), path.join(built, 'lib/*')].join(path.delimiter);
  return { command: ['java', '-cp', classPath, 'Send'] };
}
