import type { RepositoryFile } from './tidy.ts';
import { importsOf, resolveImport } from './tidy-imports.ts';

/** Files that something other than an import starts: the command, test runners, scripts, pages, configuration, and the API's contract. */
const ENTRY =
  /^src\/main\/cli\.ts$|^kernel\/request\.ts$|^src\/guard\/index\.ts$|\.(test|fuzz|bench)\.tsx?$|(-main|\.config)\.ts$|\.mjs$|^bench\/(run|load-main)\.ts$|^tools\/fuzz-[\w-]+\.ts$|^ui\/(main|index)\.tsx?$|\.d\.ts$|^src\/query\/api\.ts$/;

const EXPORT =
  /^export\s+(?:default\s+)?(?:abstract\s+)?(?:async\s+)?(const|let|function\*?|class|interface|type)\s+([\w$]+)/gm;

/**
 * Exports that no other file imports, and files that nothing imports at all. A type that its own file uses further may stay: it names
 * the shape of something that is exported.
 */
export function deadExports(files: readonly RepositoryFile[]): string[] {
  const used = new Map<string, Set<string>>();
  for (const file of files) {
    for (const { specifier, names } of importsOf(file.text)) {
      const target = resolveImport(file.path, specifier);
      if (target === undefined) continue;
      // Scripts name compiled files.
      for (const path of [target, target.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts')]) {
        const known = used.get(path) ?? new Set();
        for (const name of names) known.add(name);
        used.set(path, known);
      }
    }
  }
  return files.filter((file) => !ENTRY.test(file.path)).flatMap((file) => deadIn(file, used.get(file.path)));
}

function deadIn(file: RepositoryFile, used: ReadonlySet<string> | undefined): string[] {
  if (used === undefined) return [`${file.path}:1: nothing imports this file: remove it`];
  if (used.has('*')) return [];
  const problems: string[] = [];
  for (const match of file.text.matchAll(EXPORT)) {
    const [whole, kind = '', name = ''] = match;
    if (used.has(name) || (whole.includes('default') && used.has('default'))) continue;
    const mentions = file.text.match(new RegExp(`\\b${name.replaceAll('$', '\\$')}\\b`, 'g'))?.length ?? 0;
    if ((kind === 'interface' || kind === 'type') && mentions > 1) continue;
    const line = file.text.slice(0, match.index).split('\n').length;
    problems.push(`${file.path}:${line}: nothing imports ${name}: do not export it, or remove it`);
  }
  return problems;
}
