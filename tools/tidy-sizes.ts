import type { RepositoryFile } from './tidy.ts';

const FUNCTION_LINES_MAX = 70;

const CONTROL =
  /^\s*(\} )?(if|else|for|while|do|switch|try|catch|finally|class|interface|type|enum|namespace|return \{|import|export \{)\b/;
const OPENS_CALLBACK = /=> \{$/;
const OPENS_FUNCTION = /\bfunction\b.*\{$/;
const OPENS_METHOD =
  /^\s+(?:(?:static|async|override|get|set|public|private|protected|readonly)\s+)*\*?\s*#?[\w$]+(?:<.*>)?\(.*\{$/;
const CLOSES_SIGNATURE = /^\s*\).*\{$/;

/** Functions that are longer than a screen. Reads formatted code: a block ends at the first line that closes it at its own indentation. */
export function longFunctions(file: RepositoryFile): string[] {
  const lines = file.text.split('\n');
  const problems: string[] = [];
  lines.forEach((line, index) => {
    const start = startOfFunction(lines, index, line);
    if (start === undefined) return;
    const indent = indentOf(line);
    const end = lines.findIndex((later, at) => at > index && indentOf(later) === indent && /^\s*\}/.test(later));
    const count = end - start + 1;
    if (end > 0 && count > FUNCTION_LINES_MAX) {
      problems.push(
        `${file.path}:${start + 1}: a function of ${count} lines, at most ${FUNCTION_LINES_MAX}: name its parts`,
      );
    }
  });
  return problems;
}

/** The index of the line where the function begins whose body this line opens; undefined when it opens none. */
function startOfFunction(lines: readonly string[], index: number, line: string): number | undefined {
  if (CLOSES_SIGNATURE.test(line)) {
    const indent = indentOf(line);
    for (let at = index - 1; at >= 0; at--) {
      const above = lines[at] ?? '';
      if (above.trim() !== '' && indentOf(above) <= indent) return CONTROL.test(above) ? undefined : at;
    }
    return undefined;
  }
  if (OPENS_CALLBACK.test(line) || OPENS_FUNCTION.test(line)) return index;
  return OPENS_METHOD.test(line) && !CONTROL.test(line) ? index : undefined;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
