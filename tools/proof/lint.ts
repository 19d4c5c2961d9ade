import fs from 'node:fs';
import { createRequire } from 'node:module';
import { Language, type Node, Parser } from 'web-tree-sitter';

/*
 * What the model checker accepts in silence and must not: each rule closes a trap that was seen. A module that passes uses only what the
 * checker was found to treat as TLA+ does.
 */

const STANDARD: Readonly<Record<string, readonly string[]>> = {
  Naturals: ['Nat'],
  Sequences: ['Seq', 'Len', 'Append', 'Head', 'Tail', 'SubSeq', 'SelectSeq'],
  FiniteSets: ['Cardinality', 'IsFiniteSet'],
};
const LOGIC: ReadonlySet<string> = new Set(['land', 'lor', 'implies', 'iff', 'equiv', 'leads_to']);
/** Fields of records are no names of the module. */
const FIELD_PARENTS: ReadonlySet<string> = new Set(['except_update_record_field', 'record_value', 'record_literal']);

/** Opens the grammar of the TLA+ tools. */
export async function openGrammar(): Promise<Parser> {
  const require = createRequire(import.meta.url);
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(
    await Language.load(fs.readFileSync(require.resolve('@tlaplus/tree-sitter-tlaplus/tree-sitter-tlaplus.wasm'))),
  );
  return parser;
}

/** Everything that is wrong with a module, a line each: `line: what`. */
export function lint(parser: Parser, text: string): string[] {
  const tree = parser.parse(text);
  if (tree === null) return ['1: cannot be read'];
  const root = tree.rootNode;
  if (root.hasError) return [...errors(root)];
  const module = root.namedChildren.find((node) => node?.type === 'module');
  if (!module) return ['1: holds no module'];
  const all = [...walk(module)];
  return [
    ...definitionProblems(module),
    ...nameProblems(module),
    ...logicProblems(all),
    ...temporalProblems(module, all),
  ].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const child of node.children) if (child) yield* walk(child);
}

const at = (node: Node, what: string): string => `${node.startPosition.row + 1}: ${what}`;

function* errors(root: Node): Generator<string> {
  for (const node of walk(root)) if (node.isError || node.isMissing) yield at(node, 'is not TLA+');
}

const childrenOf = (node: Node, type: string): Node[] =>
  node.namedChildren.filter((child): child is Node => child?.type === type);

const identifiersIn = (node: Node): string[] =>
  [...walk(node)].filter(({ type }) => type === 'identifier').map(({ text }) => text);

/** A later definition of the same name would win; a second list of variables would replace the first. */
function definitionProblems(module: Node): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const definition of definitions(module)) {
    if (seen.has(definition.name)) problems.push(at(definition.node, `${definition.name} is defined twice`));
    seen.add(definition.name);
  }
  for (const extra of childrenOf(module, 'variable_declaration').slice(1)) {
    problems.push(at(extra, 'a second list of variables'));
  }
  return problems;
}

interface Definition {
  readonly name: string;
  readonly parameters: number;
  readonly node: Node;
}

function definitions(module: Node): Definition[] {
  return [...childrenOf(module, 'operator_definition'), ...childrenOf(module, 'function_definition')].map((node) => {
    const own = childrenOf(node, 'identifier');
    return { name: own[0]?.text ?? '', parameters: own.length - 1, node };
  });
}

/** Names that nothing defines, and operators with another number of arguments than they have parameters. */
function nameProblems(module: Node): string[] {
  const extended = childrenOf(module, 'extends').flatMap((node) =>
    node.namedChildren.map((child) => child?.text ?? ''),
  );
  const unknown = extended.filter((name) => STANDARD[name] === undefined);
  const declared = ['constant_declaration', 'variable_declaration', 'recursive_declaration'].flatMap((type) =>
    childrenOf(module, type).flatMap(identifiersIn),
  );
  const arity = new Map(definitions(module).map(({ name, parameters }) => [name, parameters]));
  const known = new Set([...extended.flatMap((name) => STANDARD[name] ?? []), ...declared, ...arity.keys()]);
  const problems = unknown.map((name) => at(module, `EXTENDS ${name}, which the checker may ignore`));
  for (const { node } of definitions(module)) {
    const local = new Set(identifiersIn(node));
    for (const reference of walk(node)) {
      if (reference.type !== 'identifier_ref') continue;
      const { text, parent } = reference;
      if (parent !== null && FIELD_PARENTS.has(parent.type) && parent.firstChild?.id !== reference.id) continue;
      if (parent?.type === 'record_literal' || parent?.type === 'except_update_record_field') continue;
      if (!known.has(text) && !local.has(text)) problems.push(at(reference, `${text} is not defined`));
      const wanted = arity.get(text);
      if (wanted === undefined || parent === null) continue;
      const given =
        parent.type === 'bound_op' && parent.firstChild?.id === reference.id ? parent.namedChildCount - 1 : 0;
      if (given !== wanted)
        problems.push(at(reference, `${text} has ${wanted} parameters and gets ${given} arguments`));
    }
  }
  return problems;
}

/** The checker binds `=>` more tightly than `/\`: whatever mixes connectives says by parentheses what it means. */
function logicProblems(all: readonly Node[]): string[] {
  const operator = (node: Node | null): string | undefined =>
    node?.type === 'bound_infix_op' ? node.children.find((child) => child && LOGIC.has(child.type))?.type : undefined;
  return all.flatMap((node) => {
    const own = operator(node);
    if (own === undefined) return [];
    return node.namedChildren.flatMap((child) => {
      const inner = operator(child);
      const mixed = inner !== undefined && (inner !== own || own === 'implies');
      return child && mixed ? [at(child, `${inner} inside ${own} without parentheses`)] : [];
    });
  });
}

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/~>/, 'leads-to is checked inside cycles alone'],
  [/\bSF_/, 'strong fairness is not sound here'],
  [/\bENABLED\b|\bINSTANCE\b|\bSTRING\b/, 'is not there in the checker'],
  [/\\X/, 'products of three are pairs of pairs in the checker'],
  [/\\div\b/, 'division rounds another way'],
  [/-\s*\d+\s*%/, 'a negative operand of %'],
];

/** Liveness in the one form that was found sound: []<>P, for all of a set, under one weak fairness of the whole vars. */
function temporalProblems(module: Node, all: readonly Node[]): string[] {
  const problems: string[] = [];
  const fair = all.filter(({ type }) => type === 'fairness');
  if (fair.length > 1) problems.push(at(fair[1] as Node, 'a second fairness: the checker adds them up'));
  for (const node of fair) if (!/^WF_vars\(/.test(node.text)) problems.push(at(node, 'fairness other than WF_vars'));
  for (const definition of definitions(module)) {
    const body = definition.node.text.replace(/^[^=]*==\s*/, '').replace(/\\\*.*$/gm, '');
    for (const [pattern, what] of FORBIDDEN) if (pattern.test(body)) problems.push(at(definition.node, what));
    if (!/\[\]|<>/.test(body.replace(/\[\]\[\w+\]_vars/, '').replaceAll('<<>>', ''))) continue;
    const form = /^(\\A \w+ \\in \w+ : )?\[\]<>\((?:(?!\[\]|<>).)*\)\s*$/s;
    if (!form.test(body)) problems.push(at(definition.node, `${definition.name} is not of the form []<>(P)`));
  }
  return problems;
}
