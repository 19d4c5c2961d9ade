import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CODE_MUTANTS, catchCode, withFault } from './code-mutants.ts';

/** CLEW_MUTANTS: `all`, or a part of the path of the files in which faults are put; otherwise each sixteenth. */
const wanted = process.env['CLEW_MUTANTS'];
const chosen = CODE_MUTANTS.filter(({ file }, index) =>
  wanted === undefined ? index % 16 === 0 : wanted === 'all' || file.includes(wanted),
);

test('each fault of the list has its place in the sources, and the test that is named is there', () => {
  for (const mutant of CODE_MUTANTS) {
    expect(() => withFault(fs.readFileSync(path.join('src', mutant.file), 'utf8'), mutant)).not.toThrow();
    expect(fs.existsSync(path.join('src', mutant.test)), mutant.test).toBe(true);
  }
});

test('every fault that is put into the program is caught by the test that is named', () => {
  expect(CODE_MUTANTS.length).toBeGreaterThanOrEqual(60);
  const missed = catchCode(chosen, ({ mutant, caughtBy }) => {
    console.log(`src/${mutant.file} ${mutant.name}: ${caughtBy ?? 'NOT NOTICED'}`);
  }).filter(({ caughtBy }) => caughtBy === undefined);
  expect(missed.map(({ mutant }) => `${mutant.file} ${mutant.name}`)).toEqual([]);
}, 3_600_000);
