import { expect, test } from 'vitest';
import { CODE_MUTANTS, catchCode } from './code-mutants.ts';

/** CLEW_MUTANTS=all: every one; otherwise each eighth. */
const chosen = CODE_MUTANTS.filter((_, index) => process.env['CLEW_MUTANTS'] === 'all' || index % 8 === 0);

test('every fault that is put into the program is caught by the test that is named', () => {
  expect(CODE_MUTANTS.length).toBeGreaterThanOrEqual(38);
  const missed = catchCode(chosen).filter(({ caughtBy }) => caughtBy === undefined);
  expect(missed.map(({ mutant }) => `${mutant.file} ${mutant.name}`)).toEqual([]);
}, 600_000);
