import fs from 'node:fs';
import { expect, test, vi } from 'vitest';
import { lint, openGrammar } from './lint.ts';

vi.setConfig({ testTimeout: 120_000 });

const parser = await openGrammar();
const modules = fs.readdirSync('spec').filter((name) => name.endsWith('.tla'));

test.each(modules)('spec/%s uses only what the checker treats as TLA+ does', (name) => {
  expect(lint(parser, fs.readFileSync(`spec/${name}`, 'utf8'))).toEqual([]);
});

const module = (...lines: readonly string[]): string =>
  ['---- MODULE T ----', 'EXTENDS Naturals', 'VARIABLES x, y', 'vars == <<x, y>>', ...lines, '====', ''].join('\n');

test.each([
  ['a name that nothing defines', 'A == x = z', 'z is not defined'],
  ['a wrong number of arguments', 'A(a) == x = a\nB == A(1, 2)', 'A has 1 parameters and gets 2 arguments'],
  ['an operator without its arguments', 'A(a) == x = a\nB == A', 'A has 1 parameters and gets 0 arguments'],
  ['a second definition', 'A == x = 1\nA == x = 2', 'A is defined twice'],
  ['a second list of variables', 'VARIABLES z\nA == z = 1', 'a second list of variables'],
  ['what is not TLA+', 'A == x = = 1', 'is not TLA+'],
  ['=> beside /\\ without parentheses', 'A == x = 1 => y = 1 /\\ y = 2', 'without parentheses'],
  ['/\\ before => without parentheses', 'A == x = 1 /\\ y = 1 => y = 2', 'without parentheses'],
  ['leads-to', 'A == x = 1 ~> y = 1', 'leads-to'],
  ['strong fairness', 'Spec == [][x = 1]_vars /\\ SF_vars(x = 1)', 'strong fairness'],
  ['fairness of some variables', 'Spec == [][x = 1]_vars /\\ WF_x(x = 1)', 'fairness other than WF_vars'],
  ['two fairness conditions', 'Spec == WF_vars(x = 1) /\\ WF_vars(y = 1)', 'a second fairness'],
  ['<> alone', 'A == <>(x = 1)', 'not of the form'],
  ['=> outside of []<>', 'A == x = 1 => []<>(y = 1)', 'not of the form'],
  ['a module that the checker does not know', 'A == x = 1', ''],
])('it finds %s', (what, lines, problem) => {
  const text = what.startsWith('a module') ? module(lines).replace('Naturals', 'Naturals, Reals') : module(lines);
  expect(lint(parser, text).join('\n')).toContain(problem === '' ? 'EXTENDS Reals' : problem);
});

test('it has nothing against a module that is well', () => {
  expect(
    lint(parser, module('A(a) == x = a /\\ y = a', 'Live == \\A m \\in Set : []<>(x = 1 => y = 1)', 'Set == 1..2')),
  ).toEqual([]);
});
