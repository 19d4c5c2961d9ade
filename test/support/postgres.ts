/** A real PostgreSQL for tests, where one is installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from './clew.ts';

const START_MS_MAX = 60_000;

/** Where the programs of PostgreSQL lie; undefined where it is not installed. Debian keeps them off the path. */
export function postgresPrograms(): string | undefined {
  const versions = '/usr/lib/postgresql';
  const debian = fs.existsSync(versions)
    ? fs.readdirSync(versions).map((version) => path.join(versions, version, 'bin'))
    : [];
  const places = [...(process.env['PATH'] ?? '').split(path.delimiter), ...debian.sort().reverse()];
  return places.find((place) => ['initdb', 'postgres', 'psql'].every((name) => fs.existsSync(path.join(place, name))));
}

export interface RunningPostgres {
  /** Runs SQL and returns its output, unaligned. */
  query(sql: string): string;
  /** A connection of its own that runs what it is told, one after another. */
  session(name: string): PostgresSession;
  log(): string;
  stop(): Promise<void>;
}

export interface PostgresSession {
  run(sql: string): void;
}

/** Starts a server with an empty database below a temporary directory, which `stop` removes. */
export async function startPostgres(
  programs: string,
  settings: Readonly<Record<string, string>>,
): Promise<RunningPostgres> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'clew-postgres-'));
  const data = path.join(directory, 'data');
  const account = ordinaryUser();
  if (account !== undefined) fs.chownSync(directory, account.uid, account.gid);
  const initdb = [
    path.join(programs, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'test', '--locale=C', '-N'],
  ] as const;
  const made = spawnSync(...initdb, { ...account, cwd: directory });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const { http: port } = await freePorts();
  const options = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'off',
    ...settings,
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const server = spawn(path.join(programs, 'postgres'), ['-D', data, ...flags], { ...account, cwd: directory });
  let log = '';
  server.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const psql = ['-h', '127.0.0.1', '-p', String(port), '-U', 'test', '-d', 'postgres', '-qAt'];
  const sessions: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const session of sessions) session.kill();
    server.kill('SIGINT');
    await ended;
    fs.rmSync(directory, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_MS_MAX;
  while (!log.includes('ready to accept connections')) {
    if (server.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`PostgreSQL did not start: ${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    query(sql) {
      const { status, stdout, stderr } = spawnSync(path.join(programs, 'psql'), [...psql, '-c', sql], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`psql: ${stderr}`);
      return stdout.trim();
    },
    session(name) {
      const session = spawn(path.join(programs, 'psql'), psql, { env: { ...process.env, PGAPPNAME: name } });
      sessions.push(session);
      return { run: (sql) => session.stdin.write(`${sql}\n`) };
    },
    log: () => log,
    stop,
  };
}

/** PostgreSQL refuses to run as root: then as whom. */
function ordinaryUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { uid: idOf('-u'), gid: idOf('-g') };
}
