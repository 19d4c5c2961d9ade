import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BUGS, type Bug, withBug } from './bugs.ts';
import type { Violation } from './ledger.ts';

export interface Finding {
  readonly seed: number;
  readonly violation: Violation;
}

/** What a search over seeds came to. */
export interface Search {
  readonly ran: number;
  readonly cpuMs: number;
  /** The violation with the smallest seed. */
  readonly finding: Finding | undefined;
}

/** Seeds `from`, `from + stride`, … : so many. */
export interface Range {
  readonly from: number;
  readonly schedules: number;
  readonly stride: number;
}

const WORKER = 'search-main.js';
const COMPILED = import.meta.dirname;

/** Searches with several processes; each stops at its first violation. */
export async function searchInWorkers(
  { from, schedules, workers }: { readonly from: number; readonly schedules: number; readonly workers: number },
  progress: (text: string) => void = () => {},
): Promise<Search> {
  const counts = new Array<number>(workers).fill(0);
  const searches = await Promise.all(
    counts.map((_, nth) => {
      const share = Math.floor((schedules + workers - 1 - nth) / workers);
      return searchIn(COMPILED, { from: from + nth, schedules: share, stride: workers }, (ran) => {
        counts[nth] = ran;
        progress(`${counts.reduce((sum, count) => sum + count, 0)} of ${schedules}`);
      });
    }),
  );
  const findings = searches.flatMap(({ finding }) => (finding === undefined ? [] : [finding]));
  return {
    ran: searches.reduce((sum, { ran }) => sum + ran, 0),
    cpuMs: searches.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    finding: findings.sort((a, b) => a.seed - b.seed)[0],
  };
}

/** Each schedule is a world of small objects that soon ends: a larger nursery lets most of them die there. */
const NODE_FLAGS = ['--max-semi-space-size=32'];
/** Longer than any bug needs that lets time go on. */
const WORKER_MS_MAX = 1_200_000;

/** One process that runs the program in `directory`. */
function searchIn(directory: string, range: Range, progress: (ran: number) => void): Promise<Search> {
  const { from, schedules, stride } = range;
  const child = spawn(
    process.execPath,
    [...NODE_FLAGS, path.join(directory, WORKER), `${from}`, `${schedules}`, `${stride}`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: WORKER_MS_MAX,
    },
  );
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split('\n');
      const last = lines.at(-2);
      if (last?.startsWith('ran ')) progress(Number(last.slice(4)));
    });
    child.on('exit', (code, signal) => {
      const result = text.split('\n').find((line) => line.startsWith('{'));
      if (result === undefined) reject(new Error(`the search ended with ${signal ?? code} and no result`));
      else resolve(JSON.parse(result) as Search);
    });
  });
}

/** Puts each bug into a copy of the compiled program and searches until it is found. */
export async function* findBugs(
  schedules: number,
  workers: number,
  only: string,
): AsyncGenerator<Search & { readonly bug: Bug }> {
  const root = path.resolve(COMPILED, '../..');
  const copies = path.join(root, 'with-bugs');
  const waiting = BUGS.filter(({ name }) => name.includes(only)).map((bug, nth) => async () => {
    const copy = path.join(copies, `${nth}`);
    for (const folder of ['src', 'test/simulation']) {
      fs.cpSync(path.join(root, folder), path.join(copy, folder), { recursive: true });
    }
    const file = path.join(copy, 'src', `${bug.file}.js`);
    fs.writeFileSync(file, withBug(fs.readFileSync(file, 'utf8'), bug));
    const range = { from: 1, schedules, stride: 1 };
    const search = await searchIn(path.join(copy, 'test/simulation'), range, () => {});
    fs.rmSync(copy, { recursive: true, force: true });
    return { bug, ...search };
  });
  try {
    while (waiting.length > 0) yield* await Promise.all(waiting.splice(0, workers).map((run) => run()));
  } finally {
    fs.rmSync(copies, { recursive: true, force: true });
  }
}
