/** Checks the whole repository: node tools/run.mjs tools/tidy-main.ts */
import fs from 'node:fs';
import path from 'node:path';
import { type RepositoryFile, tidyProblems } from './tidy.ts';

const FOLDERS = ['src', 'kernel', 'ui', 'tools', 'test', 'bench', 'demo', 'docs'];
const ROOT_FILES = ['package.json', 'README.md', 'CHANGELOG.md', 'vitest.config.ts'];
const TEXT = /\.(ts|tsx|mjs|md|json|css|html)$/;

function read(relative: string): RepositoryFile[] {
  const stat = fs.statSync(relative, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (stat.isFile()) return TEXT.test(relative) ? [{ path: relative, text: fs.readFileSync(relative, 'utf8') }] : [];
  return fs
    .readdirSync(relative)
    .filter((name) => !['node_modules', 'dist', 'results', 'golden', 'fixtures'].includes(name))
    .flatMap((name) => read(path.posix.join(relative, name)));
}

const files = [...FOLDERS, ...ROOT_FILES].flatMap(read);
const problems = tidyProblems(files);
for (const problem of problems) console.error(`  ${problem}`);
console.log(`  ${files.length} files, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
