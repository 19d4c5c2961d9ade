import { expect, test } from 'vitest';
import { ARROWS, type RepositoryFile, tidyProblems } from './tidy.ts';

/** Problems of a small repository in which everything else is well. */
function problems(...files: readonly (readonly [path: string, text: string])[]): string[] {
  const folders = new Set(
    files
      .map(([path]) => path.split('/'))
      .filter(([top]) => top === 'src')
      .map((parts) => parts[1] ?? ''),
  );
  const readmes = [...folders].map(
    (folder): RepositoryFile => ({ path: `src/${folder}/README.md`, text: `# ${folder}\n` }),
  );
  return tidyProblems([...readmes, ...files.map(([path, text]) => ({ path, text }))]);
}

const lines = (count: number, line = '  work();'): string => `${line}\n`.repeat(count);

test('a well-kept file has no problems', () => {
  const user = "import { kept } from './kept.ts';\nimport { assert } from '../base/assert.ts';\nkept(assert);\n";
  expect(
    problems(
      ['src/wire/kept.ts', 'export function kept(): void {\n  work();\n}\n'],
      ['src/base/assert.ts', 'export const assert = 1;\n'],
      ['src/wire/user.test.ts', user],
    ),
  ).toEqual([]);
});

test('an import against the arrows is a problem, and so is a folder that the architecture does not know', () => {
  const [problem] = problems(
    ['src/wire/a.ts', "import { x } from '../store/b.ts';\n"],
    ['tools/u-main.ts', "import '../src/wire/a.ts';\n"],
  );
  expect(problem).toBe('src/wire/a.ts:1: src/wire may not import src/store/b.ts; it may import base');
  expect(problems(['src/wire/a.ts', "import type {\n  X,\n} from '../main/b.ts';\n"])[0]).toMatch(
    /src\/wire may not import/,
  );
  expect(problems(['src/wire/a.ts', "const x = await import('../main/b.ts');\n"])[0]).toMatch(
    /src\/wire may not import/,
  );
  expect(problems(['src/swamp/a.ts', ''])[0]).toBe('src/swamp/a.ts:1: src/swamp is not a folder of the architecture');
});

test('tests may import anything, but nothing may import what is for tests', () => {
  expect(problems(['src/wire/a.test.ts', "import { x } from '../main/b.ts';\n"])).toEqual([]);
  expect(problems(['src/wire/a.ts', "import { x } from './b.test.ts';\n"])[0]).toMatch(/which is for tests/);
});

test('the UI imports the API contract, analysis and base alone', () => {
  expect(problems(['ui/main.tsx', "import type { Page } from '../src/query/api.ts';\n"])).toEqual([]);
  expect(problems(['ui/main.tsx', "import { x } from '../src/store/engine.ts';\n"])[0]).toMatch(/ui may not import/);
});

test('the file system belongs to host and chdb to one file', () => {
  expect(problems(['src/journal/a.ts', "import fs from 'node:fs/promises';\n"])[0]).toMatch(/belongs to src\/host/);
  expect(problems(['src/store/a.ts', "import { Session } from 'chdb';\n"])[0]).toMatch(/src\/store\/embedded.ts alone/);
});

test('a file of more than 500 lines is a problem, a test of more than 800', () => {
  expect(problems(['tools/a-main.ts', lines(501)])).toEqual([
    'tools/a-main.ts:1: has 501 lines, at most 500: split it by idea',
  ]);
  expect(problems(['src/wire/a.test.ts', lines(800)])).toEqual([]);
  expect(problems(['src/wire/a.test.ts', lines(801)])).toHaveLength(1);
});

test('a function of more than 70 lines is a problem, whatever its form', () => {
  const forms = [
    (body: string) => `function f(): void {\n${body}}\n`,
    (body: string) => `async function f(\n  a: string,\n): Promise<void> {\n${body}}\n`,
    (body: string) => `const f = (a: number) => {\n${body}};\n`,
    (body: string) => `class A {\n  #f(a: { b: string }): void {\n${body.replaceAll(/^/gm, '  ').trimEnd()}\n  }\n}\n`,
    (body: string) => `run('name', () => {\n${body}});\n`,
  ];
  for (const form of forms) {
    expect(problems(['tools/a-main.ts', form(lines(60))]), form('…')).toEqual([]);
    expect(problems(['tools/a-main.ts', form(lines(70))])[0], form('…')).toMatch(/a function of 7\d lines, at most 70/);
  }
});

test('a long block that is no function is none', () => {
  expect(
    problems(['tools/a-main.ts', `if (\n  one\n) {\n${lines(90)}}\nconst table = {\n${lines(90, '  a: 1,')}};\n`]),
  ).toEqual([]);
});

test('banned calls are found in code and not in comments, strings or tests', () => {
  const banned = [
    'process.env',
    'process.exit(1)',
    'Date.now()',
    'new Date()',
    'Math.random()',
    'console.log(1)',
    'x as any',
  ];
  for (const call of banned) {
    const [problem] = problems(['src/wire/a.ts', `${call};\n`]);
    expect(problem, call).toMatch(/^src\/wire\/a\.ts:1: .* is banned here/);
    const quiet = `/** ${call} */\n// ${call}\nlog('${call}');\n`;
    expect(
      problems(['src/wire/a.ts', quiet]).filter((text) => text.includes('banned')),
      call,
    ).toEqual([]);
    expect(problems(['src/wire/a.test.ts', `${call};\n`]), call).toEqual([]);
  }
});

test('what main and host alone may do, they may', () => {
  const quiet = (...file: readonly [string, string]): string[] =>
    problems(file).filter((text) => text.includes('banned'));
  expect(quiet('src/main/cli.ts', 'process.exit(process.env.X);\n')).toEqual([]);
  expect(quiet('src/host/clock.ts', 'Date.now();\n')).toEqual([]);
});

test('unfinished work is a problem in every file', () => {
  const word = `FIX${'ME'}`;
  expect(problems(['docs/a.md', `# A\n${word}: later\n`])).toEqual([
    'docs/a.md:2: unfinished work is not kept in the tree',
  ]);
});

test('a document has one title, headings in code do not count', () => {
  expect(problems(['docs/a.md', '# A\n```sh\n# comment\n```\n'])).toEqual([]);
  expect(problems(['docs/a.md', '# A\n# B\n'])).toHaveLength(1);
  expect(problems(['docs/a.md', 'text\n'])).toHaveLength(1);
});

test('every folder of src has a README that fits on a screen', () => {
  const used: RepositoryFile = { path: 'src/wire/a.test.ts', text: "import { a } from './a.ts';\n" };
  const file: RepositoryFile = { path: 'src/wire/a.ts', text: 'export const a = 1;\n' };
  expect(tidyProblems([file, used])[0]).toMatch(/^src\/wire\/README\.md:1: is missing/);
  expect(problems(['src/wire/README.md', `# wire\n${'text\n'.repeat(70)}`])[0]).toMatch(/fits on a screen/);
});

test('a dependency without an exact version is a problem', () => {
  expect(problems(['package.json', '{"dependencies":{"a":"1.2.3","b":"^1.2.3"}}'])).toEqual([
    'package.json:1: b ^1.2.3 is not an exact version',
  ]);
});

test('an export that nothing imports is dead, and so is a file', () => {
  const user = ['tools/u-main.ts', "import { a } from './lib.ts';\na();\n"] as const;
  expect(problems(user, ['tools/lib.ts', 'export const a = 1;\nexport function b() {}\n'])).toEqual([
    'tools/lib.ts:2: nothing imports b: do not export it, or remove it',
  ]);
  expect(problems(['tools/lib.ts', 'export const a = 1;\n'])).toEqual([
    'tools/lib.ts:1: nothing imports this file: remove it',
  ]);
});

test('imports of every form keep an export alive', () => {
  const library = ['tools/lib.ts', 'export const a = 1;\n'] as const;
  const forms = [
    "import { type X, a as b } from './lib.ts';",
    "import * as lib from './lib.ts';",
    "export { a } from './lib.ts';",
    "const { a } = await import('./lib.ts');",
    "import {\n  a,\n} from './lib.ts';",
  ];
  for (const form of forms) expect(problems(library, ['tools/u-main.ts', `${form}\n`]), form).toEqual([]);
});

test('a type that its own file uses may stay exported, one that nobody uses may not', () => {
  const user = ['tools/u-main.ts', "import { f } from './lib.ts';\n"] as const;
  const library = 'export interface Shape {}\nexport type Lost = 1;\nexport function f(shape: Shape): void {}\n';
  expect(problems(user, ['tools/lib.ts', library])).toEqual([
    'tools/lib.ts:2: nothing imports Lost: do not export it, or remove it',
  ]);
});

test('the arrows have no circle', () => {
  const depth = (folder: string, path: readonly string[] = []): number => {
    expect(path).not.toContain(folder);
    return 1 + Math.max(0, ...(ARROWS[folder] ?? []).map((next) => depth(next, [...path, folder])));
  };
  for (const folder of Object.keys(ARROWS)) expect(depth(folder)).toBeGreaterThan(0);
});
