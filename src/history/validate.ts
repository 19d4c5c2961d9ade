import { assert } from '../base/assert.ts';
import type { StepName } from '../base/history.ts';
import { type TlaChecker, withoutComments } from './checker.ts';
import { allowedFrom, firstState, follow, type Sized } from './follow.ts';
import { type HistoryLine, type HistoryStep, isSegmentStep } from './steps.ts';
import { printState, type State } from './values.ts';

/** The first step of a history that a specification forbids; of several segments or streams the one that stands first in the file. */
export interface Forbidden {
  readonly kind: 'forbidden';
  readonly step: HistoryLine;
  /** The specification's module. */
  readonly module: string;
  /** The state before the step, as the specification writes it. */
  readonly state: string;
  /** The actions that the specification allows there. */
  readonly allowed: readonly string[];
  /** The step is one of the specification, and leads to a state in which its theorems do not hold. */
  readonly unsafe: boolean;
}

/** Whether a specification allows a history. */
export type Judgement = { readonly kind: 'allowed'; readonly steps: number; readonly lives: number } | Forbidden;

/** More than any history holds: the budgets of the specification bound model checking alone. */
export const PLENTY = 1_000_000;
/** Moves checked in one run. */
const CHUNK_MOVES = 200;
/** The next life begins in the first state. */
const AFRESH = 'afresh';
type Move = HistoryStep | typeof AFRESH;
/** Steps that name no number of records. */
const PLAIN: ReadonlySet<StepName> = new Set<StepName>([
  'Open',
  'Fail',
  'Close',
  'Cut',
  'Seal',
  'Load',
  'Mark',
  'Marked',
  'Remove',
  'Forget',
]);

/**
 * Follows the steps of segments through spec/Intake.tla (`spec`, the module's text): from the first state each must be a step of the
 * specification and lead to a state in which its safety theorems hold. Segments share nothing but crashes, so each is followed alone, with
 * the steps that its receiver and the store take for all of them.
 */
export function validateHistory(checker: TlaChecker, spec: string, lines: readonly HistoryLine[]): Judgement {
  const steps = lines.filter(isSegmentStep);
  const sized = intake(withoutComments(spec), PLENTY);
  const lives = livesOf(steps);
  // One life after the other, each from the first state: reading the module once for many is most of the speed.
  const moves = lives.flatMap((life): Move[] => [AFRESH, ...life]);
  let first: Forbidden | undefined;
  let state: State | undefined;
  for (let at = 0; at < moves.length; ) {
    const chunk = moves.slice(at, at + CHUNK_MOVES);
    const followed = follow(checker, sized, state, chunk.map(actionOf));
    const refused = chunk[followed.moves];
    if (refused === undefined) {
      state = followed.state;
      at += chunk.length;
      continue;
    }
    assert(refused !== AFRESH, 'every life may begin');
    if (first === undefined || refused.line < first.step.line) first = forbidden(checker, sized, refused, followed);
    const next = moves.indexOf(AFRESH, at + followed.moves);
    at = next === -1 ? moves.length : next;
    state = undefined;
  }
  return first ?? { kind: 'allowed', steps: steps.length, lives: lives.length };
}

function intake(module: string, records: number): Sized {
  return { module, constants: { NS: '1', R: String(records), MaxFaults: String(PLENTY) } };
}

function forbidden(
  checker: TlaChecker,
  sized: Sized,
  step: HistoryStep,
  { state, unsafe }: { readonly state: State | undefined; readonly unsafe: boolean },
): Forbidden {
  const before = state ?? firstState(checker, intake(sized.module, 1));
  const text = printState(before);
  // As many records as may be next: the checker tries each number.
  const records = Number(/app \|-> (\d+)/.exec(text)?.[1] ?? 0) + 1;
  const allowed = allowedFrom(checker, intake(sized.module, records), before);
  return { kind: 'forbidden', step, module: 'Intake', state: text, allowed, unsafe };
}

/** The steps of each segment, in order; those for all segments are part of each that was begun before. */
function livesOf(steps: readonly HistoryStep[]): HistoryStep[][] {
  const lives = new Map<string, HistoryStep[]>();
  for (const step of steps) {
    if (step.segment === '') {
      for (const life of lives.values()) if (concerns(step.receiver, life[0]?.receiver ?? '')) life.push(step);
      continue;
    }
    const key = `${step.receiver}/${step.segment}`;
    const life = lives.get(key);
    if (life === undefined) lives.set(key, [step]);
    else life.push(step);
  }
  return [...lives.values()];
}

/** Whether what a receiver, or the store (`*`), does for all segments is done for those of this receiver. */
export function concerns(whose: string, receiver: string): boolean {
  return whose === receiver || (whose.endsWith('*') && receiver.startsWith(whose.slice(0, -1)));
}

function actionOf(move: Move): string {
  if (move === AFRESH) return "(seg' = [s \\in Segs |-> New] /\\ flt' = MaxFaults)";
  const { step, count } = move;
  if (step === 'Boot' || step === 'StoreBoot') return step;
  return PLAIN.has(step) ? `${step}(1)` : `${step}(1, ${count})`;
}
