/**
 * What a statement of POST /api/v1/sql may hold, decided from its syntax tree as EXPLAIN AST prints it: one line a node, children one
 * space deeper. Pure. Why a wall of our own: with readonly = 1 alone ClickHouse still reads files (the function `file`, DESCRIBE of a
 * table function), writes them (INTO OUTFILE) and takes SETTINGS in subqueries. sql.test.ts tries each way round it that is known.
 */
export interface SqlVerdict {
  /** Why the statement is refused; undefined when nothing in the tree is forbidden. */
  readonly problem: string | undefined;
  /** What it reads by name: each must be a table that may be read, or a name that the statement gives itself (WITH). */
  readonly names: readonly string[];
}

/** Table functions that make rows from nothing. All others reach files, networks, other servers, or tables by a name in a text. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'generateseries',
  'generate_series',
  'values',
  'sqlstandardvalues',
]);

/** Functions that read files, dictionaries or tables by a name in a text, call out, tell about the server, or hold a thread on purpose. */
const REFUSED_FUNCTIONS: readonly RegExp[] = [
  /^file$/i,
  /^sleep/i,
  /^dict(get|has|isin)/i,
  /^joinget/i,
  /^ai(classify|embed|extract|generate|translate)/i,
  /^(catboostevaluate|executable|generateserialid|hascolumnintable|showcertificate|zookeepersessionuptime)$/i,
  /^get(macro|serversetting|serverport|clienthttpheader)$/i,
];

/** Functions whose second argument may name a table. */
const IN_FUNCTION = /^(global)?(not)?(null)?in(ignoreset)?$/i;

const SELECTS: ReadonlySet<string> = new Set(['SelectWithUnionQuery', 'SelectIntersectExceptQuery', 'SelectQuery']);
const ROOTS: ReadonlySet<string> = new Set([...SELECTS, 'Explain', 'DescribeQuery', 'ShowTables', 'ExistsTableQuery']);

interface Node {
  readonly depth: number;
  readonly kind: string;
  /** What follows the kind, without alias and number of children. */
  readonly name: string;
}

function nodeOf(line: string): Node {
  const [, indent, kind, rest] = /^( *)(\S*) *(.*)$/s.exec(line) ?? ['', '', '', ''];
  const name = rest.replace(/ \(children \d+\)$/, '').replace(/ \(alias .*$/s, '');
  return { depth: indent.length, kind, name: name.trim() };
}

/** Judges a syntax tree. What it lists in `names` is still to be compared with the tables there are. */
export function judge(tree: readonly string[]): SqlVerdict {
  const root = nodeOf(tree[0] ?? '').kind;
  const names: string[] = [];
  const refuse = (problem: string): SqlVerdict => ({ problem, names });
  if (!ROOTS.has(root))
    return refuse(`only SELECT, EXPLAIN, DESCRIBE, SHOW TABLES and EXISTS are allowed, not ${root}`);
  /** The nodes from the root down to the current one; `places[depth]` is its place among its siblings, from 0. */
  const path: Node[] = [];
  const places: number[] = [];
  for (const line of tree) {
    const node = nodeOf(line);
    path.length = node.depth;
    path.push(node);
    places.length = node.depth + 1;
    const place = (places[node.depth] ?? -1) + 1;
    places[node.depth] = place;
    const problem = problemOf(node, path, root, place);
    if (problem !== undefined) return refuse(problem);
    if (namesTable(node, path, root, place)) names.push(node.name);
  }
  return { problem: undefined, names: [...new Set(names)] };
}

function problemOf(node: Node, path: readonly Node[], root: string, place: number): string | undefined {
  if (node.kind === 'Set' && !(root === 'Explain' && node.depth === 1)) return 'SETTINGS are not allowed';
  if (node.depth === 1 && isOutput(node, root, place))
    return 'FORMAT and INTO OUTFILE are not allowed: the answer is JSON';
  if (node.kind !== 'Function') return undefined;
  if (path[node.depth - 1]?.kind === 'TableExpression') {
    return TABLE_FUNCTIONS.has(node.name.toLowerCase()) ? undefined : `table function ${node.name} is not allowed`;
  }
  const isRefused = REFUSED_FUNCTIONS.some((pattern) => pattern.test(node.name));
  return isRefused ? `function ${node.name} is not allowed` : undefined;
}

/** The name of a format or of a file to write stands directly below the statement; so does, first, the table of EXISTS. */
function isOutput(node: Node, root: string, place: number): boolean {
  const isTable = root === 'ExistsTableQuery' && place === 0;
  return node.kind === 'Literal' || (node.kind === 'Identifier' && !isTable);
}

/** Tables are named by TableIdentifiers, by the second operand of IN, and directly below EXISTS. */
function namesTable(node: Node, path: readonly Node[], root: string, place: number): boolean {
  if (node.kind === 'TableIdentifier') return true;
  if (node.kind !== 'Identifier') return false;
  const called = path[node.depth - 2];
  const isOperand = called?.kind === 'Function' && IN_FUNCTION.test(called.name) && place === 1;
  return isOperand || (node.depth === 1 && root === 'ExistsTableQuery') || node.name.startsWith('system.');
}
