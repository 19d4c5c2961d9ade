import { assert } from '../base/assert.ts';
import type { StepName } from '../base/history.ts';
import { check, type TlaChecker, withoutComments } from './checker.ts';
import type { HistoryStep } from './steps.ts';

/** Whether the specification allows a history. */
export type Judgement =
  | { readonly kind: 'allowed'; readonly steps: number; readonly segments: number }
  | {
      readonly kind: 'forbidden';
      /** The first step that the specification forbids; of several segments the one that stands first in the file. */
      readonly step: HistoryStep;
      /** The state of its segment before it, as the specification writes it. */
      readonly state: string;
      /** The actions that the specification allows there. */
      readonly allowed: readonly string[];
    };

/** More than any history holds: the budgets of the specification bound model checking alone. */
const PLENTY = 1_000_000;
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
 * Follows a history through spec/Intake.tla (`spec`, the module's text): from the first state each step must be a step of the
 * specification and lead to a state in which its safety theorems hold. Segments share nothing but crashes, so each is followed alone, with
 * the steps that its receiver and the store take for all of them.
 */
export function validateHistory(checker: TlaChecker, spec: string, steps: readonly HistoryStep[]): Judgement {
  const module = withoutComments(spec);
  const lives = livesOf(steps);
  // One life after the other, each from the first state: reading the module once for many is most of the speed.
  const moves = lives.flatMap((life): Move[] => [AFRESH, ...life]);
  let first: Extract<Judgement, { kind: 'forbidden' }> | undefined;
  let state = 'Init';
  for (let at = 0; at < moves.length; ) {
    const chunk = moves.slice(at, at + CHUNK_MOVES);
    const followed = follow(checker, module, state, chunk);
    const refused = chunk[followed.moves];
    if (refused === undefined) {
      state = followed.state;
      at += chunk.length;
      continue;
    }
    assert(refused !== AFRESH, 'every life may begin');
    if (first === undefined || refused.line < first.step.line) {
      const before =
        followed.moves === 0 ? state : follow(checker, module, state, chunk.slice(0, followed.moves)).state;
      first = { kind: 'forbidden', step: refused, state: before, allowed: allowedFrom(checker, module, before) };
    }
    const next = moves.indexOf(AFRESH, at + followed.moves);
    at = next === -1 ? moves.length : next;
    state = 'Init';
  }
  return first ?? { kind: 'allowed', steps: steps.length, segments: lives.length };
}

/** The steps of each segment, in order; those for all segments are part of each that was begun before. */
function livesOf(steps: readonly HistoryStep[]): HistoryStep[][] {
  const lives = new Map<string, HistoryStep[]>();
  for (const step of steps) {
    if (step.segment === '') {
      for (const life of lives.values()) {
        if (step.receiver === '*' || step.receiver === life[0]?.receiver) life.push(step);
      }
      continue;
    }
    const key = `${step.receiver}/${step.segment}`;
    const life = lives.get(key);
    if (life === undefined) lives.set(key, [step]);
    else life.push(step);
  }
  return [...lives.values()];
}

/**
 * Follows `moves` from `state` (a formula) and says how many the specification allows, and the state after all of them. The run is told
 * which action comes at which place, and that the end is never reached: the counterexample is the history itself, and its last state is
 * where it leads.
 */
function follow(
  checker: TlaChecker,
  module: string,
  state: string,
  moves: readonly Move[],
): { readonly moves: number; readonly state: string } {
  const text = module
    .replace(/^VARIABLES seg, flt$/m, 'VARIABLES seg, flt, place')
    .replace(
      /^====\s*$/m,
      `HistoryInit == ${state} /\\ place = 0\nHistoryNext == ${choice(moves, 0, moves.length)}\nUnfinished == place < ${moves.length}\n====\n`,
    );
  const end = check(checker, text, configuration('HistoryInit', 'HistoryNext', PLENTY, ['Unfinished', 'Safety']), {
    statesMax: moves.length + 2,
  });
  // The specification leaves no choice once the action and its numbers are known: one state for each move.
  if (end.kind === 'holds') return { moves: end.states - 1, state };
  assert(end.invariant === 0, `a step leads to a state that is not safe: ${end.trace}`);
  return { moves: moves.length, state: lastState(end.trace) };
}

/** The move of each place from `begin` to `end`, found by halving: a list of all would be read through at each. */
function choice(moves: readonly Move[], begin: number, end: number): string {
  if (end - begin === 1) return `(place = ${begin} /\\ ${actionOf(moves[begin])} /\\ place' = ${end})`;
  const middle = (begin + end) >> 1;
  return `(IF place < ${middle} THEN ${choice(moves, begin, middle)} ELSE ${choice(moves, middle, end)})`;
}

function actionOf(move: Move): string {
  if (move === AFRESH) return "(seg' = [s \\in Segs |-> New] /\\ flt' = MaxFaults)";
  const { step, count } = move;
  if (step === 'Boot' || step === 'StoreBoot') return step;
  return PLAIN.has(step) ? `${step}(1)` : `${step}(1, ${count})`;
}

function configuration(init: string, next: string, records: number, invariants: readonly string[]): string {
  return [
    `CONSTANTS\n  NS = 1\n  R = ${records}\n  MaxFaults = ${PLENTY}`,
    `INIT ${init}\nNEXT ${next}`,
    ...invariants.map((name) => `INVARIANT ${name}`),
    'CHECK_DEADLOCK FALSE\n',
  ].join('\n');
}

/** The last state of a counterexample as a formula over seg and flt. */
function lastState(trace: string): string {
  const text = trace.slice(trace.lastIndexOf('State '));
  const seg = /^\s*seg = (.*)$/m.exec(text)?.[1];
  const flt = /^\s*flt = (\d+)$/m.exec(text)?.[1];
  assert(seg !== undefined && flt !== undefined, `the checker's trace cannot be read: ${text}`);
  const value = seg.replaceAll('|-> true', '|-> TRUE').replaceAll('|-> false', '|-> FALSE');
  return `seg = ${value} /\\ flt = ${flt}`;
}

/** The actions that the specification allows in a state, for the person who reads the judgement. */
function allowedFrom(checker: TlaChecker, module: string, state: string): string[] {
  const records = Number(/app \|-> (\d+)/.exec(state)?.[1] ?? 0) + 1;
  const text = module.replace(/^====\s*$/m, `HistoryInit == ${state}\n====\n`);
  const configured = configuration('HistoryInit', 'Next', records, []);
  const found = JSON.parse(checker.explore_next(text, configured, '{}', stateJson(state))) as {
    readonly transitions?: readonly { readonly action: string }[];
  };
  return [...new Set((found.transitions ?? []).map(({ action }) => action))];
}

/** A state as explore_next reads it. */
function stateJson(state: string): string {
  const fields = [...state.matchAll(/(\w+) \|-> ("\w+"|\w+)/g)].map(
    ([, name, value = '']) => `"${name}":${value.replace('TRUE', 'true').replace('FALSE', 'false')}`,
  );
  const flt = /flt = (\d+)/.exec(state)?.[1] ?? String(PLENTY);
  const first = '"mode":"new","app":0,"wr":0,"dur":0,"ans":0,"nat":0,"man":"none","cnt":0,"sure":true,"ins":0,"tak":0';
  return `{"seg":{"__tuple":[{${fields.length === 0 ? first : fields.join(',')}}]},"flt":${flt}}`;
}
