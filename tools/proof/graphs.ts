import { type CheckEnd, check, type TlaChecker } from '../../src/history/checker.ts';

/*
 * The checker checked: small random graphs with one weakly fair action, and []<>P of them, decided by the checker and by a dumb twin.
 */

export interface Graph {
  readonly count: number;
  /** Edges, [from, to]; the fair ones are a part of them. */
  readonly edges: readonly (readonly [number, number])[];
  readonly fair: readonly (readonly [number, number])[];
  readonly good: ReadonlySet<number>;
}

/** A graph of up to seven nodes; `chance` gives numbers in [0, 1). */
export function randomGraph(chance: () => number): Graph {
  const count = 2 + Math.floor(chance() * 6);
  const node = (): number => Math.floor(chance() * count);
  const edges = Array.from({ length: Math.floor(chance() * count * 2) }, () => [node(), node()] as const);
  const fair = edges.filter(() => chance() < 0.6);
  const good = new Set(Array.from({ length: count }, (_, index) => index).filter(() => chance() < 0.4));
  return { count, edges, fair, good };
}

/** What the checker says of []<>P: whether it holds. */
export function askChecker(checker: TlaChecker, graph: Graph): boolean {
  const pairs = (list: Graph['edges']): string =>
    list.map(([from, to]) => `(x = ${from} /\\ x' = ${to})`).join(' \\/ ');
  const text = [
    '---- MODULE Graph ----',
    'EXTENDS Naturals',
    'VARIABLES x',
    'vars == <<x>>',
    'Init == x = 0',
    `Fair == ${pairs(graph.fair) || 'FALSE'}`,
    `Next == ${pairs(graph.edges) || 'FALSE'}`,
    'Spec == Init /\\ [][Next]_vars /\\ WF_vars(Fair)',
    `Live == []<>(x \\in {${[...graph.good].join(', ')}})`,
    '====',
    '',
  ].join('\n');
  const end: CheckEnd = check(checker, text, 'SPECIFICATION Spec\nPROPERTY Live\nCHECK_DEADLOCK FALSE\n', {
    statesMax: 100,
  });
  return end.kind === 'holds';
}

/**
 * The twin: []<>P fails when a run may in the end stay for ever within nodes that are not good. It stays in a strongly connected part of them
 * (a single node: it stutters), and is fair when somewhere in it no fair step that changes anything is possible, or one stays within it.
 */
export function decide({ count, edges, fair, good }: Graph): boolean {
  const reached = closure(count, edges, 0);
  const bad = (node: number): boolean => !good.has(node);
  const within = edges.filter(([from, to]) => bad(from) && bad(to));
  const reach = Array.from({ length: count }, (_, node) => closure(count, within, node));
  const changing = fair.filter(([from, to]) => from !== to);
  for (let node = 0; node < count; node++) {
    if (!bad(node) || !reached.has(node)) continue;
    const part = [...reach[node]].filter((other) => reach[other].has(node));
    const isDisabled = part.some((other) => !changing.some(([from]) => from === other));
    const isTaken = changing.some(([from, to]) => part.includes(from) && part.includes(to));
    if (isDisabled || isTaken) return false;
  }
  return true;
}

function closure(count: number, edges: Graph['edges'], start: number): Set<number> {
  const seen = new Set([start]);
  for (let round = 0; round < count; round++) {
    for (const [from, to] of edges) if (seen.has(from)) seen.add(to);
  }
  return seen;
}
