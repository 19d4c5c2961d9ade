/** Reads the import statements of formatted TypeScript. */

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Names as the other file exports them; '*' for all of them. */
  readonly names: readonly string[];
}

const STATEMENT = /^(?:import|export)\b([^'";]*?)\bfrom\s+'([^']+)'/gm;
const BARE = /^import\s+'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g;
const URL_REFERENCE = /\bnew URL\(\s*'(\.[^']+)'/g;

/** All imports of a file: static, re-exports, dynamic, and files named through `new URL`. */
export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  const lineAt = (index: number): number => text.slice(0, index).split('\n').length;
  for (const match of text.matchAll(STATEMENT)) {
    found.push({ specifier: match[2] ?? '', line: lineAt(match.index), names: namesOf(match[1] ?? '') });
  }
  for (const pattern of [BARE, DYNAMIC, URL_REFERENCE]) {
    for (const match of text.matchAll(pattern)) {
      found.push({ specifier: match[1] ?? '', line: lineAt(match.index), names: ['*'] });
    }
  }
  return found;
}

function namesOf(clause: string): string[] {
  const braces = /\{([\s\S]*)\}/.exec(clause);
  const names = (braces?.[1] ?? '')
    .split(',')
    .map(
      (part) =>
        part
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/)[0]
          ?.trim() ?? '',
    )
    .filter((name) => name !== '');
  const rest = clause.replace(/\{[\s\S]*\}/, '').replace(/^\s*type\b/, '');
  if (rest.includes('*')) names.push('*');
  if (/^\s*[\w$]+/.test(rest)) names.push('default');
  return names;
}

/** The file that a relative import names, from the root; undefined for packages. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const parts = from.split('/').slice(0, -1);
  for (const step of specifier.split('/')) {
    if (step === '..') parts.pop();
    else if (step !== '.') parts.push(step);
  }
  return parts.join('/').replace(/\?.*$/, '');
}
