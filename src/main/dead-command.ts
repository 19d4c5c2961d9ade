import path from 'node:path';
import { DIRECTORIES, INSTANCE_FILE, LOCK_FILE } from '../base/names.ts';
import { formatBytes } from '../base/units.ts';
import { systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { takeLock } from '../host/process-lock.ts';
import { randomHex } from '../host/random.ts';
import { openInstance } from '../journal/identity-files.ts';
import { type DeadLetter, DeadLetters } from '../send/dead.ts';
import { Progress } from '../send/progress.ts';
import { askRunning } from './ask.ts';
import { type DeadAnswer, DeadDesk } from './dead-desk.ts';
import { destinationsOf } from './destinations.ts';
import type { Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';

/** What `clew dead` needs of a data directory: the running Clew's word, or the directory itself when none runs. */
interface Desk {
  list(): Promise<readonly DeadLetter[]>;
  show(id: string): Promise<{ readonly letter: DeadLetter; readonly body: Buffer }>;
  settle(how: 'resend' | 'drop', ids: readonly string[]): Promise<readonly DeadAnswer[]>;
  close(): Promise<void>;
}

const USAGE = 'clew dead list | show ID | resend ID… | drop ID… (all stands for every id)';

/** `clew dead …`. Returns the exit code: 1 when something could not be done. */
export async function runDead(
  settings: Settings,
  secrets: Secrets,
  operands: readonly string[],
  print: (text: string) => void,
): Promise<number> {
  const [action = 'list', ...named] = operands;
  const desk = await openDesk(settings, secrets);
  try {
    if (action === 'list' && named.length === 0) {
      print(listText(await desk.list()));
      return 0;
    }
    if (action === 'show' && named.length === 1) {
      const { letter, body } = await desk.show(named[0] ?? '');
      print(`${JSON.stringify({ ...letter, body: body.toString('base64') }, null, 2)}\n`);
      return 0;
    }
    if ((action === 'resend' || action === 'drop') && named.length > 0) {
      const ids = named.includes('all') ? (await desk.list()).map(({ id }) => id) : named;
      const answers = await desk.settle(action, ids);
      for (const { id, ok, report } of answers) print(`${id}  ${ok ? report : `not done: ${report}`}\n`);
      return answers.every(({ ok }) => ok) ? 0 : 1;
    }
    throw new Error(`usage: ${USAGE}`);
  } finally {
    await desk.close();
  }
}

async function openDesk(settings: Settings, secrets: Secrets): Promise<Desk> {
  const { data } = settings;
  if ((await nodeDisk.size(path.join(data, INSTANCE_FILE))) === undefined) {
    throw new Error(`${data} is not a data directory of Clew; name it with --data`);
  }
  const result = await takeLock(systemClock, { path: path.join(data, LOCK_FILE), pid: process.pid, waitMs: 0 });
  if (result.kind === 'busy') return runningDesk(settings, secrets);
  const report = (text: string): void => void process.stderr.write(`clew: ${text}\n`);
  const progress = new Progress(nodeDisk, systemClock, data, report);
  await progress.load();
  const { destinations, stop } = await destinationsOf(settings);
  const desk = new DeadDesk({
    dead: new DeadLetters(nodeDisk, path.join(data, DIRECTORIES.dead)),
    progress,
    destinations,
    instance: await openInstance(nodeDisk, data, randomHex),
    report,
  });
  return {
    list: () => desk.list(),
    show: async (id) => (await desk.read(id)) ?? missing(id),
    settle: (how, ids) => desk[how](ids),
    close: async () => {
      stop();
      await result.lock.release();
    },
  };
}

function runningDesk(settings: Settings, secrets: Secrets): Desk {
  const ask = (where: string, body?: unknown) => askRunning(settings, secrets, `/api/v1/dead${where}`, body);
  return {
    list: async () => ((await ask('')) as { letters: DeadLetter[] }).letters,
    show: async (id) => {
      const { body, ...letter } = (await ask(`/${encodeURIComponent(id)}`)) as DeadLetter & { body: string };
      return { letter, body: Buffer.from(body, 'base64') };
    },
    settle: async (how, ids) => ((await ask(`/${how}`, { ids })) as { answers: DeadAnswer[] }).answers,
    close: async () => {},
  };
}

function missing(id: string): never {
  throw new Error(`there is no dead letter ${id}`);
}

function listText(letters: readonly DeadLetter[]): string {
  if (letters.length === 0) return 'no dead letters\n';
  const lines = letters.map(
    ({ id, signal, items, bytes, destination, atMs, reason }) =>
      `${id}  ${new Date(atMs).toISOString()}  ${signal.padEnd(7)}  ${String(items).padStart(7)} items  ${formatBytes(bytes).padStart(9)}  ${destination}  ${reason}`,
  );
  return `${lines.join('\n')}\n`;
}
