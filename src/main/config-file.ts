import { isMap, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { nearest } from '../base/nearest.ts';
import { SETTING_ROWS } from './settings.ts';

/** One value of clew.yaml: its dotted key, what stands there, and where. */
export interface FileEntry {
  readonly key: string;
  readonly raw: unknown;
  readonly line: number;
}

/** What is wrong with one place of the configuration. `place` is `clew.yaml:3`, `CLEW_DATA` or `--data`. */
export interface Problem {
  readonly place: string;
  readonly key: string;
  readonly message: string;
}

const KEYS: readonly string[] = SETTING_ROWS.map((setting) => setting.key);

/** Reads clew.yaml: nested maps become dotted keys. Unknown keys and YAML errors are problems with their line. Values are not checked here. */
export function readConfigFile(name: string, text: string): { entries: FileEntry[]; problems: Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const entries: FileEntry[] = [];
  const problems: Problem[] = [];
  const lineAt = (offset: number | undefined): number => lines.linePos(offset ?? 0).line;
  const report = (offset: number | undefined, key: string, message: string): void => {
    problems.push({ place: `${name}:${lineAt(offset)}`, key, message });
  };
  for (const error of document.errors) report(error.pos[0], '', error.message);
  if (problems.length > 0) return { entries, problems };
  const root = document.contents;
  if (root !== null && !isMap(root)) {
    if (!(isScalar(root) && root.value === null)) report(root.range?.[0], '', 'the file must hold keys and values');
    return { entries, problems };
  }
  const visit = (map: YAMLMap, prefix: string): void => {
    for (const pair of map.items as Pair[]) {
      const at = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
      const key = prefix + String(isScalar(pair.key) ? pair.key.value : pair.key);
      const section = KEYS.some((known) => known.startsWith(`${key}.`));
      if (KEYS.includes(key)) {
        entries.push({ key, raw: isMap(pair.value) ? pair.value : plain(pair.value), line: lineAt(at) });
      } else if (section && isMap(pair.value)) {
        visit(pair.value, `${key}.`);
      } else if (section && !isEmpty(pair.value)) {
        report(at, key, `is a section; its keys are ${childrenOf(key).join(', ')}`);
      } else if (!section) {
        report(at, key, unknownKeyText(key));
      }
    }
  };
  if (root !== null) visit(root, '');
  return { entries, problems };
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

function plain(node: unknown): unknown {
  if (node !== null && typeof node === 'object' && 'toJSON' in node) return (node as { toJSON(): unknown }).toJSON();
  return node;
}

function childrenOf(section: string): string[] {
  const rest = KEYS.filter((key) => key.startsWith(`${section}.`)).map((key) => key.slice(section.length + 1));
  return [...new Set(rest.map((key) => key.split('.')[0] ?? key))];
}

function unknownKeyText(key: string): string {
  const meant = nearest(key, KEYS);
  return meant === undefined
    ? 'is not a configuration key (clew --help lists them)'
    : `is not a configuration key; did you mean ${meant}?`;
}
