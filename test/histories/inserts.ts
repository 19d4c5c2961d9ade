import { type TlaChecker, withoutComments } from '../../src/history/checker.ts';
import { followMoves, type Move, type MovesJudged } from './moves.ts';

/*
 * What a store did with the files of rows that its loader handed it, as steps of spec/Window.tla: a batch is a file, a tick is the time in
 * which one is applied.
 */

/** A file begins to be inserted, is applied, or is passed over because its token is remembered. */
export interface InsertStep {
  readonly step: 'Send' | 'Apply' | 'Skip';
  readonly table: string;
  readonly file: string;
}

/** The moves of one table, and how many batches it has. The line of a move is its place among the steps of all tables. */
function windowMoves(
  steps: readonly InsertStep[],
  ofTable: string,
): { readonly moves: readonly Move[]; readonly batches: number } {
  const batches = new Map<string, number>();
  const moves: Move[] = [];
  let isBusy = false;
  for (const [line, { step, table, file }] of steps.entries()) {
    if (table !== ofTable) continue;
    const batch = batches.get(file) ?? batches.size + 1;
    const isNew = !batches.has(file);
    batches.set(file, batch);
    // A batch lives from its first try on.
    if (step === 'Send' && !isNew) continue;
    if (step === 'Apply' && isBusy) moves.push({ action: 'Tick', line });
    if (step === 'Apply') isBusy = true;
    moves.push({ action: `${step}(${batch})`, line });
  }
  return { moves, batches: batches.size };
}

/** Follows what a store that remembers `window` tokens a table did, through spec/Window.tla (`spec`, the module's text). */
export function validateInserts(
  checker: TlaChecker,
  spec: string,
  steps: readonly InsertStep[],
  window: number,
  taken: (action: string) => void = () => {},
): MovesJudged | undefined {
  const module = withoutComments(spec);
  let judged: MovesJudged | undefined;
  for (const table of new Set(steps.map((step) => step.table))) {
    const { moves, batches } = windowMoves(steps, table);
    const constants = { N: String(batches), W: String(window), L: String(window + 1) };
    judged = followMoves(checker, { module, constants }, moves, taken);
    if (judged.kind === 'forbidden') return judged;
  }
  return judged;
}
