/** The repository's own rules as pure functions over its files. `tidy-main.ts` runs them in `npm test`; tidy.test.ts shows a failing example of each. */
import { deadExports } from './tidy-exports.ts';
import { importsOf, resolveImport } from './tidy-imports.ts';
import { longFunctions } from './tidy-sizes.ts';

export interface RepositoryFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Which folder under src may import which (architecture, "Folders"). Its own folder always; tests anything. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  host: ['base'],
  wire: ['base'],
  columns: ['base'],
  transcode: ['base', 'wire', 'columns'],
  journal: ['base', 'host'],
  receive: ['base', 'host', 'wire', 'transcode', 'columns', 'journal'],
  send: ['base', 'host', 'wire', 'journal'],
  store: ['base', 'host', 'columns', 'journal'],
  analysis: ['base'],
  guard: ['base', 'host', 'analysis'],
  query: ['base', 'host', 'columns', 'store', 'analysis', 'guard', 'cache'],
  cache: ['base', 'host'],
  vitals: ['base', 'host', 'store'],
  cluster: ['base', 'host'],
  history: ['base'],
};

const FILE_LINES_MAX = 500;
const TEST_LINES_MAX = 800;
const README_LINES_MAX = 60;

/** Tests and what only tests use may import anything and touch the world. */
function isTest(path: string): boolean {
  return (
    /\.(test|fuzz|bench|contract|contract\.test)\.tsx?$/.test(path) ||
    /(^|\/)test-[\w-]+\.ts$/.test(path) ||
    /-world\.ts$/.test(path)
  );
}

const isCode = (path: string): boolean => /\.(ts|tsx|mjs)$/.test(path);
const isSource = (path: string): boolean => path.startsWith('src/') && isCode(path) && !isTest(path);

/** Everything that is wrong, one line each: `path:line: what`. */
export function tidyProblems(files: readonly RepositoryFile[]): string[] {
  return [
    ...files.flatMap(arrowProblems),
    ...files.flatMap(sizeProblems),
    ...files.flatMap(bannedProblems),
    ...files.flatMap(unfinishedProblems),
    ...files.flatMap(titleProblems),
    ...readmeProblems(files),
    ...versionProblems(files),
    ...deadExports(files.filter((file) => isCode(file.path))),
  ];
}

function arrowProblems(file: RepositoryFile): string[] {
  if (file.path.startsWith('ui/') && isCode(file.path) && !isTest(file.path)) return uiArrowProblems(file);
  if (!isSource(file.path)) return [];
  const own = folderOf(file.path);
  const allowed = ARROWS[own];
  if (own === 'main') return [];
  if (allowed === undefined) return [`${file.path}:1: src/${own} is not a folder of the architecture`];
  return importsOf(file.text).flatMap(({ specifier, line }) => {
    const target = resolveImport(file.path, specifier);
    if (target === undefined) return packageProblems(file.path, specifier, line);
    const folder = folderOf(target);
    if (!target.startsWith('src/') || (folder !== own && !allowed.includes(folder))) {
      return [
        `${file.path}:${line}: src/${own} may not import ${target}; it may import ${allowed.join(', ') || 'nothing'}`,
      ];
    }
    return isTest(target) ? [`${file.path}:${line}: imports ${target}, which is for tests`] : [];
  });
}

function uiArrowProblems(file: RepositoryFile): string[] {
  return importsOf(file.text).flatMap(({ specifier, line }) => {
    const target = resolveImport(file.path, specifier);
    if (target === undefined || target.startsWith('ui/')) return [];
    if (/^src\/query\/api[-\w]*\.ts$/.test(target) || ['analysis', 'base'].includes(folderOf(target))) return [];
    return [
      `${file.path}:${line}: ui may not import ${target}; it may import src/query/api*.ts, src/analysis and src/base`,
    ];
  });
}

/** Packages and parts of Node that have one place. */
function packageProblems(path: string, specifier: string, line: number): string[] {
  const isFileSystem = /^(node:)?fs(\/promises)?$/.test(specifier);
  if (isFileSystem && folderOf(path) !== 'host')
    return [`${path}:${line}: ${specifier} belongs to src/host; take a Disk as an argument`];
  if (specifier === 'chdb' && path !== 'src/store/embedded.ts')
    return [`${path}:${line}: chdb is loaded in src/store/embedded.ts alone`];
  return [];
}

/** `src/store/engine.ts` → `store`; '' for a file of src itself. */
function folderOf(path: string): string {
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : '';
}

function sizeProblems(file: RepositoryFile): string[] {
  if (!isCode(file.path)) return [];
  const lines = file.text.split('\n').length - 1;
  const max = isTest(file.path) ? TEST_LINES_MAX : FILE_LINES_MAX;
  const problems = lines > max ? [`${file.path}:1: has ${lines} lines, at most ${max}: split it by idea`] : [];
  return isTest(file.path) ? problems : [...problems, ...longFunctions(file)];
}

interface Ban {
  readonly pattern: RegExp;
  readonly allowedIn: (path: string) => boolean;
  readonly instead: string;
}

const inMain = (path: string): boolean => path.startsWith('src/main/');
const inHost = (path: string): boolean => path.startsWith('src/host/');

const BANS: readonly Ban[] = [
  {
    pattern: /\bprocess\.env\b/,
    allowedIn: inMain,
    instead: 'src/main reads the environment; take a value as an argument',
  },
  { pattern: /\bprocess\.exit\b/, allowedIn: inMain, instead: 'src/main ends the process; return or throw' },
  { pattern: /\bDate\.now\(/, allowedIn: inHost, instead: 'take a Clock (src/host/clock.ts) as an argument' },
  { pattern: /\bnew Date\(\)/, allowedIn: inHost, instead: 'take a Clock (src/host/clock.ts) as an argument' },
  { pattern: /\bMath\.random\(/, allowedIn: inHost, instead: 'take a RandomHex (src/host/random.ts) as an argument' },
  {
    pattern: /\bconsole\.\w+\(/,
    allowedIn: (path) => path === 'src/main/log.ts',
    instead: 'report to the caller or to a Log',
  },
  {
    pattern: /(:\s*any\b|\bas any\b|<any>|\bany\[\])/,
    allowedIn: () => false,
    instead: 'name the type, or use unknown',
  },
];

function bannedProblems(file: RepositoryFile): string[] {
  if (!isSource(file.path)) return [];
  return codeLines(file.text).flatMap((code, index) =>
    BANS.filter((ban) => ban.pattern.test(code) && !ban.allowedIn(file.path)).map(
      (ban) => `${file.path}:${index + 1}: ${code.match(ban.pattern)?.[0].trim()} is banned here: ${ban.instead}`,
    ),
  );
}

/** The lines without comments and the inside of plain strings: what a rule about code should look at. */
function codeLines(text: string): string[] {
  const withoutBlocks = text.replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ' '));
  return withoutBlocks
    .split('\n')
    .map((line) => line.replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''").replace(/(^|\s)\/\/.*$/, ''));
}

const UNFINISHED = new RegExp(`\\b(${['FIX' + 'ME', 'TO' + 'DO', 'XX' + 'X'].join('|')})\\b`);

function unfinishedProblems(file: RepositoryFile): string[] {
  return file.text
    .split('\n')
    .flatMap((line, index) =>
      UNFINISHED.test(line) ? [`${file.path}:${index + 1}: unfinished work is not kept in the tree`] : [],
    );
}

function titleProblems(file: RepositoryFile): string[] {
  if (!file.path.endsWith('.md')) return [];
  const prose = file.text.replaceAll(/^```[\s\S]*?^```/gm, '');
  const titles = prose.split('\n').filter((line) => line.startsWith('# ')).length;
  if (titles !== 1) return [`${file.path}:1: a document has one title, this has ${titles}`];
  const lines = file.text.split('\n').length - 1;
  const isFolderReadme = /^src\/.*README\.md$/.test(file.path);
  return isFolderReadme && lines > README_LINES_MAX
    ? [`${file.path}:1: a folder's README fits on a screen (${README_LINES_MAX} lines)`]
    : [];
}

function readmeProblems(files: readonly RepositoryFile[]): string[] {
  const paths = new Set(files.map((file) => file.path));
  const folders = new Set(files.filter((file) => isSource(file.path)).map((file) => folderOf(file.path)));
  return [...folders]
    .filter((folder) => folder !== '' && !paths.has(`src/${folder}/README.md`))
    .map(
      (folder) => `src/${folder}/README.md:1: is missing: say what lives here, what may be imported, where to start`,
    );
}

function versionProblems(files: readonly RepositoryFile[]): string[] {
  const manifest = files.find((file) => file.path === 'package.json');
  if (manifest === undefined) return [];
  const read = JSON.parse(manifest.text) as Record<string, Record<string, string> | undefined>;
  return ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
    Object.entries(read[kind] ?? {})
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `package.json:1: ${name} ${version} is not an exact version`),
  );
}
