import { historyLine, keepHistory, streamLine } from '../base/history.ts';
import { LIMITS } from '../base/limits.ts';
import { LOCK_FILE } from '../base/names.ts';
import { systemClock } from '../host/clock.ts';
import { errorText } from '../host/disk.ts';
import { openHistoryFile } from '../host/history-file.ts';
import { type Lock, takeLock } from '../host/process-lock.ts';
import { type Channel, type ChannelMessage, openChannel, type Start } from './channel.ts';
import { createLog, type Level, type Log } from './log.ts';

/** What a child process works with. */
export interface ChildWorld {
  readonly start: Start;
  readonly log: Log;
  readonly channel: Channel;
}

/** A child's work: it takes messages until it is told to stop. */
export interface ChildWork {
  take(message: ChannelMessage): void;
  /** Ends in an orderly way. */
  stop(): Promise<void>;
}

/**
 * Runs a child process: waits for `start`, begins the work, hands it messages, ends with exit code 0 after `shutdown`. A failure to begin
 * is told to the supervisor with its reason, and ends the process with exit code 1.
 */
export function runChild(role: string, begin: (world: ChildWorld) => Promise<ChildWork>): void {
  let work: ChildWork | undefined;
  let early: ChannelMessage[] = [];
  let log: Log | undefined;
  const fail = (error: unknown): void => {
    log?.error(errorText(error), error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {});
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  const channel = openChannel((message) => {
    if (message.type === 'start') void startWork(message);
    else if (message.type === 'shutdown')
      void (work ?? { stop: async () => {} }).stop().then(() => process.exit(0), fail);
    else if (work === undefined) early.push(message);
    else work.take(message);
  });
  const startWork = async (start: Start): Promise<void> => {
    keepHistoryIfAsked(process.env['CLEW_HISTORY'], start.instance);
    const name = role === 'receiver' ? `receiver ${start.index}` : role;
    const world = { start, channel, log: stderrLog(start.settings['log.level'], start.logFormat, name) };
    log = world.log;
    try {
      work = await begin(world);
      for (const message of early) work.take(message);
      early = [];
    } catch (error) {
      channel.send({ type: 'failed', message: errorText(error) });
      // The message leaves before the process does.
      setTimeout(() => process.exit(1), FAREWELL_MS);
    }
  };
}

const FAREWELL_MS = 50;

/** For checking a run against the specification: `clew history check`. */
function keepHistoryIfAsked(file: string | undefined, node: string): void {
  if (file === undefined || file === '') return;
  const append = openHistoryFile(file);
  keepHistory(
    (...step) => append(historyLine(...step, node)),
    (...step) => append(streamLine(...step, node)),
  );
}

/** Log lines on standard error. */
export function stderrLog(level: Level, format: 'json' | 'pretty', name: string): Log {
  return createLog({
    level,
    format,
    process: name,
    now: () => new Date(Number(systemClock.unixNano() / 1_000_000n)),
    write: (line) => process.stderr.write(line),
  });
}

/** Takes the lock of one child's part of the data directory, waiting for a predecessor that is still on its way out. */
export async function takePart(data: string, part: string): Promise<Lock> {
  const path = `${data}/${LOCK_FILE}.${part}`;
  const result = await takeLock(systemClock, { path, pid: process.pid, waitMs: LIMITS.predecessorMsMax });
  if (result.kind === 'held') return result.lock;
  throw new Error(`${path} is still held by process ${result.holder.pid} of an earlier Clew; end it and start again`);
}
