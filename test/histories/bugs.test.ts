import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { checker, INTAKE } from './lives-world.ts';
import { readHistory } from './steps.ts';
import { type Judgement, validateHistory } from './validate.ts';

vi.setConfig({ testTimeout: 120_000 });

/*
 * Bugs put into the program itself, a line each: its simulated histories must be refused, and at the step where the bug shows. Each buggy
 * program is a copy of src below .build, so that nothing of it can be left behind.
 */

const COPIES = path.resolve('.build/bugs');
const FOLDERS = ['base', 'host', 'wire', 'columns', 'transcode', 'journal', 'receive', 'history'];
const SEEDS = 80;

interface Bug {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The first step that the specification forbids. */
  readonly shows: string;
}

const SYNC = `      await this.#file.sync();
      record('Sync', receiver, segment, records);
`;
const WRITE = `      await this.#file.write(pieces);
      record('Write', receiver, segment, records);
`;

const BUGS: readonly Bug[] = [
  { name: 'answers without an fsync', file: 'journal/journal.ts', from: SYNC, to: '', shows: 'Answer' },
  { name: 'fsyncs before it writes', file: 'journal/journal.ts', from: WRITE + SYNC, to: SYNC + WRITE, shows: 'Sync' },
  {
    name: 'answers what failed',
    file: 'receive/intake.ts',
    from: "if (written.kind === 'failed') {",
    to: "if (written.kind === 'failed' && request.signal === 'traces') {",
    shows: 'Answer',
  },
  {
    name: 'reads back one record too few',
    file: 'receive/rebuild.ts',
    from: 'records: scanned.records.length }',
    to: 'records: Math.max(0, scanned.records.length - 1) }',
    shows: 'Replay',
  },
  {
    name: 'seals what it read back without an fsync',
    file: 'receive/rebuild.ts',
    from: `  await syncFile(disk, path);
  record('Sync', directory, segment, replayed.records);
`,
    to: '',
    shows: 'Publish',
  },
  {
    name: 'replays what is sealed',
    file: 'receive/recovery.ts',
    from: 'if ((await disk.size(sealedPath)) !== undefined) {',
    to: 'if ((await disk.size(sealedPath)) === 0) {',
    shows: 'Replay',
  },
  {
    name: 'seals another number of records than it has',
    file: 'receive/sealer.ts',
    from: 'journal.durable,',
    to: '{ ...journal.durable, records: journal.durable.records - 1 },',
    shows: 'Files',
  },
  {
    name: 'removes without a mark',
    file: 'journal/forget.ts',
    from: '  await markLoaded(disk, directory, segment, forgetting);\n  await removeLoaded',
    to: '  await removeLoaded',
    shows: 'Remove',
  },
  {
    name: 'removes before the mark is durable',
    file: 'journal/forget.ts',
    from: `  await disk.syncDirectory(directory);
  record('Marked', directory, segment);
`,
    to: '',
    shows: 'Remove',
  },
];

afterAll(() => fs.rmSync(COPIES, { recursive: true, force: true }));

test.each(BUGS)('a program that $name is refused at $shows', async ({ file, from, to, shows, name }) => {
  const copy = path.join(COPIES, name.replaceAll(' ', '-'));
  for (const folder of FOLDERS) fs.cpSync(path.join('src', folder), path.join(copy, folder), { recursive: true });
  const text = fs.readFileSync(path.join(copy, file), 'utf8');
  const parts = text.split(from);
  expect(parts.length, `${JSON.stringify(from)} stands once in ${file}`).toBe(2);
  fs.writeFileSync(path.join(copy, file), parts.join(to));
  const buggy = (await import(path.join(copy, 'history/lives-world.ts'))) as typeof import('./lives-world.ts');
  expect(await firstRefusal(buggy)).toMatchObject({ kind: 'forbidden', step: { step: shows } });
});

/** Of the histories of a program the first that is refused; with errors of the disk and without. */
async function firstRefusal({ simulatedHistory }: typeof import('./lives-world.ts')): Promise<Judgement | undefined> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const trouble of ['crash', 'errors'] as const) {
      const read = readHistory(await simulatedHistory(seed, trouble));
      if ('problem' in read) throw new Error(read.problem);
      const judged = validateHistory(checker, INTAKE, read.steps);
      if (judged.kind === 'forbidden') return judged;
    }
  }
  return undefined;
}
