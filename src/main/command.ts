import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { unreachable } from '../base/assert.ts';
import { DIRECTORIES, INSTANCE_FILE, LOCK_FILE } from '../base/names.ts';
import { receiversFor, storeParallelism } from '../base/parallelism.ts';
import { systemClock } from '../host/clock.ts';
import { errorText, readWhole } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { takeLock } from '../host/process-lock.ts';
import { randomHex } from '../host/random.ts';
import { openInstance } from '../journal/identity-files.ts';
import { type Arguments, OWN_WORDS, type OwnWords, readArguments } from './arguments.ts';
import { stderrLog } from './child.ts';
import { type Config, loadConfig, showSettings } from './config.ts';
import { askControl } from './control.ts';
import { runDead } from './dead-command.ts';
import { helpText } from './help.ts';
import { checkPurpose } from './purpose.ts';
import { forwards, type Role } from './role.ts';
import { readSecrets } from './secrets.ts';
import { runTop } from './top-command.ts';

type Understood = Extract<Arguments, { kind: 'command' }>;

const CONFIG_FILE = 'clew.yaml';
const CONFIG_VARIABLE = 'CLEW_CONFIG';

/** `clew …`: runs what the command line asks for, and ends the process with its exit code (2: the command line is wrong). */
export async function runCommand(words: readonly string[]): Promise<void> {
  const own = OWN_WORDS.find((command) => command === words[0]);
  if (own !== undefined) return runOwnWords(own, words.slice(1));
  const read = readArguments(words);
  if (read.kind === 'wrong') {
    process.stderr.write(`clew: ${read.message}\n`);
    process.exit(2);
  }
  try {
    const opensStore = read.command === 'backup' || read.command === 'restore';
    process.exitCode = opensStore && lacksThreads() ? runWithThreads(words) : await runUnderstood(read);
  } catch (error) {
    process.stderr.write(`clew: ${errorText(error)}\n`);
    process.exitCode = 1;
  }
  // Output that is still on its way out keeps the process; idle handles do not.
  process.stdout.write('', () => process.exit());
}

async function runOwnWords(command: OwnWords, words: readonly string[]): Promise<void> {
  const { isUsageError, runGraphCommand } = await import('./graph-command.ts');
  const { isWrongWords, runWaitCommand } = await import('./wait-command.ts');
  try {
    const isAboutWaiting = command === 'critical-path' || command === 'deadlocks' || command === 'pools';
    process.exitCode = await (isAboutWaiting
      ? runWaitCommand(command, words, print)
      : runGraphCommand(command, words, print));
  } catch (error) {
    process.stderr.write(`clew: ${errorText(error)}\n`);
    process.exitCode = isUsageError(error) || isWrongWords(error) ? 2 : 1;
  }
  process.stdout.write('', () => process.exit());
}

const storeThreads = (): number => storeParallelism(os.availableParallelism()).threads;

/** The size of the thread pool is read before the first line of a program runs. */
function lacksThreads(): boolean {
  return Number(process.env['UV_THREADPOOL_SIZE'] ?? 0) < storeThreads();
}

/** Runs the same command again with the threads that the embedded ClickHouse needs. */
function runWithThreads(words: readonly string[]): number {
  const environment = { ...process.env, UV_THREADPOOL_SIZE: String(storeThreads()) };
  const program = process.argv[1] ?? '';
  return spawnSync(process.execPath, [program, ...words], { stdio: 'inherit', env: environment }).status ?? 1;
}

async function runUnderstood(read: Understood): Promise<number> {
  switch (read.command) {
    case 'help':
      print(helpText(read.operands[0]));
      return 0;
    case 'version':
      print(`clew ${version()} (node ${process.versions.node})\n`);
      return 0;
    case 'check':
      return check(await configOf(read));
    case 'dead': {
      const { settings } = await validConfig(read);
      return runDead(settings, await readSecrets(settings), read.operands, print);
    }
    case 'top': {
      const { settings } = await validConfig(read);
      return runTop(settings, await readSecrets(settings), process.stdout.isTTY === true, print);
    }
    case 'backup':
      return backUp(await validConfig(read), path.resolve(read.operands[0] ?? ''));
    case 'restore':
      return restoreFrom(await validConfig(read), path.resolve(read.operands[0] ?? ''));
    case 'all':
    case 'central':
    case 'edge':
    case 'regional':
      return runRole(read.command, await validConfig(read));
    default:
      return unreachable(read.command);
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

/** From package.json, which lies above dist and src alike. */
function version(): string {
  return (createRequire(import.meta.url)('../../package.json') as { version: string }).version;
}

async function configOf(read: Understood): Promise<Config> {
  const named = read.configFile ?? (process.env[CONFIG_VARIABLE] || null);
  const name = named ?? CONFIG_FILE;
  const exists = (await nodeDisk.size(name)) !== undefined;
  if (named !== null && !exists) throw new Error(`the configuration file ${named} does not exist`);
  const text = exists ? Buffer.from(await readWhole(nodeDisk, name)).toString('utf8') : '';
  return loadConfig({
    flags: read.flags,
    environment: process.env,
    file: exists ? { name, text } : null,
    receivers: receiversFor(os.availableParallelism(), read.command !== 'edge' && read.command !== 'regional'),
  });
}

async function validConfig(read: Understood): Promise<Config> {
  const config = await configOf(read);
  if (config.problems.length === 0) return config;
  throw new Error(`the configuration is wrong:\n${problemLines(config)}`);
}

function problemLines(config: Config): string {
  return config.problems
    .map(({ place, key, message }) => `  ${place}: ${key}${key === '' ? '' : ' '}${message}`)
    .join('\n');
}

async function check(config: Config): Promise<number> {
  const warnings = config.warnings.map((warning) => `  warning: ${warning}`);
  if (config.problems.length > 0) {
    process.stderr.write(`clew: the configuration is wrong:\n${[problemLines(config), ...warnings].join('\n')}\n`);
    return 1;
  }
  await readSecrets(config.settings);
  const rows = showSettings(config);
  const width = (of: (row: (typeof rows)[number]) => string): number => Math.max(...rows.map((row) => of(row).length));
  const keys = width((row) => row.key);
  const values = Math.min(
    48,
    width((row) => row.value),
  );
  for (const row of rows) print(`${row.key.padEnd(keys)}  ${row.value.padEnd(values)}  ${row.source}\n`);
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  print('\nThe configuration is valid.\n');
  return 0;
}

async function runRole(role: Role, config: Config): Promise<number> {
  const { settings } = config;
  if (forwards(role) && settings.forward.length === 0) {
    throw new Error(`clew ${role} needs a destination: --forward http://host:4318`);
  }
  const wanted = settings['log.format'];
  const logFormat = wanted === 'auto' ? (process.stderr.isTTY ? 'pretty' : 'json') : wanted;
  const log = stderrLog(settings['log.level'], logFormat, 'supervisor');
  for (const warning of config.warnings) log.warn(warning);
  const secrets = await readSecrets(settings);
  const { runSupervisor } = await import('./supervisor.ts');
  return runSupervisor({ role, config, secrets, version: version(), log, logFormat, print });
}

/** The running Clew makes the backup where there is one: a data directory is open in one process. */
async function backUp(config: Config, directory: string): Promise<number> {
  const { settings } = config;
  if ((await nodeDisk.size(path.join(settings.data, INSTANCE_FILE))) === undefined) {
    throw new Error(`${settings.data} is not a data directory of Clew; name it with --data`);
  }
  await checkPurpose(nodeDisk, settings.data, 'all');
  const result = await takeLock(systemClock, {
    path: path.join(settings.data, LOCK_FILE),
    pid: process.pid,
    waitMs: 0,
  });
  if (result.kind === 'busy') {
    const answer = await askControl(result.holder.control, { command: 'backup', directory });
    if (!answer.ok) throw new Error(answer.report);
    print(`backup in ${directory}: ${answer.report}\n`);
    return 0;
  }
  const { openStore } = await import('../store/store.ts');
  const { describeBackup, storeOptions } = await import('./store-process.ts');
  try {
    const { storePassword } = await readSecrets(settings);
    const { recoverRetired } = await import('../receive/recovery.ts');
    const instance = await openInstance(nodeDisk, settings.data, randomHex);
    const report = (text: string): void => void process.stderr.write(`clew: ${text}\n`);
    // What a Clew that was killed has left in its journals belongs to the backup: no receiver runs, so all are retired.
    await recoverRetired(
      { disk: nodeDisk, instance, report, reportDamage: report },
      path.join(settings.data, DIRECTORIES.journal),
      0,
    );
    const store = await openStore(storeOptions({ settings, storePassword }));
    try {
      print(`backup in ${directory}: ${describeBackup(await store.backup(directory))}\n`);
    } finally {
      await store.close();
    }
  } finally {
    await result.lock.release();
  }
  return 0;
}

async function restoreFrom(config: Config, directory: string): Promise<number> {
  const { settings } = config;
  if (settings['store.url'] !== null) {
    throw new Error(
      'store.url is set: the tables are on a ClickHouse server, whose backups are its own (BACKUP and RESTORE)',
    );
  }
  const { restore } = await import('../store/backup.ts');
  const { describeBackup } = await import('./store-process.ts');
  const report = await restore(nodeDisk, directory, path.resolve(settings.data));
  print(`restored into ${settings.data}: ${describeBackup(report)}\nstart Clew with --data ${settings.data}\n`);
  return 0;
}
