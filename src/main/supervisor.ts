import path from 'node:path';
import { DIRECTORIES, LOCK_FILE } from '../base/names.ts';
import { formatDuration } from '../base/units.ts';
import { systemClock } from '../host/clock.ts';
import { errorText, makeDirectoryDurably } from '../host/disk.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { type Lock, takeLock } from '../host/process-lock.ts';
import { randomHex } from '../host/random.ts';
import { openInstance } from '../journal/identity-files.ts';
import { listenProblem } from './addresses.ts';
import { BackupDesk } from './backup-desk.ts';
import { bannerText } from './banner.ts';
import { type Config, showSettings } from './config.ts';
import { controlPath } from './control.ts';
import { Processes } from './fleet.ts';
import type { Log } from './log.ts';
import { checkPurpose } from './purpose.ts';
import type { Role } from './role.ts';
import type { Secrets } from './secrets.ts';

export interface SupervisorOptions {
  readonly role: Role;
  readonly config: Config;
  readonly secrets: Secrets;
  readonly version: string;
  readonly log: Log;
  readonly logFormat: 'json' | 'pretty';
  /** For the banner. */
  readonly print: (text: string) => void;
}

/**
 * `clew all`: takes the data directory, starts the processes, keeps them running, and ends them when asked.
 * Resolves with the exit code.
 */
export async function runSupervisor(options: SupervisorOptions): Promise<number> {
  const { config, log } = options;
  // Timers of the clock do not keep a process alive; until a child runs nothing else does.
  const alive = setInterval(() => {}, 60_000);
  let lock: Lock | undefined;
  try {
    lock = await takeDataDirectory(config.settings.data);
    await checkPurpose(nodeDisk, config.settings.data, options.role);
    const problem = await listenProblem(config.settings, systemClock, lock.stale);
    if (problem !== undefined) throw new Error(problem);
    return await supervise(options, lock);
  } catch (error) {
    log.error(errorText(error));
    return 1;
  } finally {
    clearInterval(alive);
    await lock?.release();
  }
}

async function takeDataDirectory(data: string): Promise<Lock> {
  await makeDirectoryDurably(nodeDisk, path.join(data, DIRECTORIES.journal)).catch((error: unknown) => {
    throw new Error(`the data directory ${data} cannot be made: ${errorText(error)}; choose another with --data`);
  });
  const result = await takeLock(systemClock, {
    path: path.join(data, LOCK_FILE),
    pid: process.pid,
    waitMs: 0,
    control: controlPath(data),
  });
  if (result.kind === 'held') return result.lock;
  throw new Error(
    `${data} is in use by a running Clew (process ${result.holder.pid}); stop it, or choose another directory with --data`,
  );
}

async function supervise(options: SupervisorOptions, lock: Lock): Promise<number> {
  const { role, config, secrets, version, log, logFormat } = options;
  const { settings } = config;
  const startedMs = systemClock.monotonicMs();
  const instance = await openInstance(nodeDisk, settings.data, randomHex);
  if (lock.stale)
    log.info('the last Clew here did not end by itself; its journals are recovered', { data: settings.data });
  const end = withResolvers<number>();
  const progress = setInterval(() => log.info('starting …', { afterMs: elapsed(startedMs) }), PROGRESS_MS);
  const desk = new BackupDesk(() => processes);
  const processes: Processes = new Processes({
    settings,
    clock: systemClock,
    log,
    start: {
      type: 'start',
      role,
      settings,
      ...secrets,
      instance,
      version,
      startedAtMs: Number(systemClock.unixNano() / 1_000_000n),
      logFormat,
      configuration: showSettings(config),
    },
    onReady: (endpoints) => {
      clearInterval(progress);
      log.info('clew is ready', { ...endpoints, data: settings.data, afterMs: elapsed(startedMs) });
      if (logFormat === 'pretty') options.print(bannerText(settings, endpoints, version, elapsed(startedMs)));
    },
    onHopeless: (message) => {
      log.error(message);
      end.resolve(1);
    },
    onBackup: (message) => desk.take(message),
    onChange: () => desk.look(),
  });
  const closeControl = await desk.open(controlPath(settings.data)).catch((error: unknown) => {
    log.warn(`clew backup cannot reach this Clew: ${errorText(error)}`);
    return async () => {};
  });
  onSignals(processes, log, settings['shutdown.timeout'], end.resolve);
  processes.start();
  const code = await end.promise;
  clearInterval(progress);
  if (code !== 0) await processes.stop(FAILED_START_MS);
  await closeControl();
  return code;
}

const PROGRESS_MS = 2_000;
const FAILED_START_MS = 2_000;
/** npm and shells pass a signal on that the terminal has sent to everybody already: that is one signal, not two. */
const SAME_SIGNAL_MS = 500;

function onSignals(processes: Processes, log: Log, timeoutMs: number, end: (code: number) => void): void {
  let firstMs: number | undefined;
  const take = (signal: NodeJS.Signals): void => {
    const nowMs = systemClock.monotonicMs();
    if (firstMs === undefined) {
      firstMs = nowMs;
      log.info(`${signal}: stopping`, { atMost: formatDuration(timeoutMs) });
      void stop();
    } else if (nowMs - firstMs > SAME_SIGNAL_MS) {
      log.warn(`${signal} again: ended at once; what was acknowledged is safe`);
      processes.kill();
      end(EXIT_AT_ONCE);
    }
  };
  const stop = async (): Promise<void> => {
    const startedMs = systemClock.monotonicMs();
    const clean = await processes.stop(timeoutMs);
    if (clean) log.info('stopped', { afterMs: elapsed(startedMs) });
    else
      log.warn('stopped; a process needed longer than shutdown.timeout and was killed, what was acknowledged is safe');
    end(0);
  };
  process.on('SIGTERM', take);
  process.on('SIGINT', take);
}

/** As shells count: 128 + SIGINT. */
const EXIT_AT_ONCE = 130;

function elapsed(sinceMs: number): number {
  return Math.round(systemClock.monotonicMs() - sinceMs);
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
